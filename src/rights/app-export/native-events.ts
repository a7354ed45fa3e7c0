import type { CALL_KINDS, RawRecord } from '../../intake/records.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { isoTime, toIso } from './iso-time.ts';
import { grouped, leaveOut, opener, present, type Records } from './app-walk.ts';

interface CallRow {
  id: string;
  externalId: string;
  conversationId: string | null;
  initiatorId: string | null;
  kind: (typeof CALL_KINDS)[number];
  startedAt: string;
  endedAt: string | null;
}

export const CALLS: Records<CallRow> = {
  read: async ({ db, scope }, { appId }, after) =>
    (await db.query(
      `select id, external_id as "externalId", conversation_id as "conversationId", initiator_id as "initiatorId", kind, ${isoTime('started_at')} as "startedAt", ${isoTime('ended_at')} as "endedAt"
       from calls where tenant_id = $1 and app_id = $2 and id > $3 order by id limit 1000`,
      [scope.tenantId, appId, after],
    )) as CallRow[],
  tell: async (session, walk, rows) => {
    const { db, scope } = session;
    const people = (await db.query(
      `select call_id as "callId", user_id as "userId", ${isoTime('joined_at')} as "joinedAt", ${isoTime('left_at')} as "leftAt" from call_participants
       where tenant_id = $1 and call_id = any ($2) order by call_id, user_id`,
      [scope.tenantId, rows.map((row) => row.id)],
    )) as { callId: string; userId: string; joinedAt: string | null; leftAt: string | null }[];
    await walk.names.users(session, [...rows.map((row) => row.initiatorId), ...people.map((row) => row.userId)]);
    await walk.names.conversations(
      session,
      rows.map((row) => row.conversationId),
    );
    const inside = grouped(people, (row) => row.callId);
    return rows.flatMap((row) => {
      const initiator = walk.names.user(row.initiatorId);
      if (initiator === undefined) leaveOut(walk, 'calls whose initiator was erased');
      if (initiator === undefined) return [];
      const participants = (inside.get(row.id) ?? []).flatMap(({ userId, joinedAt, leftAt }) => {
        const user = walk.names.user(userId);
        return user === undefined ? [] : [present({ user, joinedAt: toIso(joinedAt), leftAt: toIso(leftAt) })];
      });
      return [
        present({
          type: 'call' as const,
          externalId: row.externalId,
          conversation: walk.names.conversation(row.conversationId),
          initiator,
          kind: row.kind,
          startedAt: toIso(row.startedAt),
          endedAt: toIso(row.endedAt),
          participants,
        }) as RawRecord,
      ];
    });
  },
};

interface DeliveryRow {
  id: string;
  userId: string;
  conversationId: string | null;
  message: string | null;
  externalId: string;
  channel: string;
  source: Buffer | null;
  destination: Buffer | null;
  status: string;
  at: string;
}

export const DELIVERIES: Records<DeliveryRow> = {
  read: async ({ db, scope }, { appId }, after) =>
    (await db.query(
      `select d.id, d.user_id as "userId", m.conversation_id as "conversationId", m.external_id as message, d.external_id as "externalId", d.channel, d.source, d.destination, d.status,
         ${isoTime('d.at')} as at
       from delivery_records d left join messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
       where d.tenant_id = $1 and d.app_id = $2 and d.id > $3 order by d.id limit 2000`,
      [scope.tenantId, appId, after],
    )) as DeliveryRow[],
  tell: async (session, walk, rows) => {
    const { db, scope, system } = session;
    const open = opener(
      scope.tenantId,
      await subjectKeys(
        system.keys,
        db,
        scope.tenantId,
        rows.map((row) => row.userId),
      ),
    );
    await walk.names.users(
      session,
      rows.map((row) => row.userId),
    );
    await walk.names.conversations(
      session,
      rows.map((row) => row.conversationId),
    );
    return rows.flatMap((row) => {
      const user = walk.names.user(row.userId);
      if (user === undefined) return [];
      const conversation = walk.names.conversation(row.conversationId);
      return [
        present({
          type: 'delivery' as const,
          externalId: row.externalId,
          user,
          conversation,
          message: conversation && row.message,
          channel: row.channel,
          source: open(row.userId, 'delivery_records.source', row.id, row.source),
          destination: open(row.userId, 'delivery_records.destination', row.id, row.destination),
          status: row.status,
          at: toIso(row.at),
        }) as RawRecord,
      ];
    });
  },
};

interface LinkRow {
  id: string;
  userId: string;
  system: string;
  reference: Buffer;
}

export const BUSINESS_LINKS: Records<LinkRow> = {
  read: async ({ db, scope }, { appId }, after) =>
    (await db.query(
      'select id, user_id as "userId", system, reference from business_links where tenant_id = $1 and app_id = $2 and id > $3 order by id limit 2000',
      [scope.tenantId, appId, after],
    )) as LinkRow[],
  tell: async (session, walk, rows) => {
    const { db, scope, system } = session;
    const open = opener(
      scope.tenantId,
      await subjectKeys(
        system.keys,
        db,
        scope.tenantId,
        rows.map((row) => row.userId),
      ),
    );
    await walk.names.users(
      session,
      rows.map((row) => row.userId),
    );
    return rows.flatMap((row) => {
      const user = walk.names.user(row.userId);
      const reference = open(row.userId, 'business_links.reference', row.id, row.reference);
      return user === undefined || reference === undefined
        ? []
        : [{ type: 'businessLink' as const, user, system: row.system, reference }];
    });
  },
};
