import { inScope, type Session } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { RequestTarget } from '../request.entity.ts';
import { eraseApp, eraseTenant } from './app-erasure.service.ts';
import { eraseConversation } from './conversation-erasure.service.ts';
import { carryOut } from './erasure.job.ts';
import { readLedger, type LedgerLine } from './ledger.ts';
import { eraseMessage } from './message-erasure.service.ts';
import { eraseUser } from './user-erasure.service.ts';

/** What a replay did, in ids of requests. */
export interface Replay {
  /** Lines of the ledger that were looked at. */
  lines: number;
  /** Erasures that stood open, carried to their end. */
  resumed: string[];
  /** Erasures done again: the new requests. */
  replayed: string[];
}

const NEVER = new AbortController().signal;

/**
 * Applies the ledger of a tenant again, after a backup was restored: whatever was erased and is back is erased once more. The ledger is read from the
 * database and from the file store, since a restored database knows only what had been erased by the time of the backup. Erasures that stand open (their job
 * was lost with the queue) are carried to their end first. Running it twice changes nothing.
 */
export async function replayErasures(system: System, scope: Scope): Promise<Replay> {
  const open = (await inScope(system, scope, ({ db }) =>
    db.query(
      `select id from requests where tenant_id = $1 and type = 'ERASURE' and status in ('SCHEDULED', 'RUNNING') order by id`,
      [scope.tenantId],
    ),
  )) as { id: string }[];
  for (const { id } of open) await carryOut(system, id, scope, NEVER);
  const lines = await inScope(system, scope, readLedger);
  const replayed: string[] = [];
  for (const line of lines) {
    const requestId = await inScope(system, scope, async (session) =>
      (await isBack(session, line)) ? again(session, line) : undefined,
    );
    if (!requestId) continue;
    await carryOut(system, requestId, scope, NEVER);
    replayed.push(requestId);
  }
  return { lines: lines.length, resumed: open.map(({ id }) => id), replayed };
}

const BACK: Readonly<Record<LedgerLine['target'], string>> = {
  USER: 'select 1 from users where tenant_id = $1 and id = $2',
  CONVERSATION: 'select 1 from conversations where tenant_id = $1 and id = $2',
  MESSAGE: 'select 1 from messages where tenant_id = $1 and id = $2 and deleted_at is null',
  APP: 'select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null',
  TENANT: 'select 1 from tenant_directory where tenant_id = $1 and tenant_id = $2 and erased_at is null',
};

async function isBack({ db, scope }: Session, line: LedgerLine): Promise<boolean> {
  return ((await db.query(BACK[line.target], [scope.tenantId, line.targetId])) as unknown[]).length > 0;
}

async function again(session: Session, line: LedgerLine): Promise<string> {
  const ground = line.ground ?? 'LEGAL_OBLIGATION';
  const name = async (sql: string): Promise<string> =>
    ((await session.db.query(sql, [session.scope.tenantId, line.targetId])) as { name: string }[])[0]!.name;
  switch (line.target) {
    case RequestTarget.USER:
      return (await eraseUser(session, line.targetId, { ground, again: true })).id;
    case RequestTarget.CONVERSATION:
      return (await eraseConversation(session, line.targetId, ground)).id;
    case RequestTarget.MESSAGE:
      return (await eraseMessage(session, line.targetId, { ground, mode: line.mode === 'REMOVE' ? 'REMOVE' : 'PLACEHOLDER' })).id;
    case RequestTarget.APP:
      return (
        await eraseApp(session, line.targetId, {
          ground,
          confirm: await name('select name from apps where tenant_id = $1 and id = $2'),
        })
      ).id;
    case RequestTarget.TENANT:
      return (
        await eraseTenant(session, {
          ground,
          confirm: await name('select name from tenants where tenant_id = $1 and tenant_id = $2'),
        })
      ).id;
  }
}
