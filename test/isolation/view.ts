import { alive, appsOf, conversationsOf, inCall, knownParts, messagesOf, nameOf, partOf, readsMessage } from './model.ts';
import type { MadeCall, MadeConversation, MadeMessage, MadePart, MadePerson } from './made-app.ts';
import type { Holder, MadeWorld } from './made-world.ts';

/** All that a token sees, in a form that both the model and the API can say. Lists are sorted: an order is not what is compared. */
export interface View {
  users: unknown[];
  conversations: unknown[];
  messages: unknown[];
  calls: unknown[];
}

const sorted = <T>(list: readonly T[]): T[] =>
  list
    .map((one) => [JSON.stringify(one), one] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one);
const shown = (person: MadePerson | null): unknown =>
  person && !person.erased ? { id: person.id, displayName: nameOf(person) } : null;

const user = (one: MadePerson): unknown => ({
  id: one.id,
  externalId: one.ext,
  profile: { displayName: one.display, handle: one.handle, email: one.email, givenName: one.given },
  metadata: { kept: one.metadata },
  // What a profile says is what a person can be found by, too.
  identifiers: sorted(
    [one.identifier, 'twin@example.org', one.ext, one.display, one.handle, one.email, one.given].filter(
      (value) => value !== null,
    ),
  ),
  channels: [
    { externalId: one.channel.ext, displayName: one.channel.display, status: one.channel.status, raw: { was: one.channel.raw } },
  ],
  links: [one.link],
  deliveries: [
    {
      externalId: one.delivery.ext,
      source: one.delivery.source,
      destination: one.delivery.destination,
      status: one.delivery.status,
    },
  ],
});

const conversation = (one: MadeConversation, parts: readonly MadePart[], messages: readonly MadeMessage[]): unknown => ({
  id: one.id,
  externalId: one.ext,
  name: one.name,
  kind: one.kind,
  participants: sorted(parts.map(({ person, role }) => ({ role, person: shown(person) }))),
  messages: sorted(messages.filter((message) => message.conversation === one).map(({ id }) => id)),
});

function message(one: MadeMessage, readable: readonly MadeMessage[], reader: MadePerson | null): unknown {
  // What hangs on a message of a conversation that one does not belong to is closed, but for one's own files and whom one's own text mentions.
  const belongs = !reader || partOf(reader, one.conversation) !== undefined;
  const named = belongs || one.subject === reader;
  return {
    id: one.id,
    externalId: one.ext,
    body: named
      ? [one.body, ...one.mentions.map((who) => (who.erased ? '@erased user' : `@${nameOf(who) ?? 'unnamed user'}`))].join(' ')
      : [one.body, ...one.mentions.map(() => '@erased user')].join(' '),
    author: shown(one.author),
    metadata: !reader || one.subject === reader ? { kept: one.metadata } : null,
    conversation: belongs ? one.conversation.id : null,
    mentions: named ? sorted(one.mentions.filter((who) => !who.erased).map(({ id }) => id)) : [],
    reactions: belongs
      ? sorted(
          one.reactions.filter(({ person }) => !person.erased).map(({ emoji, person }) => ({ emoji, person: shown(person) })),
        )
      : [],
    attachments: one.attachment
      ? [{ id: one.attachment.id, name: one.attachment.name, url: `https://files.example.org/${one.attachment.url}` }]
      : [],
    replyTo: one.replyTo && readable.includes(one.replyTo) ? one.replyTo.id : null,
    replies: sorted(readable.filter((other) => other.replyTo === one).map(({ id }) => id)),
    replyCount: readable.filter((other) => other.replyTo === one).length,
  };
}

const call = (one: MadeCall, reader: MadePerson | null): unknown => ({
  id: one.id,
  externalId: one.ext,
  initiator: shown(one.initiator),
  conversation: one.conversation && (!reader || partOf(reader, one.conversation)) ? one.conversation.id : null,
  participants: sorted(one.people.map(shown)),
});

/** What the model says. */
export function viewOf(made: MadeWorld, holder: Holder): View {
  const reader = holder.person;
  const view: View = { users: [], conversations: [], messages: [], calls: [] };
  for (const app of appsOf(made, holder)) {
    const readable = messagesOf(app).filter((one) => !reader || readsMessage(reader, one));
    for (const one of reader ? [reader] : alive(app.people)) view.users.push(user(one));
    for (const one of conversationsOf(app)) {
      const parts = reader ? knownParts(reader, one) : one.parts.filter(({ person }) => !person.erased);
      if (!reader || partOf(reader, one)) view.conversations.push(conversation(one, parts, readable));
    }
    for (const one of readable) view.messages.push(message(one, readable, reader));
    for (const one of app.calls) if (!reader || inCall(reader, one)) view.calls.push(call(one, reader));
  }
  return {
    users: sorted(view.users),
    conversations: sorted(view.conversations),
    messages: sorted(view.messages),
    calls: sorted(view.calls),
  };
}

// oxlint-disable-next-line no-explicit-any -- what comes over the wire
type Node = any;
export type AskAll = (list: string, node: string) => Promise<Node[]>;
export type AskOne = (query: string, variables?: Record<string, unknown>) => Promise<Node>;

const PERSON = 'person { id displayName erased }';
const USER = `id externalId profile { displayName handle email givenName } metadata identifiers { value } channels { externalId displayName status raw } businessLinks { edges { node { reference } } }`;
const CONVERSATION = `id externalId name kind participants(first: 200) { edges { node { role ${PERSON} } } } messages(first: 200) { edges { node { id kind } } }`;
const MESSAGE = `id kind externalId body author { id displayName erased } metadata conversation { id } mentions { id erased } reactions { emoji ${PERSON} }
  attachments { id name url } replyTo { id kind } replies(first: 200) { edges { node { id kind } } } replyCount`;
const CALL = `id externalId initiator { id displayName erased } conversation { id } participants { ${PERSON} }`;

const whom = (person: Node): unknown => (person && !person.erased ? { id: person.id, displayName: person.displayName } : null);
const nodes = (list: Node): Node[] => list.edges.map((edge: Node) => edge.node);
const ids = (list: Node[]): string[] => sorted(list.map(({ id }) => id as string));

const readUser = (one: Node, deliveries: Node[]): unknown => {
  const { businessLinks, identifiers, ...rest } = one;
  return {
    ...rest,
    identifiers: sorted(identifiers.map(({ value }: Node) => value)),
    links: businessLinks.edges.map(({ node }: Node) => node.reference),
    deliveries,
  };
};

/** What the API says, asked page by page. A person's messages are asked for one by one too: lists of their own hold only their own. */
export async function readView(made: MadeWorld, holder: Holder, all: AskAll, ask: AskOne): Promise<View> {
  const users = holder.person ? [(await ask(`{ me { ${USER} } }`)).me] : await all('users', USER);
  const seen: unknown[] = [];
  for (const one of users) {
    const found = await ask(
      'query ($id: ID!) { deliveries(userId: $id) { edges { node { externalId source destination status } } } }',
      { id: one.id },
    );
    seen.push(readUser(one, nodes(found.deliveries)));
  }
  const conversations = await all('conversations', CONVERSATION);
  let messages: Node[];
  if (holder.person) {
    const tried = appsOf(made, holder).flatMap((app) => app.messages);
    messages = [];
    for (const { id } of tried) {
      const found = await ask(`query ($id: ID!) { message(id: $id) { ${MESSAGE} } }`, { id });
      if (found) messages.push(found.message);
    }
  } else messages = await all('messages', MESSAGE);
  const calls = await all('calls', CALL);
  return {
    users: sorted(seen),
    conversations: sorted(
      conversations.map((one) => ({
        ...one,
        participants: sorted(nodes(one.participants).map(({ role, person }) => ({ role, person: whom(person) }))),
        messages: ids(nodes(one.messages)),
      })),
    ),
    messages: sorted(
      messages.map(({ kind: _kind, ...one }) => ({
        ...one,
        author: whom(one.author),
        conversation: one.conversation?.id ?? null,
        mentions: ids(one.mentions),
        reactions: sorted(one.reactions.map(({ emoji, person }: Node) => ({ emoji, person: whom(person) }))),
        replyTo: one.replyTo?.id ?? null,
        replies: ids(nodes(one.replies)),
      })),
    ),
    calls: sorted(
      calls.map((one) => ({
        ...one,
        initiator: whom(one.initiator),
        conversation: one.conversation?.id ?? null,
        participants: sorted(one.participants.map(({ person }: Node) => whom(person))),
      })),
    ),
  };
}

/** The ids that a list of one's own holds: of messages those that are one's own or that one wrote. */
export const ownMessages = (made: MadeWorld, holder: Holder): string[] =>
  sorted(
    appsOf(made, holder)
      .flatMap(messagesOf)
      .filter(
        (one) =>
          !holder.person || one.subject === holder.person || (one.author === holder.person && readsMessage(holder.person, one)),
      )
      .map(({ id }) => id),
  );
