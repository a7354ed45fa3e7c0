import { built } from '../built.ts';
import { answer, job } from '../child.ts';
import { timed } from '../measure.ts';

/** Imports native NDJSON as `habeas import` does, and measures the import alone. */
const { path, tenant, app } = job<{ path: string; tenant: string; app: string }>();
const { readConfig } = await built<typeof import('../../src/config.ts')>('src/config.js');
const { openSystem } = await built<typeof import('../../src/main.ts')>('src/main.js');
const { commandScope } = await built<typeof import('../../src/cli/with-system.ts')>('src/cli/with-system.js');
const { importNdjson } = await built<typeof import('../../src/intake/ndjson.importer.ts')>('src/intake/ndjson.importer.js');
const { runImport } = await built<typeof import('../../src/intake/import.service.ts')>('src/intake/import.service.js');

const config = readConfig();
const running = await openSystem(config, config.databaseUrl!);
const { system } = running;
let skipped = 0;
let messages = 0;
const seconds = await timed(async () => {
  const report = await runImport(system, commandScope(tenant), app, importNdjson, path);
  skipped = report.skipped.total;
  messages = report.counts.find(({ what }) => what === 'message')?.created ?? 0;
});
await running.close();
if (skipped) throw new Error(`${skipped} records were skipped`);
answer({ seconds, messages });
