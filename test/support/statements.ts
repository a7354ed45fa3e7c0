import { textOf } from '../../src/database/arrays.ts';
import type { World } from './world.ts';

/** Writes down the statements that a world sends from now on, without their values: an array that grows, to be emptied by whoever reads it. */
export function listen({ system: { source } }: World): string[] {
  const statements: string[] = [];
  const make = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = make(mode);
    const query = runner.query.bind(runner);
    runner.query = ((sql: string, ...rest: never[]) => {
      statements.push(textOf(sql));
      return query(sql, ...rest);
    }) as typeof runner.query;
    return runner;
  };
  return statements;
}
