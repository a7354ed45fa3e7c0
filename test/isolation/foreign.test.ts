import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeSchema } from '../../src/api/schema.ts';
import { codesOf, send, type Wire } from './ask.ts';
import { chance, seedOfRun, type Chance } from './chance.ts';
import { isId, operationsOf, type Operation } from './documents.ts';
import { openMadeWorld, type Holder, type MadeWorld } from './made-world.ts';
import { allowed } from './model.ts';
import { mayName, ownersOf, type Owner } from './rows.ts';
import { byKind, plain, type Sample } from './samples.ts';
import { tenantTables } from './row-model.ts';
import { doEverything, fault, logStatements, type Statement } from './statements.ts';

const long = Boolean(process.env['HABEAS_LONG']);
const seed = seedOfRun('isolation, foreign ids');

let made: MadeWorld;
let operations: Operation[];
let owners: Map<string, Owner>;
let kinds: Map<string, Sample[]>;
let luck: Chance;
let seen: Map<string, Statement>;
beforeAll(async () => {
  made = await openMadeWorld(seed, 1, (world) => void (seen = logStatements(world)));
  operations = operationsOf(await makeSchema(), 1);
  owners = await ownersOf(made);
  kinds = byKind(owners);
  luck = chance(seed);
}, 120_000);
afterAll(() => made.world.close());

/** A few of them: those of the kind that the argument asks for, and some others. */
function chosen(samples: readonly Sample[], argument: string, operation: Operation): Sample[] {
  const kind = `${argument === 'id' ? operation.name : argument.replace(/Id$/, '')}s`;
  const others = Array.from({ length: long ? 4 : 1 }, () => luck.pick(samples));
  return [...samples.filter(({ table }) => table === kind), ...others];
}

/** Ids of what this token must not know of, from as many places as there are: other people, other apps, other tenants. */
function foreign(holder: Holder, each: number): Sample[] {
  const own = allowed(made, holder).ids;
  const found = [...kinds.values()].flatMap((all) => {
    const hidden = all.filter((sample) => !own.has(sample.id) && !mayName(holder, sample, undefined));
    return Array.from({ length: Math.min(each, hidden.length) }, () => luck.pick(hidden));
  });
  return found;
}

/** An id of the same form that nothing has. */
const unknown = (id: string): string =>
  id.startsWith('hk_')
    ? `${id.slice(0, 3)}${Buffer.alloc(28, luck.below(256)).toString('base64url')}`
    : `${id.slice(0, 14)}${randomUUID().slice(14)}`;

/** All that two answers may differ in: when they were given, and to which request. */
const told = ({ status, headers, body }: Wire): unknown => {
  const { date: _date, 'x-request-id': _request, ...rest } = headers;
  return { status, headers: rest, body };
};

/** Acts that answer with something new each time, or need more than an id to be reached. */
const more = (operation: Operation, holder: Holder): Record<string, unknown> => {
  const given = plain(operation);
  if (operation.name === 'createApiKey') return { ...given, role: 'INTEGRATOR' };
  if (operation.name === 'issueToken')
    return {
      ...given,
      level: 'USER',
      kid: [...owners].find(([, owner]) => owner.table === 'api_keys' && owner.tenant === holder.tenant)![0],
    };
  if (operation.name === 'ingest') return { records: [{ type: 'user', externalId: 'x' }] };
  return given;
};

async function compare(holder: Holder, operation: Operation, name: string, sample: Sample): Promise<string[]> {
  const ask = async (id: string): Promise<Wire> => {
    const variables = { ...more(operation, holder), [name]: id };
    return send(made, holder.token, operation.document(Object.keys(variables)), variables);
  };
  const [real, none] = [await ask(sample.id), await ask(unknown(sample.id))];
  const said = `${holder.name}: ${operation.name}(${name}: ${sample.table} ${sample.id})`;
  if (codesOf(real).includes('INTERNAL_SERVER_ERROR')) return [`${said}: ${real.body}`];
  return JSON.stringify(told(real)) === JSON.stringify(told(none))
    ? []
    : [`${said}: ${real.body.slice(0, 200)} but for an unknown id ${none.body.slice(0, 200)}`];
}

const everybody = (): Holder[] => {
  const wanted = [
    'person 0 of app 0',
    'person 1 of app 0',
    'everything in app 0',
    'TENANT_ADMIN of tenant 0',
    'PRIVACY_OFFICER of tenant 1',
  ];
  return made.holders.filter(({ name, level }) => (long ? level !== 'provider' : wanted.includes(name)));
};

/** Denying a token that nobody has is an act like denying one that somebody has: nothing is looked up by it. */
const NO_ID_OF_A_ROW = new Set(['denyToken']);

test(
  'a foreign id is answered to the byte as an unknown one, by every query and every argument',
  async () => {
    const found: string[] = [];
    for (const holder of everybody())
      for (const operation of operations.filter(({ kind }) => kind === 'query'))
        for (const arg of operation.args.filter(isId))
          for (const sample of chosen(foreign(holder, long ? 2 : 1), arg.name, operation))
            found.push(...(await compare(holder, operation, arg.name, sample)));
    expect(found).toEqual([]);
  },
  long ? 3_600_000 : 60_000,
);

test('a cursor to a foreign row is answered as one to nothing', async () => {
  const found: string[] = [];
  const cursor = (id: string): string => Buffer.from(id).toString('base64url');
  for (const holder of everybody())
    for (const operation of operations.filter(({ args }) => args.some(({ name }) => name === 'after'))) {
      const [sample] = foreign(holder, 1).filter(({ id }) => !id.startsWith('hk_'));
      // The next id there can be: nothing lies between the two, so nothing may differ.
      const next =
        sample!.id.slice(0, -1) + (sample!.id.endsWith('f') ? 'e' : (parseInt(sample!.id.slice(-1), 16) + 1).toString(16));
      const [real, none] = await Promise.all(
        [sample!.id, next].map((id) => {
          const variables = { ...plain(operation), first: 5, after: cursor(id) };
          return send(made, holder.token, operation.document(Object.keys(variables)), variables);
        }),
      );
      if (operation.name !== 'auditLog' && JSON.stringify(told(real!)) !== JSON.stringify(told(none!)))
        found.push(`${holder.name}: ${operation.name} after ${sample!.id}`);
    }
  expect(found).toEqual([]);
});

/** What each tenant and app holds, as one hash a table: also of tables without an app, but for the log of what was tried. */
async function fingerprints(): Promise<Map<string, string>> {
  const tables = (await made.world.sql(
    `select n.nspname || '.' || c.relname as name, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'app_id') as of_app from pg_class c
     join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'keys') and c.relkind = 'r' and c.relname not in ('migrations') and c.relname not like 'audit%' order by 1`,
  )) as { name: string; of_app: boolean }[];
  const prints = new Map<string, string>();
  for (const { name, of_app: ofApp } of tables) {
    const rows = await made.world.sql(
      `select tenant_id || ' ' || coalesce(${ofApp ? 'app_id::text' : 'null'}, '-') as whose, md5(string_agg(t::text, ',' order by t::text)) as print from ${name} t group by 1`,
    );
    for (const { whose, print } of rows) prints.set(`${name} ${String(whose)}`, String(print));
  }
  return prints;
}

describe('a mutation', () => {
  test(
    'answers a foreign id to the byte as an unknown one, by every argument, and changes nothing of anybody else',
    async () => {
      const found: string[] = [];
      for (const holder of everybody()) {
        const before = await fingerprints();
        for (const operation of operations.filter(({ kind, name }) => kind === 'mutation' && !NO_ID_OF_A_ROW.has(name)))
          for (const arg of operation.args.filter(isId))
            for (const sample of chosen(foreign(holder, 1), arg.name, operation))
              found.push(...(await compare(holder, operation, arg.name, sample)));
        const after = await fingerprints();
        for (const [name, print] of before) {
          const theirs =
            !name.includes(` ${holder.tenant} `) ||
            (holder.app !== null && !name.endsWith(` ${holder.app}`) && !name.endsWith(' -'));
          if (theirs && after.get(name) !== print) found.push(`${holder.name} changed ${name}`);
        }
        for (const name of after.keys())
          if (!before.has(name) && !name.includes(` ${holder.tenant} `)) found.push(`${holder.name} made ${name}`);
      }
      expect(found).toEqual([]);
    },
    long ? 3_600_000 : 60_000,
  );

  test('takes no external id of another app for its own', async () => {
    const holder = made.holders.find(({ name }) => name === 'INTEGRATOR of app 0')!;
    const [own, other] = [made.apps[0]!, made.apps[1]!];
    const ingest = operations.find(({ name }) => name === 'ingest')!;
    const sent = { type: 'message', conversation: own.conversations[0]!.ext, externalId: 'new', sentAt: '2026-01-01T00:00:00Z' };
    const answers = [];
    for (const author of [other.people[0]!.ext, 'nobody at all']) {
      const { body } = await send(made, holder.token, ingest.document(['records']), { records: [{ ...sent, author }] });
      answers.push(body);
    }
    expect(answers[0]).toBe(answers[1]);
    expect(answers[0]).toContain('INVALID_INPUT');
  });
});

(long ? test : test.skip)(
  'takes as long for a foreign id as for an unknown one: measured and reported, not judged',
  async () => {
    const lines: string[] = [];
    for (const holder of everybody().filter(({ name }) => /^person 0 of app 0|TENANT_ADMIN of tenant 0/.test(name)))
      for (const operation of operations.filter(({ kind, args }) => kind === 'query' && args.some(isId))) {
        const name = operation.args.find(isId)!.name;
        const [sample] = foreign(holder, 1);
        const times: [number[], number[]] = [[], []];
        for (let round = 0; round < 40; round += 1)
          for (const [which, id] of [sample!.id, unknown(sample!.id)].entries()) {
            const variables = { ...more(operation, holder), [name]: id };
            const from = performance.now();
            await send(made, holder.token, operation.document(Object.keys(variables)), variables);
            times[which]!.push(performance.now() - from);
          }
        const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;
        lines.push(
          `${holder.name} ${operation.name}: foreign ${median(times[0]).toFixed(2)} ms, unknown ${median(times[1]).toFixed(2)} ms`,
        );
      }
    process.stderr.write(`${lines.join('\n')}\n`);
    expect(lines.length).toBeGreaterThan(5);
  },
  3_600_000,
);

describe('everything that was sent to the database', () => {
  let tables: Set<string>;
  beforeAll(async () => {
    tables = new Set((await tenantTables(made.world)).map(({ table }) => table));
    await doEverything(made, luck);
  }, 180_000);

  test('names the tenant by a parameter, for each table in it', () => {
    const faults = [...seen.values()].flatMap((statement) => {
      const found = fault(statement, tables);
      return found ? [`${found}: ${statement.sql.replaceAll(/\s+/g, ' ').slice(0, 600)}`] : [];
    });
    expect(faults).toEqual([]);
    expect(seen.size).toBeGreaterThan(100);
  });

  test('and the check finds a statement that does not', () => {
    const tenant = '018f0000-0000-7000-8000-000000000000';
    const check = (sql: string, ...parameters: unknown[]): boolean => fault({ sql, parameters }, tables) !== undefined;
    expect(check('select 1 from messages where id = $1', tenant)).toBe(true);
    expect(check('select 1 from messages m join users u on u.id = m.author_id where m.tenant_id = $1', tenant)).toBe(true);
    expect(check('insert into apps (id, name) values ($1, $2)', tenant, 'x')).toBe(true);
    expect(check("select 1 from apps where tenant_id = '018f'")).toBe(true);
    expect(check('select 1 from apps where tenant_id = $1', 'x')).toBe(true);
    expect(
      check(
        'select 1 from messages m join users u on u.tenant_id = m.tenant_id and u.id = m.author_id where m.tenant_id = $1',
        tenant,
      ),
    ).toBe(false);
  });
});
