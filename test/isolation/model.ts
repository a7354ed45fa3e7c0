import type { MadeApp, MadeCall, MadeConversation, MadeMessage, MadePart, MadePerson } from './made-app.ts';
import type { Holder, MadeWorld } from './made-world.ts';

/**
 * Who may see what, written from DESIGN section 5 and the schema's descriptions, on the world as it was made up. It shares no code with
 * src: no SQL, no policy, no resolver.
 */

/** The apps whose rows a token reaches at all. */
export function appsOf(made: MadeWorld, holder: Holder): MadeApp[] {
  return made.apps.filter((app) => app.tenant === holder.tenant && (holder.app === null || app.id === holder.app));
}

export const alive = (people: readonly MadePerson[]): MadePerson[] => people.filter((one) => !one.erased);
export const conversationsOf = (app: MadeApp): MadeConversation[] => app.conversations.filter((one) => !one.subject?.erased);
export const messagesOf = (app: MadeApp): MadeMessage[] => app.messages.filter((one) => !one.subject.erased);
export const nameOf = (person: MadePerson): string | null => person.display ?? person.handle;

export const partOf = (person: MadePerson, conversation: MadeConversation): MadePart | undefined =>
  conversation.parts.find((one) => one.person === person);

/** Whether a moment lies in somebody's time in a conversation: until they left, and again from when they came back. */
const during = ({ joined, left }: MadePart, at: number): boolean =>
  left === null || at <= left || (joined !== null && joined > left && at >= joined);

/** A person's own token reads what is theirs, and what others wrote while they took part. */
export function readsMessage(person: MadePerson, message: MadeMessage): boolean {
  if (message.subject === person) return true;
  const part = partOf(person, message.conversation);
  return part !== undefined && (message.author === person || during(part, message.at));
}

/** Who is shown to somebody as taking part: not who joined after they left. */
export const knownParts = (person: MadePerson, conversation: MadeConversation): MadePart[] => {
  const own = partOf(person, conversation);
  if (!own) return [];
  return conversation.parts.filter((one) => !one.person.erased && (one.joined === null || during(own, one.joined)));
};

export const inCall = (person: MadePerson, call: MadeCall): boolean => call.initiator === person || call.people.includes(person);

/** What an answer may name: texts, and the ids of rows. */
export interface Allowed {
  texts: Set<string>;
  ids: Set<string>;
}

const present = (texts: readonly (string | null)[]): string[] => texts.filter((text) => text !== null);
const basics = (one: MadePerson): string[] => present([one.ext, one.display, one.handle, one.email, one.given, one.identifier]);
const details = (one: MadePerson): string[] => [
  one.metadata,
  ...Object.values(one.channel),
  one.link,
  ...Object.values(one.delivery),
];
const conversationTexts = (one: MadeConversation): string[] => [one.ext, one.name];
const messageTexts = (one: MadeMessage): string[] => [
  one.ext,
  one.body,
  ...one.reactions.filter(({ person }) => !person.erased).map(({ emoji }) => emoji),
  ...(one.attachment ? [one.attachment.ext, one.attachment.name, one.attachment.url] : []),
];

function ofPerson(person: MadePerson, app: MadeApp): Allowed {
  const texts = new Set([...basics(person), ...details(person)]);
  const ids = new Set([person.id, app.id, app.tenant]);
  const meet = (who: MadePerson): void => {
    ids.add(who.id);
    const name = who.erased ? null : nameOf(who);
    if (name !== null) texts.add(name);
  };
  for (const conversation of conversationsOf(app)) {
    if (!partOf(person, conversation)) continue;
    ids.add(conversation.id);
    for (const text of conversationTexts(conversation)) texts.add(text);
    for (const part of knownParts(person, conversation)) {
      texts.add(part.role);
      meet(part.person);
    }
  }
  for (const message of messagesOf(app)) {
    if (!readsMessage(person, message)) continue;
    for (const id of [message.id, ...(message.attachment ? [message.attachment.id] : [])]) ids.add(id);
    for (const text of messageTexts(message)) texts.add(text);
    // One's own messages name the conversation also where one no longer belongs to it: by its id, in one's package.
    if (message.subject === person) {
      texts.add(message.metadata);
      ids.add(message.conversation.id);
      if (message.replyTo) ids.add(message.replyTo.id);
    }
    for (const who of [message.author, ...message.mentions, ...message.reactions.map((one) => one.person)]) meet(who);
  }
  // Their own reactions are theirs, wherever they stand.
  for (const message of messagesOf(app)) {
    for (const one of message.reactions.filter((reaction) => reaction.person === person)) {
      texts.add(one.emoji);
      ids.add(message.id).add(message.conversation.id);
    }
  }
  for (const call of app.calls) {
    if (!inCall(person, call)) continue;
    ids.add(call.id);
    texts.add(call.ext);
    // A call of one's own says in one's package where it was held.
    if (call.conversation) ids.add(call.conversation.id);
    for (const who of [call.initiator, ...call.people]) meet(who);
  }
  return { texts, ids };
}

function ofApp(app: MadeApp, may: ReadonlySet<string>): string[] {
  const content = may.has('data:read') || may.has('rights:request');
  const texts: string[] = may.has('apps:read') ? [app.name] : [];
  if (content || may.has('rights:read')) for (const one of alive(app.people)) texts.push(...basics(one));
  if (!content) return texts;
  for (const one of alive(app.people)) texts.push(...details(one));
  for (const one of conversationsOf(app)) {
    texts.push(...conversationTexts(one));
    texts.push(...one.parts.filter(({ person }) => !person.erased).map(({ role }) => role));
  }
  for (const one of messagesOf(app)) texts.push(...messageTexts(one), one.metadata);
  for (const one of app.calls) texts.push(one.ext);
  return texts;
}

/**
 * The most that an answer to this token may name. Ids of rows beyond the made-up ones (requests, export files, keys, audit entries) are
 * told apart by whose they are, see `Rows`. A provider enters one tenant at a time, by an argument.
 */
export function allowed(made: MadeWorld, holder: Holder): Allowed {
  if (holder.level === 'user') {
    const [app] = appsOf(made, holder);
    return holder.permissions.has('self:read') ? ofPerson(holder.person!, app!) : { texts: new Set(), ids: new Set() };
  }
  if (holder.level === 'provider')
    return { texts: new Set(made.tenants.map(({ name }) => name)), ids: new Set(made.tenants.map(({ id }) => id)) };
  return { texts: new Set(appsOf(made, holder).flatMap((app) => ofApp(app, holder.permissions))), ids: new Set() };
}
