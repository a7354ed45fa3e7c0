import type { Chance } from './chance.ts';
import { send } from './ask.ts';
import { isId, someValue, type Operation } from './documents.ts';
import type { MadeWorld } from './made-world.ts';
import type { Owner } from './rows.ts';

/** An id of something, and whose it is. */
export type Sample = Owner & { id: string };

/** The ids of the world by kind of row. */
export function byKind(owners: ReadonlyMap<string, Owner>): Map<string, Sample[]> {
  const kinds = new Map<string, Sample[]>();
  for (const [id, owner] of owners) {
    const list = kinds.get(owner.table) ?? [];
    list.push({ id, ...owner });
    kinds.set(owner.table, list);
  }
  return kinds;
}

/** How long a page is asked for: what is in the lists, whole, is compared elsewhere. */
const MOST = process.env['HABEAS_LONG'] ? 20 : 5;

/** What must be given besides the ids, so that an operation is reached. */
export function plain(operation: Operation, luck?: Chance): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const arg of operation.args) {
    if (isId(arg)) continue;
    if (arg.defaultValue === undefined && String(arg.type).endsWith('!')) given[arg.name] = someValue(arg.type);
    if (arg.name === 'first') given['first'] = luck ? 1 + luck.below(MOST) : MOST;
    if (arg.name === 'order' && luck?.maybe(0.5)) given['order'] = 'OLDEST_FIRST';
  }
  return given;
}

/** Which kinds of ids the id arguments of queries take: those that a whole tenant's token finds something by. */
export async function fitting(
  made: MadeWorld,
  operations: readonly Operation[],
  kinds: ReadonlyMap<string, Sample[]>,
): Promise<Map<string, string[]>> {
  const admin = made.holders.find(({ name }) => name === 'TENANT_ADMIN of tenant 0')!;
  const found = new Map<string, string[]>();
  for (const operation of operations) {
    for (const arg of operation.args.filter(isId)) {
      const fits: string[] = [];
      for (const [kind, all] of kinds) {
        const own = all.filter(({ tenant }) => tenant === admin.tenant).slice(-2);
        for (const { id } of own) {
          const variables = { ...plain(operation), [arg.name]: id };
          const { body } = await send(made, admin.token, operation.document(Object.keys(variables)), variables);
          if (!body.includes('"errors"') && !fits.includes(kind)) fits.push(kind);
        }
      }
      found.set(`${operation.name}.${arg.name}`, fits);
    }
  }
  return found;
}
