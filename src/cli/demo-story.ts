import { verifyLog } from '../audit/verifier.ts';
import { exportLog } from '../audit/export.ts';
import { sealNow } from '../audit/sealer.ts';
import { newestCheckpoint } from '../audit/stored-tree.ts';
import { openSigner } from '../audit/signer.ts';
import { inScope } from '../scope/in-scope.ts';
import { systemScope } from '../scope/scope.ts';
import type { System } from '../system.ts';

/** Who acts in the story, each with a token of their role. */
export interface Cast {
  tenantId: string;
  integrator: { kid: string; token: string };
  officer: { kid: string; token: string };
  auditor: { kid: string; token: string };
  approver: { kid: string; token: string };
  admin: { kid: string; token: string };
  provider: { kid: string; token: string };
}

export interface Story {
  personToken: string;
  residual: number;
  auditEntries: number;
  auditVerified: boolean;
}

type Say = (line: string) => void;
type Ask = (token: string, query: string, variables?: Record<string, unknown>) => Promise<Record<string, never>>;

function asker(url: string): Ask {
  return async (token, query, variables = {}) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: Record<string, never>; errors?: { message: string }[] };
    if (errors?.length) throw new Error(`The demo's own query failed: ${errors.map((error) => error.message).join('; ')}`);
    return data;
  };
}

const FIND = 'query ($value: String!) { findSubject(type: EMAIL, value: $value) { matches { user { id } } } }';

async function find(ask: Ask, token: string, email: string): Promise<string> {
  const data = (await ask(token, FIND, { value: email })) as unknown as { findSubject: { matches: { user: { id: string } }[] } };
  const id = data.findSubject.matches[0]?.user.id;
  if (!id) throw new Error('The demo cannot find its own person.');
  return id;
}

interface Followed {
  status: string;
  artefact: { id: string; size: number; manifest: { counts?: Record<string, number> } } | null;
  counts: { name: string; count: number }[];
  residual: { total: number } | null;
}

/** Asks for a request until it has ended, and says how far it is. */
async function follow(ask: Ask, token: string, id: string, say: Say): Promise<Followed> {
  let last = '';
  for (;;) {
    const data = (await ask(
      token,
      'query ($id: ID!) { request(id: $id) { status done total counts { name count } artefact { id size manifest } residual { total } error } }',
      { id },
    )) as unknown as {
      request: Followed & { done: number; total: number | null; error: string | null };
    };
    const { request } = data;
    if (request.status === 'COMPLETED') return request;
    if (request.status === 'FAILED') throw new Error(`The demo's own request failed: ${request.error}`);
    const now = request.total ? `${request.done} of ${request.total}` : request.status.toLowerCase();
    if (now !== last) say(`  … ${now}`);
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function download(ask: Ask, token: string, artefactId: string): Promise<number> {
  const { createDownloadLink: link } = (await ask(token, 'mutation ($id: ID!) { createDownloadLink(artefactId: $id) { url } }', {
    id: artefactId,
  })) as unknown as { createDownloadLink: { url: string } };
  const response = await fetch(link.url);
  if (!response.ok) throw new Error(`The download answered ${response.status}.`);
  return (await response.arrayBuffer()).byteLength;
}

async function readOwn(
  ask: Ask,
  cast: Cast,
  userId: string,
): Promise<{ token: string; name: string; held: number; messages: number }> {
  const { issueToken: issued } = (await ask(
    cast.integrator.token,
    'mutation ($kid: ID!, $user: ID!) { issueToken(kid: $kid, level: USER, userId: $user) { token } }',
    {
      kid: cast.integrator.kid,
      user: userId,
    },
  )) as unknown as { issueToken: { token: string } };
  const data = (await ask(
    issued.token,
    '{ me { profile { displayName } messages(first: 3) { edges { node { body } } } } whatIsHeld { category count } }',
  )) as unknown as {
    me: { profile: { displayName: string }; messages: { edges: unknown[] } };
    whatIsHeld: { category: string; count: number }[];
  };
  const held = data.whatIsHeld.reduce((sum, row) => sum + row.count, 0);
  return {
    token: issued.token,
    name: data.me.profile.displayName,
    held,
    messages: data.whatIsHeld.find((row) => row.category === 'messages')?.count ?? 0,
  };
}

async function verify(system: System, tenantId: string): Promise<{ entries: number; ok: boolean }> {
  const signer = await openSigner(system.config.keys);
  const checkpoint = await inScope(system, systemScope(tenantId, 'demo'), ({ db }) => newestCheckpoint(db, tenantId));
  await sealNow(system, signer, tenantId);
  const lines: string[] = [];
  await inScope(system, systemScope(tenantId, 'demo'), ({ db }) =>
    exportLog(db, tenantId, async (line) => void lines.push(line)),
  );
  async function* text(): AsyncGenerator<string> {
    yield* lines;
  }
  const report = await verifyLog(text(), checkpoint ? [checkpoint] : [], { publicKey: signer.publicKey });
  return { entries: report.entries, ok: report.ok };
}

/** The main job, through the API, with the tokens of those who would do it. */
export async function tellStory(running: { url: string; system: System }, cast: Cast, say: Say): Promise<Story> {
  const ask = asker(running.url);
  const lena = await find(ask, cast.officer.token, 'lena.vogt@brightwater.example');

  const own = await readOwn(ask, cast, lena);
  say(`${own.name} reads their own data with a user token: ${own.held} rows are held, ${own.messages} of them messages`);

  const inline = await ask(cast.integrator.token, 'query ($user: ID!) { personData(userId: $user, others: OWN) }', {
    user: lena,
  });
  say(`An integrator takes ${own.name}'s data as JSON, inline: ${(JSON.stringify(inline).length / 1024).toFixed(0)} kB`);

  const { requestPortability: asked } = (await ask(
    cast.integrator.token,
    'mutation ($user: ID!) { requestPortability(userId: $user, format: CSV, encrypted: true) { request { id } password } }',
    { user: lena },
  )) as unknown as { requestPortability: { request: { id: string }; password: string } };
  say('… and as a package of CSV files, AES-256, whose password is shown once:');
  const packed = await follow(ask, cast.integrator.token, asked.request.id, say);
  const bytes = await download(ask, cast.integrator.token, packed.artefact!.id);
  say(`  downloaded ${(bytes / 1024).toFixed(0)} kB by a link that works once; password ${asked.password}`);

  const { eraseUser: erasure } = (await ask(
    cast.officer.token,
    'mutation ($user: ID!) { eraseUser(userId: $user, ground: CONSENT_WITHDRAWN) { id unreadableAt } }',
    { user: lena },
  )) as unknown as { eraseUser: { id: string; unreadableAt: string } };
  say(`A privacy officer erases ${own.name}: unreadable since ${erasure.unreadableAt}`);
  const erased = await follow(ask, cast.officer.token, erasure.id, say);
  const residual = erased.residual?.total ?? -1;
  say(`  gone: ${erased.counts.map(({ name, count }) => `${count} ${name}`).join(', ')}`);
  say(`  the residual scan finds ${residual} of them in rows, files, jobs and the audit log`);

  const audit = await verify(running.system, cast.tenantId);
  say(
    `The audit log verifies from an older checkpoint: ${audit.entries} entries, ${audit.ok ? 'none changed' : 'NOT as they were'}`,
  );

  const joost = await readOwn(ask, cast, await find(ask, cast.officer.token, 'joost.terpstra@brightwater.example'));
  if (residual !== 0 || !audit.ok) throw new Error('The demo did not end as it should.');
  return { personToken: joost.token, residual, auditEntries: audit.entries, auditVerified: audit.ok };
}
