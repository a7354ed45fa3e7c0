import { setTimeout as pause } from 'node:timers/promises';
import type { RawRecord } from '../../src/intake/records.ts';
import { LONG, until } from './site.ts';
import type { World } from '../support/world.ts';

/** What callers were told is done, kept outside of everything that is killed. */
export interface Acknowledged {
  /** External ids of messages that `ingest` answered for, with their author's. */
  messages: Map<string, string>;
  requests: Set<string>;
  /** External ids of people whose erasure was accepted. */
  erased: Set<string>;
  refused: number;
  failed: number;
}

export interface Load {
  acknowledged: Acknowledged;
  /** Where to ask from now on; undefined while nobody serves. */
  url: string | undefined;
  stop(): Promise<void>;
}

interface Caller {
  token: string;
  query: string;
  variables: Record<string, unknown>;
}

const INGEST =
  'mutation ($appId: ID, $records: [JSON!]!) { ingest(appId: $appId, records: $records) { counts { what created } skipped { reason } } }';
const ACCESS = 'mutation ($id: ID!) { made: requestAccess(userId: $id, format: JSON) { request { id } } }';
const ERASE = 'mutation ($id: ID!) { made: eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }';

/** Callers that never rest: two feed messages in, one asks for packages, one erases. What fails they ask again later, as a platform would. */
export async function startLoad(world: World, tenant: string, app: string, random: () => number): Promise<Load> {
  const acknowledged: Acknowledged = { messages: new Map(), requests: new Set(), erased: new Set(), refused: 0, failed: 0 };
  const [integrator, officer] = await Promise.all([
    world.token({ tenant, app, role: 'INTEGRATOR' }),
    world.token({ tenant, role: 'PRIVACY_OFFICER' }),
  ]);
  const load: Load = { acknowledged, url: undefined, stop: async () => undefined };
  let stopped = false;
  // oxlint-disable-next-line no-explicit-any -- a test names the shape it expects
  const ask = async ({ token, query, variables }: Caller): Promise<any> => {
    try {
      if (!load.url) return undefined;
      const response = await fetch(load.url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
        signal: AbortSignal.timeout(30_000),
      });
      const body = (await response.json()) as { data?: unknown; errors?: unknown[] };
      if (body.errors) acknowledged.refused += 1;
      return body.errors ? undefined : body.data;
    } catch {
      acknowledged.failed += 1;
      return undefined;
    }
  };
  const known: { externalId: string; id: string }[] = [];
  let people = 0;
  let sent = 0;
  // In `npm test` other tests run beside it.
  const pace = LONG ? 1 : 4;
  const feed = async (): Promise<void> => {
    await pause(pace * 30 * random());
    const externalId = `l${(people += 1)}`;
    const names = Array.from({ length: 20 }, () => `s${(sent += 1)}`);
    const records: RawRecord[] = [
      { type: 'user', externalId, profile: { displayName: `Load ${externalId}` } },
      { type: 'conversation', externalId: `c-${externalId}`, kind: 'PERSONAL', participants: [{ user: externalId }] },
      ...names.map((name): RawRecord => ({
        type: 'message',
        externalId: name,
        conversation: `c-${externalId}`,
        author: externalId,
        sentAt: '2026-01-01T00:00:00Z',
        body: `words of ${externalId}`,
      })),
    ];
    // Whoever gets no answer sends the same again, until there is one.
    while (!stopped) {
      const data = await ask({ token: integrator, query: INGEST, variables: { appId: app, records } });
      if (data) {
        for (const name of names) acknowledged.messages.set(name, externalId);
        // The database may be away for this process, too.
        const id = await until(() => world.userId(tenant, app, externalId).catch(() => undefined), 'nobody of this external id');
        known.push({ externalId, id });
        return;
      }
      await pause(50 + random() * 200);
    }
  };
  const rights = async (query: string, take: boolean): Promise<void> => {
    // An erasure looks through all that is held: asked for as often as packages, they would be worked on for longer than the load lasts.
    await pause((take ? 20 : pace) * (100 + random() * 300));
    const at = Math.floor(random() * known.length);
    const one = known[at];
    if (!one || (take && known.length < 5)) return;
    if (take) known.splice(at, 1);
    const data = await ask({ token: officer, query, variables: { id: one.id } });
    const id = data?.made.id ?? data?.made.request?.id;
    if (id) acknowledged.requests.add(id as string);
    // Without an answer it may be erased or not; both are right.
    if (take && (id || data === undefined)) acknowledged.erased.add(one.externalId);
  };
  const forever = async (act: () => Promise<void>): Promise<void> => {
    while (!stopped) await act();
  };
  const callers = Promise.all([
    forever(feed),
    forever(feed),
    forever(() => rights(ACCESS, false)),
    forever(() => rights(ERASE, true)),
  ]);
  load.stop = async () => {
    stopped = true;
    await callers;
  };
  return load;
}

/** Everything that was acknowledged is held exactly once, but for those whose erasure was asked for. */
export async function expectHeld(
  world: World,
  tenant: string,
  app: string,
  { messages, requests, erased }: Acknowledged,
): Promise<void> {
  const rows = (await world.sql(
    `select m.external_id as name, count(*)::int as n from messages m where m.tenant_id = $1 and m.app_id = $2 group by 1`,
    [tenant, app],
  )) as { name: string; n: number }[];
  const held = new Map(rows.map(({ name, n }) => [name, n]));
  const twice = rows.filter(({ n }) => n !== 1);
  if (twice.length) throw new Error(`${twice.length} messages are held twice`);
  const lost = [...messages].filter(([name, author]) => !held.has(name) && !erased.has(author));
  if (lost.length) throw new Error(`${lost.length} acknowledged messages are lost`);
  const found = await world.sql('select id from requests where id = any ($1)', [[...requests]]);
  if (found.length !== requests.size) throw new Error(`${requests.size - found.length} acknowledged requests are lost`);
}
