import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { built } from '../built.ts';

type Line = {
  type: string;
  externalId: string;
  kind?: string;
  name?: string;
  conversation: string;
  author: string;
  sentAt: string;
  body: string;
  channel?: string;
  profile: { displayName: string; email: string };
  participants: { user: string }[];
};
type Statement = { name: string; text: string };

const BATCH = 5_000;

const insert = (name: string, table: string, columns: string, types: string[]): Statement => ({
  name,
  text: `insert into plain.${table} (tenant_id, app_id, ${columns}) select $1, $2, * from unnest(${types.map((type, i) => `$${i + 3}::${type}[]`).join(', ')})`,
});
const USERS = insert('users', 'users', 'id, external_id, kind, display_name, email', ['uuid', 'text', 'text', 'text', 'text']);
const CONVERSATIONS = insert('conversations', 'conversations', 'id, external_id, kind, name, subject_id', [
  'uuid',
  'text',
  'text',
  'text',
  'uuid',
]);
const PARTICIPANTS = insert('participants', 'participants', 'conversation_id, user_id', ['uuid', 'uuid']);
const MESSAGES = insert(
  'messages',
  'messages',
  'id, conversation_id, author_id, subject_id, sent_at, channel, kind, external_id, body',
  ['uuid', 'uuid', 'uuid', 'uuid', 'timestamptz', 'text', 'text', 'text', 'text'],
);

/**
 * The plainest import there can be: lines parsed and trusted, people and conversations remembered in memory, prepared `insert ... select
 * from unnest` of 5,000 rows a transaction, the next batch read while one is written. As the owner of the tables, so without their policies.
 */
export async function fillPlain(url: string, path: string, { tenant, app }: { tenant: string; app: string }): Promise<void> {
  const { uuidv7 } = await built<typeof import('../../src/database/uuid.ts')>('src/database/uuid.js');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let writing: Promise<unknown> = Promise.resolve();
  const queued = new Map<Statement, unknown[][]>();
  const flush = async (statement: Statement): Promise<void> => {
    const rows = queued.get(statement);
    if (!rows?.length) return;
    queued.set(statement, []);
    await writing;
    writing = client.query({
      ...statement,
      values: [tenant, app, ...rows[0]!.map((_, column) => rows.map((row) => row[column]))],
    });
    writing.catch(() => undefined);
  };
  const add = async (statement: Statement, row: unknown[]): Promise<void> => {
    if (!queued.has(statement)) queued.set(statement, []);
    const rows = queued.get(statement)!;
    if (rows.push(row) < BATCH) return;
    // What rows refer to goes first.
    for (const earlier of [USERS, CONVERSATIONS, PARTICIPANTS]) await flush(earlier);
    await flush(statement);
  };
  const people = new Map<string, { id: string; kind: string }>();
  const conversations = new Map<string, { id: string; subject: string | null }>();
  try {
    for await (const text of createInterface({ input: createReadStream(path, { highWaterMark: 1 << 20 }) })) {
      const line = JSON.parse(text) as Line;
      if (line.type === 'message') {
        const conversation = conversations.get(line.conversation)!;
        const author = people.get(line.author)!.id;
        const id = uuidv7(Date.parse(line.sentAt));
        await add(MESSAGES, [
          id,
          conversation.id,
          author,
          conversation.subject ?? author,
          line.sentAt,
          line.channel,
          'TEXT',
          line.externalId,
          line.body,
        ]);
      } else if (line.type === 'user') {
        const user = { id: randomUUID(), kind: line.kind! };
        people.set(line.externalId, user);
        await add(USERS, [user.id, line.externalId, user.kind, line.profile.displayName, line.profile.email]);
      } else {
        const members = line.participants.map(({ user }) => people.get(user)!);
        const subject = line.kind === 'PERSONAL' ? members.find(({ kind }) => kind === 'END_USER')!.id : null;
        const conversation = { id: randomUUID(), subject };
        conversations.set(line.externalId, conversation);
        await add(CONVERSATIONS, [conversation.id, line.externalId, line.kind, line.name, subject]);
        for (const { id } of new Set(members)) await add(PARTICIPANTS, [conversation.id, id]);
      }
    }
    for (const statement of [USERS, CONVERSATIONS, PARTICIPANTS, MESSAGES]) await flush(statement);
    await writing;
  } finally {
    await client.end();
  }
}
