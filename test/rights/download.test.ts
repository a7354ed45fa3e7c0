import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readLinkName } from '../../src/data/artefact/link-name.ts';
import { revokeApiKey } from '../../src/scope/api-key.service.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { brightwater, type Company } from './brightwater.ts';
import { finished, linkTo, requestOf } from './support.ts';

let world: World;
let company: Company;
let artefact: { id: string; size: number; sha256: string; fileName: string };
beforeAll(async () => {
  world = await openWorld();
  company = await brightwater(world);
  artefact = (await finished(officer(), await requestOf(officer(), 'requestAccess', company.ada))).artefact;
});
afterAll(() => world.close());

const officer = (): Ask => world.as({ tenant: company.tenant, role: 'PRIVACY_OFFICER' });
const get = (url: string, headers: Record<string, string> = {}) => world.server.inject({ url, headers });
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const codeOf = (response: { json: <T>() => T }): string | undefined =>
  response.json<{ errors: { extensions: { code: string } }[] }>().errors[0]?.extensions.code;

async function laterBy<T>(minutes: number, act: () => Promise<T>): Promise<T> {
  world.clock.offset += minutes * 60_000;
  try {
    return await act();
  } finally {
    world.clock.offset -= minutes * 60_000;
  }
}

test('a link downloads the file once, as an attachment that names nobody and is kept nowhere', async () => {
  const link = await linkTo(officer(), artefact.id);
  const first = await get(link);
  expect(first.statusCode).toBe(200);
  expect(sha256(first.rawPayload)).toBe(artefact.sha256);
  expect(first.headers).toMatchObject({
    'content-type': 'application/zip',
    'content-length': String(artefact.size),
    'content-disposition': `attachment; filename="${artefact.fileName}"`,
    'cache-control': 'no-store',
    'accept-ranges': 'bytes',
  });
  expect(artefact.fileName).toMatch(/^access-\d{4}-\d\d-\d\d-[0-9a-f]{8}\.zip$/);
  const again = await get(link);
  expect([again.statusCode, codeOf(again)]).toEqual([410, 'EXPIRED']);
});

test('a broken download goes on where it broke, with the ETag of its first answer, and only with it', async () => {
  const link = await linkTo(officer(), artefact.id);
  const whole = await get(link);
  const etag = String(whole.headers.etag);
  const half = Math.floor(artefact.size / 2);
  const rest = await get(link, { range: `bytes=${half}-`, 'if-range': etag });
  expect(rest.statusCode).toBe(206);
  expect(rest.headers['content-range']).toBe(`bytes ${half}-${artefact.size - 1}/${artefact.size}`);
  expect(rest.rawPayload.equals(whole.rawPayload.subarray(half))).toBe(true);
  const middle = await get(link, { range: 'bytes=10-19', 'if-range': etag });
  expect(middle.rawPayload.equals(whole.rawPayload.subarray(10, 20))).toBe(true);
  expect((await get(link, { range: `bytes=${artefact.size}-`, 'if-range': etag })).statusCode).toBe(416);

  for (const headers of [
    { range: 'bytes=5-' },
    { range: 'bytes=5-', 'if-range': `"${'x'.repeat(43)}"` },
    { range: 'bytes=5-', 'if-range': 'Wed, 21 Oct 2026 07:28:00 GMT' },
  ] as Record<string, string>[])
    expect((await get(link, headers)).statusCode).toBe(410);
  await laterBy(59, async () => expect((await get(link, { range: 'bytes=5-', 'if-range': etag })).statusCode).toBe(206));
  await laterBy(61, async () => expect((await get(link, { range: 'bytes=5-', 'if-range': etag })).statusCode).toBe(410));
});

test('a HEAD tells the size and leaves the link unopened', async () => {
  const link = await linkTo(officer(), artefact.id);
  const head = await world.server.inject({ method: 'HEAD', url: link });
  expect([head.statusCode, head.headers['content-length'], head.rawPayload.length]).toEqual([200, String(artefact.size), 0]);
  expect((await get(link)).statusCode).toBe(200);
});

test('of two that open a link at once, one gets the file', async () => {
  const link = await linkTo(officer(), artefact.id);
  const codes = (await Promise.all([get(link), get(link), get(link)])).map(({ statusCode }) => String(statusCode));
  expect(codes.sort()).toEqual(['200', '410', '410']);
});

test('a link that was not opened in its minutes opens no more', async () => {
  const link = await linkTo(officer(), artefact.id);
  await laterBy(9, async () => expect((await world.server.inject({ method: 'HEAD', url: link })).statusCode).toBe(200));
  await laterBy(11, async () => expect((await get(link)).statusCode).toBe(410));
});

test('a wrong token, a link that does not exist and a malformed one are answered alike, and open nothing', async () => {
  const link = await linkTo(officer(), artefact.id);
  const [path] = link.split('?') as [string];
  const wrong = [
    `${path}?token=${'a'.repeat(43)}`,
    path,
    `${path}?token=`,
    `${path}?token=a&token=b`,
    `/artefacts/${'A'.repeat(43)}?token=x`,
    '/artefacts/x?token=x',
    `/artefacts/${artefact.id}?token=x`,
  ];
  const answers = await Promise.all(wrong.map(async (url) => get(url)));
  for (const answer of answers) expect([answer.statusCode, answer.body]).toEqual([404, answers[0]!.body]);
  expect((await get(link)).statusCode).toBe(200);
});

test.each([
  ['a token of another tenant', async () => ({ tenant: await world.tenant(), role: 'PRIVACY_OFFICER' as const }), 'NOT_FOUND'],
  [
    'a token of another app',
    async () => ({ tenant: company.tenant, app: await world.app(company.tenant), role: 'INTEGRATOR' as const }),
    'NOT_FOUND',
  ],
  ['the token of somebody else', async () => ({ tenant: company.tenant, app: company.app, user: company.ben }), 'NOT_FOUND'],
  ['an approver', async () => ({ tenant: company.tenant, role: 'LEGAL_APPROVER' as const }), 'FORBIDDEN'],
])('%s makes no link to a file', async (_, who, code) => {
  expect(
    (await world.as(await who())('mutation ($id: ID!) { createDownloadLink(artefactId: $id) { url } }', { id: artefact.id }))
      .codes,
  ).toEqual([code]);
});

test('the person themselves may download a package that somebody else asked for', async () => {
  const ask = world.as({ tenant: company.tenant, app: company.app, user: company.ada });
  expect(sha256((await get(await linkTo(ask, artefact.id))).rawPayload)).toBe(artefact.sha256);
});

test('a package that names others is not for the person to download', async () => {
  const id = await requestOf(officer(), 'requestAccess', company.ada, 'others: FULL reason: "a court order"');
  const { artefact: named } = await finished(officer(), id);
  const ask = world.as({ tenant: company.tenant, app: company.app, user: company.ada });
  const refused = await ask('mutation ($id: ID!) { createDownloadLink(artefactId: $id) { url } }', { id: named.id });
  expect(refused.codes).toEqual(['FORBIDDEN']);
  expect((await get(await linkTo(officer(), named.id))).statusCode).toBe(200);
});

test('expiry runs by itself when a worker starts', async () => {
  for (let tries = 0; tries < 100; tries += 1) {
    const [job] = await world.sql(`select state from jobs.job where name = 'expiry' order by created_on limit 1`);
    if (job?.['state'] === 'completed') return;
    await pause(100);
  }
  throw new Error('The expiry job did not run.');
});

test('a link made by a token whose key was revoked since opens nothing', async () => {
  const who = { tenant: company.tenant, role: 'PRIVACY_OFFICER' as const, permissions: ['rights:request' as const] };
  const link = await linkTo(world.as(who), artefact.id);
  const { kid } = await world.key(who);
  await inScope(world.system, { ...world.cli, tenantId: company.tenant }, (session) => revokeApiKey(session, kid));
  expect((await get(link)).statusCode).toBe(404);
});

test('a link made by a token that was denied since opens nothing, nor does a download of it go on', async () => {
  const token = await world.token({ tenant: company.tenant, role: 'PRIVACY_OFFICER' });
  const [fresh, begun] = [await linkTo(world.as(token), artefact.id), await linkTo(world.as(token), artefact.id)];
  const first = await get(begun);
  expect(first.statusCode).toBe(200);
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { jti: string };
  const deny = 'mutation ($jti: ID!) { denyToken(jti: $jti) }';
  expect((await world.as({ tenant: company.tenant, role: 'TENANT_ADMIN' })(deny, { jti })).codes).toEqual([]);
  expect((await get(fresh)).statusCode).toBe(404);
  expect((await get(begun, { range: 'bytes=1-', 'if-range': String(first.headers['etag']) })).statusCode).toBe(404);
});

test('each download is in the audit log, with the range and who made the link; what was refused too; the secrets are nowhere', async () => {
  const link = await linkTo(officer(), artefact.id);
  const token = new URL(link, 'http://localhost').searchParams.get('token')!;
  const etag = String((await get(link)).headers.etag);
  await get(link, { range: 'bytes=5-', 'if-range': etag });
  await get(link);
  const entries = await world.sql(
    `select act, outcome, actor_scope, targets - 'link' as targets from audit_entries where tenant_id = $1 and targets->>'link' = $2 order by id`,
    [company.tenant, readLinkName(link.slice('/artefacts/'.length, link.indexOf('?')))!.linkId],
  );
  const download = { act: 'artefact.downloaded', actor_scope: 'tenant' };
  expect(entries).toEqual([
    { act: 'link.created', outcome: 'DONE', actor_scope: 'tenant', targets: { artefact: artefact.id } },
    { ...download, outcome: 'DONE', targets: { artefact: artefact.id } },
    { ...download, outcome: 'DONE', targets: { artefact: artefact.id, range: 'bytes=5-' } },
    { ...download, outcome: 'DENIED', targets: { artefact: artefact.id, refused: 'EXPIRED' } },
  ]);
  for (const secret of [token, etag.slice(1, -1)])
    expect(
      await world.sql(
        `select 1 from download_links l where l::text like '%' || $1 || '%' union all select 1 from audit_entries where body like '%' || $1 || '%'`,
        [secret],
      ),
    ).toEqual([]);
});

test('once the person was erased nobody downloads their package, over a link made before or a new one', async () => {
  const other = await brightwater(world);
  const ask = world.as({ tenant: other.tenant, role: 'PRIVACY_OFFICER' });
  const { artefact: file } = await finished(ask, await requestOf(ask, 'requestAccess', other.ada));
  const [before, opened] = [await linkTo(ask, file.id), await linkTo(ask, file.id)];
  const etag = String((await get(opened)).headers.etag);
  const erased = await ask('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', { id: other.ada });
  expect(erased.codes).toEqual([]);
  expect([404, 410]).toContain((await get(before)).statusCode);
  expect([404, 410]).toContain((await get(opened, { range: 'bytes=5-', 'if-range': etag })).statusCode);
  expect((await ask('mutation ($id: ID!) { createDownloadLink(artefactId: $id) { url } }', { id: file.id })).codes).toEqual([
    'EXPIRED',
  ]);
  await finished(ask, erased.data.eraseUser.id);
});
