import { place } from '../data/place.ts';
import type { SealedColumn } from '../data/place.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { unsealText } from '../keys/sealed-value.ts';
import type { Session } from '../scope/in-scope.ts';
import { distinctNeedles, type Needle, type Needles } from './needles.ts';

/** What of a profile tells who somebody is; the rest of it (locale, title, pronouns) they share with many. */
const TELLING: Readonly<Record<string, string>> = {
  givenName: 'NAME',
  surname: 'NAME',
  displayName: 'NAME',
  handle: 'NAME',
  email: 'EMAIL',
  phone: 'PHONE',
  avatarUrl: 'URL',
};

/** Everything a person is known by, read while their key still opens it. Of somebody whose key is gone (a restored row), their UUID only. */
export async function userNeedles(session: Session, userId: string, deep: boolean): Promise<Needles> {
  const { db, scope, system } = session;
  const key = (await subjectKeys(system.keys, db, scope.tenantId, [userId])).get(userId);
  const needles: Needle[] = [{ kind: 'ID', value: userId }];
  if (key) {
    const rows = async (sql: string): Promise<{ id: string; kind: string; value: Buffer | null; name?: Buffer | null }[]> =>
      (await db.query(sql, [scope.tenantId, userId])) as {
        id: string;
        kind: string;
        value: Buffer | null;
        name?: Buffer | null;
      }[];
    const open = (column: SealedColumn, row: string, value: Buffer): string =>
      unsealText(key, place(scope.tenantId, userId, column, row), value);
    const add = (kind: string, column: SealedColumn, row: string, value: Buffer | null | undefined): void => {
      if (value) needles.push({ kind, value: open(column, row, value) });
    };
    const [user] = (await db.query('select external_id, profile from users where tenant_id = $1 and id = $2', [
      scope.tenantId,
      userId,
    ])) as { external_id: Buffer; profile: Buffer }[];
    add('EXTERNAL_ID', 'users.external_id', userId, user?.external_id);
    const profile = user ? (JSON.parse(open('users.profile', userId, user.profile)) as Record<string, unknown>) : {};
    for (const [field, kind] of Object.entries(TELLING))
      if (typeof profile[field] === 'string') needles.push({ kind, value: profile[field] });
    for (const row of await rows('select id, type as kind, value from identifiers where tenant_id = $1 and user_id = $2'))
      add(row.kind, 'identifiers.value', row.id, row.value);
    for (const row of await rows(
      'select id, channel as kind, external_id as value, display_name as name from channel_identities where tenant_id = $1 and user_id = $2',
    )) {
      add(row.kind, 'channel_identities.external_id', row.id, row.value);
      add('NAME', 'channel_identities.display_name', row.id, row.name);
    }
    for (const row of await rows(
      `select id, 'REFERENCE' as kind, reference as value from business_links where tenant_id = $1 and user_id = $2`,
    ))
      add(row.kind, 'business_links.reference', row.id, row.value);
  }
  return { needles: distinctNeedles(needles), conversations: deep ? await conversationsOf(session, userId) : [] };
}

/** Where they take part, where they wrote, also to customers, and where they are mentioned. */
async function conversationsOf({ db, scope }: Session, userId: string): Promise<string[]> {
  const rows = (await db.query(
    `select conversation_id as id from participants where tenant_id = $1 and user_id = $2 union select conversation_id from messages where tenant_id = $1 and subject_id = $2
     union select conversation_id from messages where tenant_id = $1 and author_id = $2 and author_id <> subject_id
     union select conversation_id from mentions where tenant_id = $1 and user_id = $2`,
    [scope.tenantId, userId],
  )) as { id: string }[];
  return rows.map((row) => row.id);
}
