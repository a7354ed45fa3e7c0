import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { subjectKeys } from '../../src/keys/keyring.ts';
import { replayErasures } from '../../src/rights/erasure/replay.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { debianDatabase, debianServerThere, type DebianDatabase } from '../support/debian-server.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { buildHabeas, type BuiltHabeas, type HabeasProcess } from './processes.ts';
import { restore } from './restored.ts';
import { environmentOf, until } from './site.ts';

if (!debianServerThere)
  console.warn('SKIPPED: no PostgreSQL 15 of Debian with its pg_dump here, so nothing was looked for in dumps and data files.');

/** Words that are nowhere else in the world; each is one thing that is known of one person. */
const canary = (what: string): string => `zq${what}${randomBytes(9).toString('hex')}`;
const CANARIES = {
  name: canary('name'),
  email: `${canary('mail')}@mail.example`,
  externalId: canary('ext'),
  text: canary('text'),
  fileContent: canary('content'),
  fileName: canary('file'),
  destination: canary('dest'),
  channel: canary('chan'),
  conversation: canary('conv'),
  reference: canary('ref'),
  metadata: canary('meta'),
};

(debianServerThere ? describe : describe.skip)('after an erasure', () => {
  let database: DebianDatabase;
  let world: World;
  let habeas: BuiltHabeas;
  let server: HabeasProcess;
  let temporary: string;
  let ask: Ask;
  let tenant: string;
  let app: string;
  let user: string;
  let logs = '';
  /** The person's keys as they were held, and as they are used. */
  let wrapped: Buffer[];
  let raw: Buffer;
  let before: { data: string; keys: string };

  beforeAll(async () => {
    [habeas, database] = await Promise.all([buildHabeas(), debianDatabase()]);
    world = await openWorld({ database, work: false });
    temporary = await mkdtemp(join(tmpdir(), 'habeas-canaries-'));
    await mkdir(join(temporary, 'tmp'));
    const environment = { ...environmentOf(world), HABEAS_LOG_LEVEL: 'debug', TMPDIR: join(temporary, 'tmp') };
    tenant = await world.tenant();
    app = await world.app(tenant);
    await importPerson(environment);
    server = habeas.start(['serve'], environment);
    const [, url] = await server.until(/Habeas serves (\S+)\/graphql/);
    ask = through(`${url}/graphql`, await world.token({ tenant, role: 'PRIVACY_OFFICER' }));
    user = await world.userId(tenant, app, CANARIES.externalId);
  }, 180_000);
  afterAll(async () => {
    await habeas?.remove();
    await world?.close();
    if (temporary) await rm(temporary, { recursive: true, force: true });
  });

  async function importPerson(environment: Record<string, string>): Promise<void> {
    const folder = join(temporary, 'in');
    await mkdir(folder);
    const { name, email, externalId, text, fileContent, fileName, destination, channel, conversation, reference, metadata } =
      CANARIES;
    const records = [
      {
        type: 'user',
        externalId,
        profile: { displayName: name, email },
        metadata: { note: metadata },
        channels: [{ channel: 'WHATSAPP', externalId: channel }],
      },
      { type: 'user', externalId: 'other', profile: { displayName: 'Somebody Else' } },
      { type: 'conversation', externalId: 'c', kind: 'PERSONAL', name: conversation, participants: [{ user: externalId }] },
      {
        type: 'message',
        externalId: 'm1',
        conversation: 'c',
        author: externalId,
        sentAt: '2026-01-01T00:00:00Z',
        body: text,
        attachments: [{ externalId: 'f', name: fileName, path: 'content.bin' }],
      },
      {
        type: 'delivery',
        externalId: 'd',
        user: externalId,
        message: 'm1',
        channel: 'sms',
        destination,
        status: 'SENT',
        at: '2026-01-01T00:00:00Z',
      },
      { type: 'businessLink', user: externalId, system: 'helpdesk', reference },
    ];
    await writeFile(join(folder, 'all.ndjson'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    await writeFile(join(folder, 'content.bin'), `${fileContent}\n`.repeat(5000));
    const importing = habeas.start(['import', 'ndjson', folder, '--tenant', tenant, '--app', app], environment);
    expect([await importing.ended, importing.log()]).toEqual([0, '']);
    logs += importing.log() + importing.output();
    await rm(folder, { recursive: true });
  }

  const ended = (id: string): Promise<unknown> =>
    until(
      async () => (await world.sql(`select 1 from requests where id = $1 and status = 'COMPLETED'`, [id])).length,
      'the request did not end',
    );

  /** Files of the folder that hold any of the values, each with the names of those. */
  async function holding(folder: string, values: Record<string, Buffer>): Promise<string[]> {
    const found: string[] = [];
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const content = await readFile(path).catch(() => Buffer.alloc(0));
      for (const [name, value] of Object.entries(values)) if (content.includes(value)) found.push(`${path}: ${name}`);
    }
    return found;
  }

  /** The words as they are, and as they would be in other spellings. */
  const spellings = (): Record<string, Buffer> =>
    Object.fromEntries(
      Object.entries(CANARIES).flatMap(([name, value]) => [
        [name, Buffer.from(value)],
        [`${name} in hex`, Buffer.from(Buffer.from(value).toString('hex'))],
        [`${name} in base64`, Buffer.from(Buffer.from(value.slice(0, 21)).toString('base64'))],
        [`${name} in UTF-16`, Buffer.from(value, 'utf16le')],
      ]),
    );
  const dataFolder = async (): Promise<string> => (await world.sql('show data_directory'))[0]!['data_directory'] as string;

  test('the person is found before it, so that what is looked for can be found', async () => {
    const { data } = await ask(
      'query ($value: String!) { findSubject(type: EMAIL, value: $value) { matches { user { id } } } }',
      {
        value: CANARIES.email,
      },
    );
    expect(data.findSubject.matches).toEqual([{ user: { id: user } }]);
    const { data: asked } = await ask('mutation ($id: ID!) { requestAccess(userId: $id, format: JSON) { request { id } } }', {
      id: user,
    });
    await ended(asked.requestAccess.request.id);
    const { data: bad, codes } = await ask(`query ($value: String!) { nothing(${CANARIES.name}: $value) }`, {
      value: CANARIES.text,
    });
    expect([bad, codes.length]).toEqual([undefined, 1]);
    const rows = await world.sql(
      'select wrapped from keys.subject_keys where tenant_id = $1 and subject_id in (select $2::uuid union all select id from conversations where subject_id = $2 union all select id from artefacts)',
      [tenant, user],
    );
    wrapped = rows.map((row) => row['wrapped'] as Buffer);
    expect(wrapped.length).toBeGreaterThanOrEqual(2);
    raw = await inScope(world.system, { ...world.cli, tenantId: tenant }, async ({ db }) =>
      Buffer.from((await subjectKeys(world.system.keys, db, tenant, [user])).get(user)!),
    );
    before = { data: await database.dump('--exclude-schema=keys'), keys: await database.dump('--schema=keys') };
    expect(before.data).toContain(user);
    expect(before.keys).toContain(wrapped[0]!.toString('hex'));
    expect(before.data).not.toContain(wrapped[0]!.toString('hex'));
  }, 60_000);

  test('nothing of what was known of them is in dump, data files, WAL, file store, logs or temporary folders', async () => {
    const { data, messages } = await ask('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', {
      id: user,
    });
    expect(messages).toEqual([]);
    await ended(data.eraseUser.id);
    await server.end('SIGTERM');
    logs += server.log() + server.output();
    for (const statement of ['checkpoint', 'select pg_switch_wal()', 'checkpoint']) await world.sql(statement);
    const values = { ...spellings(), 'the raw key': raw, 'the raw key in hex': Buffer.from(raw.toString('hex')) };
    const data15 = await dataFolder();
    for (const folder of [data15, dirname(data15), world.home, temporary]) expect(await holding(folder, values)).toEqual([]);
    const dump = await database.dump();
    for (const [name, value] of Object.entries(values)) {
      expect([name, dump.includes(value.toString('utf8'))]).toEqual([name, false]);
      expect([name, logs.includes(value.toString('utf8'))]).toEqual([name, false]);
    }
    expect(logs.length).toBeGreaterThan(0);
  }, 60_000);

  test('their wrapped keys are in no row and no dump; the pages that held them are clear once the table is rewritten', async () => {
    const dump = await database.dump();
    for (const key of wrapped) expect(dump).not.toContain(key.toString('hex'));
    const values = Object.fromEntries(wrapped.map((key, nth) => [`key ${nth}`, key]));
    const data15 = await dataFolder();
    const where = async (): Promise<string[]> =>
      [...new Set((await holding(data15, values)).map((path) => (path.includes('/pg_wal/') ? 'WAL' : 'pages')))].sort();
    const report: Record<string, string[]> = { 'after the erasure': await where() };
    await world.sql('vacuum keys.subject_keys');
    await world.sql('checkpoint');
    report['after vacuum'] = await where();
    await world.sql('vacuum full keys.subject_keys');
    for (const statement of ['checkpoint', 'select pg_switch_wal()', 'checkpoint']) await world.sql(statement);
    report['after vacuum full'] = await where();
    console.log(`wrapped keys of the erased: ${JSON.stringify(report)}`);
    // docs/security-model.md says what stays until when: the log that the database recycles by itself.
    expect(report['after vacuum full']!.filter((place) => place !== 'WAL')).toEqual([]);
  }, 60_000);

  /** What the restored database answers about the person, to somebody who may ask everything. */
  async function answers(restored: World): Promise<string> {
    const officer = restored.as({ tenant, role: 'PRIVACY_OFFICER' });
    const asked = await officer(
      `query ($id: ID!) { user(id: $id) { id profile { displayName email } messages(first: 10) { edges { node { id body } } } } }`,
      { id: user },
    );
    return JSON.stringify(asked);
  }
  const open = async (name: string, dumps: string[]): Promise<World> =>
    openWorld({
      work: false,
      database: await restore(database, name, dumps),
      environment: { HABEAS_KEYS: world.config.keys, HABEAS_FILES: world.config.files },
    });

  test('a backup from before, restored under the keys of today, does not open, and a replay erases them again', async () => {
    const restored = await open('restored', [await database.dump('--schema=keys'), before.data]);
    try {
      const [held] = await restored.sql('select count(*)::int as n from messages where subject_id = $1', [user]);
      expect(held).toEqual({ n: 1 });
      const answer = await answers(restored);
      for (const value of Object.values(CANARIES)) expect(answer).not.toContain(value);
      const scope = { ...restored.cli, tenantId: tenant };
      expect(
        await inScope(
          restored.system,
          scope,
          async ({ db }) => (await subjectKeys(restored.system.keys, db, tenant, [user])).size,
        ),
      ).toBe(0);
      expect(await replayErasures(restored.system, scope)).toMatchObject({ lines: 1, replayed: [expect.any(String)] });
      for (const table of [
        'users where id',
        'messages where subject_id',
        'delivery_records where user_id',
        'identifiers where user_id',
      ])
        expect([table, ...(await restored.sql(`select 1 from ${table} = $1`, [user]))]).toEqual([table]);
    } finally {
      await restored.close();
    }
  }, 120_000);

  test('a backup of the keys from before opens it all again: this is why it is kept apart, and for days only', async () => {
    const restored = await open('restored_with_keys', [before.keys, before.data]);
    try {
      const answer = await answers(restored);
      expect(answer).toContain(CANARIES.text);
      expect(answer).toContain(CANARIES.name);
      const scope = { ...restored.cli, tenantId: tenant };
      // Until the replay, which reads the ledger in the file store: the database of then knows nothing of the erasure.
      expect(await replayErasures(restored.system, scope)).toMatchObject({ replayed: [expect.any(String)] });
      const after = await answers(restored);
      for (const value of Object.values(CANARIES)) expect(after).not.toContain(value);
    } finally {
      await restored.close();
    }
  }, 120_000);
});

/** Asks over HTTP. */
function through(url: string, token: string): Ask {
  return async (query, variables = {}) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as { data?: never; errors?: { message: string; extensions?: { code?: string } }[] };
    return {
      status: response.status,
      data: body.data!,
      codes: (body.errors ?? []).map((error) => error.extensions?.code ?? 'none'),
      messages: (body.errors ?? []).map((error) => error.message),
    };
  };
}
