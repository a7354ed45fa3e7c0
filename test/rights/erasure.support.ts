import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { recordArtefact } from '../../src/data/artefact/artefact.service.ts';
import { artefactKey } from '../../src/data/artefact/artefact.queries.ts';
import { uuidv7 } from '../../src/database/uuid.ts';
import { ingest } from '../../src/intake/ingest.service.ts';
import { recordSchema, type RawRecord } from '../../src/intake/records.ts';
import { createSubjectKeys } from '../../src/keys/keyring.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { World } from '../support/world.ts';

export const ERASE_USER = `mutation ($user: ID!, $deep: Boolean = false, $note: String) {
  eraseUser(userId: $user, ground: CONSENT_WITHDRAWN, deepScan: $deep, note: $note) { id status unreadableAt subjectId ground }
}`;

export interface Story {
  tenant: string;
  app: string;
  ada: string;
  ben: string;
  gus: string;
}

/** Everything Ada is known by; none of it may be anywhere once she is erased. */
export const ADA = {
  externalId: 'plat-7741-ada',
  names: ['Ada Quillfeather', 'Quillfeather', 'ada.quills'],
  email: 'ada.q@mail.example',
  phone: '+4915770001122',
  whatsapp: '4915770001122',
  reference: 'TICKET-88123',
};
export const ADA_WORDS = [ADA.externalId, ...ADA.names, ADA.email, ADA.phone, ADA.whatsapp, ADA.reference];

export const records: RawRecord[] = [
  {
    type: 'user',
    externalId: ADA.externalId,
    profile: {
      displayName: 'Ada Quillfeather',
      givenName: 'Ada',
      surname: 'Quillfeather',
      handle: 'ada.quills',
      email: ADA.email,
      phone: ADA.phone,
      title: 'Engineer',
    },
    metadata: { plan: 'gold' },
    channels: [{ channel: 'WHATSAPP', externalId: ADA.whatsapp, displayName: 'Ada Quillfeather', raw: { wa: ADA.whatsapp } }],
  },
  { type: 'user', externalId: 'plat-ben', profile: { displayName: 'Ben Other', email: 'ben@mail.example' } },
  { type: 'user', externalId: 'plat-gus', kind: 'AGENT', profile: { displayName: 'Gus Agent' } },
  {
    type: 'conversation',
    externalId: 'general',
    kind: 'PUBLIC_GROUP',
    name: 'general',
    participants: [{ user: ADA.externalId }, { user: 'plat-ben' }],
  },
  { type: 'conversation', externalId: 'dm', kind: 'DIRECT', participants: [{ user: ADA.externalId }, { user: 'plat-ben' }] },
  {
    type: 'conversation',
    externalId: 'care',
    kind: 'PERSONAL',
    name: 'Care for Ada',
    participants: [{ user: ADA.externalId }, { user: 'plat-gus' }],
  },
  {
    type: 'message',
    externalId: 'g1',
    conversation: 'general',
    author: ADA.externalId,
    sentAt: '2026-01-01T10:00:00Z',
    body: 'a question from Ada',
    reactions: [{ user: 'plat-ben', emoji: 'eyes' }],
    attachments: [{ externalId: 'f1', name: 'ada-cv.txt', contentType: 'text/plain' }],
  },
  {
    type: 'message',
    externalId: 'g2',
    conversation: 'general',
    author: 'plat-ben',
    sentAt: '2026-01-01T10:01:00Z',
    replyTo: 'g1',
    body: `an answer for <@${ADA.externalId}>`,
    mentions: [ADA.externalId],
    reactions: [{ user: ADA.externalId, emoji: 'tada' }],
  },
  {
    type: 'message',
    externalId: 'g3',
    conversation: 'general',
    author: ADA.externalId,
    sentAt: '2026-01-01T10:02:00Z',
    replyTo: 'g1',
    body: 'my own follow-up',
  },
  {
    type: 'message',
    externalId: 'g4',
    conversation: 'general',
    author: 'plat-ben',
    sentAt: '2026-01-01T10:03:00Z',
    body: 'quillfeather is right, as always',
    attachments: [{ externalId: 'f2', name: 'notes.txt', contentType: 'text/plain' }],
  },
  {
    type: 'message',
    externalId: 'g5',
    conversation: 'general',
    author: ADA.externalId,
    sentAt: '2026-01-01T10:04:00Z',
    body: 'nobody answered this',
  },
  { type: 'message', externalId: 'd1', conversation: 'dm', author: ADA.externalId, sentAt: '2026-01-02T10:00:00Z', body: 'psst' },
  { type: 'message', externalId: 'd2', conversation: 'dm', author: 'plat-ben', sentAt: '2026-01-02T10:01:00Z', body: 'what?' },
  {
    type: 'message',
    externalId: 'p1',
    conversation: 'care',
    author: ADA.externalId,
    sentAt: '2026-01-03T10:00:00Z',
    body: 'it broke',
    direction: 'INBOUND',
    channel: 'whatsapp',
  },
  {
    type: 'message',
    externalId: 'p2',
    conversation: 'care',
    author: 'plat-gus',
    sentAt: '2026-01-03T10:01:00Z',
    replyTo: 'p1',
    body: 'Dear Ada, sorry',
    direction: 'OUTBOUND',
    channel: 'whatsapp',
  },
  {
    type: 'call',
    externalId: 'k1',
    conversation: 'dm',
    initiator: ADA.externalId,
    startedAt: '2026-01-04T10:00:00Z',
    endedAt: '2026-01-04T10:05:00Z',
    participants: [{ user: ADA.externalId }, { user: 'plat-ben' }],
  },
  {
    type: 'call',
    externalId: 'k2',
    conversation: 'care',
    initiator: ADA.externalId,
    startedAt: '2026-01-04T11:00:00Z',
    endedAt: '2026-01-04T11:05:00Z',
    participants: [{ user: ADA.externalId }],
  },
  {
    type: 'delivery',
    externalId: 'v1',
    user: ADA.externalId,
    conversation: 'care',
    message: 'p2',
    channel: 'whatsapp',
    source: '+4930000000',
    destination: ADA.phone,
    status: 'DELIVERED',
    at: '2026-01-03T10:01:05Z',
  },
  { type: 'businessLink', user: ADA.externalId, system: 'helpdesk', reference: ADA.reference },
];

/** The same people and messages, with content for two files, in an app of a tenant. */
export async function tell(world: World, tenant: string, app: string): Promise<Story> {
  const content = new Map(
    ['f1', 'f2'].map((name) => [name, () => Promise.resolve(Readable.from([Buffer.from(`content of ${name}`)]))]),
  );
  await inScope(world.system, { ...world.cli, tenantId: tenant }, (session) =>
    ingest(
      session,
      app,
      records.map((record, index) => ({
        index,
        record: recordSchema.parse(record),
        ...(record.type === 'message' ? { content } : {}),
      })),
    ),
  );
  const id = (name: string): Promise<string> => world.userId(tenant, app, name);
  return { tenant, app, ada: await id(ADA.externalId), ben: await id('plat-ben'), gus: await id('plat-gus') };
}

/** An export file that holds the given people, as a finished request for access leaves it. */
export async function leaveExport(world: World, { tenant, app }: Story, people: string[]): Promise<string> {
  const id = uuidv7();
  await inScope(world.system, { ...world.cli, tenantId: tenant }, async (session) => {
    const request = uuidv7();
    await session.db.query(
      `insert into requests (tenant_id, id, app_id, type, target, target_id, subject_id, status, due_at, requested_by) values ($1, $2, $3, 'ACCESS', 'USER', $4, $4, 'COMPLETED', now(), 'test')`,
      [tenant, request, app, people[0]],
    );
    await createSubjectKeys(world.system.keys, session.db, tenant, [{ id, appId: app }]);
    await world.system.files.write(artefactKey(tenant, id), Readable.from([Buffer.from('sealed')]));
    await recordArtefact(session, {
      id,
      appId: app,
      requestId: request,
      subjectId: people[0]!,
      coversApp: false,
      fileName: 'package.zip',
      contentType: 'application/zip',
      size: 6,
      sha256: createHash('sha256').update('sealed').digest('hex'),
      manifest: {},
      expiresAt: new Date(Date.now() + 1e9),
      people,
    });
  });
  return id;
}

/** Waits for a request to come to its end, and answers its row. */
export async function finished(world: World, id: string): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 1200; tries += 1) {
    const [row] = await world.sql('select * from requests where id = $1', [id]);
    if (row && !['SCHEDULED', 'RUNNING', 'READY'].includes(row['status'] as string)) return row;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(
    `the request ${id} did not end: ${JSON.stringify((await world.sql('select status, stage, error, counts from requests where id = $1', [id]))[0])}`,
  );
}
