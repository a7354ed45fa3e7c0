import { Readable } from 'node:stream';
import { ingest } from '../../src/intake/ingest.service.ts';
import { recordSchema, type RawRecord } from '../../src/intake/records.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { World } from '../support/world.ts';

/** A small company in which Ada writes in every kind of conversation. */
export interface Company {
  tenant: string;
  app: string;
  ada: string;
  ben: string;
  cleo: string;
  agent: string;
  /** The content of Ada's photo. */
  photo: string;
}

const at = (minute: number): string => `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`;
const say = (
  conversation: string,
  externalId: string,
  author: string,
  minute: number,
  body: string,
  more: Partial<Extract<RawRecord, { type: 'message' }>> = {},
): RawRecord => ({
  type: 'message',
  externalId,
  conversation,
  author,
  sentAt: at(minute),
  body,
  ...more,
});

const RECORDS: readonly RawRecord[] = [
  {
    type: 'user',
    externalId: 'ada',
    profile: { displayName: 'Ada', email: 'ada@example.org' },
    metadata: { plan: 'gold' },
    channels: [{ channel: 'whatsapp', externalId: '+4477', raw: { a: 1 } }],
  },
  { type: 'user', externalId: 'ben', profile: { displayName: 'Ben Okri', email: 'ben@example.org' } },
  { type: 'user', externalId: 'cleo', profile: { displayName: 'Cleo Marsh' } },
  { type: 'user', externalId: 'agent', kind: 'AGENT', profile: { displayName: 'Agent Smith' } },
  {
    type: 'conversation',
    externalId: 'general',
    kind: 'PUBLIC_GROUP',
    name: 'general',
    participants: [{ user: 'ada' }, { user: 'ben' }, { user: 'cleo' }],
  },
  {
    type: 'conversation',
    externalId: 'direct',
    kind: 'DIRECT',
    name: 'Ada and Ben',
    participants: [{ user: 'ada' }, { user: 'ben' }],
  },
  { type: 'conversation', externalId: 'help', kind: 'PERSONAL', participants: [{ user: 'ada' }, { user: 'agent' }] },
  {
    type: 'conversation',
    externalId: 'other',
    kind: 'PRIVATE_GROUP',
    name: 'other',
    participants: [{ user: 'ben' }, { user: 'cleo' }],
  },
  say('general', 'g1', 'cleo', 1, 'far before'),
  say('general', 'g2', 'ben', 2, 'directly before'),
  say('general', 'g3', 'ada', 3, 'I bought a bicycle from <@ben>', {
    mentions: ['ben'],
    reactions: [
      { user: 'ada', emoji: 'up' },
      { user: 'ben', emoji: 'up' },
    ],
  }),
  say('general', 'g4', 'ben', 4, 'a reply to it', { replyTo: 'g3', attachments: [{ externalId: 'theirs', name: 'ben.txt' }] }),
  say('general', 'g5', 'cleo', 5, 'something else'),
  say('general', 'g6', 'cleo', 6, 'a thread begins'),
  say('general', 'g7', 'ben', 7, 'in that thread', { replyTo: 'g6' }),
  say('general', 'g8', 'cleo', 8, 'nobody answers'),
  say('general', 'g9', 'ben', 9, 'before the second'),
  say('general', 'g10', 'ada', 10, '=HYPERLINK("x")', { replyTo: 'g6' }),
  say('general', 'g11', 'cleo', 11, 'thanks <@ada> and <@ben>', { mentions: ['ada', 'ben'] }),
  say('general', 'g12', 'cleo', 12, 'far after, says Ben Okri'),
  say('other', 'o1', 'ben', 1, 'not for her'),
  say('other', 'o2', 'cleo', 2, 'about <@ada>', { mentions: ['ada'] }),
  say('direct', 'd1', 'ben', 1, 'the whole of it'),
  say('direct', 'd2', 'ada', 2, 'yes', {
    attachments: [
      { externalId: 'photo', name: '../my: photo.txt', contentType: 'text/plain' },
      { externalId: 'link', name: 'elsewhere.txt', url: 'https://example.org/e' },
    ],
  }),
  say('direct', 'd3', 'ben', 3, 'even this'),
  say('help', 'h1', 'ada', 1, 'it broke'),
  say('help', 'h2', 'agent', 2, 'we mend it'),
  {
    type: 'call',
    externalId: 'call',
    conversation: 'direct',
    initiator: 'ben',
    startedAt: at(20),
    endedAt: at(21),
    participants: [{ user: 'ada', joinedAt: at(20) }, { user: 'ben' }],
  },
  {
    type: 'delivery',
    externalId: 'sms',
    user: 'ada',
    conversation: 'help',
    message: 'h2',
    channel: 'sms',
    destination: '+4477',
    status: 'read',
    at: at(3),
  },
  { type: 'businessLink', user: 'ada', system: 'crm', reference: 'BW-17' },
];

export async function brightwater(world: World): Promise<Company> {
  const tenant = await world.tenant('Brightwater');
  const app = await world.app(tenant);
  const photo = 'not really a photo\n';
  const content = new Map([['photo', async () => Readable.from([Buffer.from(photo)])]]);
  await inScope(world.system, { ...world.cli, tenantId: tenant }, (session) =>
    ingest(
      session,
      app,
      RECORDS.map((record, index) => ({ index, record: recordSchema.parse(record), content })),
    ),
  );
  const user = (name: string): Promise<string> => world.userId(tenant, app, name);
  return {
    tenant,
    app,
    ada: await user('ada'),
    ben: await user('ben'),
    cleo: await user('cleo'),
    agent: await user('agent'),
    photo,
  };
}
