import { HOLDINGS } from '../../data/holdings.ts';
import type { PlanExport } from '../package/export.job.ts';
import { planPersonExport } from '../package/person-export.ts';
import type { Contents } from '../package/person-package.ts';

/** What the person provided and what was observed of them (Art. 20(1)). */
export const PORTABLE: Contents = { holdings: HOLDINGS.filter((holding) => holding.portable !== false) };

export const planPortability: PlanExport = (job) => planPersonExport(job, PORTABLE);
