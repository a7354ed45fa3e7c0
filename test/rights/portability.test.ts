import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { unescapeCell } from '../../src/artefacts/formula.ts';
import { openWorld, type World } from '../support/world.ts';
import { brightwater, type Company } from './brightwater.ts';
import { download, downloadZip, entriesOf, finished, requestOf } from './support.ts';

const run = promisify(execFile);

let world: World;
let company: Company;
beforeAll(async () => {
  world = await openWorld();
  company = await brightwater(world);
});
afterAll(() => world.close());

const PORTABILITY =
  'mutation ($user: ID!, $format: PackageFormat!, $encrypted: Boolean) { requestPortability(userId: $user, format: $format, encrypted: $encrypted) { password request { id } } }';

async function packageOf(format: string, encrypted = false) {
  const ask = world.as({ tenant: company.tenant, app: company.app, role: 'INTEGRATOR' });
  const asked = await ask(PORTABILITY, { user: company.ada, format, encrypted });
  expect(asked.codes).toEqual([]);
  const { password, request } = asked.data.requestPortability;
  return { ask, password: password as string | null, request: await finished(ask, request.id) };
}

test('JSON, NDJSON and CSV hold the same rows, and the manifest tells size and SHA-256 of each entry', async () => {
  const json = await packageOf('JSON');
  const jsonEntries = await downloadZip(world, json.ask, json.request.artefact.id);
  const document = JSON.parse(jsonEntries.get('data.json')!.toString());
  const rows: [string, Record<string, unknown>][] = [
    ...Object.entries(document.data),
    ...Object.entries(document.context).map(([name, list]) => [`context-${name}`, list]),
  ].flatMap(([name, list]) =>
    (list as Record<string, unknown>[]).map((row): [string, Record<string, unknown>] => [name as string, row]),
  );
  expect(rows.length).toBeGreaterThan(15);
  expect(Object.keys(document.data)).not.toContain('mentions');
  expect(document).not.toHaveProperty('about');

  const ndjson = await packageOf('NDJSON');
  const lines = (await downloadZip(world, ndjson.ask, ndjson.request.artefact.id))
    .get('data.ndjson')!
    .toString()
    .trim()
    .split('\n');
  expect(JSON.parse(lines[0]!)).toMatchObject({ category: 'package', subject: company.ada, others: 'CONTEXT' });
  expect(lines.slice(1).map((line) => JSON.parse(line) as unknown)).toEqual(
    rows.map(([category, row]) => ({ category, ...row })),
  );

  const csv = await packageOf('CSV');
  const csvEntries = await downloadZip(world, csv.ask, csv.request.artefact.id);
  const cells = rows.map(([name, row]) => [
    name,
    Object.values(row).map((value) =>
      value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value as string),
    ),
  ]);
  const read = [...csvEntries]
    .filter(([name]) => name.endsWith('.csv'))
    .flatMap(([name, content]) => {
      const [, ...lists] = parse(content, { bom: true }) as string[][];
      return lists.map((list) => [name.replace('.csv', ''), list.map(unescapeCell)]);
    });
  expect(read).toEqual(cells);
  expect(csvEntries.get('messages.csv')!.toString()).toContain(`'=HYPERLINK`);

  for (const [entries, { request }] of [
    [jsonEntries, json],
    [csvEntries, csv],
  ] as const) {
    const manifest = JSON.parse(entries.get('manifest.json')!.toString());
    expect([...entries.keys()].at(-1)).toBe('manifest.json');
    expect(manifest.entries.map(({ name }: { name: string }) => name)).toEqual([...entries.keys()].slice(0, -1));
    for (const { name, size, sha256 } of manifest.entries) {
      expect(entries.get(name)!.length).toBe(size);
      expect(createHash('sha256').update(entries.get(name)!).digest('hex')).toBe(sha256);
    }
    expect(manifest).toMatchObject({
      schema: 'habeas-package/1',
      subject: company.ada,
      others: 'CONTEXT',
      encrypted: false,
      counts: { messages: document.data.messages.length },
    });
    expect(request.artefact.manifest).toMatchObject({
      ...manifest,
      entries: manifest.entries.filter(({ name }: { name: string }) => !name.startsWith('files/')),
    });
    expect(request.counts).toContainEqual({ name: 'messages', count: document.data.messages.length });
    expect(request.done).toBe(request.total);
  }
  expect(JSON.parse(csvEntries.get('manifest.json')!.toString()).notes.join()).toContain('apostrophe');
});

test('the files of the person are in the package, named by their rows', async () => {
  const { ask, request } = await packageOf('JSON');
  const entries = await downloadZip(world, ask, request.artefact.id);
  const { attachments } = JSON.parse(entries.get('data.json')!.toString()).data;
  expect(attachments).toHaveLength(2);
  const [stored, described] = attachments;
  expect(described).toMatchObject({ name: 'elsewhere.txt', stored: false, file: null });
  expect(stored).toMatchObject({ name: '../my: photo.txt', stored: true, file: `files/${stored.id}-.._my_ photo.txt` });
  expect(entries.get(stored.file)!.toString()).toBe(company.photo);
  expect(createHash('sha256').update(company.photo).digest('hex')).toBe(stored.sha256);
});

test('an encrypted package opens with 7-Zip and with bsdtar under the password shown once, and with no other', async () => {
  const { ask, password, request } = await packageOf('CSV', true);
  expect(password).toMatch(/^([a-z2-9]{4}-){6}[a-z2-9]{4}$/);
  const folder = await mkdtemp(join(tmpdir(), 'habeas-portability-'));
  try {
    const zip = join(folder, 'package.zip');
    await writeFile(zip, await download(world, ask, request.artefact.id));
    await run('7z', ['x', `-p${password}`, `-o${join(folder, 'seven')}`, zip]);
    await run('bsdtar', ['--passphrase', password!, '-xf', zip, '-C', folder]);
    const messages = await readFile(join(folder, 'seven', 'messages.csv'), 'utf8');
    expect(messages).toContain('a bicycle');
    expect(await readFile(join(folder, 'messages.csv'), 'utf8')).toBe(messages);
    await expect(run('7z', ['t', '-pwrong', zip])).rejects.toThrow();
    const { stdout } = await run('7z', ['l', zip]);
    expect(stdout).not.toContain('photo');
    const plain = await packageOf('CSV');
    expect((await entriesOf(await download(world, plain.ask, plain.request.artefact.id))).get('messages.csv')!.toString()).toBe(
      messages,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the password is nowhere once the job has run: not on the request, not among the jobs, keys or audit entries', async () => {
  const { password, request } = await packageOf('JSON', true);
  expect((await world.sql('select options from requests where id = $1', [request.id]))[0]).toEqual({
    options: { format: 'JSON', others: 'CONTEXT', encrypted: true },
  });
  expect(await world.sql('select 1 from keys.subject_keys where subject_id = $1', [request.id])).toEqual([]);
  const [found] = await world.sql(
    `select (select count(*)::int from jobs.job where data::text like '%' || $1 || '%') + (select count(*)::int from audit_entries where body like '%' || $1 || '%')
       + (select count(*)::int from requests where requests::text like '%' || $1 || '%') + (select count(*)::int from artefacts where artefacts::text like '%' || $1 || '%') as found`,
    [password],
  );
  expect(found).toEqual({ found: 0 });
});

test('small answers come at once, in the same shape, to the integrator and to the person', async () => {
  const { ask, request } = await packageOf('JSON');
  const document = JSON.parse((await downloadZip(world, ask, request.artefact.id)).get('data.json')!.toString());
  const answered = await ask('query ($user: ID!) { personData(userId: $user) }', { user: company.ada });
  expect(answered).toMatchObject({ codes: [] });
  expect(answered.data.personData).toEqual({ ...document, madeAt: expect.any(String) as unknown });
  const own = await world.as({ tenant: company.tenant, app: company.app, user: company.ada })('{ myData }');
  expect(own).toMatchObject({ codes: [] });
  expect(own.data.myData.data).toEqual(document.data);
  expect(
    await world.sql(`select act, actor_scope from audit_entries where tenant_id = $1 and act = 'portability.read' order by id`, [
      company.tenant,
    ]),
  ).toEqual([
    { act: 'portability.read', actor_scope: 'app' },
    { act: 'portability.read', actor_scope: 'user' },
  ]);
});

test('an answer of more than 1,000 rows is refused, and says what to ask for instead', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const message = (n: number) => ({
    type: 'message' as const,
    externalId: `m${n}`,
    conversation: 'c',
    author: 'u',
    sentAt: '2026-01-01T00:00:00Z',
    body: `${n}`,
  });
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u' },
    { type: 'conversation', externalId: 'c', kind: 'PUBLIC_GROUP', participants: [{ user: 'u' }] },
    // The person, their external id, their place in the conversation and the conversation are four rows.
    ...Array.from({ length: 996 }, (_, n) => message(n)),
  ]);
  const ask = world.as({ tenant, app, user: await world.userId(tenant, app, 'u') });
  const full = await ask('{ myData }');
  expect(full.codes).toEqual([]);
  expect(full.data.myData.data.messages).toHaveLength(996);
  await world.ingest(tenant, app, [message(996)]);
  const refused = await ask('{ myData }');
  expect(refused.codes).toEqual(['LIMIT_EXCEEDED']);
  expect(refused.messages.join()).toContain('requestPortability');
});

test.each([
  ['a person of another tenant', async () => ({ tenant: await world.tenant(), role: 'TENANT_ADMIN' as const })],
  [
    'a person of another app',
    async () => ({ tenant: company.tenant, app: await world.app(company.tenant), role: 'INTEGRATOR' as const }),
  ],
  ['somebody else, with a user token', async () => ({ tenant: company.tenant, app: company.app, user: company.ben })],
])('%s cannot be asked for', async (_, who) => {
  const ask = world.as(await who());
  expect((await ask(PORTABILITY, { user: company.ada, format: 'JSON' })).codes).toEqual(['NOT_FOUND']);
});

test('what is asked wrongly is refused, and leaves neither request nor job', async () => {
  const before = await world.sql('select (select count(*) from requests) as requests, (select count(*) from jobs.job) as jobs');
  const officer = world.as({ tenant: company.tenant, role: 'PRIVACY_OFFICER' });
  const person = world.as({ tenant: company.tenant, app: company.app, user: company.ada });
  const asked = (rest: string): string => `mutation { requestAccess(format: JSON ${rest}) { request { id } } }`;
  const user = `userId: "${company.ada}"`;
  expect((await officer(asked(''))).codes).toEqual(['INVALID_INPUT']);
  expect((await officer(asked(`${user} others: FULL`))).codes).toEqual(['INVALID_INPUT']);
  expect((await officer(asked(`${user} others: FULL reason: "  "`))).codes).toEqual(['INVALID_INPUT']);
  expect((await officer(asked(`${user} reason: "because"`))).codes).toEqual(['INVALID_INPUT']);
  expect((await officer(asked('userId: "nobody"'))).codes).toEqual(['NOT_FOUND']);
  expect((await person(asked('others: FULL reason: "curious"'))).codes).toEqual(['FORBIDDEN']);
  expect((await world.as({ tenant: company.tenant, role: 'AUDITOR' })(asked(user))).codes).toEqual(['FORBIDDEN']);
  // An app's token may hold self:read to pass it on; for somebody's package it takes rights:request.
  expect((await world.as({ tenant: company.tenant, app: company.app, permissions: ['self:read'] })(asked(user))).codes).toEqual([
    'FORBIDDEN',
  ]);
  expect(await world.sql('select (select count(*) from requests) as requests, (select count(*) from jobs.job) as jobs')).toEqual(
    before,
  );
});

test('requests are listed newest first to whom they concern, page by page', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u' },
    { type: 'user', externalId: 'v' },
  ]);
  const [u, v] = [await world.userId(tenant, app, 'u'), await world.userId(tenant, app, 'v')];
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const ids: string[] = [];
  for (const user of [u, v, u]) ids.unshift(await requestOf(officer, 'requestAccess', user));
  for (const id of ids) await finished(officer, id);
  const LIST =
    'query ($first: Int, $after: String, $userId: ID, $status: RequestStatus) { requests(first: $first, after: $after, userId: $userId, status: $status) { edges { node { id artefact { id } } } pageInfo { hasNextPage endCursor } } }';
  const list = async (ask: typeof officer, variables = {}) => {
    const { data, codes } = await ask(LIST, variables);
    expect(codes).toEqual([]);
    return {
      ids: data.requests.edges.map(({ node }: { node: { id: string } }) => node.id) as string[],
      ...data.requests.pageInfo,
    } as { ids: string[]; hasNextPage: boolean; endCursor: string };
  };
  const first = await list(officer, { first: 2 });
  expect(first).toMatchObject({ ids: ids.slice(0, 2), hasNextPage: true });
  expect(await list(officer, { first: 2, after: first.endCursor })).toMatchObject({ ids: ids.slice(2), hasNextPage: false });
  expect((await list(officer, { userId: v })).ids).toEqual([ids[1]]);
  expect((await list(officer, { status: 'FAILED' })).ids).toEqual([]);
  expect((await list(world.as({ tenant, app, user: v }))).ids).toEqual([ids[1]]);
  expect(
    (await world.as({ tenant, app, user: v })('query ($id: ID!) { request(id: $id) { id } }', { id: ids[0] })).codes,
  ).toEqual(['NOT_FOUND']);
});
