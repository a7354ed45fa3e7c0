import { idsOf, type Loaded } from '../bed.ts';
import { serveHabeas, servePeer, type Served } from '../child.ts';
import { ask, load, type Target } from '../load.ts';
import { alternate, show, spread } from '../measure.ts';
import { ROWS } from '../options.ts';
import { peerToken, PEER_SECRET } from '../peers/peer-token.ts';
import type { Run } from './workload.ts';

export const POOL = 16;

const OURS = `query ($id: ID!) { user(id: $id) { id profile { displayName } messages(first: 20) { edges { node { id sentAt body author { id displayName } } } } } }`;
const PEER = `query ($tenant: UUID!, $id: UUID!) { userByTenantIdAndRowId(tenantId: $tenant, rowId: $id) { rowId displayName
  messages(first: 20, orderBy: PRIMARY_KEY_DESC) { edges { node { rowId sentAt body author { rowId displayName } } } } } }`;

interface Page {
  messages: { edges: { node: { body: string; author: { displayName: string } | null } }[] };
}

export async function ourTarget(loaded: Loaded, { url }: Served): Promise<Target> {
  const ids = await idsOf(loaded, 'public', loaded.rows.samples);
  return {
    url: `${url}/graphql`,
    headers: { authorization: `Bearer ${loaded.appToken}` },
    bodies: ids.map((id) => JSON.stringify({ query: OURS, variables: { id } })),
  };
}

async function peerTarget(loaded: Loaded, { url }: Served): Promise<Target> {
  const ids = await idsOf(loaded, 'plain', loaded.rows.samples);
  const { tenant, app } = loaded;
  const bodies = ids.map((id) => JSON.stringify({ query: PEER, variables: { tenant, id } }));
  return { url: `${url}/graphql`, headers: { authorization: `Bearer ${peerToken({ tenant, app })}` }, bodies };
}

/** Both sides answer the same people with the same texts by the same authors, or the comparison is void. */
async function compare(ours: Target, peer: Target): Promise<void> {
  const texts = ({ messages }: Page): string =>
    JSON.stringify(messages.edges.map(({ node }) => [node.body, node.author?.displayName]));
  for (let index = 0; index < 20; index++) {
    const { user } = await ask<{ user: Page }>(ours, ours.bodies[index]!);
    const { userByTenantIdAndRowId } = await ask<{ userByTenantIdAndRowId: Page }>(peer, peer.bodies[index]!);
    if (user.messages.edges.length !== 20 || texts(user) !== texts(userByTenantIdAndRowId))
      throw new Error('The two sides do not answer the same.');
  }
}

export const read: Run = async (bed, options, log) => {
  const rows = options.rows ?? ROWS.read;
  const loaded = await bed.loaded({ rows });
  const habeas = await serveHabeas({ ...loaded.environment, HABEAS_POOL_SIZE: String(POOL) }, options.profile);
  const peer = await servePeer('peers/postgraphile.ts', { url: loaded.runtimeUrl, pool: POOL, secret: PEER_SECRET });
  try {
    const targets = { ours: await ourTarget(loaded, habeas), peer: await peerTarget(loaded, peer) };
    await compare(targets.ours, targets.peer);
    for (const target of Object.values(targets)) await load(target, { ...options, seconds: 3 });
    const series = await alternate(
      options.runs,
      [
        { name: 'Habeas', run: () => load(targets.ours, options) },
        { name: 'PostGraphile 5', run: () => load(targets.peer, options) },
      ],
      log,
    );
    const peaks = new Map([
      ['Habeas', habeas.usage().megabytes],
      ['PostGraphile 5', peer.usage().megabytes],
    ]);
    return {
      title: 'Read: a person with their last 20 messages and the authors',
      text: [
        `${rows.toLocaleString('en-US')} messages; ${targets.ours.bodies.length} people in turn; ${options.connections} connections for ${options.seconds} s a run after 3 s to warm up, one process a side, a pool of ${POOL} connections.`,
        'Both verify a token and read under row-level security. Habeas also unseals every text and name, and writes the audit entry before it answers; PostGraphile reads plain text and writes nothing.',
      ],
      head: ['', 'requests/s', 'p50, ms', 'p99, ms', 'peak memory, MB'],
      rows: [...series].map(([name, results]) => [
        name,
        show(spread(results, 'perSecond')),
        show(spread(results, 'p50')),
        show(spread(results, 'p99')),
        String(Math.round(peaks.get(name)!)),
      ]),
    };
  } finally {
    await habeas.close();
    await peer.close();
  }
};
