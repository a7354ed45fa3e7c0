import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { resolve } from 'node:path';
import type { ImportReport } from '../../src/intake/import-report.ts';
import { writeExport } from '../support/import-events.ts';
import { openWorld, type World } from '../support/world.ts';
import { commandLine, type CommandLine } from './command-line.ts';

const WORK = resolve(import.meta.dirname, '../../examples/brightwater-slack');

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
beforeEach(async () => {
  tenant = await world.tenant();
});
afterAll(() => world.close());

const habeas = (stop?: AbortSignal): CommandLine =>
  commandLine({ HABEAS_DATABASE_URL: world.database.runtimeUrl, HABEAS_HOME: world.home, HABEAS_LOG_LEVEL: 'error' }, stop);
const changed = (report: string): number =>
  (JSON.parse(report) as ImportReport).counts.reduce((sum, row) => sum + row.created + row.updated, 0);

describe('habeas import', () => {
  test('imports and reports to people, and to machines with --json', async () => {
    const app = await world.app(tenant);
    const first = await habeas()('import', 'slack', WORK, '--tenant', tenant, '--app', app);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/message +892 +0 +0/);
    const second = await habeas()('import', 'slack', WORK, '--tenant', tenant, '--app', app, '--json');
    expect(changed(second.out)).toBe(0);
  });

  test('told to stop it says what is held, and that the same again goes on', async () => {
    const app = await world.app(tenant);
    const stopped = await habeas(AbortSignal.abort())('import', 'slack', WORK, '--tenant', tenant, '--app', app);
    expect(stopped).toEqual({
      code: 1,
      out: '',
      err: 'UNAVAILABLE: Stopped. What was taken over so far is held; the same import again takes over the rest.\n',
    });
    expect(changed((await habeas()('import', 'slack', WORK, '--tenant', tenant, '--app', app, '--json')).out)).toBeGreaterThan(
      900,
    );
  });

  test('ends with 1 and one clear line where the export cannot be read', async () => {
    const app = await world.app(tenant);
    const failed = await habeas()(
      'import',
      'slack',
      await writeExport({ 'channels.json': [] }),
      '--tenant',
      tenant,
      '--app',
      app,
    );
    expect(failed).toMatchObject({ code: 1, out: '' });
    expect(failed.err).toMatch(/^INVALID_INPUT: users\.json is missing/);
    expect((await habeas()('import', 'teams', WORK, '--tenant', tenant, '--app', app)).code).toBe(1);
  });
});
