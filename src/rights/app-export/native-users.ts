import type { IDENTIFIER_TYPES, RawRecord, USER_KINDS } from '../../intake/records.ts';
import { boundedPage, bytesOf } from '../../database/page-bytes.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { isoTime, toIso } from './iso-time.ts';
import { grouped, leaveOut, opener, present, type Records } from './app-walk.ts';

type UserRecord = Extract<RawRecord, { type: 'user' }>;
type IdentifierRecord = NonNullable<UserRecord['identifiers']>[number];
type ChannelRecord = NonNullable<UserRecord['channels']>[number];

interface UserRow {
  id: string;
  kind: (typeof USER_KINDS)[number];
  externalId: Buffer;
  profile: Buffer;
  metadata: Buffer;
  signedUpAt: string | null;
  lastActiveAt: string | null;
  deactivatedAt: string | null;
}
interface IdentifierRow {
  id: string;
  userId: string;
  type: (typeof IDENTIFIER_TYPES)[number];
  value: Buffer;
  verifiedAt: string | null;
}
interface ChannelRow {
  id: string;
  userId: string;
  channel: string;
  externalId: Buffer;
  displayName: Buffer | null;
  raw: Buffer | null;
  status: string | null;
  linkedAt: string | null;
  lastSeenAt: string | null;
}

/** What a record holds at most of each; more of them take a further record of the same person. */
const A_RECORD = 64;
const LONGEST_IDENTIFIER = 256;

/** What the person's accounts hold besides. */
const RAW_BYTES =
  'coalesce((select sum(octet_length(c.raw)) from channel_identities c where c.tenant_id = $1 and c.user_id = users.id), 0)';

/** People, with what they can be found by and their accounts on other channels. */
export const USERS: Records<UserRow> = {
  read: async ({ db, scope }, { appId }, after) =>
    (await db.query(
      boundedPage({
        list: `id, kind, external_id as "externalId", profile, metadata, ${isoTime('signed_up_at')} as "signedUpAt", ${isoTime('last_active_at')} as "lastActiveAt",
         ${isoTime('deactivated_at')} as "deactivatedAt"`,
        from: 'from users where tenant_id = $1 and app_id = $2 and id > $3 and erased_at is null',
        order: 'id',
        limit: 1000,
        bytes: `${bytesOf(['profile', 'metadata'])} + ${RAW_BYTES}`,
      }),
      [scope.tenantId, appId, after],
    )) as UserRow[],
  tell: async ({ db, scope, system }, walk, rows) => {
    const ids = rows.map((row) => row.id);
    const open = opener(scope.tenantId, await subjectKeys(system.keys, db, scope.tenantId, ids));
    const identifiers = grouped(
      (await db.query(
        `select id, user_id as "userId", type, value, ${isoTime('verified_at')} as "verifiedAt" from identifiers where tenant_id = $1 and user_id = any ($2) order by id`,
        [scope.tenantId, ids],
      )) as IdentifierRow[],
      (row) => row.userId,
    );
    const channels = grouped(
      (await db.query(
        `select id, user_id as "userId", channel, external_id as "externalId", display_name as "displayName", raw, status, ${isoTime('linked_at')} as "linkedAt",
           ${isoTime('last_seen_at')} as "lastSeenAt" from channel_identities where tenant_id = $1 and user_id = any ($2) order by id`,
        [scope.tenantId, ids],
      )) as ChannelRow[],
      (row) => row.userId,
    );
    return rows.flatMap((row) => {
      const externalId = open(row.id, 'users.external_id', row.id, row.externalId);
      if (externalId === undefined) return [];
      const profile = JSON.parse(open(row.id, 'users.profile', row.id, row.profile)!) as NonNullable<UserRecord['profile']>;
      const accounts = (channels.get(row.id) ?? []).map((one) => channelRecord(one, open));
      const known = identifiersBeyond({ externalId, profile, accounts }, identifiers.get(row.id) ?? [], open);
      const tellable = known.filter(({ value }) => value.length <= LONGEST_IDENTIFIER);
      if (tellable.length < known.length)
        leaveOut(walk, 'identifiers longer than 256 characters', known.length - tellable.length);
      const record: UserRecord = present({
        type: 'user' as const,
        externalId,
        kind: row.kind,
        profile,
        metadata: JSON.parse(open(row.id, 'users.metadata', row.id, row.metadata)!) as Record<string, never>,
        signedUpAt: toIso(row.signedUpAt),
        lastActiveAt: toIso(row.lastActiveAt),
        deactivatedAt: toIso(row.deactivatedAt),
      });
      return split(record, tellable, accounts);
    });
  },
};

type Open = ReturnType<typeof opener>;

function channelRecord(row: ChannelRow, open: Open): ChannelRecord {
  const raw = open(row.userId, 'channel_identities.raw', row.id, row.raw);
  return present({
    channel: row.channel,
    externalId: open(row.userId, 'channel_identities.external_id', row.id, row.externalId)!,
    displayName: open(row.userId, 'channel_identities.display_name', row.id, row.displayName),
    status: row.status,
    raw: raw === undefined ? undefined : (JSON.parse(raw) as Record<string, never>),
    linkedAt: toIso(row.linkedAt),
    lastSeenAt: toIso(row.lastSeenAt),
  }) as ChannelRecord;
}

/** The identifiers that do not follow from the rest of the record: docs/ndjson.md asks not to repeat those. */
function identifiersBeyond(
  {
    externalId,
    profile,
    accounts,
  }: { externalId: string; profile: NonNullable<UserRecord['profile']>; accounts: ChannelRecord[] },
  rows: readonly IdentifierRow[],
  open: Open,
): IdentifierRecord[] {
  const names = [profile.displayName, profile.handle, [profile.givenName, profile.surname].filter(Boolean).join(' ')];
  const following = new Set([
    `EXTERNAL_ID/${externalId}`,
    `EMAIL/${profile.email}`,
    `PHONE/${profile.phone}`,
    ...names.map((name) => `NAME/${name}`),
    ...accounts.map((account) => `${account.channel.toUpperCase()}/${account.externalId}`),
  ]);
  return rows
    .map(
      (row) =>
        present({
          type: row.type,
          value: open(row.userId, 'identifiers.value', row.id, row.value)!,
          verifiedAt: toIso(row.verifiedAt),
        }) as IdentifierRecord,
    )
    .filter(({ type, value, verifiedAt }) => verifiedAt || !following.has(`${type}/${value}`));
}

function split(record: UserRecord, identifiers: readonly IdentifierRecord[], channels: readonly ChannelRecord[]): UserRecord[] {
  const records: UserRecord[] = [];
  for (let from = 0; from === 0 || from < Math.max(identifiers.length, channels.length); from += A_RECORD) {
    const some = { identifiers: identifiers.slice(from, from + A_RECORD), channels: channels.slice(from, from + A_RECORD) };
    records.push({
      ...record,
      ...(some.identifiers.length && { identifiers: some.identifiers }),
      ...(some.channels.length && { channels: some.channels }),
    });
  }
  return records;
}
