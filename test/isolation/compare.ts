import { expect } from '@jest/globals';
import { send } from './ask.ts';
import type { Holder, MadeWorld } from './made-world.ts';
import { ownMessages, readView, viewOf, type AskAll, type AskOne } from './view.ts';

/** Asks as a holder; nothing where the answer is that there is none. */
function asking(made: MadeWorld, holder: Holder): { ask: AskOne; all: AskAll } {
  const ask: AskOne = async (query, variables = {}) => {
    const { body } = await send(made, holder.token, query, variables);
    const { data, errors } = JSON.parse(body) as { data: unknown; errors?: { message: string; extensions: { code: string } }[] };
    if (errors && errors.some(({ extensions }) => extensions.code !== 'NOT_FOUND')) throw new Error(errors[0]!.message);
    return data;
  };
  const all: AskAll = async (list, node) => {
    const found: unknown[] = [];
    let after: string | null = null;
    do {
      const {
        [list]: page,
      }: Record<string, { edges: { node: unknown }[]; pageInfo: { hasNextPage: boolean; endCursor: string } }> = await ask(
        `query ($after: String) { ${list}(first: 7, after: $after) { edges { node { ${node} } } pageInfo { hasNextPage endCursor } } }`,
        { after },
      );
      found.push(...page!.edges.map((edge) => edge.node));
      after = page!.pageInfo.hasNextPage ? page!.pageInfo.endCursor : null;
    } while (after !== null);
    return found;
  };
  return { ask, all };
}

/** Holds what somebody sees, page by page, against what the model says they see: nothing more, nothing less. */
export async function compareView(made: MadeWorld, holder: Holder): Promise<void> {
  const { ask, all } = asking(made, holder);
  expect({ who: holder.name, ...(await readView(made, holder, all, ask)) }).toEqual({
    who: holder.name,
    ...viewOf(made, holder),
  });
  const own = ((await all('messages', 'id')) as { id: string }[]).map(({ id }) => id);
  expect(own.toSorted()).toEqual(ownMessages(made, holder));
}
