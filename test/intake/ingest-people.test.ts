import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { blindIndex } from '../../src/keys/blind-index.ts';
import { requireTenantKey } from '../../src/keys/keyring.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { RawRecord } from '../../src/intake/records.ts';
import { contentsOf, ingestAs } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { ada, cleo, message } from './ingest-rules.support.ts';
import { at } from './ingest.support.ts';

let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
beforeEach(async () => {
  app = await world.app(tenant);
});
afterAll(() => world.close());

const found = async (type: string, value: string): Promise<number> => {
  const index = await inScope(world.system, { ...world.cli, tenantId: tenant }, async ({ db }) =>
    blindIndex(await requireTenantKey(world.system.keys, db, tenant), type, value),
  );
  return (await world.sql('select 1 from identifiers where app_id = $1 and type = $2 and blind_index = $3', [app, type, index]))
    .length;
};

describe('people', () => {
  test('a changed address finds them, and the old one no longer does; verified and stated ones stay', async () => {
    await ingestAs(world, { tenant, app }, [
      {
        type: 'user',
        externalId: 'ada',
        profile: { displayName: 'Ada', givenName: 'Ada', email: 'old@example.org', phone: '+4930123' },
        identifiers: [
          { type: 'PHONE', value: '+4930123', verifiedAt: at(0) },
          { type: 'EMAIL', value: 'stated@example.org' },
        ],
        channels: [{ channel: 'whatsapp', externalId: '+4930777' }],
      },
    ]);
    const changed = await ingestAs(world, { tenant, app }, [
      { type: 'user', externalId: 'ada', profile: { surname: 'Byron', email: 'new@example.org', phone: '+4930999' } },
    ]);
    expect(changed.counts).toEqual({ user: [0, 1, 0] });
    expect({
      old: await found('EMAIL', 'old@example.org'),
      new: await found('EMAIL', 'New@Example.org'),
      stated: await found('EMAIL', 'stated@example.org'),
      verified: await found('PHONE', '+4930123'),
      phone: await found('PHONE', '+49 30 999'),
      name: await found('NAME', 'ada byron'),
      account: await found('WHATSAPP', '+4930777'),
    }).toEqual({ old: 0, new: 1, stated: 1, verified: 1, phone: 1, name: 1, account: 1 });
    const profile = JSON.parse((await contentsOf(world, tenant, app))['users']![0]!['profile'] as string) as object;
    expect(profile).toEqual({
      displayName: 'Ada',
      givenName: 'Ada',
      surname: 'Byron',
      email: 'new@example.org',
      phone: '+4930999',
    });
  });

  test('the same person twice in a batch is one, with what both records say', async () => {
    const answer = await ingestAs(world, { tenant, app }, [
      { type: 'user', externalId: 'x', kind: 'AGENT', profile: { displayName: 'First', title: 'Clerk' }, metadata: { a: 1 } },
      { type: 'user', externalId: 'x', profile: { displayName: 'Second' }, metadata: { b: 2 }, signedUpAt: at(0) },
    ]);
    expect(answer.counts['user']).toEqual([1, 0, 0]);
    const [row] = (await contentsOf(world, tenant, app))['users']!;
    expect(row).toMatchObject({
      kind: 'AGENT',
      profile: '{"displayName":"Second","title":"Clerk"}',
      metadata: '{"a":1,"b":2}',
      signed_up_at: new Date(at(0)),
    });
  });

  test('an account that changed is brought up to date, and counts as a change of the person', async () => {
    const account = { channel: 'whatsapp', externalId: '49', displayName: 'old', raw: { a: 1 }, lastSeenAt: at(5) };
    await ingestAs(world, { tenant, app }, [{ ...ada, channels: [account] } as RawRecord]);
    expect(
      (await ingestAs(world, { tenant, app }, [{ ...ada, channels: [{ ...account, lastSeenAt: at(1) }] } as RawRecord])).counts[
        'user'
      ],
    ).toEqual([0, 0, 1]);
    expect(
      (await ingestAs(world, { tenant, app }, [{ ...ada, channels: [{ ...account, displayName: 'new' }] } as RawRecord])).counts[
        'user'
      ],
    ).toEqual([0, 1, 0]);
    const { channel_identities } = await contentsOf(world, tenant, app);
    expect(channel_identities).toMatchObject([{ display_name: 'new', raw: '{"a":1}', last_seen_at: new Date(at(5)) }]);
  });
});

describe('a personal conversation', () => {
  const subject = async (): Promise<unknown> =>
    (await world.sql('select subject_id from conversations where app_id = $1', [app]))[0]!['subject_id'];
  const care = (participants: { user: string }[]): RawRecord => ({
    type: 'conversation',
    externalId: 'room',
    kind: 'PERSONAL',
    participants,
  });

  test.each<[string, RawRecord[]]>([
    [
      'named among its participants, after an agent',
      [care([{ user: 'cleo' }, { user: 'ada' }]), message('m', { author: 'cleo' })],
    ],
    [
      'entering it later',
      [care([{ user: 'cleo' }]), { type: 'participant', conversation: 'room', user: 'ada' }, message('m', { author: 'cleo' })],
    ],
    ['named when it is given again', [care([]), care([{ user: 'ada' }]), message('m', { author: 'cleo' })]],
    ['who is the first to write in it', [care([]), message('m', { author: 'cleo' }), message('n')]],
  ])('belongs to the end user %s, and so does what the business writes', async (_, records) => {
    const answer = await ingestAs(world, { tenant, app }, [ada, cleo, ...records]);
    expect(answer).toMatchObject({ codes: [], skipped: [] });
    const user = await world.userId(tenant, app, 'ada');
    expect(await subject()).toBe(user);
    expect(
      new Set((await world.sql('select subject_id from messages where app_id = $1', [app])).map((row) => row['subject_id'])),
    ).toEqual(new Set([user]));
  });

  test('without any end user holds no message, and says so', async () => {
    const answer = await ingestAs(world, { tenant, app }, [cleo, care([{ user: 'cleo' }]), message('m', { author: 'cleo' })]);
    expect(answer.skipped).toEqual([
      { index: 2, what: 'message', reason: 'the personal conversation has no end user among its participants' },
    ]);
  });
});
