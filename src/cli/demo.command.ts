import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../data/app/app.service.ts';
import { createTenant } from '../data/tenant/tenant.service.ts';
import { Refusal } from '../errors.ts';
import { runImport } from '../intake/import.service.ts';
import { importNdjson } from '../intake/ndjson.importer.ts';
import { importSlack } from '../intake/slack.importer.ts';
import { serve } from '../main.ts';
import { createApiKey } from '../scope/api-key.service.ts';
import { inScope } from '../scope/in-scope.ts';
import { issueToken } from '../scope/issue-token.ts';
import { DEMO_PROVIDER } from '../scope/provider-key.ts';
import { ROLES, type RoleName } from '../scope/permissions.ts';
import type { System } from '../system.ts';
import type { Config } from '../config.ts';
import type { Register } from './command.ts';
import { tellStory, type Cast } from './demo-story.ts';
import { answer, type Io } from './io.ts';
import { commandScope, configOf } from './with-system.ts';

const EXAMPLES = ['examples', '../../examples', '../../../examples'].map((path) =>
  path === 'examples' ? path : join(import.meta.dirname, path),
);

/** The folder of the made-up company; it comes with the repository. */
function examplesFolder(): string {
  const found = EXAMPLES.find((path) => existsSync(join(path, 'brightwater-slack', 'users.json')));
  if (!found) throw new Refusal('NOT_FOUND', 'The folder examples/ is not there; run the demo in a clone of the repository.');
  return found;
}

/** Serves; where the usual home lies in a folder that the database's user cannot enter (a clone under /root), in a temporary one. */
async function serveSomewhere(config: Config, io: Io): Promise<Awaited<ReturnType<typeof serve>>> {
  const log = (line: string): void => io.err(`${line}\n`);
  try {
    return await serve(config, { log });
  } catch (error) {
    if (io.environment['HABEAS_HOME'] || !/who cannot enter/.test((error as Error).message)) throw error;
    const home = join(tmpdir(), `habeas-demo-${userInfo().uid}`);
    io.err(`The database's user cannot enter this folder, so the demo keeps its data in ${home}\n`);
    return serve({ ...config, home, keys: join(home, 'keys'), files: join(home, 'files') }, { log });
  }
}

/** Makes the company: a tenant with two apps, filled from examples/, and a key a role. */
async function makeCast(system: System, say: (line: string) => void): Promise<Cast> {
  const examples = examplesFolder();
  const tenant = await createTenant(system, commandScope(), 'Brightwater Bikes');
  const scope = commandScope(tenant.id);
  const [workspace, support] = await inScope(
    system,
    scope,
    async (session) => [await createApp(session, 'Workspace'), await createApp(session, 'Support')] as const,
  );
  say(`Tenant "${tenant.name}" with the apps "${workspace.name}" and "${support.name}"`);
  const slack = await runImport(system, scope, workspace.id, importSlack, join(examples, 'brightwater-slack'));
  const native = await runImport(system, scope, support.id, importNdjson, join(examples, 'brightwater-support.ndjson'));
  const created = (report: typeof slack, what: string): number => report.counts.find((row) => row.what === what)?.created ?? 0;
  say(`Imported a Slack export: ${created(slack, 'user')} people, ${created(slack, 'message')} messages, in ${slack.seconds} s`);
  say(
    `Imported native NDJSON: ${created(native, 'user')} people, ${created(native, 'message')} messages, ${created(native, 'call')} calls, in ${native.seconds} s`,
  );
  const tokenOf = async (role: RoleName, appId?: string): Promise<{ kid: string; token: string }> =>
    inScope(system, role === 'PROVIDER' ? commandScope() : scope, async (session) => {
      const preset = ROLES[role];
      const { key } = await createApiKey(session, {
        name: role === 'PROVIDER' ? DEMO_PROVIDER : `demo ${role}`,
        level: preset.level,
        permissions: preset.permissions,
        ...(appId ? { appId } : {}),
      });
      const { token } = await issueToken(session, {
        kid: key.kid,
        level: preset.level,
        ...(appId ? { appId } : {}),
        subject: role.toLowerCase(),
      });
      return { kid: key.kid, token };
    });
  return {
    tenantId: tenant.id,
    integrator: await tokenOf('INTEGRATOR', workspace.id),
    officer: await tokenOf('PRIVACY_OFFICER'),
    auditor: await tokenOf('AUDITOR'),
    approver: await tokenOf('LEGAL_APPROVER'),
    admin: await tokenOf('TENANT_ADMIN'),
    provider: await tokenOf('PROVIDER'),
  };
}

export const registerDemo: Register = (program, io) => {
  program
    .command('demo')
    .description('show the main job end to end on a made-up company, then go on serving it')
    .option('--exit', 'stop at the end of the story')
    .action(async (options: { exit?: boolean }, command) => {
      const begun = performance.now();
      const json = Boolean(command.optsWithGlobals().json);
      const say = (line: string): void => {
        if (!json) io.out(`[${((performance.now() - begun) / 1000).toFixed(1).padStart(4)} s] ${line}\n`);
      };
      const running = await serveSomewhere(configOf(io), io);
      try {
        say(`Serving ${running.url} on PostgreSQL, migrated`);
        const cast = await makeCast(running.system, say);
        const story = await tellStory(running, cast, say);
        const seconds = Math.round((performance.now() - begun) / 100) / 10;
        const tokens = Object.entries({
          'privacy officer': cast.officer,
          integrator: cast.integrator,
          auditor: cast.auditor,
          'legal approver': cast.approver,
          'tenant admin': cast.admin,
          provider: cast.provider,
        });
        answer(
          io,
          command.optsWithGlobals(),
          { url: running.url, seconds, ...story, tokens: Object.fromEntries(tokens.map(([name, { token }]) => [name, token])) },
          [
            '',
            `The story took ${seconds} s. A token for each role, good for a day (put {"Authorization": "Bearer <token>"} under Headers in GraphiQL):`,
            ...tokens.flatMap(([name, { token }]) => ['', `${name}:`, token]),
            '',
            `a person (Joost, good for an hour):`,
            story.personToken,
            '',
            options.exit ? 'Done.' : `GraphiQL: ${running.url}/    Stop with Ctrl-C.`,
          ],
        );
        if (!options.exit && !io.stop.aborted) await once(io.stop, 'abort');
      } finally {
        await running.close();
      }
    });
};
