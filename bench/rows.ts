import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { seeded, zipf, type Random } from './random.ts';
import { names, texts } from './words.ts';

export interface Shape {
  /** Messages in all. */
  rows: number;
  /** Messages of each of the whales: more people, each with a conversation of their own, at the end of the file. */
  whale?: number;
  /** How many whales; one if not told. */
  whales?: number;
  /** People beside them with ten messages each, likewise. */
  minnows?: number;
}

/** A person of the data set, and one message they wrote, by which either side finds their own id for them. */
export interface Sample {
  person: string;
  message: string;
}

export interface DataSet {
  path: string;
  messages: number;
  people: number;
  conversations: number;
  /** People with at least twenty messages. */
  samples: Sample[];
  whales: Sample[];
  minnows: Sample[];
}

const FIRST = Date.UTC(2024, 0, 1);
const SPAN = 600 * 86_400_000;
const AGENTS = 0.03;

interface Talk {
  kind: 'PERSONAL' | 'DIRECT' | 'PUBLIC_GROUP';
  people: number[];
}

/** Who is in which conversation. Every sixtieth message a new person: busy people are in many, as in a real workspace. */
function talks(random: Random, people: number, agents: number, count: number): Talk[] {
  const busy = zipf(random, people - agents, 0.8);
  const person = (): number => agents + busy();
  const agent = (): number => Math.floor(random() * agents);
  return Array.from({ length: count }, (_, index) => {
    if (index % 20 === 0)
      return { kind: 'PUBLIC_GROUP', people: [...new Set(Array.from({ length: 20 + Math.floor(random() * 60) }, person))] };
    if (index % 4 === 0) return { kind: 'DIRECT', people: [...new Set([person(), person(), agent()])].slice(0, 2) };
    return { kind: 'PERSONAL', people: [person(), agent(), agent()] };
  });
}

/** Writes a data set as native NDJSON: people, conversations with who takes part, then messages in order of time. */
export async function writeRows(path: string, { rows, whale = 0, whales = 1, minnows = 0 }: Shape): Promise<DataSet> {
  const last = [...Array<number>(whale ? whales : 0).fill(whale), ...Array<number>(minnows).fill(10)];
  const random = seeded(rows + whale);
  const people = Math.max(100, Math.round(rows / 60));
  const agents = Math.max(3, Math.round(people * AGENTS));
  const conversations = talks(random, people, agents, Math.max(40, Math.round(rows / 40)));
  const extra = last.length;
  const write = writer(path);
  const name = names(random);
  const text = texts(random);
  for (let id = 0; id < people + extra; id++) {
    const displayName = name();
    const kind = id < agents ? 'AGENT' : 'END_USER';
    const email = `person${id}@example.org`;
    await write({
      type: 'user',
      externalId: `u${id}`,
      kind,
      profile: { displayName, email },
      identifiers: [{ type: 'EMAIL', value: email }],
    });
  }
  for (let id = 0; id < extra; id++) conversations.push({ kind: 'PERSONAL', people: [people + id, 0, 1] });
  for (const [id, { kind, people: members }] of conversations.entries())
    await write({
      type: 'conversation',
      externalId: `c${id}`,
      kind,
      name: name(),
      participants: members.map((member) => ({ user: `u${member}` })),
    });

  const ownerOf = last.flatMap((count, index) => Array<number>(count).fill(index));
  const total = rows + ownerOf.length;
  const talk = zipf(random, conversations.length - extra, 0.9);
  const written = new Uint32Array(people + extra);
  const first = new Int32Array(people + extra).fill(-1);
  for (let id = 0; id < total; id++) {
    const at = id < rows ? talk() : conversations.length - extra + ownerOf[id - rows]!;
    const { kind, people: members } = conversations[at]!;
    // A busy member writes most of what is said in a group; a customer a little more than half in their own conversation.
    const author = kind === 'PERSONAL' && random() < 0.55 ? members[0]! : members[Math.floor(random() ** 2 * members.length)]!;
    if (first[author] === -1) first[author] = id;
    written[author]! += 1;
    const sentAt = new Date(FIRST + Math.floor((id / total) * SPAN)).toISOString();
    await write({
      type: 'message',
      externalId: `m${id}`,
      conversation: `c${at}`,
      author: `u${author}`,
      sentAt,
      channel: 'web',
      body: text(),
    });
  }
  await write();
  const sample = (id: number): Sample => ({ person: `u${id}`, message: `m${first[id]}` });
  const frequent = Array.from(written.keys()).filter((id) => id >= agents && id < people && written[id]! >= 20);
  return {
    path,
    messages: total,
    people: people + extra,
    conversations: conversations.length,
    samples: frequent.slice(0, 2000).map(sample),
    whales: last.flatMap((count, index) => (count === whale ? [sample(people + index)] : [])),
    minnows: last.flatMap((count, index) => (count === whale ? [] : [sample(people + index)])),
  };
}

/** Writes lines, gathered; called without a record it ends the file. */
function writer(path: string): (record?: object) => Promise<void> {
  const file = createWriteStream(path);
  let gathered = '';
  return async (record) => {
    if (record) gathered += `${JSON.stringify(record)}\n`;
    if (record && gathered.length < 1 << 18) return;
    if (!file.write(gathered)) await once(file, 'drain');
    gathered = '';
    if (!record) await finished(file.end());
  };
}
