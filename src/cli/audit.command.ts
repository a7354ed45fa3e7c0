import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { recordAct } from '../audit/act.ts';
import { exportLog } from '../audit/export.ts';
import { sealWaiting } from '../audit/sealer.ts';
import { openSigner } from '../audit/signer.ts';
import { newestCheckpoint } from '../audit/stored-tree.ts';
import { verifyFiles } from '../audit/verify.command.ts';
import { Refusal } from '../errors.ts';
import { inScope, type Session } from '../scope/in-scope.ts';
import { PROVIDER_TENANT } from '../scope/scope.ts';
import type { Register } from './command.ts';
import { CommandFailed } from './failure.ts';
import { answer, type Io } from './io.ts';
import { commandScope, uuidOf, withSystem } from './with-system.ts';

/** Seals what waits, so that it is under a signature, and then reads the log. Without a tenant, the provider's own log. */
async function afterSealing<T>(io: Io, tenant: string | undefined, read: (session: Session) => Promise<T>): Promise<T> {
  const tenantId = tenant ? uuidOf('--tenant', tenant) : PROVIDER_TENANT;
  return withSystem(io, async (system) => {
    const scope = commandScope(tenantId);
    await inScope(system, scope, async (session) => {
      const [found] = (await session.db.query('select 1 from audit_entries where tenant_id = $1 limit 1', [
        tenantId,
      ])) as unknown[];
      if (!found) throw new Refusal('NOT_FOUND', `There is no audit log of a tenant ${tenantId}; run: habeas tenant list`);
      await recordAct(session, 'audit.exported', {});
    });
    await sealWaiting(system, await openSigner(system.config.keys), tenantId);
    return inScope(system, scope, read);
  });
}

/** Writes lines to a new file, no faster than the disk takes them. A log that failed half-way would verify as one whose end was cut off, so it is removed. */
async function exportTo(path: string, session: Session): Promise<object> {
  const file = createWriteStream(path, { mode: 0o600, flags: 'wx' });
  const failed = new Promise<never>((_, reject) =>
    file.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EEXIST'
          ? new Refusal('CONFLICT', `${path} is there already; name another file with --out.`)
          : new Refusal('INVALID_INPUT', `${path} cannot be written (${error.code}).`),
      ),
    ),
  );
  failed.catch(() => undefined);
  const written = (async () => {
    const counts = await exportLog(session.db, session.scope.tenantId, async (line) => {
      if (!file.write(line)) await Promise.race([once(file, 'drain'), failed]);
    });
    file.end();
    await Promise.race([once(file, 'close'), failed]);
    return counts;
  })();
  try {
    return await Promise.race([written, failed]);
  } catch (error) {
    file.destroy();
    if (!(error instanceof Refusal && error.code === 'CONFLICT')) await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

function registerVerify(family: Command, io: Io): void {
  family
    .command('verify')
    .description(
      'verify an exported log against an older checkpoint, offline: needs no database; exit code 1 where it was changed',
    )
    .argument('<log>', 'what audit export wrote')
    .requiredOption('--checkpoint <file>', 'a checkpoint that left the database earlier, or several')
    .option('--key <pem>', 'the public key to trust; without it, the one in the checkpoint file')
    .action(async (log: string, options: { checkpoint: string; key?: string }, command) => {
      const report = await verifyFiles({
        log,
        checkpoint: options.checkpoint,
        ...(options.key ? { publicKey: options.key } : {}),
      });
      const lines = report.findings.map(
        (finding) => `${finding.kind}  ${finding.message}${finding.entryId ? ` (entry ${finding.entryId})` : ''}`,
      );
      answer(io, command.optsWithGlobals(), report, [
        ...lines,
        report.ok ? 'The log is whole and unchanged.' : 'The log was changed.',
      ]);
      if (!report.ok) throw new CommandFailed();
    });
}

export const registerAudit: Register = (program, io) => {
  const family = program.command('audit').description('export and verify audit logs');
  registerVerify(family, io);
  family
    .command('export')
    .description('write the whole audit log of a tenant as NDJSON, sealed up to now')
    .option('--tenant <id>', "the tenant; without one, the provider's own log")
    .option('--out <file>', 'where to', 'audit-log.ndjson')
    .action(async (options: { tenant?: string; out: string }, command) => {
      const counts = await afterSealing(io, options.tenant, (session) => exportTo(options.out, session));
      const told = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
      answer(io, command.optsWithGlobals(), { file: options.out, ...counts }, [`Wrote ${options.out}: ${told.join(', ')}.`]);
    });
  family
    .command('checkpoint')
    .description('write the newest signed checkpoint, to be kept elsewhere: a later log is verified against it')
    .option('--tenant <id>', "the tenant; without one, the provider's own log")
    .option('--out <file>', 'where to', 'audit-checkpoint.json')
    .action(async (options: { tenant?: string; out: string }, command) => {
      const checkpoint = await afterSealing(io, options.tenant, ({ db, scope }) => newestCheckpoint(db, scope.tenantId));
      await writeFile(options.out, `${JSON.stringify(checkpoint)}\n`).catch((error: NodeJS.ErrnoException) => {
        throw new Refusal('INVALID_INPUT', `${options.out} cannot be written (${error.code}).`);
      });
      answer(io, command.optsWithGlobals(), { file: options.out, size: checkpoint?.size, at: checkpoint?.at }, [
        `Wrote ${options.out}: ${checkpoint?.size} entries, at ${checkpoint?.at}.`,
      ]);
    });
};
