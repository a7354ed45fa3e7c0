import type { QueryRunner } from 'typeorm';
import { textOf, type Statement } from './arrays.ts';
import { sqlState } from './db.ts';

/** More texts than the program has; whoever finds a way to make up statements does not fill the database's memory with them. */
const MOST = 1000;

/** A pooler of transactions gave another connection than the one that prepared: no such statement (26000), or there is one already (42P05). */
const POOLED = new Set(['26000', '42P05']);

/** Whether a statement failed for no other reason: nothing was done, and the next try prepares nothing. */
export const failedByPooler = (error: unknown): boolean => pooled && POOLED.has(sqlState(error) ?? '');

const names = new Map<string, string>();
let pooled = false;

function nameOf(text: string): string | undefined {
  let name = names.get(text);
  if (!name && names.size < MOST) names.set(text, (name = `habeas_${names.size}`));
  return name;
}

interface Connection {
  query(statement: Statement, values?: unknown[]): Promise<unknown>;
}

/**
 * Has a runner prepare its statements by name: each is parsed and planned once a connection, where its planning took three quarters of a read's time
 * in the database. For the few statements of reads and of the entries that record them; those of jobs and intake are planned anew, by what the tables hold by then. Answers whether it does:
 * not once a pooler was met that cannot.
 */
export function prepareStatements(runner: QueryRunner): boolean {
  if (pooled) return false;
  const connect = runner.connect.bind(runner) as () => Promise<Connection>;
  let preparing: Connection | undefined;
  let failed = false;
  const noting = (error: unknown): never => {
    // Behind a statement that failed one may be refused that was sent as known, and was never prepared: that is no pooler's doing.
    if (!failed && POOLED.has(sqlState(error) ?? '')) pooled = true;
    failed = true;
    throw error;
  };
  const connectPrepared = async (): Promise<Connection> => {
    if (preparing) return preparing;
    const connection = await connect();
    return (preparing = { query: (statement, values) => connection.query(...prepared(statement, values)).catch(noting) });
  };
  // By its name: a function that is assigned to a property as it is written V8 puts into the old heap, and with it what it holds.
  runner.connect = connectPrepared;
  return true;
}

function prepared(statement: Statement, values?: unknown[]): [Statement, unknown[]?] {
  const text = textOf(statement);
  const name = values?.length ? nameOf(text) : undefined;
  return name ? [{ ...(typeof statement === 'object' && statement), text, name, values: values! }] : [statement, values];
}
