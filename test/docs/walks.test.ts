import { createHash, createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { signToken } from '../../examples/sign-token.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { fenced, operation } from './guide.ts';

let world: World;
let tenant: string;
let app: string;
let key: { kid: string; secret: string };
let integrator: Ask;
let officer: Ask;

/** The records that the guide shows, as it shows them. */
const RECORDS = JSON.parse(fenced('docs/integrators.md', 'json')[0]!) as { records: { type: string }[] };

beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  key = await world.key({ role: 'INTEGRATOR', tenant, app });
  integrator = world.as(signToken(key, { scope: 'app', tenant, app }, 3600));
  officer = world.as({ role: 'PRIVACY_OFFICER', tenant });
});
afterAll(() => world.close());

/** Asks an operation of examples/operations, and expects no error. */
async function run(ask: Ask, name: string, variables: Record<string, unknown> = {}) {
  const { data, messages } = await ask(operation(name), variables);
  expect([name, messages]).toEqual([name, []]);
  return data;
}

async function ended(ask: Ask, name: string, request: string) {
  for (;;) {
    const { request: found } = await run(ask, name, { request });
    if (found.completedAt || ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'].includes(found.status)) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function download(ask: Ask, artefact: string): Promise<Buffer> {
  const { createDownloadLink: link } = await run(ask, 'create-download-link', { artefact });
  const { pathname, search } = new URL(link.url);
  const answer = await world.server.inject({ method: 'GET', url: pathname + search });
  expect(answer.statusCode).toBe(200);
  return answer.rawPayload;
}

const find = async (ask: Ask, value: string) =>
  (await run(ask, 'find-subject', { type: 'EXTERNAL_ID', value })).findSubject.matches[0].user.id as string;

test("the integrator's walk: feed in, hand a person a token, and they read, take along and delete what is theirs", async () => {
  const fed = await run(integrator, 'ingest', RECORDS);
  expect(fed.ingest.skipped).toEqual([]);
  const again = await run(integrator, 'ingest', RECORDS);
  expect(again.ingest.counts.every(({ created, updated }: { created: number; updated: number }) => created + updated === 0)).toBe(
    true,
  );

  const mara = await find(integrator, 'u-17');
  const { issueToken } = await run(integrator, 'issue-user-token', { kid: key.kid, user: mara });
  const person = world.as(issueToken.token);
  const { me } = await run(person, 'me');
  expect(me.id).toBe(mara);
  const held = await run(person, 'what-is-held');
  expect(held.whatIsHeld).toContainEqual(expect.objectContaining({ category: 'messages', count: 2 }));
  expect((await run(person, 'my-data')).myData.data.messages).toHaveLength(2);
  expect((await run(integrator, 'person-data', { user: mara })).personData.data.messages).toHaveLength(2);

  const { requestPortability: asked } = await run(person, 'request-portability');
  const done = await ended(person, 'follow-request', asked.request.id);
  expect(done).toMatchObject({ status: 'COMPLETED', error: null });
  const zip = await download(person, done.artefact.id);
  expect(createHash('sha256').update(zip).digest('hex')).toBe(done.artefact.sha256);

  await run(integrator, 'ingest', {
    records: [{ type: 'message', externalId: 'm-9', conversation: 'c-u-17', author: 'u-17', sentAt: new Date(), body: 'Oh' }],
  });
  const message = (await run(person, 'me')).me.conversations.edges[0].node.messages.edges[0].node.id;
  expect((await run(person, 'delete-my-message', { message })).deleteMyMessage).toContainEqual({ name: 'messages', count: 1 });

  await run(integrator, 'deny-token', { jti: issueToken.jti, expiresAt: issueToken.expiresAt });
  const { exportApp } = await run(integrator, 'export-app', { app });
  expect((await ended(integrator, 'follow-request', exportApp.id)).status).toBe('COMPLETED');
});

test('a token of a person that the guide shows is signed by the platform itself', async () => {
  const user = await find(integrator, 'u-17');
  const person = world.as(signToken(key, { scope: 'user', tenant, app, user }, 900));
  expect((await run(person, 'me')).me.id).toBe(user);
});

test("the officer's walk: find, preview, hand over, erase, prove", async () => {
  const ester = { type: 'user', externalId: 'u-18', profile: { displayName: 'Ester Ny', email: 'ester.ny@example.org' } };
  const words = { type: 'message', conversation: 'c-team', author: 'agent-2', sentAt: '2026-02-04T09:00:00Z' };
  await run(integrator, 'ingest', {
    records: [
      { ...ester, identifiers: [{ type: 'EMAIL', value: 'ester.ny@example.org', verifiedAt: '2026-01-01T00:00:00Z' }] },
      {
        type: 'conversation',
        externalId: 'c-team',
        kind: 'PRIVATE_GROUP',
        participants: [{ user: 'u-18' }, { user: 'agent-2' }],
      },
      { ...words, externalId: 'm-20', body: 'Ester Ny called about the bike.' },
      { ...words, externalId: 'm-21', body: 'So <@u-18> will call again.', mentions: ['u-18'] },
    ],
  });
  const { findSubject } = await run(officer, 'find-subject', { type: 'EMAIL', value: 'Ester.Ny@example.org' });
  expect(findSubject).toMatchObject({ ambiguous: false, matches: [{ verified: true }] });
  const user = findSubject.matches[0].user.id as string;
  const held = await run(officer, 'what-is-held', { user });
  expect(held.whatIsHeld).toContainEqual(expect.objectContaining({ category: 'mentions', count: 1 }));

  const { requestAccess: asked } = await run(officer, 'request-access', { user });
  expect(asked.password).toMatch(/^[a-z0-9-]{20,}$/);
  const copy = await ended(officer, 'follow-request', asked.request.id);
  expect(copy).toMatchObject({ status: 'COMPLETED', type: 'ACCESS' });
  expect((await download(officer, copy.artefact.id)).subarray(0, 2).toString()).toBe('PK');

  const { eraseUser } = await run(officer, 'erase-user', { user });
  expect(eraseUser.unreadableAt).not.toBeNull();
  await run(officer, 'open-requests');
  const erased = await ended(officer, 'follow-erasure', eraseUser.id);
  expect(erased).toMatchObject({ status: 'COMPLETED', residual: { total: 0, findings: [] }, mentionsInFreeText: { count: 1 } });
  const { messageId: message } = erased.mentionsInFreeText.messages[0];
  expect((await run(officer, 'read-message', { message })).message.body).toBe('Ester Ny called about the bike.');
  const { eraseMessage } = await run(officer, 'erase-message', { message });
  expect((await ended(officer, 'follow-erasure', eraseMessage.id)).status).toBe('COMPLETED');

  const { erasureCertificate: proof } = await run(officer, 'erasure-certificate', { request: eraseUser.id });
  expect(verify(null, Buffer.from(proof.text), createPublicKey(proof.publicKey), Buffer.from(proof.signature, 'base64'))).toBe(
    true,
  );
  const told = await run(officer, 'requests-of', { user });
  expect(told.requests.edges.map(({ node }: { node: { type: string } }) => node.type)).toEqual(['ERASURE', 'ACCESS']);
  const { findSubject: gone } = await run(officer, 'find-subject', { type: 'EMAIL', value: 'ester.ny@example.org' });
  expect(gone.matches).toEqual([]);
});

test("the auditor's walk: read the log, keep a checkpoint, prove an entry", async () => {
  const auditor = world.as({ role: 'AUDITOR', tenant });
  const { sealNow } = await import('../../src/audit/sealer.ts');
  const { openSigner } = await import('../../src/audit/signer.ts');
  await sealNow(world.system, await openSigner(world.config.keys), tenant);
  const { auditLog } = await run(auditor, 'audit-log', { act: 'erasure.completed' });
  const { node } = auditLog.edges[0];
  const { auditCheckpoint } = await run(auditor, 'audit-checkpoint');
  expect(auditCheckpoint.document.size).toBe(auditCheckpoint.size);
  const { auditProof } = await run(auditor, 'audit-proof', { entry: node.id });
  expect(auditProof).toMatchObject({ index: node.leafIndex, size: auditCheckpoint.size, root: auditCheckpoint.document.root });
});
