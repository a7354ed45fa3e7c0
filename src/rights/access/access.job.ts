import { HOLDINGS } from '../../data/holdings.ts';
import type { PlanExport } from '../package/export.job.ts';
import { planPersonExport } from '../package/person-export.ts';
import { aboutProcessing } from './access.about.ts';

/** Everything held about the person, with the facts about it (Art. 15). */
export const planAccess: PlanExport = (job) => planPersonExport(job, { holdings: HOLDINGS, about: aboutProcessing });
