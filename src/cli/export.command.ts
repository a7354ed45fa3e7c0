import { createWriteStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { openSealed } from '../artefacts/sealed-stream.ts';
import { recordAct } from '../audit/act.ts';
import type { Artefact } from '../data/artefact/artefact.entity.ts';
import { artefactContext, artefactKey, artefactsOfRequests } from '../data/artefact/artefact.queries.ts';
import { Refusal } from '../errors.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { requestPackage } from '../rights/package/package-request.service.ts';
import { Others, PackageFormat } from '../rights/package/package.options.ts';
import { RequestType } from '../rights/request.entity.ts';
import { inScope } from '../scope/in-scope.ts';
import type { Scope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import type { Register } from './command.ts';
import { answer } from './io.ts';
import { oneOf } from './options.ts';
import { scopeOfPerson, untilDone } from './person.ts';
import { withSystem } from './with-system.ts';

interface ExportOptions {
  format: string;
  right: string;
  others: string;
  reason?: string;
  encrypted?: boolean;
  tenant?: string;
  out?: string;
}

const isThere = (path: string): Refusal => new Refusal('CONFLICT', `${path} is there already; name another file with --out.`);

/** Writes an export file out, unsealed; reading it is an act like any download. */
async function writeOut(
  system: System,
  scope: Scope,
  requestId: string,
  path: string | undefined,
): Promise<{ artefact: Artefact; path: string }> {
  const { artefact, key } = await inScope(system, scope, async (session) => {
    const [found] = await artefactsOfRequests(session, [requestId]);
    const sealing = found && (await subjectKeys(system.keys, session.db, scope.tenantId, [found.id])).get(found.id);
    if (!found || !sealing) throw new Refusal('EXPIRED', 'The file has expired.');
    await recordAct(session, 'artefact.downloaded', { artefact: found.id });
    return { artefact: found, key: sealing };
  });
  const target = path ?? artefact.fileName;
  const file = await system.files.open(artefactKey(scope.tenantId, artefact.id));
  const content = openSealed(key, artefactContext(scope.tenantId, artefact.id), file, artefact.size, {
    start: 0,
    end: artefact.size - 1,
  });
  // It holds a person's data: for its owner alone, and never over another file.
  await pipeline(content, createWriteStream(target, { flags: 'wx', mode: 0o600 })).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw isThere(target);
    await rm(target, { force: true });
    throw error.syscall ? new Refusal('INVALID_INPUT', `${target} cannot be written (${error.code}).`) : error;
  });
  return { artefact, path: target };
}

export const registerExport: Register = (program, io) => {
  program
    .command('export')
    .description('export what is held')
    .command('user')
    .description("write a person's package: everything held about them, or what is portable")
    .argument('<id>', 'the person')
    .option('--format <format>', Object.values(PackageFormat).join(', ').toLowerCase(), 'json')
    .option('--right <right>', 'access (Art. 15, everything) or portability (Art. 20)', 'access')
    .option('--others <rule>', `what is shown of other people: ${Object.values(Others).join(', ').toLowerCase()}`, 'context')
    .option('--reason <text>', 'why, where the names of others are shown (full)')
    .option('--encrypted', 'encrypt the zip under a generated password, which is printed once')
    .option('--tenant <id>', 'the tenant; without one it is looked for')
    .option('--out <file>', "where to; without one, under the package's own name")
    .action(async (id: string, options: ExportOptions, command) => {
      const type = oneOf('--right', options.right.toUpperCase(), [RequestType.ACCESS, RequestType.PORTABILITY] as const);
      const format = oneOf('--format', options.format.toUpperCase(), Object.values(PackageFormat));
      const others = oneOf('--others', options.others.toUpperCase(), Object.values(Others));
      // Before anything is made: a password that is shown once must not be lost with the command.
      if (options.out && existsSync(options.out)) throw isThere(options.out);
      await withSystem(
        io,
        async (system) => {
          const scope = await scopeOfPerson(system, id, options.tenant);
          const { request, password } = await inScope(system, scope, (session) =>
            requestPackage(session, type, {
              userId: id,
              format,
              others,
              encrypted: options.encrypted ?? false,
              reason: options.reason ?? null,
            }),
          );
          const done = await untilDone(system, scope, request.id, io);
          const { artefact, path } = await writeOut(system, scope, request.id, options.out);
          answer(
            io,
            command.optsWithGlobals(),
            {
              request: request.id,
              file: path,
              size: artefact.size,
              sha256: artefact.sha256,
              counts: done.counts,
              password: password ?? null,
            },
            [
              `Wrote ${path}: ${artefact.size} bytes, SHA-256 ${artefact.sha256}.`,
              ...Object.entries(done.counts).map(([name, count]) => `  ${name}  ${count}`),
              ...(password ? [`The password, shown this once:  ${password}`] : []),
            ],
          );
        },
        { work: true },
      );
    });
};
