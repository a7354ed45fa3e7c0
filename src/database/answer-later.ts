import type pg from 'pg';

type Asks = (...given: unknown[]) => unknown;

/**
 * Promises what a statement answers, as pg does itself, but with a callback that is given by its name. The one that pg makes is assigned to a property as it is written: such a function V8
 * puts into the old heap, and with it, until that is collected, all that waits for the answer.
 */
export function answerLater(client: pg.ClientBase): void {
  const query = client.query.bind(client) as Asks;
  const promised = async (statement: unknown, values: unknown): Promise<unknown> => {
    try {
      return await new Promise((resolve, reject) => {
        const done = (error: Error | null | undefined, result: unknown): void => (error ? reject(error) : resolve(result));
        query(statement, values, done);
      });
    } catch (error) {
      // Of who asked, not of the packet that brought it.
      Error.captureStackTrace(error as Error);
      throw error;
    }
  };
  const ask: Asks = (...given) => {
    const [statement, values] = given;
    const { submit, callback } = (statement ?? {}) as { submit?: unknown; callback?: unknown };
    const bySelf = typeof submit === 'function' || typeof callback === 'function';
    return bySelf || given.some((one) => typeof one === 'function') ? query(...given) : promised(statement, values);
  };
  client.query = ask as pg.ClientBase['query'];
}
