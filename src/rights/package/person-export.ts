import type { PackageEntry } from '../../artefacts/package.ts';
import type { ExportJob, ExportPlan } from './export.job.ts';
import { rowEntries, type Tally } from './documents.ts';
import { holdingFiles } from './holding-rows.ts';
import { PackageFormat, type PackageOptions } from './package.options.ts';
import { openPersonPackage, PACKAGE_SCHEMA, type Contents, type PersonPackage } from './person-package.ts';

const NOTES = {
  csv: 'A cell that a spreadsheet would run as a formula has an apostrophe before it. To undo: take one apostrophe from a cell that consists of apostrophes, then blank or invisible characters, then one of = + - @ tab CR, and is no plain number or phone number.',
  encryption:
    'The zip is encrypted with AES-256. 7-Zip, WinZip, Keka and bsdtar (libarchive) open it; Windows Explorer and the Archive Utility of macOS do not.',
};

/** The plan of a person's package, for a right that says what it consists of. */
export async function planPersonExport(job: ExportJob, contents: Contents): Promise<ExportPlan> {
  const { request, system } = job;
  const options = request.options as unknown as PackageOptions;
  const pack = await openPersonPackage(contents, {
    read: job.read,
    subjectId: request.targetId,
    others: options.others,
    now: system.now(),
    openNames: !options.encrypted,
    signal: job.signal,
    onRows: job.onRows,
  });
  const tally: Tally = { counts: {}, withheld: [] };
  return {
    entries: entries(job, pack, options.format, tally),
    manifest: {
      schema: PACKAGE_SCHEMA,
      request: { id: request.id, type: request.type, receivedAt: request.receivedAt.toISOString() },
      subject: request.targetId,
      scope: { tenant: request.tenantId, app: request.appId, level: job.scope.level },
      format: options.format,
      others: options.others,
      ...(options.reason && { reason: options.reason }),
      encrypted: options.encrypted,
      madeAt: pack.head.madeAt,
      counts: tally.counts,
      notes: [...(options.format === PackageFormat.CSV ? [NOTES.csv] : []), ...(options.encrypted ? [NOTES.encryption] : [])],
    },
    people: pack.peopleInside,
    messages: pack.walk.messages,
    total: pack.total,
  };
}

async function* entries(
  { system, scope }: ExportJob,
  pack: PersonPackage,
  format: PackageFormat,
  tally: Tally,
): AsyncGenerator<PackageEntry> {
  yield* rowEntries(pack, format, tally);
  yield* holdingFiles(pack.walk, system, scope.tenantId);
}
