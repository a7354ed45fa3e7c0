import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { ByteSource, FileStore } from '../../src/artefacts/file-store.ts';
import { ingestWhole, ingest } from '../../src/intake/ingest.service.ts';
import { recordSchema } from '../../src/intake/records.ts';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { storeScope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import type { Ask, World } from '../support/world.ts';
import { expectSound, openSite, person } from './site.ts';

let world: World;
let tenant: string;
let app: string;
let officer: Ask;
beforeAll(async () => {
  world = await openSite();
  tenant = await world.tenant();
  app = await world.app(tenant);
  officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
});
afterAll(() => world?.close());
afterEach(() => expectSound(world, tenant));

const never = new AbortController().signal;
const broken = (): Error => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });

/** The same system on a store that breaks: after so many bytes of a file, or when it is asked to remove one. */
const withStore = (files: Partial<FileStore>): System => ({ ...world.system, files: { ...world.system.files, ...files } });
const breaksAfter = (bytes: number): System => {
  async function* cut(source: ByteSource): AsyncGenerator<Buffer | string> {
    let passed = 0;
    for await (const chunk of source as AsyncIterable<Buffer | string>) {
      passed += Buffer.byteLength(chunk);
      if (passed > bytes) throw broken();
      yield chunk;
    }
  }
  return withStore({ write: (key, source, options) => world.system.files.write(key, cut(source), options) });
};

/** Somebody whose message carries a file, taken in through the given system. */
async function takeIn(system: System, name: string): Promise<void> {
  const content = new Map([['f', async () => Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(10_000, 5)))]]);
  const message = { externalId: `${name}-file`, conversation: `c-${name}`, author: name, sentAt: '2026-03-01T00:00:00Z' };
  const records = [...person(name, 5), { type: 'message', ...message, attachments: [{ externalId: 'f', name: 'f.bin' }] }];
  const items = records.map((record, index) => ({ index, record: recordSchema.parse(record), content }));
  const scope = { ...world.cli, tenantId: tenant };
  await ingestWhole(
    system,
    scope,
    (act) => inScope(system, scope, act),
    (session) => ingest(session, app, items),
  );
}
const run = (name: 'export' | 'erasure', system: System, requestId: string): Promise<void> =>
  HANDLERS[name](system, { requestId, scope: storeScope({ ...world.cli, tenantId: tenant }) }, never);
const asked = async (mutation: string, id: string): Promise<string> => {
  const { data, messages } = await officer(`mutation ($id: ID!) { made: ${mutation} }`, { id });
  expect(messages).toEqual([]);
  return data.made.id ?? data.made.request.id;
};
const stands = async (id: string): Promise<unknown> =>
  (await officer('query ($id: ID!) { request(id: $id) { status error } }', { id })).data.request;

test('a store that breaks while a file is taken in leaves neither file nor rows, and the same again is taken', async () => {
  await expect(takeIn(breaksAfter(100_000), 'taken')).rejects.toThrow('EIO');
  expect(await world.sql(`select 1 from messages where tenant_id = $1`, [tenant])).toEqual([]);
  await takeIn(world.system, 'taken');
  expect(await world.sql(`select 1 from attachments where tenant_id = $1 and stored`, [tenant])).toHaveLength(1);
});

test('a store that breaks while a package is written leaves no half of it, and the next attempt writes it whole', async () => {
  await takeIn(world.system, 'packed');
  const id = await asked(
    'requestAccess(userId: $id, format: JSON) { request { id } }',
    await world.userId(tenant, app, 'packed'),
  );
  await expect(run('export', breaksAfter(200), id)).rejects.toThrow();
  expect(await stands(id)).toMatchObject({ status: 'RUNNING' });
  await run('export', world.system, id);
  expect(await stands(id)).toEqual({ status: 'COMPLETED', error: null });
});

test('a store that breaks while files are removed leaves an erasure open that says so, and the next attempt ends it', async () => {
  await takeIn(world.system, 'removed');
  const id = await asked('eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id }', await world.userId(tenant, app, 'removed'));
  const stuck = withStore({ remove: () => Promise.reject(broken()) });
  await expect(run('erasure', stuck, id)).rejects.toThrow('EIO');
  expect(await stands(id)).toEqual({ status: 'RUNNING', error: expect.stringContaining('is tried again') });
  await run('erasure', world.system, id);
  expect(await stands(id)).toEqual({ status: 'COMPLETED', error: null });
});
