import 'reflect-metadata';
import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { answerLater } from './src/database/answer-later.ts';
import { sendTogether } from './src/database/one-packet.ts';
import { types } from './src/database/timestamps.ts';
import { Scope1700000000100 } from './migrations/1700000000100-scope.ts';
import { Tenants1700000000200 } from './migrations/1700000000200-tenants.ts';
import { Keys1700000000300 } from './migrations/1700000000300-keys.ts';
import { ApiKeys1700000000350 } from './migrations/1700000000350-api-keys.ts';
import { Users1700000000400 } from './migrations/1700000000400-users.ts';
import { Conversations1700000000500 } from './migrations/1700000000500-conversations.ts';
import { Messages1700000000600 } from './migrations/1700000000600-messages.ts';
import { Calls1700000000700 } from './migrations/1700000000700-calls.ts';
import { Requests1700000000800 } from './migrations/1700000000800-requests.ts';
import { Statistics1700000000850 } from './migrations/1700000000850-statistics.ts';
import { Audit1700000000900 } from './migrations/1700000000900-audit.ts';
import { Record1700000000950 } from './migrations/1700000000950-record.ts';
import { MessageReferences1700000001000 } from './migrations/1700000001000-message-references.ts';
import { RecordInProgram1700000001100 } from './migrations/1700000001100-record-in-program.ts';

/** In the order they are applied; a landed migration is never edited. */
export const MIGRATIONS = [
  Scope1700000000100,
  Tenants1700000000200,
  Keys1700000000300,
  ApiKeys1700000000350,
  Users1700000000400,
  Conversations1700000000500,
  Messages1700000000600,
  Calls1700000000700,
  Requests1700000000800,
  Statistics1700000000850,
  Audit1700000000900,
  Record1700000000950,
  MessageReferences1700000001000,
  RecordInProgram1700000001100,
];

/** What pg hands out and its types do not tell. */
type Client = pg.PoolClient & { unref(): void; connection: { stream: Duplex } };

/** A connection that is not needed for so long is closed. One that is made anew logs in, and parses and plans again what it had prepared: not after each pause of some seconds. */
const IDLE_MS = 60_000;

/** The data source of the server: `url` is that of the runtime role, which owns nothing. */
export function runtimeSource(url: string, poolSize: number): DataSource {
  const clients = new Set<Client>();
  const source = new DataSource({
    type: 'postgres',
    url,
    entities: [],
    // Statements are sent in their order without waiting for the answers of those before: the fields of a query resolve side by side on one connection.
    extra: {
      max: poolSize,
      pipeline: true,
      idleTimeoutMillis: IDLE_MS,
      types,
      onConnect: (client: Client) => {
        clients.add(client);
        sendTogether(client.connection.stream);
        answerLater(client);
        client.once('end', () => clients.delete(client));
      },
    },
    applicationName: 'habeas',
  });
  const destroy = source.destroy.bind(source);
  source.destroy = async () => {
    await destroy();
    // pg ends a connection once its last statement has: one that waits for a lock must not keep the process.
    for (const client of clients) client.unref();
  };
  return source;
}
