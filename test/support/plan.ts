import { textOf } from '../../src/database/arrays.ts';
import type { World } from './world.ts';

/** A step of a plan, as `explain (analyze, format json)` tells it. */
export interface Step {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Step[];
}

/** The most rows that any step of a plan met. */
export const most = (step: Step): number =>
  Math.max(step['Actual Loops'] * (step['Actual Rows'] + (step['Rows Removed by Filter'] ?? 0)), ...(step.Plans ?? []).map(most));

/** The plans of the statements like `like` that a world sends from now on, each in the transaction that sent it. */
export function plansOf({ system: { source } }: World, like: RegExp): Step[] {
  const plans: Step[] = [];
  const make = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = make(mode);
    const query = runner.query.bind(runner);
    runner.query = (async (...asked: Parameters<typeof query>) => {
      const [sql, values] = asked;
      const text = textOf(sql);
      if (like.test(text)) {
        const [explained] = await query(`explain (analyze, format json) ${text}`, values);
        plans.push(explained['QUERY PLAN'][0].Plan);
      }
      return query(...asked);
    }) as typeof runner.query;
    return runner;
  };
  return plans;
}
