import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { ingestAs } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { ada, cleo, message, room } from './ingest-rules.support.ts';
import { at } from './ingest.support.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

const place = { type: 'participant', conversation: 'room', user: 'ada' } as const;
const call = { type: 'call', externalId: 'call', initiator: 'ada', startedAt: at(1) } as const;
const delivery = { type: 'delivery', externalId: 'dlr', user: 'ada', channel: 'sms', conversation: 'room' } as const;

/** What is held of an app, without the ids that differ from app to app. */
const held = async (app: string): Promise<unknown[]> =>
  Promise.all(
    [
      'select user_id is not null as known, role, joined_at, left_at from participants where app_id = $1 order by role, joined_at',
      'select ended_at, duration_seconds, (select count(*) from call_participants p where p.call_id = c.id) as people from calls c where app_id = $1',
      'select joined_at, left_at from call_participants where app_id = $1 order by joined_at nulls last, left_at',
      `select status, at, message_id is not null as of_message, source is not null as source, destination is not null as destination
       from delivery_records where app_id = $1`,
      'select edited_at, deleted_at is not null as gone from messages where app_id = $1',
      'select emoji from reactions where app_id = $1 order by emoji',
      'select external_id from attachments where app_id = $1 order by external_id',
    ].map((statement) => world.sql(statement, [app])),
  );

test.each<[string, RawRecord[]]>([
  [
    'a place, joined and left',
    [
      { ...place, role: 'owner', joinedAt: at(1) },
      { ...place, leftAt: at(2) },
    ],
  ],
  ['a place, left and joined', [{ ...place, leftAt: at(2) }, { ...place, joinedAt: at(1) }, { ...place }]],
  ['a call, ended and begun', [{ ...call, endedAt: at(3), participants: [{ user: 'ada', joinedAt: at(1) }] }, { ...call }]],
  [
    'a call, joined by one and then by another',
    [
      { ...call, participants: [{ user: 'ada', joinedAt: at(1) }] },
      { ...call, endedAt: at(4), participants: [{ user: 'cleo' }, { user: 'ada', joinedAt: at(2), leftAt: at(3) }] },
    ],
  ],
  [
    'a delivery, sent and read',
    [
      { ...delivery, message: 'm', source: '+1', destination: '+2', status: 'SENT', at: at(1) },
      { ...delivery, status: 'READ', at: at(2) },
    ],
  ],
  [
    'a delivery, read and sent',
    [
      { ...delivery, destination: '+2', status: 'READ', at: at(2) },
      { ...delivery, message: 'm', source: '+1', status: 'SENT', at: at(1) },
    ],
  ],
  [
    'a message, and its edit with other marks',
    [
      message('twice', { reactions: [{ user: 'ada', emoji: 'a' }], attachments: [{ externalId: 'one' }] }),
      message('twice', {
        editedAt: at(5),
        body: 'edited',
        reactions: [{ user: 'cleo', emoji: 'b' }],
        attachments: [{ externalId: 'two' }],
      }),
      message('twice', { reactions: [{ user: 'ada', emoji: 'c' }] }),
    ],
  ],
  ['a message, and that it was deleted', [message('twice', { body: 'x' }), message('twice', { kind: 'TOMBSTONE' })]],
])('%s: in one batch it ends as in a batch each', async (_, records) => {
  const [together, apart] = [await world.app(tenant), await world.app(tenant)];
  const before = [ada, cleo, { ...room, participants: [] }, message('m')];
  for (const app of [together, apart]) await ingestAs(world, { tenant, app }, before);
  const answer = await ingestAs(world, { tenant, app: together }, records);
  expect([answer.codes, answer.skipped]).toEqual([[], []]);
  for (const record of records) await ingestAs(world, { tenant, app: apart }, [record]);
  expect(await held(together)).toEqual(await held(apart));
});
