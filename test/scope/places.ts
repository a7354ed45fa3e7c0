import type { RawRecord } from '../../src/intake/records.ts';
import type { World } from '../support/world.ts';

export const USERS = 12;

export interface Place {
  tenant: string;
  app: string;
  token: string;
  users: string[];
  conversation: string;
}
/** People of one app who wrote in one group; the names say which app it is. */
export function group(name: string): RawRecord[] {
  const users = Array.from({ length: USERS }, (_, i) => `${name}-u${i}`);
  return [
    ...users.map((externalId): RawRecord => ({ type: 'user', externalId, profile: { displayName: `${externalId} name` } })),
    { type: 'conversation', externalId: name, kind: 'PUBLIC_GROUP', name, participants: users.map((user) => ({ user })) },
    ...Array.from({ length: USERS * 4 }, (_, i): RawRecord => {
      const author = users[i % USERS]!;
      const sentAt = new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString();
      return { type: 'message', externalId: `m${i}`, conversation: name, author, sentAt, body: `${author} says ${i}` };
    }),
  ];
}

export async function openPlace(world: World, tenant: string, name: string): Promise<Place> {
  const app = await world.app(tenant, name);
  await world.ingest(tenant, app, group(name));
  const users = await Promise.all(Array.from({ length: USERS }, (_, i) => world.userId(tenant, app, `${name}-u${i}`)));
  const [row] = await world.sql('select id from conversations where tenant_id = $1 and app_id = $2', [tenant, app]);
  return { tenant, app, token: await world.token({ tenant, app }), users, conversation: String(row!['id']) };
}
