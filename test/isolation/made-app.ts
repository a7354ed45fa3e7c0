import type { Chance } from './chance.ts';

/** A text that stands nowhere else in the world: wherever it turns up, it is known whose it is. */
export type Canary = string;
export const CANARY = /zq[0-9a-z]+qz/g;

export interface MadePerson {
  /** The external id: a canary, as every text here is. */
  ext: Canary;
  id: string;
  kind: 'END_USER' | 'AGENT' | 'BOT';
  display: Canary | null;
  handle: Canary | null;
  email: Canary;
  given: Canary;
  metadata: Canary;
  identifier: Canary;
  channel: { ext: Canary; display: Canary; raw: Canary; status: Canary };
  link: Canary;
  delivery: { ext: Canary; source: Canary; destination: Canary; status: Canary };
  /** Erased once the world stands. */
  erased: boolean;
}

export interface MadePart {
  person: MadePerson;
  role: Canary;
  /** Minutes of the world's day; null where the platform does not say. */
  joined: number | null;
  left: number | null;
}

export interface MadeConversation {
  ext: Canary;
  id: string;
  kind: 'DIRECT' | 'PRIVATE_GROUP' | 'PUBLIC_GROUP' | 'PERSONAL';
  name: Canary;
  parts: MadePart[];
  subject: MadePerson | null;
}

export interface MadeMessage {
  ext: Canary;
  id: string;
  conversation: MadeConversation;
  author: MadePerson;
  subject: MadePerson;
  at: number;
  body: Canary;
  metadata: Canary;
  mentions: MadePerson[];
  reactions: { person: MadePerson; emoji: Canary }[];
  attachment: { ext: Canary; name: Canary; url: Canary; id: string } | null;
  replyTo: MadeMessage | null;
}

export interface MadeCall {
  ext: Canary;
  id: string;
  conversation: MadeConversation | null;
  initiator: MadePerson;
  people: MadePerson[];
}

/** What a platform knows of one app, as the test made it up: the ground truth, which no code of src has touched. */
export interface MadeApp {
  tenant: string;
  id: string;
  name: Canary;
  people: MadePerson[];
  conversations: MadeConversation[];
  messages: MadeMessage[];
  calls: MadeCall[];
}

let made = 0;
export const canary = (): Canary => `zq${(made += 1).toString(36).padStart(4, '0')}qz`;

function person(luck: Chance, kind: MadePerson['kind'], erased = false): MadePerson {
  return {
    ext: canary(),
    id: '',
    kind,
    display: luck.maybe(0.8) ? canary() : null,
    handle: luck.maybe(0.6) ? canary() : null,
    email: canary(),
    given: canary(),
    metadata: canary(),
    identifier: canary(),
    channel: { ext: canary(), display: canary(), raw: canary(), status: canary() },
    link: canary(),
    delivery: { ext: canary(), source: canary(), destination: canary(), status: canary() },
    erased,
  };
}

/** When somebody came and went: from the start or later, for good or not, and some came back after they had left. */
function part(luck: Chance, who: MadePerson, stays = false): MadePart {
  const joined = luck.maybe(0.3) ? null : luck.below(60);
  const left = stays || luck.maybe(0.65) ? null : luck.below(100);
  return { person: who, role: canary(), joined, left };
}

function message(luck: Chance, app: MadeApp, conversation: MadeConversation, at: number): MadeMessage {
  const alive = app.people.filter((one) => !one.erased);
  const around = conversation.parts.map((one) => one.person);
  // Somebody may have written without belonging: a bot, or who was taken off the list.
  const author = luck.maybe(0.9) ? luck.pick(around) : luck.pick(alive);
  const earlier = app.messages.filter(
    (one) => one.conversation === conversation && !one.replyTo && !one.author.erased && !one.subject.erased,
  );
  return {
    ext: canary(),
    id: '',
    conversation,
    author,
    subject: conversation.subject ?? author,
    at,
    body: canary(),
    metadata: canary(),
    mentions: luck.some(app.people, 0.2),
    reactions: luck.some(around, 0.3).map((who) => ({ person: who, emoji: canary() })),
    attachment: luck.maybe(0.4) ? { ext: canary(), name: canary(), url: canary(), id: '' } : null,
    replyTo: earlier.length && luck.maybe(0.4) ? luck.pick(earlier) : null,
  };
}

/** Makes up an app: customers, agents and a bot; groups, chats of two and personal conversations; people who left; calls in and out of them. */
export function makeUpApp(luck: Chance, size = 1): MadeApp {
  const app: MadeApp = { tenant: '', id: '', name: canary(), people: [], conversations: [], messages: [], calls: [] };
  for (let i = 0; i < 4 * size + 1; i += 1) app.people.push(person(luck, 'END_USER'));
  app.people.push(person(luck, 'AGENT'), person(luck, 'BOT'), person(luck, 'END_USER', true));
  const customers = app.people.filter((one) => one.kind === 'END_USER');
  const agents = app.people.filter((one) => one.kind !== 'END_USER');
  const add = (kind: MadeConversation['kind'], parts: MadePart[], subject: MadePerson | null = null): void =>
    void app.conversations.push({ ext: canary(), id: '', kind, name: canary(), parts, subject });
  for (let i = 0; i < 2 * size + 1; i += 1) {
    const some = luck.some(app.people, 0.6);
    const inside = some.length ? some : app.people.slice(0, 2);
    add(
      luck.pick(['PRIVATE_GROUP', 'PUBLIC_GROUP']),
      inside.map((who) => part(luck, who)),
    );
  }
  for (let i = 0; i < size + 1; i += 1) {
    const one = luck.pick(customers);
    add('DIRECT', [part(luck, one), part(luck, luck.pick(app.people.filter((other) => other !== one)))]);
    const customer = luck.pick(customers);
    add('PERSONAL', [part(luck, customer, true), part(luck, luck.pick(agents))], customer);
  }
  for (const conversation of app.conversations)
    for (let i = 0; i < 5 * size; i += 1) app.messages.push(message(luck, app, conversation, 10 + i * 17 + luck.below(15)));
  for (let i = 0; i < 4 * size; i += 1) {
    const alive = app.people.filter((one) => !one.erased);
    const conversation = luck.maybe(0.7) ? luck.pick(app.conversations.filter((one) => !one.subject?.erased)) : null;
    app.calls.push({ ext: canary(), id: '', conversation, initiator: luck.pick(alive), people: luck.some(alive, 0.35) });
  }
  return app;
}

const DAY = Date.UTC(2026, 0, 5);
const time = (minute: number): string => new Date(DAY + minute * 60_000).toISOString();
const when = (name: string, minute: number | null): object => (minute === null ? {} : { [name]: time(minute) });

/** The app as records of the native format. */
export function recordsOf(app: MadeApp): unknown[] {
  return [
    ...app.people.map((one) => ({
      type: 'user',
      externalId: one.ext,
      kind: one.kind,
      profile: {
        ...(one.display ? { displayName: one.display } : {}),
        ...(one.handle ? { handle: one.handle } : {}),
        email: one.email,
        givenName: one.given,
      },
      metadata: { kept: one.metadata },
      identifiers: [
        { type: 'EXTERNAL_ID', value: one.identifier },
        { type: 'EMAIL', value: 'twin@example.org' },
      ],
      channels: [
        {
          channel: 'sms',
          externalId: one.channel.ext,
          displayName: one.channel.display,
          status: one.channel.status,
          raw: { was: one.channel.raw },
        },
      ],
    })),
    ...app.conversations.map((one) => ({
      type: 'conversation',
      externalId: one.ext,
      kind: one.kind,
      name: one.name,
      createdAt: time(1),
      participants: one.parts.map((of) => ({
        user: of.person.ext,
        role: of.role,
        ...when('joinedAt', of.joined),
        ...when('leftAt', of.left),
      })),
    })),
    ...app.messages.map((one) => ({
      type: 'message',
      externalId: one.ext,
      conversation: one.conversation.ext,
      author: one.author.ext,
      sentAt: time(one.at),
      body: [one.body, ...one.mentions.map((who) => `<@${who.ext}>`)].join(' '),
      mentions: one.mentions.map((who) => who.ext),
      metadata: { kept: one.metadata },
      reactions: one.reactions.map(({ person: who, emoji }) => ({ user: who.ext, emoji })),
      attachments: one.attachment
        ? [{ externalId: one.attachment.ext, name: one.attachment.name, url: `https://files.example.org/${one.attachment.url}` }]
        : [],
      ...(one.replyTo ? { replyTo: one.replyTo.ext } : {}),
    })),
    ...app.calls.map((one) => ({
      type: 'call',
      externalId: one.ext,
      ...(one.conversation ? { conversation: one.conversation.ext } : {}),
      initiator: one.initiator.ext,
      startedAt: time(20),
      participants: one.people.map((who) => ({ user: who.ext })),
    })),
    ...app.people.flatMap((one) => [
      { type: 'businessLink', user: one.ext, system: 'crm', reference: one.link },
      {
        type: 'delivery',
        externalId: one.delivery.ext,
        user: one.ext,
        channel: 'sms',
        source: one.delivery.source,
        destination: one.delivery.destination,
        status: one.delivery.status,
        at: time(30),
      },
    ]),
  ];
}
