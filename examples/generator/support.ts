import { createHash } from 'node:crypto';
import { chance, digest, wallClock } from './chance.ts';
import type { Chance } from './chance.ts';
import { CUSTOMER, supportId, supportUsers } from './customers.ts';
import { attachmentFiles } from './files.ts';

type Json = Record<string, unknown>;

/** A conversation while its transcript is read. */
interface Talk {
  id: string;
  kind: 'PERSONAL' | 'DIRECT' | 'PRIVATE_GROUP';
  name?: string;
  /** Short names; a personal conversation starts with its customer. */
  members: string[];
  agent: string;
  channel: string;
  openedAt: number;
  random: Chance;
}

interface Book {
  talks: Talk[];
  /** Messages, reactions, edits, calls and so on, in the order in which they happened within each conversation. */
  events: { at: number; record: Json }[];
  links: Json[];
  lastSeen: Map<string, number>;
}

const TYPES: Record<string, string> = { png: 'image/png', pdf: 'application/pdf', txt: 'text/plain', csv: 'text/csv' };
const DESK_NUMBER = '+447700900001';
const iso = (at: number) => new Date(at).toISOString();
const files = attachmentFiles();

function open(book: Book, text: string): Talk {
  const [, what, first, second, rest] = /^(\w+) (\w+)(?: (\w+))?(?: ?\| (.*))?$/.exec(text)!.map((each) => each ?? '') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const id = (of: string) => `conversation-${digest(of).slice(0, 16)}`;
  const random = chance(text);
  const base = { agent: '', channel: 'CHAT', openedAt: 0, random };
  const talk: Talk =
    what === 'direct'
      ? { ...base, id: id(text), kind: 'DIRECT', members: [first, second] }
      : what === 'group'
        ? { ...base, id: id(text), kind: 'PRIVATE_GROUP', name: rest, members: [] }
        : { ...base, id: id(text), kind: 'PERSONAL', members: [what, first], agent: first, channel: second };
  book.talks.push(talk);
  return talk;
}

function attachment(name: string, message: Json): Json {
  const content = files.get(name);
  if (!content) throw new Error(`No such file: ${name}`);
  return {
    externalId: `file-${digest(`${String(message.externalId)}/${name}`).slice(0, 16)}`,
    name,
    contentType: TYPES[name.split('.').at(-1)!],
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    path: `brightwater-files/${name}`,
  };
}

/** Traffic data: the desk's words on their way to a customer, from the gateway and from the customer's side. */
function deliveries(talk: Talk, message: Json, at: number): { at: number; record: Json }[] {
  const customer = CUSTOMER.get(talk.members[0]!)!;
  const mail = talk.channel === 'EMAIL';
  const number = talk.channel === 'SMS' || talk.channel === 'WHATSAPP';
  const arrived = !mail && talk.random.int(1, 25) === 1 ? 'expired' : talk.random.pick(['delivered', 'read', 'read']);
  return ['sent', arrived].map((status, index) => {
    const then = at + 1000 + index * talk.random.int(2, 10) * 1000;
    const record = {
      type: 'delivery',
      externalId: `delivery-${digest(`${status}/${String(message.externalId)}`).slice(0, 16)}`,
      user: customer.id,
      conversation: talk.id,
      message: message.externalId,
      channel: talk.channel,
      source: mail ? 'desk@brightwater.example' : number ? DESK_NUMBER : 'brightwater-desk',
      destination: mail ? customer.email : customer.address,
      status,
      at: iso(then),
    };
    return { at: then, record };
  });
}

/** A call, and the call detail record of the customer in it. */
function call(talk: Talk, text: string): { at: number; record: Json }[] {
  const [, kind, time, minutes, seconds, who] = /^(\w+) (\S+ \S+) (\d+)m(\d+)s (\w+)$/.exec(text)! as unknown as string[];
  const at = wallClock(time!);
  const endedAt = iso(at + Number(minutes) * 60_000 + Number(seconds) * 1000);
  const members = talk.kind === 'PERSONAL' ? [talk.members[0]!, talk.agent] : talk.members;
  const participants = members.map((key, index) => ({ user: supportId(key), joinedAt: iso(at + index * 7000), leftAt: endedAt }));
  const externalId = `call-${digest(`${talk.id}/${text}`).slice(0, 16)}`;
  const initiator = supportId(who === 'c' ? talk.members[0]! : who === 'a' ? talk.agent : who!);
  const record = { type: 'call', externalId, conversation: talk.id, initiator, kind, startedAt: iso(at), endedAt, participants };
  const customer = CUSTOMER.get(talk.members[0]!);
  if (!customer) return [{ at, record }];
  const [source, destination] = who === 'c' ? [customer.phone, DESK_NUMBER] : [DESK_NUMBER, customer.phone];
  const detail = {
    type: 'delivery',
    externalId: `delivery-${digest(externalId).slice(0, 16)}`,
    user: customer.id,
    conversation: talk.id,
  };
  return [
    { at, record },
    { at, record: { ...detail, channel: 'VOICE', source, destination, status: 'answered', at: iso(at) } },
  ];
}

/** Where in the transcript we are. */
interface Reader {
  book: Book;
  talk: Talk;
  clock: number;
  last: Json;
}

const person = ({ talk }: Reader, key: string) => (key === 'c' ? talk.members[0]! : key === 'a' ? talk.agent : key);

function note({ book, clock }: Reader, record: Json, at = clock) {
  book.events.push({ at, record });
}

function say(reader: Reader, key: string, body: string, extra: Json = {}) {
  const { book, talk } = reader;
  reader.clock += talk.random.int(20, 240) * 1000;
  const who = person(reader, key);
  if (!talk.members.includes(who)) talk.members.push(who);
  if (CUSTOMER.has(who)) book.lastSeen.set(who, Math.max(reader.clock, book.lastSeen.get(who) ?? 0));
  const direction = talk.kind === 'PERSONAL' ? (CUSTOMER.has(who) ? 'INBOUND' : 'OUTBOUND') : 'INTERNAL';
  const mentions = new Set<string>();
  const written = body.replace(/@([a-z]+)\b(?!\.)/g, (text, name: string) => {
    if (!talk.members.includes(name)) return text;
    mentions.add(supportId(name));
    return `<@${supportId(name)}>`;
  });
  const externalId = `message-${digest(`${talk.id}/${reader.clock}/${body}`).slice(0, 20)}`;
  const head = { type: 'message', externalId, conversation: talk.id, author: supportId(who), sentAt: iso(reader.clock) };
  const words = { channel: talk.channel, direction, body: written, ...(mentions.size > 0 ? { mentions: [...mentions] } : {}) };
  reader.last = { ...head, ...words, ...extra };
  note(reader, reader.last);
  if (direction === 'OUTBOUND')
    for (const { at, record } of deliveries(talk, reader.last, reader.clock)) note(reader, record, at);
}

/** What a line of the transcript that is no message does, by its first word. */
const STEPS: Record<string, (reader: Reader, rest: string) => void> = {
  '==': (reader, rest) => {
    reader.talk = open(reader.book, rest);
  },
  '@': (reader, rest) => {
    if (wallClock(rest) <= reader.clock && reader.talk.openedAt > 0) throw new Error(`Time runs backwards at ${rest}`);
    reader.clock = wallClock(rest);
    reader.talk.openedAt ||= reader.clock;
  },
  '!': ({ last }, rest) => {
    last.attachments = [attachment(rest, last)];
  },
  '+': (reader, rest) => {
    const [emoji, who] = rest.split(' ') as [string, string];
    const at = reader.clock + reader.talk.random.int(5, 15) * 1000;
    const user = supportId(person(reader, who));
    note(
      reader,
      { type: 'reaction', conversation: reader.talk.id, message: reader.last.externalId, user, emoji, reactedAt: iso(at) },
      at,
    );
  },
  '>': (reader, rest) => {
    const replyTo = reader.last.externalId;
    say(reader, rest.slice(0, rest.indexOf(':')), rest.slice(rest.indexOf(':') + 2), { replyTo });
  },
  'edit:': (reader, body) => {
    const { conversation, externalId } = reader.last;
    const at = reader.clock + 18_000;
    note(reader, { type: 'messageEdit', conversation, externalId, editedAt: iso(at), body }, at);
  },
  delete: (reader, rest) => {
    say(reader, rest.slice(0, 1), rest.slice(3));
    const { conversation, externalId } = reader.last;
    note(reader, { type: 'messageDeletion', conversation, externalId }, reader.clock + 19_000);
  },
  campaign: (reader, rest) => {
    const [campaignId, body] = rest.split(/: (.*)/s) as [string, string];
    say(reader, 'news', body, { kind: 'BOT', campaignId });
  },
  call: (reader, rest) => {
    for (const { at, record } of call(reader.talk, rest)) note(reader, record, at);
  },
  link: ({ book, talk }, rest) => {
    const [system, reference] = rest.split(' ');
    book.links.push({ type: 'businessLink', user: supportId(talk.members[0]!), system, reference });
  },
  via: ({ talk }, rest) => {
    talk.channel = rest;
  },
  'agent:': ({ talk }, rest) => {
    talk.agent = rest;
  },
};

/** Reads the transcript line by line; what stands under a message (a file, a reaction, an edit) belongs to it. */
function read(source: string): Book {
  const reader = { book: { talks: [], events: [], links: [], lastSeen: new Map() }, clock: 0, last: {} } as unknown as Reader;
  for (const text of source.split('\n')) {
    if (text === '' || text.startsWith('#')) continue;
    const gap = text.indexOf(' ');
    const [word, rest] = [text.slice(0, gap), text.slice(gap + 1)];
    if (STEPS[word]) STEPS[word](reader, rest);
    else if (/^\w+:$/.test(word)) say(reader, word.slice(0, -1), rest);
    else throw new Error(`Cannot read "${text}"`);
  }
  return reader.book;
}

/** The records of brightwater-support.ndjson: people, conversations, then what happened, in the order in which it happened. */
export function supportRecords(source: string): Json[] {
  const { talks, events, links, lastSeen } = read(source);
  const conversations = talks.map(({ id, kind, name, members, openedAt }) => ({
    type: 'conversation',
    externalId: id,
    kind,
    ...(name ? { name } : {}),
    createdAt: iso(openedAt),
    participants: members.slice(0, kind === 'PRIVATE_GROUP' ? -1 : undefined).map((key) => ({
      user: supportId(key),
      role: kind === 'PERSONAL' ? (CUSTOMER.has(key) ? 'customer' : key === 'news' ? 'bot' : 'agent') : 'member',
      joinedAt: iso(openedAt),
    })),
  }));
  // The last to speak in a group joined it on their own.
  const joined = talks
    .filter(({ kind }) => kind === 'PRIVATE_GROUP')
    .map(({ id, members, openedAt }) => ({
      type: 'participant',
      conversation: id,
      user: supportId(members.at(-1)!),
      role: 'member',
      joinedAt: iso(openedAt + 60_000),
    }));
  const happened = events.toSorted((one, other) => one.at - other.at).map(({ record }) => record);
  return [...supportUsers((key) => iso(lastSeen.get(key)!)), ...conversations, ...joined, ...happened, ...links];
}
