import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HOLDINGS } from '../../src/data/holdings.ts';
import { runImport } from '../../src/intake/import.service.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import { debianDatabase, debianServerThere, type DebianDatabase } from '../support/debian-server.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { downloadZip, finished } from '../rights/support.ts';

const DATA = process.env['HABEAS_TEST_DATA'] ?? resolve(import.meta.dirname, '../../../shared/data');
const ARCHIVE = join(DATA, 'slack-houstondatavis.tar.xz');
const PERSON = 'U061A1R2R';

const missing = [existsSync(ARCHIVE) || ARCHIVE, debianServerThere || "Debian's postgresql-15"].filter((found) => found !== true);
if (missing.length) console.warn(`SKIPPED: the real export is not erased in this run: ${missing.join(' and ')} is not there.`);

interface Profile {
  id: string;
  name: string;
  real_name?: string;
  profile: Record<string, unknown> & { email?: string };
}

/** The rows of every holding, as text, by table; `except` leaves out rows that name this id. */
async function rowsOf(world: World, except: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { table, key } of HOLDINGS) {
    const rows = await world.sql(
      `select t::text as row from ${table} t where position($1 in t::text) = 0 order by ${key.join(', ')}`,
      [except],
    );
    found.set(
      table,
      rows.map(({ row }) => row as string),
    );
  }
  return found;
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

(missing.length ? describe.skip : describe)('a real person of a real export', () => {
  let folder: string;
  let database: DebianDatabase;
  let world: World;
  let officer: Ask;
  let integrator: Ask;
  let app: string;
  let person: Profile;
  let names: string[];
  let personId: string;
  let before: Map<string, string[]>;
  let others: Map<string, string>;

  const exportedApp = async (): Promise<Map<string, Buffer>> => {
    const { data, messages } = await integrator('mutation ($app: ID!) { exportApp(appId: $app) { id } }', { app });
    expect(messages).toEqual([]);
    const request = await finished(integrator, data.exportApp.id);
    expect(request.status).toBe('COMPLETED');
    return downloadZip(world, integrator, request.artefact.id);
  };
  /** Each line of the app's NDJSON by what it is: to compare what other people's data was and is. */
  const linesOf = (entries: Map<string, Buffer>): Record<string, unknown>[] =>
    [...entries]
      .filter(([name]) => name.endsWith('.ndjson'))
      .flatMap(([, content]) =>
        content
          .toString('utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      );
  const nameOf = (line: Record<string, unknown>): string =>
    [line['type'], line['conversation'], line['externalId'], line['user'], line['reference']].join('/');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'habeas-real-'));
    execFileSync('tar', ['xJf', ARCHIVE, '-C', folder]);
    const users = (await filesUnder(folder)).find((path) => path.endsWith('users.json'))!;
    person = (JSON.parse(readFileSync(users, 'utf8')) as Profile[]).find(({ id }) => id === PERSON)!;
    // Their full name and handle. A first name alone is many people's.
    names = [person.name, person.real_name, person.profile['real_name'], person.profile['display_name']].filter(
      (name): name is string => typeof name === 'string' && name.length > 3,
    );
    database = await debianDatabase();
    world = await openWorld({ database });
    const tenant = await world.tenant();
    app = await world.app(tenant);
    await runImport(world.system, { ...world.cli, tenantId: tenant }, app, importSlack, folder);
    officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
    integrator = world.as({ tenant, app, role: 'INTEGRATOR' });
    personId = await world.userId(tenant, app, PERSON);
  }, 120_000);
  afterAll(async () => {
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('is found by their e-mail address', async () => {
    const { data } = await officer(
      'query ($value: String!) { findSubject(type: EMAIL, value: $value) { matches { user { id } } } }',
      { value: person.profile.email },
    );
    expect(data.findSubject.matches.map((match: { user: { id: string } }) => match.user.id)).toEqual([personId]);
  });

  test('is handed their 298 content messages in context', async () => {
    const { data } = await officer('mutation ($user: ID!) { requestAccess(userId: $user, format: JSON) { request { id } } }', {
      user: personId,
    });
    const request = await finished(officer, data.requestAccess.request.id);
    const entries = await downloadZip(world, officer, request.artefact.id);
    const document = JSON.parse(entries.get('data.json')!.toString('utf8')) as {
      data: { messages: { kind: string }[] };
      context: { messages: unknown[] };
    };
    expect(document.data.messages.filter(({ kind }) => ['TEXT', 'ACTION', 'FILE'].includes(kind)).length).toBe(298);
    expect(document.context.messages.length).toBeGreaterThan(0);
  });

  test('is erased with nothing left, while everybody else stays as they were', async () => {
    others = new Map(linesOf(await exportedApp()).map((line) => [nameOf(line), JSON.stringify(line)]));
    before = await rowsOf(world, personId);
    const { data, messages } = await officer(
      'mutation ($user: ID!) { eraseUser(userId: $user, ground: CONSENT_WITHDRAWN) { id } }',
      { user: personId },
    );
    expect(messages).toEqual([]);
    const request = await finished(officer, data.eraseUser.id);
    expect(request.status).toBe('COMPLETED');
    const { data: scanned } = await officer(
      'query ($id: ID!) { request(id: $id) { residual { total findings { place kind count } } } }',
      { id: request.id },
    );
    expect(scanned.request.residual).toEqual({ total: 0, findings: [] });
    const after = await rowsOf(world, personId);
    for (const [table, rows] of before) {
      const left = new Set(after.get(table));
      // A sealed text that mentions them is unchanged too: the mention is a token. Marks on their own messages went with those.
      const lost = rows.filter((row) => !left.has(row));
      if (['users', 'identifiers', 'messages', 'participants', 'conversations', 'calls'].includes(table))
        expect({ table, lost: lost.length }).toEqual({ table, lost: 0 });
    }
  }, 120_000);

  test('stands nowhere in a full export of the app, outside what other people typed', async () => {
    const lines = linesOf(await exportedApp());
    const whole = lines.map((line) => JSON.stringify(line)).join('\n');
    expect(whole).not.toContain(PERSON);
    expect(whole.toLowerCase()).not.toContain(person.profile.email!.toLowerCase());
    const untyped = lines
      .map((line) => JSON.stringify({ ...line, body: undefined }))
      .join('\n')
      .toLowerCase();
    for (const name of names) expect(untyped).not.toContain(name.toLowerCase());
    const kept = lines.filter((line) => line['kind'] !== 'TOMBSTONE' && line['type'] !== 'header');
    const changed = kept.filter((line) => {
      const was = others.get(nameOf(line));
      if (was === JSON.stringify(line)) return false;
      return !was || withoutThem(JSON.parse(was) as never) !== withoutThem(line as never);
    });
    // Only the number: what a failure prints must not quote anybody.
    expect(changed.length).toBe(0);
  });

  test('stands nowhere in a dump of the database, nor in the file store', async () => {
    const dump = (await database.dump()).toLowerCase();
    const stored = (await Promise.all((await filesUnder(world.config.files)).map((path) => readFile(path, 'latin1'))))
      .join('\n')
      .toLowerCase();
    for (const trace of [PERSON, person.profile.email!, ...names].map((text) => text.toLowerCase())) {
      expect(dump.split(trace).length - 1).toBe(0);
      expect(stored.split(trace).length - 1).toBe(0);
    }
    const hex = Buffer.from(PERSON).toString('hex');
    expect(dump).not.toContain(hex);
  });
});

/** A record as it reads without the person: mentions of them, their reactions, their part in a conversation, what answered them. */
function withoutThem(record: {
  mentions?: string[];
  reactions?: { user: string }[];
  participants?: { user: string }[];
  body?: string;
  attachments?: { uploader?: string }[];
}): string {
  const plain: Record<string, unknown> = {
    ...record,
    mentions: (record.mentions ?? []).filter((id) => id !== PERSON),
    reactions: (record.reactions ?? []).filter(({ user }) => user !== PERSON),
    participants: (record.participants ?? []).filter(({ user }) => user !== PERSON),
    attachments: (record.attachments ?? []).filter(({ uploader }) => uploader !== PERSON),
    body: record.body?.replaceAll(`<@${PERSON}>`, '@erased user'),
  };
  return JSON.stringify(Object.fromEntries(Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1))));
}
