import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { inScope } from '../../src/scope/in-scope.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let ada: { tenant: string; app: string; app2: string; user: string; other: string };
let ben: { tenant: string; app: string };

const STORY = [
  {
    type: 'user',
    externalId: 'u1',
    profile: { displayName: 'Ada', email: 'ada@example.org' },
    identifiers: [{ type: 'EMAIL', value: 'ada@example.org' }],
  },
  { type: 'user', externalId: 'u2', profile: { displayName: 'Ben' } },
  {
    type: 'conversation',
    externalId: 'c1',
    kind: 'PUBLIC_GROUP',
    name: 'general',
    participants: [{ user: 'u1' }, { user: 'u2' }],
  },
  {
    type: 'message',
    externalId: 'm1',
    conversation: 'c1',
    author: 'u1',
    sentAt: '2026-01-01T00:00:00Z',
    body: 'hello <@u2>',
    mentions: ['u2'],
    reactions: [{ user: 'u2', emoji: 'ok' }],
  },
] as const;

beforeAll(async () => {
  world = await openWorld({ work: false });
  const make = async () => {
    const tenant = await world.tenant();
    const app = await world.app(tenant);
    await world.ingest(tenant, app, structuredClone(STORY) as never);
    return { tenant, app };
  };
  const first = await make();
  ada = {
    ...first,
    app2: await world.app(first.tenant),
    user: await world.userId(first.tenant, first.app, 'u1'),
    other: await world.userId(first.tenant, first.app, 'u2'),
  };
  ben = await make();
});
afterAll(() => world.close());

/** The runtime role, past everything of ours. */
async function bare<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.database.runtimeUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
const stateOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: { code: string }) => error.code,
  );

async function tablesWithRows(): Promise<string[]> {
  const tables = await world.sql(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'keys') and c.relkind = 'r' and c.relrowsecurity order by 1`,
  );
  const held: string[] = [];
  for (const { name } of tables) if ((await world.sql(`select 1 from ${String(name)} limit 1`)).length) held.push(String(name));
  return held;
}

describe('row-level security', () => {
  test('is loud: without a scope every table that holds rows raises instead of finding nothing', async () => {
    const tables = await tablesWithRows();
    expect(tables.length).toBeGreaterThan(9);
    await bare(async (client) => {
      for (const table of tables) {
        // Never set in this session: no such setting.
        expect([table, await stateOf(client.query(`select * from ${table}`))]).toEqual([table, '42704']);
      }
      await client.query('begin');
      await client.query('select enter_scope($1, $2, $3)', [ada.tenant, '', '']);
      await client.query('commit');
      for (const table of tables) {
        // Set by a transaction before: empty, which is no id.
        expect([table, await stateOf(client.query(`select * from ${table}`))]).toEqual([table, '22P02']);
        expect([table, await stateOf(client.query(`delete from ${table}`))]).not.toEqual([table, 'no error']);
      }
    });
  });

  test('shows a tenant its own rows of every table, and nobody else any', async () => {
    for (const table of await tablesWithRows()) {
      const seen = await inScope(world.system, { ...world.cli, tenantId: ada.tenant }, ({ db }) =>
        db.query(`select distinct tenant_id from ${table}`),
      );
      expect([table, (seen as { tenant_id: string }[]).filter((row) => row.tenant_id !== ada.tenant)]).toEqual([table, []]);
    }
  });

  test.each([
    [
      'write into another tenant',
      () => `insert into apps (tenant_id, id, name) values ('${ben.tenant}', gen_random_uuid(), 'x')`,
    ],
    ['move a row into another tenant', () => `update apps set tenant_id = '${ben.tenant}'`],
    ['write a key for another tenant', () => `insert into keys.tenant_keys values ('${ben.tenant}', 'm', '')`],
    ['turn it off', () => 'alter table messages disable row level security'],
    ['drop a policy', () => 'drop policy scope on messages'],
    ['make a policy', () => 'create policy open on messages using (true)'],
    ['become the owner', () => 'set role habeas_owner'],
    ['become a superuser', () => 'set role postgres'],
    ['read on with it off', () => 'set local row_security = off; select * from messages'],
    ['empty a table', () => 'truncate messages'],
    ['copy around it', () => `copy messages from program 'true'`],
    [
      'make a function that runs as its owner',
      () => `create function public.leak() returns int language sql security definer as 'select 1'`,
    ],
    ['change an entry of the audit log', () => `update audit_entries set act = 'x'`],
    ['delete an entry of the audit log', () => 'delete from audit_entries'],
    ['lift itself above it', () => 'alter role habeas_app bypassrls'],
    ['read files of the server', () => `select pg_read_file('postgresql.conf')`],
  ])('does not let the runtime role %s', async (_, statement) => {
    const state = await bare(async (client) => {
      await client.query('begin');
      await client.query('select enter_scope($1, $2, $3)', [ada.tenant, '', '']);
      const seen = await stateOf(client.query(statement()));
      await client.query('rollback');
      return seen;
    });
    expect(state).toBe('42501');
  });

  test('keeps apps apart, and people, but for conversations that were opened', async () => {
    const count = (scope: object) =>
      inScope(
        world.system,
        { ...world.cli, tenantId: ada.tenant, ...scope },
        async ({ db }) =>
          ((await db.query('select count(*)::int as n from messages where tenant_id = $1', [ada.tenant])) as { n: number }[])[0]!
            .n,
      );
    expect(await count({})).toBe(1);
    expect(await count({ appId: ada.app })).toBe(1);
    expect(await count({ appId: ada.app2 })).toBe(0);
    expect(await count({ appId: ada.app, userId: ada.user })).toBe(1);
    expect(await count({ appId: ada.app, userId: ada.other })).toBe(0);
    const opened = await inScope(
      world.system,
      { ...world.cli, tenantId: ada.tenant, appId: ada.app, userId: ada.other },
      async ({ db }) => {
        await db.query('select enter_conversations(array(select conversation_id from participants where tenant_id = $1))', [
          ada.tenant,
        ]);
        return db.query('select id from messages where tenant_id = $1', [ada.tenant]);
      },
    );
    expect(opened).toHaveLength(1);
  });
});

describe('ids out of scope are like ids that do not exist', () => {
  const nobody = '018f0000-0000-7000-8000-000000000000';
  const unknownKid = `hk_${Buffer.alloc(28, 7).toString('base64url')}`;
  const ISSUE =
    'mutation ($kid: ID!, $level: ScopeLevel!, $appId: ID, $userId: ID, $tenantId: ID) { issueToken(kid: $kid, level: $level, appId: $appId, userId: $userId, tenantId: $tenantId) { jti } }';

  test('for the tenants that a tenant token names', async () => {
    const ask = world.as({ tenant: ada.tenant });
    for (const document of [
      'query ($tenantId: ID!) { apiKeys(tenantId: $tenantId) { kid } }',
      'mutation ($tenantId: ID!) { createApp(name: "x", tenantId: $tenantId) { id } }',
      'mutation ($tenantId: ID!) { createApiKey(name: "x", role: AUDITOR, tenantId: $tenantId) { secret } }',
    ]) {
      const [real, made] = [await ask(document, { tenantId: ben.tenant }), await ask(document, { tenantId: nobody })];
      expect(real).toEqual(made);
      expect(real.codes).toEqual(['NOT_FOUND']);
    }
  });

  test('for keys, apps and people', async () => {
    const ask = world.as({ tenant: ada.tenant });
    const own = (await world.key({ tenant: ada.tenant })).kid;
    const theirs = (await world.key({ tenant: ben.tenant })).kid;
    const pairs: [string, object, object][] = [
      ['mutation ($kid: ID!) { revokeApiKey(kid: $kid) { kid } }', { kid: theirs }, { kid: unknownKid }],
      ['mutation ($kid: ID!) { rotateApiKey(kid: $kid) { secret } }', { kid: theirs }, { kid: unknownKid }],
      [ISSUE, { kid: theirs, level: 'TENANT' }, { kid: unknownKid, level: 'TENANT' }],
      [ISSUE, { kid: own, level: 'APP', appId: ben.app }, { kid: own, level: 'APP', appId: nobody }],
      [
        ISSUE,
        { kid: own, level: 'USER', appId: ada.app2, userId: ada.user },
        { kid: own, level: 'USER', appId: ada.app2, userId: nobody },
      ],
      [
        'mutation ($appId: ID!) { createApiKey(name: "x", role: INTEGRATOR, appId: $appId) { secret } }',
        { appId: ben.app },
        { appId: nobody },
      ],
    ];
    for (const [document, real, made] of pairs) {
      const [first, second] = [await ask(document, real as never), await ask(document, made as never)];
      expect(first).toEqual(second);
      expect(first.codes).toEqual(['NOT_FOUND']);
    }
  });

  test('and ids that are none are said to be none, with nothing of the database in the message', async () => {
    const answer = await world.as({ tenant: ada.tenant })(
      'mutation { createApiKey(name: "x", role: INTEGRATOR, appId: "\' or 1=1") { secret } }',
    );
    expect(answer).toMatchObject({ codes: ['INVALID_INPUT'], messages: ['appId: not a UUID.'] });
  });
});
