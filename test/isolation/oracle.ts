import { CANARY } from './made-app.ts';
import type { Holder, MadeWorld } from './made-world.ts';
import { allowed, type Allowed } from './model.ts';
import { mayName, ownersOf, type Owner } from './rows.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const KID = /hk_[\w-]{38}/g;

function* strings(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const one of value) yield* strings(one);
  else if (value && typeof value === 'object') {
    for (const [name, one] of Object.entries(value)) {
      yield name;
      // Which key asked is what this field is for; a kid opens nothing.
      yield* strings(name === 'requestedBy' ? String(one).replaceAll(KID, '') : one);
    }
  }
}

/** A text, and what it hides: cursors, tokens and links are base64 of something. */
const unfolded = (text: string): string[] => [
  text,
  ...text.split(/[^\w-]+/).flatMap((part) => (part.length >= 20 ? [Buffer.from(part, 'base64url').toString('latin1')] : [])),
];

/** Every id and every canary that an answer holds, openly or folded up. */
function namedIn(answer: unknown): { ids: Set<string>; texts: Set<string> } {
  const ids = new Set<string>();
  const texts = new Set<string>();
  for (const whole of strings(answer)) {
    for (const text of unfolded(whole)) {
      for (const [id] of text.matchAll(UUID)) ids.add(id);
      for (const [kid] of text.matchAll(KID)) ids.add(kid);
      for (const [found] of text.matchAll(CANARY)) texts.add(found);
    }
  }
  return { ids, texts };
}

/** What a canary was made as, to say more of a leak than a word that means nothing. */
function whatIs({ apps }: MadeWorld, text: string): string {
  for (const [index, app] of apps.entries()) {
    for (const [list, things] of Object.entries({
      people: app.people,
      conversations: app.conversations,
      messages: app.messages,
      calls: app.calls,
    })) {
      for (const [at, thing] of (things as object[]).entries()) {
        const field = Object.entries(thing).find(
          ([, value]) =>
            value === text || (value !== null && typeof value === 'object' && Object.values(value as object).includes(text)),
        );
        if (field) return `app ${index}: ${list}[${at}].${field[0]}`;
      }
    }
  }
  return 'of a part or a reaction, or a name';
}

/** Knows whose everything is, and says what in an answer is not for its reader. */
export interface Oracle {
  /** What an answer holds that this token may not be told. */
  leaks(holder: Holder, answer: unknown, entered?: string): string[];
  /** Looks again whose the rows are: something was made since. */
  refresh(): Promise<void>;
}

export async function openOracle(made: MadeWorld): Promise<Oracle> {
  let owners = await ownersOf(made);
  const limits = new Map<Holder, Allowed>(made.holders.map((holder) => [holder, allowed(made, holder)]));
  // An app's token, and a person's, know of nobody else in the tenant that there are others.
  const mayNameId = (holder: Holder, id: string, owner: Owner, entered: string | undefined): boolean =>
    limits.get(holder)!.ids.has(id) || mayName(holder, owner, entered);
  const enteredTexts = (holder: Holder, entered: string | undefined): string[] =>
    holder.level === 'provider' ? made.apps.filter((app) => app.tenant === entered).map((app) => app.name) : [];
  return {
    leaks(holder, answer, entered) {
      const found = namedIn(answer);
      const texts = [...found.texts].filter(
        (text) => !limits.get(holder)!.texts.has(text) && !enteredTexts(holder, entered).includes(text),
      );
      const ids = [...found.ids].filter((id) => {
        const owner = owners.get(id);
        return owner && !mayNameId(holder, id, owner, entered);
      });
      return [
        ...texts.map((text) => `text ${text}, ${whatIs(made, text)}`),
        ...ids.map((id) => `id ${id} of ${owners.get(id)!.table}`),
      ];
    },
    refresh: async () => {
      owners = await ownersOf(made);
    },
  };
}
