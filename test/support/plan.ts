import { textOf } from '../../src/database/arrays.ts';
import type { World } from './world.ts';

/** A step of a plan, as `explain (analyze, format json)` tells it. */
export interface Step {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: Step[];
}

/** The most rows that any step of a plan met. */
export function most(step: Step): number {
  const removed = (['Filter', 'Join Filter', 'Index Recheck'] as const).map((by) => step[`Rows Removed by ${by}`] ?? 0);
  const met = removed.reduce((sum, rows) => sum + rows, step['Actual Rows']) * step['Actual Loops'];
  return Math.max(met, ...(step.Plans ?? []).map(most));
}

/** The plans of the selects like `like` that a world sends from now on, each explained in the transaction that sends it, and so run twice. */
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
