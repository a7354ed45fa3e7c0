import { ERASED_MENTION } from '../../data/mention.ts';
import { displayNames } from '../../data/user/user.queries.ts';
import type { Session } from '../../scope/in-scope.ts';
import { Others } from './package.options.ts';

/** With the @ of a mention it is ERASED_MENTION. */
const ERASED = ERASED_MENTION.slice(1);

/** How one package names people: the person themselves by their name, everybody else by the rule for others, always the same. */
export interface People {
  /** Learns who these are, in the order they are first met; call it before `label`. */
  meet(session: Session, ids: Iterable<string | null>): Promise<void>;
  label(id: string): string;
  /** Whether they were erased, as far as is known: of those that were met. */
  isErased(id: string): boolean;
  /** Others whose own name the package shows. */
  readonly named: ReadonlySet<string>;
  /** How many others it shows under pseudonyms. */
  pseudonyms(): number;
}

export function openPeople(subjectId: string, rule: Others): People {
  const labels = new Map<string, string>();
  const named = new Set<string>();
  let count = 0;
  const pseudonym = (): string => `Person ${(count += 1)}`;
  return {
    named,
    pseudonyms: () => count,
    label: (id) => labels.get(id) ?? ERASED,
    isErased: (id) => labels.get(id) === ERASED,
    async meet(session, ids) {
      const fresh = [...new Set([subjectId, ...ids])].filter((id): id is string => id !== null && !labels.has(id));
      if (!fresh.length) return;
      const alive = await keyHolders(session, fresh);
      const shown = rule === Others.FULL ? fresh : fresh.filter((id) => id === subjectId);
      const names = new Map<string, string>();
      for (const person of await displayNames(session, shown)) {
        // A name whose seal is broken is answered in its place; a package fails on it rather than leaving it out.
        if (person?.name instanceof Error) throw person.name;
        if (person?.name) names.set(person.id, person.name);
      }
      for (const id of fresh) {
        const name = names.get(id);
        if (!alive.has(id)) labels.set(id, ERASED);
        else if (id === subjectId) labels.set(id, name ?? 'the data subject');
        else labels.set(id, name ?? pseudonym());
        if (name && id !== subjectId) named.add(id);
      }
    },
  };
}

/** Who has a key still: a person without one was erased. Asked of the table, not of the cache of keys. */
export async function keyHolders({ db, scope }: Session, ids: readonly string[]): Promise<Set<string>> {
  const rows = (await db.query('select subject_id as id from keys.subject_keys where tenant_id = $1 and subject_id = any ($2)', [
    scope.tenantId,
    ids,
  ])) as { id: string }[];
  return new Set(rows.map((row) => row.id));
}
