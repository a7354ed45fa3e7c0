import { built } from '../built.ts';
import { answer, job } from '../child.ts';
import { timed } from '../measure.ts';

/** Asks for a person's package as CSV in an encrypted zip, and does the job of it here, alone in this process, as `habeas worker` would. */
const { tenant, person } = job<{ tenant: string; person: string }>();
const { readConfig } = await built<typeof import('../../src/config.ts')>('src/config.js');
const { openSystem } = await built<typeof import('../../src/main.ts')>('src/main.js');
const { commandScope } = await built<typeof import('../../src/cli/with-system.ts')>('src/cli/with-system.js');
const { inScope } = await built<typeof import('../../src/scope/in-scope.ts')>('src/scope/in-scope.js');
const { storeScope } = await built<typeof import('../../src/scope/scope.ts')>('src/scope/scope.js');
const { requestPackage } = await built<typeof import('../../src/rights/package/package-request.service.ts')>(
  'src/rights/package/package-request.service.js',
);
const { RequestType } = await built<typeof import('../../src/rights/request.entity.ts')>('src/rights/request.entity.js');
const { HANDLERS } = await built<typeof import('../../src/jobs/handlers.ts')>('src/jobs/handlers.js');

const config = readConfig();
const running = await openSystem(config, config.databaseUrl!);
const { system } = running;
const scope = { ...commandScope(tenant), level: 'tenant' as const };
const args = { userId: person, format: 'CSV', others: 'OWN', encrypted: true } as Parameters<typeof requestPackage>[2];
const { request } = await inScope(system, scope, (session) => requestPackage(session, RequestType.ACCESS, args));
const data = { requestId: request.id, scope: storeScope(scope) };
const seconds = await timed(() => HANDLERS.export!(system, data, new AbortController().signal));
const [made] = await inScope(
  system,
  scope,
  ({ db }) =>
    db.query(
      "select size::float8, (manifest -> 'counts' ->> 'messages')::int as messages from artefacts where tenant_id = $1 and request_id = $2",
      [tenant, request.id],
    ) as Promise<{ size: number; messages: number }[]>,
);
await running.close();
if (!made) throw new Error('The export did not come to its end.');
answer({ seconds, fileMegabytes: made.size / 1e6, messages: made.messages });
