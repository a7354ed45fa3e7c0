import type { BatchLoad } from '../../scope/context.ts';
import type { Session } from '../../scope/in-scope.ts';
import { direction, inOrder, loadPages, within, type Window } from '../page.ts';
import type { Call, CallParticipant } from './call.entity.ts';

const COLUMNS = `c.id, c.external_id as "externalId", c.kind, c.started_at as "startedAt", c.ended_at as "endedAt", c.duration_seconds as "durationSeconds",
  c.conversation_id as "conversationId", c.initiator_id as "initiatorId"`;

/** Calls by id. A person's own token reads those they started or took part in, also where it has opened the whole conversation. */
export const loadCalls: BatchLoad<Call> = async ({ db, scope }, ids) => {
  const own = scope.level === 'user';
  if (own) await db.query('select enter_calls($1)', [ids]);
  const part = own
    ? 'and (c.initiator_id = $3 or exists (select 1 from call_participants p where p.tenant_id = $1 and p.call_id = c.id and p.user_id = $3))'
    : '';
  const rows = (await db.query(`select ${COLUMNS} from calls c where c.tenant_id = $1 and c.id = any ($2) ${part}`, [
    scope.tenantId,
    ids,
    ...(own ? [scope.userId] : []),
  ])) as Call[];
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => found.get(id));
};

/** Pages of the ids of people's calls, by person: those they started, and those they took part in, each by its index. */
export const loadCallPages: BatchLoad<string[]> = async ({ db, scope }, keys) => {
  const pages = await loadPages<{ id: string }>(
    keys,
    async (people, window) => {
      const order = direction(window);
      return (await db.query(
        `select distinct parent.id as parent, c.id from unnest($2::uuid[]) as parent (id) cross join lateral (
           (select id from calls where tenant_id = $1 and initiator_id = parent.id and ${within(window, 'id', 3)} order by id ${order} limit $5)
           union all
           (select call_id from call_participants where tenant_id = $1 and user_id = parent.id and ${within(window, 'call_id', 3)} order by call_id ${order} limit $5)) c`,
        [scope.tenantId, people, window.lower, window.upper, window.limit],
      )) as { id: string; parent: string }[];
    },
    (row) => row.id,
  );
  return pages.map((page) => page.map((row) => row.id));
};

/** The ids of a page of all calls in scope. */
export async function pageOfCalls({ db, scope }: Session, window: Window): Promise<string[]> {
  const rows = (await db.query(
    `select id from calls where tenant_id = $1 and ${within(window, 'id', 2)} order by id ${direction(window)} limit $4`,
    [scope.tenantId, window.lower, window.upper, window.limit],
  )) as { id: string }[];
  return inOrder(rows, window, (row) => row.id).map((row) => row.id);
}

/** Who took part in calls, by call; to a person's own token the calls were opened by loadCalls. */
export const loadCallParticipants: BatchLoad<CallParticipant[]> = async ({ db, scope }, ids) => {
  const rows = (await db.query(
    'select call_id as "callId", user_id as "userId", joined_at as "joinedAt", left_at as "leftAt" from call_participants where tenant_id = $1 and call_id = any ($2) order by joined_at nulls last, user_id',
    [scope.tenantId, ids],
  )) as CallParticipant[];
  const lists = new Map<string, CallParticipant[]>(ids.map((id) => [id, []]));
  for (const row of rows) lists.get(row.callId)?.push(row);
  return ids.map((id) => lists.get(id));
};
