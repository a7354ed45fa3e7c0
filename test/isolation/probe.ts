import { codesOf, send } from './ask.ts';
import type { Chance } from './chance.ts';
import { isId, type Operation } from './documents.ts';
import type { Holder, MadeWorld } from './made-world.ts';
import type { Oracle } from './oracle.ts';
import { plain, type Sample } from './samples.ts';

export interface Probe {
  made: MadeWorld;
  oracle: Oracle;
  kinds: ReadonlyMap<string, Sample[]>;
  fits: ReadonlyMap<string, readonly string[]>;
  luck: Chance;
  /** How many ids of a kind are tried, of each of: the same app, the same tenant, another tenant. */
  depth: number;
}

/** Ids to try: near and far from the token, some of them for it and some not. */
function tries({ kinds, luck, depth }: Pick<Probe, 'kinds' | 'luck' | 'depth'>, holder: Holder, kind: string): Sample[] {
  const all = kinds.get(kind) ?? [];
  const near = (sample: Sample): number =>
    sample.tenant !== holder.tenant ? 2 : holder.app !== null && sample.app !== holder.app ? 1 : 0;
  return [0, 1, 2].flatMap((distance) => {
    const there = all.filter((sample) => near(sample) === distance);
    return Array.from({ length: Math.min(depth, there.length) }, () => luck.pick(there));
  });
}

const cursorTo = (id: string): string => Buffer.from(id).toString('base64url');

/** The variables to ask an operation with: each id argument in turn, each text that names somebody, a cursor to somewhere else. */
function* asked(probe: Probe, holder: Holder, operation: Operation): Generator<Record<string, unknown>> {
  const { luck, kinds, fits, made } = probe;
  yield plain(operation);
  for (const arg of operation.args.filter(isId)) {
    const good = fits.get(`${operation.name}.${arg.name}`) ?? [];
    for (const kind of good.length ? good : [luck.pick([...kinds.keys()])])
      for (const { id } of tries(probe, holder, kind)) yield { ...plain(operation, luck), [arg.name]: id };
  }
  if (operation.args.some(({ name }) => name === 'after'))
    for (const kind of [luck.pick(['messages', 'users', 'conversations'])])
      for (const { id } of tries(probe, holder, kind).slice(-1)) yield { ...plain(operation, luck), after: cursorTo(id) };
  if (operation.name === 'findSubject') {
    yield { type: 'EMAIL', value: 'twin@example.org' };
    for (const app of made.apps) yield { type: 'EXTERNAL_ID', value: luck.pick(app.people).identifier };
  }
}

/** Asks every query of the schema as everybody given, and says what leaked. */
export async function probeQueries(
  probe: Probe,
  operations: readonly Operation[],
  holders: readonly Holder[],
): Promise<string[]> {
  const found: string[] = [];
  for (const holder of holders) {
    for (const operation of operations.filter(({ kind }) => kind === 'query')) {
      for (const variables of asked(probe, holder, operation)) {
        const wire = await send(probe.made, holder.token, operation.document(Object.keys(variables)), variables);
        const said = `${holder.name}: ${operation.name} ${JSON.stringify(variables)}`;
        if (wire.status >= 500 || codesOf(wire).includes('INTERNAL_SERVER_ERROR'))
          found.push(`${said}: ${wire.body.slice(0, 300)}`);
        const leaks = probe.oracle.leaks(holder, JSON.parse(wire.body), variables['tenantId'] as string | undefined);
        found.push(...leaks.slice(0, 3).map((leak) => `${said}: ${leak}`));
      }
    }
  }
  return found;
}

/** Several queries in one request share a transaction: what one opened must open nothing to the others. */
export async function probeTogether(
  probe: Probe,
  operations: readonly Operation[],
  holder: Holder,
  rounds: number,
): Promise<string[]> {
  const found: string[] = [];
  const { luck, made } = probe;
  const queries = operations.filter(({ kind, args }) => kind === 'query' && !args.some(({ name }) => name === 'tenantId'));
  for (let round = 0; round < rounds; round += 1) {
    const values: Record<string, unknown> = {};
    const parts = Array.from({ length: 6 }, (_, index) => {
      const operation = luck.pick(queries);
      const variables = luck.pick([...asked(probe, holder, operation)]);
      for (const [name, value] of Object.entries(variables)) values[`f${index}_${name}`] = value;
      return operation.fragment(`f${index}`, Object.keys(variables));
    });
    const declared = parts
      .map(({ variables }) => variables)
      .filter(Boolean)
      .join(', ');
    const wire = await send(
      made,
      holder.token,
      `query ${declared ? `(${declared})` : ''} { ${parts.map(({ field }) => field).join(' ')} }`,
      values,
    );
    const said = `${holder.name}: ${parts.map(({ field }) => field.slice(0, 40)).join(' | ')} ${JSON.stringify(values)}`;
    if (wire.status >= 500 || codesOf(wire).includes('INTERNAL_SERVER_ERROR')) found.push(`${said}: ${wire.body.slice(0, 300)}`);
    found.push(
      ...probe.oracle
        .leaks(holder, JSON.parse(wire.body))
        .slice(0, 3)
        .map((leak) => `${said}: ${leak}`),
    );
  }
  return found;
}
