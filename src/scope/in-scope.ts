import type { DataSource, QueryRunner } from 'typeorm';
import { leavingAside } from '../database/by-index.ts';
import type { Db } from '../database/db.ts';
import { prepareStatements } from '../database/prepared.ts';
import type { System } from '../system.ts';
import { PROVIDER_TENANT, type Scope } from './scope.ts';
import { takeTurn } from './turns.ts';

/** One transaction in one scope: the only door to a tenant's tables. */
export interface Session {
  db: Db;
  scope: Scope;
  system: System;
}

type Place = Pick<Scope, 'tenantId' | 'appId' | 'userId'>;

const entering = ({ tenantId, appId, userId }: Place): [string, unknown[]] => [
  'select enter_scope($1, $2, $3)',
  [tenantId, appId ?? '', userId ?? ''],
];

const enter = (db: Db, scope: Place): Promise<unknown> => db.query(...entering(scope));

/**
 * The same, with a bound on how long each statement may take, and on the silence between two: the database cancels what takes longer, and ends
 * the transaction of a process that was stopped in it, so that nobody waits for its locks.
 */
function enteringTimed(scope: Place, seconds: number, more = ''): [string, unknown[]] {
  const [text, values] = entering(scope);
  const timed = `${text}, set_config('statement_timeout', $4, true), set_config('idle_in_transaction_session_timeout', $4, true)${more}`;
  return [timed, [...values, `${seconds}s`]];
}

/** A transaction that stays open over several calls (one GraphQL query operation). Whoever opens it must end it. */
export interface OpenSession {
  session: Session;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

interface Begun extends OpenSession {
  /** Commits what has been asked and not yet answered, without waiting for it: where it fails nothing is committed, and this fails with it. */
  commitBehind(asked: Promise<unknown>): Promise<void>;
}

/**
 * Begins a transaction and enters a scope. Neither is waited for: what is asked next is sent behind them (`pipeline` in ormconfig.ts), which
 * spares each transaction two round trips. Where the scope cannot be entered the transaction is aborted: all that follows is refused, and the end
 * says why.
 */
async function begin(system: System, scope: Scope, runner: QueryRunner, statement: [string, unknown[]]): Promise<Begun> {
  const { lease } = system;
  const connection = (await runner.connect()) as Pick<Db, 'query'>;
  const first = [connection.query('start transaction'), connection.query(...statement)];
  if (lease) first.push(connection.query(lease.silence));
  const begun = Promise.all(first);
  begun.catch(() => undefined);
  const end = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      // Nobody may be given the connection while its transaction is open.
      await runner.query('rollback').catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  };
  return {
    session: { db: runner.manager, scope, system },
    commit: () =>
      end(async () => {
        await begun;
        await lease?.hold(runner.manager);
        await runner.query('commit');
      }),
    commitBehind: (asked) => end(() => Promise.all([begun, asked, runner.query('commit')])),
    rollback: async () => {
      try {
        await runner.query('rollback').catch(() => undefined);
        await begun;
      } finally {
        await runner.release();
      }
    },
  };
}

/** Runs `act` in a transaction that sees and changes only the rows of the scope; commits at its end, or rolls everything back. `seconds` bounds each statement, and the silence between two. */
export async function inScope<T>(
  system: System,
  scope: Scope,
  act: (session: Session) => Promise<T>,
  seconds?: number,
): Promise<T> {
  const statement = seconds === undefined ? entering(scope) : enteringTimed(scope, seconds);
  return through(await begin(system, scope, system.source.createQueryRunner(), statement), act);
}

async function through<T>(open: OpenSession, act: (session: Session) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await act(open.session);
  } catch (error) {
    // Where the scope could not be entered, that is the error to tell of.
    await open.rollback();
    throw error;
  }
  await open.commit();
  return result;
}

/**
 * Runs `act` in another tenant within the same transaction, and comes back. For a provider's act that touches two tenants, in a transaction
 * that nothing else uses meanwhile: a second connection taken while holding the first could wait for itself.
 */
export async function inTenant<T>(session: Session, tenantId: string, act: (session: Session) => Promise<T>): Promise<T> {
  if (tenantId === session.scope.tenantId) return act(session);
  const { appId: _app, userId: _user, ...rest } = session.scope;
  const scope: Scope = { ...rest, tenantId };
  await enter(session.db, scope);
  const result = await act({ ...session, scope });
  await enter(session.db, session.scope);
  return result;
}

/**
 * One plan for every caller, made once a connection, and always by an index: planning anew took longer than reading, and a plan that suits a table of ten
 * rows must not outlive them. No list of the API is read in any other order than that of its index.
 */
const PREPARED = `set_config('plan_cache_mode', 'force_generic_plan', true), ${leavingAside('seqscan', 'bitmapscan')}`;

function beginPrepared(system: System, scope: Scope, seconds: number): Promise<Begun> {
  const runner = system.source.createQueryRunner();
  const prepared = system.config.preparedStatements && prepareStatements(runner);
  return begin(system, scope, runner, enteringTimed(scope, seconds, prepared ? `, ${PREPARED}` : ''));
}

/** `inScope` for the few statements that requests have in common. Whoever is in it waits for no other connection. */
export async function inPrepared<T>(
  system: System,
  scope: Scope,
  act: (session: Session) => Promise<T>,
  seconds: number,
): Promise<T> {
  return through(await beginPrepared(system, scope, seconds), act);
}

/** `inPrepared` for statements that are asked at once and do not hang on one another: they go out in one packet with the transaction's beginning and its end. */
export async function inOnePacket(
  system: System,
  scope: Scope,
  ask: (session: Session) => Promise<unknown>,
  seconds: number,
): Promise<void> {
  if (system.lease) throw new Error('A job looks at its lease before it commits.');
  const open = await beginPrepared(system, scope, seconds);
  // Whatever it throws, the connection is given back.
  return open.commitBehind((async () => ask(open.session))());
}

export async function openSession(system: System, scope: Scope, seconds: number): Promise<OpenSession> {
  // While it is open its request may need a second connection (the next field of a mutation, a provider's other tenant). One of the pool is kept
  // for those, or as many requests as there are connections would each hold one and wait for another.
  const leave = await takeTurn(system.source, system.config.poolSize - 1);
  try {
    const open = await beginPrepared(system, scope, seconds);
    return {
      session: open.session,
      commit: () => open.commit().finally(leave),
      rollback: () => open.rollback().finally(leave),
    };
  } catch (error) {
    leave();
    throw error;
  }
}

/** Whether this database holds any key, the provider's own or a tenant's: then a master key must exist, and is never made anew. */
export async function holdsKeys(source: DataSource): Promise<boolean> {
  return source.transaction(async (db) => {
    await enter(db, { tenantId: PROVIDER_TENANT });
    const [row] = (await db.query(
      `select exists (select from tenant_directory) or exists (select from keys.tenant_keys where tenant_id = $1) as held`,
      [PROVIDER_TENANT],
    )) as { held: boolean }[];
    return row!.held;
  });
}
