import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readAttachment } from '../../src/data/attachment/attachment.content.ts';
import { runImport } from '../../src/intake/import.service.ts';
import { importNdjson } from '../../src/intake/ndjson.importer.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import type { Importer } from '../../src/intake/records.ts';
import { subjectKeys } from '../../src/keys/keyring.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { all } from '../artefacts/support.ts';
import { comparable } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { download, entriesOf, finished, REQUEST } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const importInto = (tenant: string, app: string, importer: Importer, path: string) =>
  runImport(world.system, { ...world.cli, tenantId: tenant }, app, importer, path);

const EXPORT = `mutation ($app: ID!) { exportApp(appId: $app) { ${REQUEST} } }`;

/** Exports an app as its integrator, and answers the request and the zip. */
async function exportApp(tenant: string, app: string) {
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const asked = await ask(EXPORT, { app });
  expect(asked.codes).toEqual([]);
  const request = await finished(ask, asked.data.exportApp.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null, subjectId: null });
  return { request, zip: await download(world, ask, request.artefact.id) };
}

/** Exports one app, imports that into a new one of another tenant, and answers both. */
async function moved(tenant: string, app: string) {
  const { zip, request } = await exportApp(tenant, app);
  const path = join(world.home, `${app}.zip`);
  await writeFile(path, zip);
  const there = { tenant: await world.tenant('There'), app: '' };
  there.app = await world.app(there.tenant);
  const report = await importInto(there.tenant, there.app, importNdjson, path);
  expect(report).toMatchObject({ skipped: { total: 0 }, warnings: { total: 0 } });
  return { there, request, zip };
}

/** The SHA-256 of what the files of an app hold in clear, by name. */
async function contents(tenant: string, app: string): Promise<Record<string, string>> {
  const rows = (await world.sql(
    'select id, external_id, size, coalesce(subject_id, conversation_id) as owner from attachments where tenant_id = $1 and app_id = $2 and stored',
    [tenant, app],
  )) as {
    id: string;
    external_id: string;
    size: string;
    owner: string;
  }[];
  const found: Record<string, string> = {};
  for (const { id, external_id, size, owner } of rows) {
    const key = (
      await inScope(world.system, { ...world.cli, tenantId: tenant }, ({ db }) =>
        subjectKeys(world.system.keys, db, tenant, [owner]),
      )
    ).get(owner)!;
    found[external_id] = (
      await all(await readAttachment(world.system.files, key, { tenantId: tenant, id, size: Number(size) }))
    ).toString('base64');
  }
  return found;
}

test.each([
  ['a helpdesk with customers, calls, deliveries, business links and files', importNdjson, 'examples/brightwater-support.ndjson'],
  ['a company chat with channels, threads, edits, reactions and direct messages', importSlack, 'examples/brightwater-slack'],
])('an app exported and imported again holds the same: %s', async (_, importer, path) => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await importInto(tenant, app, importer, path);
  const { there, request } = await moved(tenant, app);
  const before = await comparable(world, tenant, app);
  expect(Object.values(before).flat().length).toBeGreaterThan(300);
  expect(await comparable(world, there.tenant, there.app)).toEqual(before);
  expect(await contents(there.tenant, there.app)).toEqual(await contents(tenant, app));
  expect(request.counts).toContainEqual({ name: 'user', count: before['users']!.length });
  expect(request.counts).toContainEqual({ name: 'message', count: before['messages']!.length });
  expect(request).toMatchObject({ artefact: { manifest: { leftOut: {} } } });
});

test('what is hard to say twice comes over too: microseconds, many channels, unknown parents, literal mentions, tombstones, uploaders', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const accounts = Array.from({ length: 60 }, (_, n) => ({
    channel: 'forum',
    externalId: `ada-${n}`,
    ...(n % 2 ? {} : { raw: { n }, displayName: 'A' }),
  }));
  await world.ingest(tenant, app, [
    {
      type: 'user',
      externalId: 'ada',
      profile: { displayName: 'Ada', email: 'Ada@example.org' },
      channels: accounts,
      identifiers: [{ type: 'EMAIL', value: 'ada@example.org', verifiedAt: '2025-01-01T00:00:00.123456Z' }],
    },
    { type: 'user', externalId: 'ada', channels: accounts.map((account) => ({ ...account, channel: 'board' })) },
    { type: 'user', externalId: 'a>b', kind: 'BOT', deactivatedAt: '2025-02-01T00:00:00Z' },
    { type: 'user', externalId: 'agent', kind: 'AGENT' },
    {
      type: 'conversation',
      externalId: 'c1',
      kind: 'PUBLIC_GROUP',
      name: 'général',
      participants: [{ user: 'ada', role: 'owner', joinedAt: '2025-01-01T00:00:00.000001Z' }],
    },
    { type: 'conversation', externalId: 'c2', kind: 'PERSONAL', participants: [{ user: 'agent' }, { user: 'ada' }] },
    {
      type: 'message',
      externalId: 'm1',
      conversation: 'c1',
      author: 'ada',
      sentAt: '2026-01-01T00:00:00.000200Z',
      editedAt: '2026-01-02T00:00:00.5Z',
      body: '<@a>b> <@ada> <@agent> <\\@x> "\\',
      mentions: ['a>b', 'ada'],
      metadata: { a: [null, 1.5, 'ü'] },
    },
    {
      type: 'message',
      externalId: 'm2',
      conversation: 'c1',
      author: 'a>b',
      sentAt: '2026-01-01T00:00:01Z',
      body: '<@019b76da-a800-70de-9e00-08de579a5486>',
      replyTo: 'm1',
      attachments: [{ externalId: 'f1', name: 'x.txt', uploader: 'ada', url: 'https://example.org/x' }],
    },
    {
      type: 'message',
      externalId: 'm3',
      conversation: 'c1',
      author: 'ada',
      sentAt: '2026-01-01T00:00:02Z',
      replyTo: 'never-seen',
      mentions: ['agent'],
      body: 'none',
    },
    {
      type: 'message',
      externalId: 'm4',
      conversation: 'c1',
      sentAt: '2026-01-01T00:00:03Z',
      kind: 'SYSTEM',
      body: 'nobody wrote this',
    },
    {
      type: 'message',
      externalId: 'm5',
      conversation: 'c2',
      author: 'agent',
      sentAt: '2026-01-01T00:00:04Z',
      body: 'hello',
      direction: 'OUTBOUND',
      campaignId: 'spring',
    },
    { type: 'message', externalId: 'm6', conversation: 'c2', sentAt: '2026-01-01T00:00:05Z', kind: 'TOMBSTONE' },
    { type: 'reaction', conversation: 'c1', message: 'm1', user: 'agent', emoji: '👍', reactedAt: '2026-01-01T00:00:09.000009Z' },
    { type: 'messageDeletion', conversation: 'c1', externalId: 'm3' },
    {
      type: 'delivery',
      externalId: 'd1',
      user: 'ada',
      conversation: 'c2',
      message: 'm5',
      channel: 'sms',
      source: '+1',
      destination: '+2',
      status: 'read',
      at: '2026-01-01T00:00:10Z',
    },
  ]);
  const { there, zip } = await moved(tenant, app);
  expect(await comparable(world, there.tenant, there.app)).toEqual(await comparable(world, tenant, app));
  const exact = `select to_char(sent_at, 'US') as us, to_char(edited_at, 'US') as edited from messages where tenant_id = $1 and external_id = 'm1'`;
  expect(await world.sql(exact, [there.tenant])).toEqual([{ us: '000200', edited: '500000' }]);

  const entries = await entriesOf(zip);
  const lines = entries
    .get('data.ndjson')!
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; channels?: unknown[] });
  expect(lines[0]).toMatchObject({ type: 'header', schema: 'habeas-native/1' });
  expect(lines.filter(({ type }) => type === 'user').map(({ channels }) => channels?.length ?? 0)).toEqual([64, 56, 0, 0]);
  const kinds = lines.map(({ type }) => type);
  expect([...new Set(kinds)]).toEqual(['header', 'user', 'conversation', 'message', 'delivery']);
});

test('an export holds nobody who was erased, and is deleted when somebody in it is', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'ada', profile: { displayName: 'Ada' } },
    { type: 'user', externalId: 'ben', profile: { displayName: 'Ben' } },
    { type: 'conversation', externalId: 'c1', kind: 'PUBLIC_GROUP', participants: [{ user: 'ada' }, { user: 'ben' }] },
    {
      type: 'message',
      externalId: 'm1',
      conversation: 'c1',
      author: 'ada',
      sentAt: '2026-01-01T00:00:00Z',
      body: 'hello <@ben>',
      mentions: ['ben'],
    },
    { type: 'message', externalId: 'm2', conversation: 'c1', author: 'ben', sentAt: '2026-01-01T00:00:01Z', body: 'secret' },
    { type: 'call', externalId: 'k1', initiator: 'ben', startedAt: '2026-01-01T00:00:01Z', participants: [{ user: 'ada' }] },
  ]);
  const first = await exportApp(tenant, app);
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const ben = await world.userId(tenant, app, 'ben');
  const erased = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', { id: ben });
  expect(erased.codes).toEqual([]);
  await finished(officer, erased.data.eraseUser.id);
  const integrator = world.as({ tenant, app, role: 'INTEGRATOR' });
  expect((await finished(integrator, first.request.id)).artefact.deletedAt).not.toBeNull();
  expect(
    (await integrator('mutation ($id: ID!) { createDownloadLink(artefactId: $id) { url } }', { id: first.request.artefact.id }))
      .codes,
  ).toEqual(['EXPIRED']);

  const { zip, request } = await exportApp(tenant, app);
  const text = (await entriesOf(zip)).get('data.ndjson')!.toString();
  expect(text).toContain('hello @erased user');
  expect(text).not.toMatch(/ben|secret/i);
  expect(request.artefact.manifest).toMatchObject({ leftOut: { 'calls whose initiator was erased': 1 } });
});

test.each([
  ['an app of another tenant', { other: true }],
  ['another app of the tenant', { sibling: true }],
])('%s is not there to be exported', async (_, { other, sibling }: { other?: boolean; sibling?: boolean }) => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const ask = other
    ? world.as({ tenant: await world.tenant(), role: 'TENANT_ADMIN' })
    : world.as({ tenant, app: await world.app(tenant), role: 'INTEGRATOR' });
  expect(sibling ?? other).toBe(true);
  expect((await ask(EXPORT, { app })).codes).toEqual(['NOT_FOUND']);
});

test('a privacy officer exports no app', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  expect((await world.as({ tenant, role: 'PRIVACY_OFFICER' })(EXPORT, { app })).codes).toEqual(['FORBIDDEN']);
});
