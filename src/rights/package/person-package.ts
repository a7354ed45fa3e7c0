import type { Holding } from '../../data/holding.ts';
import { openContext, type Context } from './context.ts';
import { countHeld, type Held } from './held.ts';
import { holdingSection } from './holding-rows.ts';
import { Others } from './package.options.ts';
import { openPeople } from './people.ts';
import { openSieve } from './sieve.ts';
import type { Read, Section, Walk } from './walk.ts';
import { listWithheld, type Withheld } from './withheld.ts';

export const PACKAGE_SCHEMA = 'habeas-package/1';

/** What a package of one person is made of; its parts are read as they are written, in this order. */
export interface PersonPackage {
  head: { schema: string; subject: string; others: Others; madeAt: string };
  /** Facts about the processing (Art. 15(1)), where the right asks for them. */
  about?: object;
  sections: Section[];
  /** Once all sections are read. */
  withheld: () => Promise<Withheld[]>;
  /** Once all sections are read: whose words or names are in it, the person included. */
  peopleInside: () => string[];
  /** How many rows are known to come, which context makes more. */
  total: () => number;
  walk: Walk;
}

/** How a right wants the package: which holdings, and what it tells about them. */
export interface Contents {
  holdings: readonly Holding[];
  about?: (walk: Walk, held: readonly Held[]) => Promise<object>;
}

export interface PackageSettings {
  read: Read;
  subjectId: string;
  others: Others;
  now: number;
  openNames?: boolean;
  signal?: AbortSignal;
  onRows?: (rows: number) => Promise<void>;
}

/** Opens the package of a person: counts what is held and prepares the walk. */
export async function openPersonPackage(contents: Contents, settings: PackageSettings): Promise<PersonPackage> {
  const { read, subjectId, others, now, openNames = true, signal, onRows } = settings;
  // Erasures go first in the list of holdings; a reader wants the person first.
  const holdings = [...contents.holdings].reverse();
  const walk: Walk = {
    read,
    subjectId,
    people: openPeople(subjectId, others),
    bytes: new Map(),
    messages: openSieve(),
    holdings,
    openNames,
    ...(signal && { signal }),
    ...(onRows && { onRows }),
  };
  const held = await countHeld(walk);
  let total = held.reduce((sum, { count }) => sum + count, 0);
  const context: Context | undefined =
    others === Others.OWN ? undefined : openContext(walk, others === Others.FULL, (messages) => (total += messages));
  return {
    head: { schema: PACKAGE_SCHEMA, subject: subjectId, others, madeAt: new Date(now).toISOString() },
    ...(contents.about && { about: await contents.about(walk, held) }),
    sections: [...holdings.map((holding) => holdingSection(walk, holding)), ...(context?.sections ?? [])],
    withheld: () => listWithheld(walk, others, context),
    peopleInside: () => [...new Set([subjectId, ...(context?.authors ?? []), ...walk.people.named])],
    total: () => total,
    walk,
  };
}
