import type { World } from '../support/world.ts';
import type { RawRecord } from '../../src/intake/records.ts';

/** A small workspace: a group that Leo left, a chat that Ada is not in, a customer's conversation, calls, deliveries, links. */
export interface Town {
  tenant: string;
  app: string;
  ada: string;
  ben: string;
  cat: string;
  eve: string;
  leo: string;
  group: string;
  secret: string;
  personal: string;
  messages: Record<string, string>;
  calls: Record<string, string>;
}

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

const person = (externalId: string, more: object = {}): RawRecord =>
  ({
    type: 'user',
    externalId,
    profile: {
      displayName: `${externalId} display`,
      givenName: `${externalId}-given`,
      surname: `${externalId}-surname`,
      email: `${externalId}@example.org`,
      phone: '+1555',
    },
    metadata: { plan: `${externalId}-metadata` },
    channels: [
      {
        channel: 'TWITTER',
        externalId: `${externalId}-channel`,
        displayName: `${externalId}-on-channel`,
        raw: { from: `${externalId}-raw` },
      },
    ],
    signedUpAt: at(0),
    ...more,
  }) as RawRecord;

const RECORDS: RawRecord[] = [
  person('ada', { identifiers: [{ type: 'EMAIL', value: 'Ada@Example.org', verifiedAt: at(0) }] }),
  person('ben'),
  person('cat', { kind: 'AGENT' }),
  person('eve'),
  person('leo'),
  {
    type: 'conversation',
    externalId: 'group',
    kind: 'PUBLIC_GROUP',
    name: 'General',
    createdAt: at(1),
    participants: [
      { user: 'ada', role: 'owner', joinedAt: at(1) },
      { user: 'ben' },
      { user: 'cat', joinedAt: at(25) },
      { user: 'leo', joinedAt: at(1), leftAt: at(20) },
    ],
  },
  {
    type: 'conversation',
    externalId: 'secret',
    kind: 'DIRECT',
    name: 'Secret',
    createdAt: at(2),
    participants: [{ user: 'ben' }, { user: 'eve' }],
  },
  {
    type: 'conversation',
    externalId: 'personal',
    kind: 'PERSONAL',
    createdAt: at(3),
    participants: [{ user: 'ada' }, { user: 'cat', role: 'agent' }],
  },
  {
    type: 'message',
    externalId: 'g1',
    conversation: 'group',
    author: 'ben',
    sentAt: at(10),
    body: 'before <@ada>',
    mentions: ['ada'],
    metadata: { client: 'ben-client' },
    reactions: [{ user: 'ada', emoji: 'ok', reactedAt: at(11) }],
  },
  {
    type: 'message',
    externalId: 'g2',
    conversation: 'group',
    author: 'ada',
    sentAt: at(12),
    replyTo: 'g1',
    body: 'answer',
    metadata: { client: 'ada-client' },
    attachments: [
      {
        externalId: 'f1',
        name: 'plan.pdf',
        contentType: 'application/pdf',
        size: 3_000_000_000,
        url: 'https://files.example.org/f1',
      },
    ],
  },
  {
    type: 'message',
    externalId: 'g3',
    conversation: 'group',
    author: 'ben',
    sentAt: at(30),
    replyTo: 'g1',
    body: 'after leo left',
  },
  {
    type: 'message',
    externalId: 's1',
    conversation: 'secret',
    author: 'ben',
    sentAt: at(15),
    body: 'about <@ada>',
    mentions: ['ada'],
  },
  { type: 'message', externalId: 's2', conversation: 'secret', author: 'eve', sentAt: at(16), body: 'hush', replyTo: 's1' },
  {
    type: 'message',
    externalId: 'p1',
    conversation: 'personal',
    author: 'ada',
    sentAt: at(17),
    body: 'help me',
    direction: 'INBOUND',
    channel: 'web',
  },
  {
    type: 'message',
    externalId: 'p2',
    conversation: 'personal',
    author: 'cat',
    sentAt: at(18),
    body: 'of course',
    direction: 'OUTBOUND',
    campaignId: 'winter',
    metadata: { template: 't1' },
  },
  {
    type: 'call',
    externalId: 'k1',
    conversation: 'group',
    initiator: 'ben',
    startedAt: at(13),
    endedAt: at(14),
    participants: [{ user: 'ben' }, { user: 'ada', joinedAt: at(13) }],
  },
  {
    type: 'call',
    externalId: 'k2',
    conversation: 'group',
    initiator: 'ben',
    kind: 'VIDEO',
    startedAt: at(22),
    participants: [{ user: 'ben' }, { user: 'eve' }],
  },
  { type: 'call', externalId: 'k3', initiator: 'ada', startedAt: at(23), participants: [{ user: 'ben' }] },
  {
    type: 'delivery',
    externalId: 'd1',
    user: 'ada',
    conversation: 'personal',
    message: 'p2',
    channel: 'sms',
    source: '+100',
    destination: '+200',
    status: 'delivered',
    at: at(18),
  },
  { type: 'delivery', externalId: 'd2', user: 'ben', channel: 'sms', destination: '+300', status: 'failed', at: at(19) },
  { type: 'businessLink', user: 'ada', system: 'crm', reference: 'TICKET-1' },
  { type: 'businessLink', user: 'ben', system: 'crm', reference: 'TICKET-2' },
];

export async function settle(world: World): Promise<Town> {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, RECORDS);
  const user = (name: string): Promise<string> => world.userId(tenant, app, name);
  const conversation = async (message: string): Promise<string> =>
    (
      await world.sql('select conversation_id as id from messages where tenant_id = $1 and external_id = $2', [tenant, message])
    )[0]!['id'] as string;
  const named = async (table: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await world.sql(`select external_id, id from ${table} where tenant_id = $1`, [tenant])).map((row) => [
        row['external_id'],
        row['id'] as string,
      ]),
    );
  return {
    tenant,
    app,
    ada: await user('ada'),
    ben: await user('ben'),
    cat: await user('cat'),
    eve: await user('eve'),
    leo: await user('leo'),
    group: await conversation('g1'),
    secret: await conversation('s1'),
    personal: await conversation('p1'),
    messages: await named('messages'),
    calls: await named('calls'),
  };
}
