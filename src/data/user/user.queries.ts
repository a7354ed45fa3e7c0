import { arrayOf } from '../../database/arrays.ts';
import { Refusal } from '../../errors.ts';
import { blindIndex } from '../../keys/blind-index.ts';
import { requireTenantKey, subjectKeys } from '../../keys/keyring.ts';
import { SealBroken, unsealText } from '../../keys/sealed-value.ts';
import type { BatchLoad, RequestScope, Soon } from '../../scope/context.ts';
import type { Session } from '../../scope/in-scope.ts';
import { fewIds, shareable } from '../../scope/shared-reads.ts';
import type { IdentifierTypeName } from '../kinds.ts';
import { notFound, requireId } from '../not-found.ts';
import { place } from '../place.ts';
import { direction, within, type Window } from '../page.ts';
import { short } from '../sealed-field.ts';
import type { ChannelIdentity, Identifier, Person, Profile, SubjectSearch, User } from './user.entity.ts';

const COLUMNS = `u.id, u.app_id as "appId", u.kind, u.signed_up_at as "signedUpAt", u.last_active_at as "lastActiveAt", u.deactivated_at as "deactivatedAt",
  u.restricted_at as "restrictedAt", u.external_id as "sealedExternalId", u.profile as "sealedProfile", ${short('u.metadata')} as "sealedMetadata"`;

/**
 * People of the scope by id. A user token finds itself only: that rows of others may be open to it by now, for their names, must make
 * no difference here.
 */
export const loadUsers = shareable<User>(fewIds, async ({ db, scope }, ids) => {
  const own = scope.level === 'user' ? ids.filter((id) => id === scope.userId) : ids;
  const rows = (await db.query(
    `select ${COLUMNS} from users u where u.tenant_id = $1 and u.id = any ($2) and u.erased_at is null`,
    [scope.tenantId, arrayOf('uuid', own)],
  )) as User[];
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => found.get(id));
});

/** The person of an id that a caller gave. */
export async function requireUser(request: RequestScope, text: string): Promise<User> {
  const user = await request.loader(loadUsers).load(requireId(text, 'user'));
  if (!user) throw notFound('user');
  return user;
}

/**
 * May this token read content? `self:read` is enough for a person's own token only: an app's token may hold it to pass it on. A person
 * who was erased reads nothing more, whatever their token says.
 */
export async function requireReader(request: RequestScope): Promise<void> {
  const { level, permissions, userId } = request.scope;
  if (!permissions.has(level === 'user' ? 'self:read' : 'data:read'))
    throw new Refusal('FORBIDDEN', 'This token does not hold data:read.');
  if (level === 'user') await requireUser(request, userId ?? '');
}

export async function pageOfUsers({ db, scope }: Session, window: Window): Promise<User[]> {
  return (await db.query(
    `select ${COLUMNS} from users u where u.tenant_id = $1 and ${within(window, 'u.id', 2)} and u.erased_at is null order by u.id ${direction(window)} limit $4`,
    [scope.tenantId, window.lower, window.upper, window.limit],
  )) as User[];
}

/** What a profile says is opened once for as long as its key is in memory: the same few people write most of what is read. */
const opened = new WeakMap<Buffer, { sealed: Uint8Array; name: string | null }>();

function nameIn(sealed: Buffer, key: Buffer, tenantId: string, id: string): string | null {
  const known = opened.get(key);
  if (known && sealed.equals(known.sealed)) return known.name;
  const { displayName, handle } = JSON.parse(unsealText(key, place(tenantId, id, 'users.profile', id), sealed)) as Profile;
  const name = displayName ?? handle ?? null;
  // A copy: as a piece of a larger buffer it would keep the whole of it.
  opened.set(key, { sealed: new Uint8Array(sealed), name });
  return name;
}

/**
 * People as a chat shows them: the only way to anybody's name that is not one's own. The ids are those that rows open to this scope hold,
 * never ids that a caller gave. Somebody without a row or without a key was erased.
 */
export const displayNames = shareable<Person>(fewIds, async ({ db, scope, system }, ids) => {
  if (scope.level === 'user') await db.query('select enter_people($1)', [ids]);
  const rows = (await db.query('select id, profile from users where tenant_id = $1 and id = any ($2) and erased_at is null', [
    scope.tenantId,
    arrayOf('uuid', ids),
  ])) as { id: string; profile: Buffer }[];
  const profiles = new Map(rows.map((row) => [row.id, row.profile]));
  const keys = await subjectKeys(system.keys, db, scope.tenantId, [...profiles.keys()]);
  return ids.map((id) => {
    const profile = profiles.get(id);
    const key = keys.get(id);
    if (!profile || !key) return { id, name: null, erased: true };
    try {
      return { id, name: nameIn(profile, key, scope.tenantId, id), erased: false };
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      return { id, name: error, erased: false };
    }
  });
});

/** Every id has its person, if only one who was erased. */
export const personOf = (request: RequestScope, id: string | null): Soon<Person | null> =>
  id === null ? null : (request.find(displayNames, id) as Soon<Person>);

/** Has the people of a list loaded before each of its rows asks for its own. */
export const preparePeople = (request: RequestScope, ids: readonly (string | null)[]): Promise<void> =>
  request.prepare(
    displayNames,
    ids.filter((id) => id !== null),
  );

/** Rows of many people, gathered by person. */
function byUser<T extends { userId: string }>(ids: readonly string[], rows: readonly T[]): T[][] {
  const lists = new Map<string, T[]>(ids.map((id) => [id, []]));
  for (const row of rows) lists.get(row.userId)?.push(row);
  return ids.map((id) => lists.get(id)!);
}

export const loadIdentifiers: BatchLoad<Identifier[]> = async ({ db, scope }, ids) =>
  byUser(
    ids,
    (await db.query(
      `select id, user_id as "userId", type, verified_at as "verifiedAt", value as "sealedValue" from identifiers where tenant_id = $1 and user_id = any ($2) order by type, id`,
      [scope.tenantId, ids],
    )) as Identifier[],
  );

export const loadChannels: BatchLoad<ChannelIdentity[]> = async ({ db, scope }, ids) =>
  byUser(
    ids,
    (await db.query(
      `select id, user_id as "userId", channel, status, linked_at as "linkedAt", last_seen_at as "lastSeenAt", external_id as "sealedExternalId",
         display_name as "sealedDisplayName", ${short('raw')} as "sealedRaw" from channel_identities where tenant_id = $1 and user_id = any ($2) order by channel, id`,
      [scope.tenantId, ids],
    )) as ChannelIdentity[],
  );

const MOST_MATCHES = 200;

/** Whom an identifier names, by blind index: the value itself is nowhere to be searched. */
export async function findSubject(
  { db, scope, system }: Session,
  type: IdentifierTypeName,
  value: string,
): Promise<SubjectSearch> {
  const index = blindIndex(await requireTenantKey(system.keys, db, scope.tenantId), type, value);
  const rows = (await db.query(
    `select ${COLUMNS}, i.verified_at as "verifiedAt" from identifiers i join users u on u.tenant_id = $1 and u.id = i.user_id
     where i.tenant_id = $1 and i.type = $2 and i.blind_index = $3 and u.erased_at is null order by i.verified_at is null, u.id limit $4`,
    [scope.tenantId, type, index, MOST_MATCHES],
  )) as (User & { verifiedAt: Date | null })[];
  return {
    matches: rows.map(({ verifiedAt, ...user }) => ({ user, verified: verifiedAt !== null, verifiedAt })),
    ambiguous: rows.length > 1,
  };
}
