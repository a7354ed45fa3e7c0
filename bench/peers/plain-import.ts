import { answer, job } from '../child.ts';
import { timed } from '../measure.ts';
import { fillPlain } from './plain-fill.ts';

const { url, path, tenant, app } = job<{ url: string; path: string; tenant: string; app: string }>();
answer({ seconds: await timed(() => fillPlain(url, path, { tenant, app })) });
