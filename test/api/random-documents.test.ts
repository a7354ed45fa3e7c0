import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeSchema } from '../../src/api/schema.ts';
import { openWorld, type World } from '../support/world.ts';
import { documents } from './random-documents.ts';

const RUNS = process.env['HABEAS_LONG'] ? 10_000 : 200;
const SEED = Number(process.env['HABEAS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** What must never leave: a stack, SQL or a name of ours from the database, a suggestion. */
const LEAK =
  /\bat .+\.(?:ts|js):\d|node_modules|\bselect .+ from\b|tenant_id|external_index|blind_index|subject_keys|syntax error at|violates|relation "/i;
/** How graphql-js words a suggestion; its lexer's hint about a quote is none. */
const SUGGESTION = /Did you mean /;

let world: World;
const tokens: string[] = [];
const ids: string[] = [];
beforeAll(async () => {
  world = await openWorld({ work: false });
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u1', profile: { displayName: 'Ada' } },
    { type: 'user', externalId: 'u2' },
    { type: 'conversation', externalId: 'c1', kind: 'DIRECT', participants: [{ user: 'u1' }, { user: 'u2' }] },
    { type: 'message', externalId: 'm1', conversation: 'c1', author: 'u1', sentAt: '2026-01-01T00:00:00Z', body: 'hi' },
  ]);
  const user = await world.userId(tenant, app, 'u1');
  const rows = await world.sql('select id::text from messages union all select id::text from conversations');
  ids.push(tenant, app, user, ...rows.map((row) => row['id'] as string), '00000000-0000-7000-8000-000000000000');
  tokens.push(
    await world.token({ tenant, app }),
    await world.token({ tenant, role: 'PRIVACY_OFFICER' }),
    await world.token({ tenant, app, user }),
    await world.token({ tenant, role: 'TENANT_ADMIN' }),
  );
});
afterAll(() => world.close());

interface Answer {
  data: unknown;
  errors?: { message: string; path?: unknown; extensions: { code: string } }[];
}

async function ask(query: string, index: number): Promise<{ statusCode: number; body: string }> {
  return world.server.inject({
    method: 'POST',
    url: '/graphql',
    headers: { authorization: `Bearer ${tokens[index % tokens.length]!}` },
    payload: { query },
  });
}

test.each(['valid', 'broken'] as const)(
  'random %s documents are answered, and say nothing of the inside',
  async (kind) => {
    console.info(`seed ${SEED} (HABEAS_SEED)`);
    const make = documents(await makeSchema(), SEED, ids);
    let slowest = 0;
    for (let i = 0; i < RUNS; i += 1) {
      const query = make[kind]();
      const begun = performance.now();
      const response = await ask(query, i);
      slowest = Math.max(slowest, performance.now() - begun);
      const incident = response.statusCode >= 500 || response.body.includes('INTERNAL_SERVER_ERROR');
      const leak = (LEAK.exec(response.body) ?? SUGGESTION.exec(response.body))?.[0];
      if (incident || leak)
        throw new Error(
          `seed ${SEED}, document ${i}: ${response.statusCode} ${leak ?? ''}\n${query}\n${response.body.slice(0, 500)}`,
        );
    }
    expect(await world.as(tokens[0]!)('{ apps { id } }')).toMatchObject({ status: 200, codes: [] });
    console.info(`${RUNS} ${kind} documents, the slowest took ${Math.round(slowest)} ms`);
  },
  RUNS * 60 + 60_000,
);

test(
  'a random query is answered as graphql itself answers it, to which one with a directive is left',
  async () => {
    console.info(`seed ${SEED} (HABEAS_SEED)`);
    const make = documents(await makeSchema(), SEED, ids);
    for (let i = 0; i < RUNS; i += 1) {
      const query = make.valid();
      // The audit log grows by being read: asked twice, it answers two things.
      if (!query.startsWith('query') || /audit/i.test(query)) continue;
      const ours = JSON.parse((await ask(query, i)).body) as Answer;
      const theirs = JSON.parse((await ask(query.replace('{', '{ ... @include(if: true) {') + ' }', i)).body) as Answer;
      // Of several errors that null the same, which is told depends on which came first.
      const told = ({ data, errors }: Answer): unknown => ({
        data,
        errors:
          errors?.length === 1 ? errors.map(({ message, path, extensions }) => ({ message, path, extensions })) : errors?.length,
      });
      const raced = !ours.data && query.includes(' f1:');
      if (raced)
        expect({ query, data: theirs.data, failed: Boolean(theirs.errors) }).toEqual({
          query,
          data: ours.data,
          failed: Boolean(ours.errors),
        });
      else expect({ query, answer: told(theirs) }).toEqual({ query, answer: told(ours) });
      expect(JSON.stringify(theirs.data)).toBe(JSON.stringify(ours.data));
    }
  },
  RUNS * 120 + 60_000,
);
