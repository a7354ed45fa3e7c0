import type { RawRecord } from '../../src/intake/records.ts';
import { renderMentions } from '../../src/data/mention.ts';
import { place, type SealedColumn } from '../../src/data/place.ts';
import { subjectKeys } from '../../src/keys/keyring.ts';
import { unsealText } from '../../src/keys/sealed-value.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { Who, World } from './world.ts';

const INGEST = `mutation ($appId: ID, $records: [JSON!]!) {
  ingest(appId: $appId, records: $records) { counts { what created updated unchanged } skipped { index what reason } }
}`;

export interface IngestAnswer {
  codes: string[];
  messages: string[];
  /** Created, updated, unchanged, by kind. */
  counts: Record<string, [number, number, number]>;
  skipped: { index: number; what: string; reason: string }[];
}

/** Feeds records in through GraphQL, with an integrator's token unless told otherwise. */
export async function ingestAs(world: World, who: Who, records: readonly unknown[], appId?: string): Promise<IngestAnswer> {
  const answer = await world.as(who)(INGEST, { records: records as RawRecord[], ...(appId ? { appId } : {}) });
  const outcome = answer.data?.ingest as
    | { counts: { what: string; created: number; updated: number; unchanged: number }[]; skipped: IngestAnswer['skipped'] }
    | undefined;
  return {
    codes: answer.codes,
    messages: answer.messages,
    counts: Object.fromEntries((outcome?.counts ?? []).map((row) => [row.what, [row.created, row.updated, row.unchanged]])),
    skipped: outcome?.skipped ?? [],
  };
}

/** The tables intake fills, with the columns that are sealed, and by whose key. */
const TABLES: Record<string, { sealed: Partial<Record<string, SealedColumn>>; owner: (row: Row) => unknown; order: string }> = {
  users: {
    sealed: { external_id: 'users.external_id', profile: 'users.profile', metadata: 'users.metadata' },
    owner: (row) => row['id'],
    order: 'id',
  },
  identifiers: { sealed: { value: 'identifiers.value' }, owner: (row) => row['user_id'], order: 'id' },
  channel_identities: {
    sealed: {
      external_id: 'channel_identities.external_id',
      display_name: 'channel_identities.display_name',
      raw: 'channel_identities.raw',
    },
    owner: (row) => row['user_id'],
    order: 'id',
  },
  business_links: { sealed: { reference: 'business_links.reference' }, owner: (row) => row['user_id'], order: 'id' },
  conversations: {
    sealed: { external_id: 'conversations.external_id', name: 'conversations.name' },
    owner: (row) => row['id'],
    order: 'id',
  },
  participants: { sealed: {}, owner: () => undefined, order: 'conversation_id, user_id' },
  messages: {
    sealed: { body: 'messages.body', metadata: 'messages.metadata' },
    owner: (row) => row['subject_id'] ?? row['conversation_id'],
    order: 'id',
  },
  mentions: { sealed: {}, owner: () => undefined, order: 'message_id, user_id' },
  reactions: { sealed: {}, owner: () => undefined, order: 'message_id, user_id, emoji' },
  attachments: {
    sealed: { name: 'attachments.name', url: 'attachments.url' },
    owner: (row) => row['subject_id'] ?? row['conversation_id'],
    order: 'id',
  },
  calls: { sealed: {}, owner: () => undefined, order: 'id' },
  call_participants: { sealed: {}, owner: () => undefined, order: 'call_id, user_id' },
  delivery_records: {
    sealed: { source: 'delivery_records.source', destination: 'delivery_records.destination' },
    owner: (row) => row['user_id'],
    order: 'id',
  },
};

type Row = Record<string, unknown>;

/** Every row that intake wrote, around every policy: of a tenant as it stands, or of an app with its sealed columns opened. */
export async function contentsOf(
  world: World,
  tenant: string,
  app?: string,
  { render = false } = {},
): Promise<Record<string, Row[]>> {
  const tables: Record<string, Row[]> = {};
  for (const [name, { sealed, owner, order }] of Object.entries(TABLES)) {
    const rows = (await world.sql(
      `select * from ${name} where tenant_id = $1 and ($2::uuid is null or app_id = $2) order by ${order}`,
      [tenant, app ?? null],
    )) as Row[];
    tables[name] = app === undefined ? rows : await opened(world, tenant, rows, sealed, owner);
  }
  if (render)
    for (const row of tables['messages']!)
      if (typeof row['body'] === 'string') row['body'] = renderMentions(row['body'], (id) => `<@${id}>`);
  return tables;
}

async function opened(
  world: World,
  tenant: string,
  rows: Row[],
  sealed: Partial<Record<string, SealedColumn>>,
  owner: (row: Row) => unknown,
): Promise<Row[]> {
  const owners = rows.map((row) => owner(row) as string).filter(Boolean);
  const keys = await inScope(world.system, { ...world.cli, tenantId: tenant }, ({ db }) =>
    subjectKeys(world.system.keys, db, tenant, owners),
  );
  return rows.map((row) => {
    const copy = { ...row };
    for (const [column, sealedAs] of Object.entries(sealed)) {
      const id = owner(row) as string;
      if (row[column] !== null)
        copy[column] = unsealText(keys.get(id)!, place(tenant, id, sealedAs!, row['id'] as string), row[column] as Buffer);
    }
    return copy;
  });
}

/** What an app holds, without the ids that each import makes anew: rows name people, conversations and messages by external id, in a fixed order. */
export async function comparable(world: World, tenant: string, app: string): Promise<Record<string, string[]>> {
  const tables = await contentsOf(world, tenant, app);
  const names = new Map<string, string>();
  for (const table of ['users', 'conversations', 'messages', 'calls', 'attachments'])
    for (const row of tables[table]!) names.set(row['id'] as string, `${table}/${row['external_id'] as string}`);
  const named = (value: unknown): unknown => {
    if (typeof value !== 'string') return value instanceof Buffer ? undefined : value;
    return value.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => names.get(id) ?? 'id');
  };
  const LOCAL = ['tenant_id', 'app_id', 'id'];
  const ROW_MADE: Record<string, string[]> = { users: ['created_at'], business_links: ['created_at'], messages: ['deleted_at'] };
  return Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => [
      table,
      rows
        .map((row) =>
          JSON.stringify(
            Object.entries(row)
              .filter(([column]) => !LOCAL.includes(column) && !ROW_MADE[table]?.includes(column))
              .map(([column, value]) => [column, named(value)]),
          ),
        )
        .sort((a, b) => (a < b ? -1 : 1)),
    ]),
  );
}
