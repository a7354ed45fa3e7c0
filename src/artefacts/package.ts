import { pipeline } from 'node:stream/promises';
import type { FileStore } from './file-store.ts';
import { meter } from './meter.ts';
import type { Measure } from './meter.ts';
import { sealStream } from './sealed-stream.ts';
import { openZip } from './zip.ts';
import type { EntryContent, ZipWriter } from './zip.ts';

/** One file of a package. `rows` is asked once the content has been written. */
export type PackageEntry = { name: string; content: EntryContent; rows?: () => number };

/** What the manifest says of an entry: bytes, SHA-256 of them in hexadecimal, and rows where it has any. */
export type EntryReport = { name: string; size: number; sha256: string; rows?: number };

/** Size and SHA-256 of the zip as it is downloaded (the stored file is sealed, and longer), and its entries but the manifest. */
export type WrittenPackage = Measure & { entries: EntryReport[] };

/**
 * Writes a package to the store: entries -> zip (under the password, if any) -> sealed under `sealKey` for `context`, in
 * constant memory. Its last entry is `manifest.json`: the manifest given, with the list of the entries under `entries`. If anything
 * fails, or the signal aborts, nothing stays behind, and the first cause is rethrown.
 */
export async function writePackage(
  store: FileStore,
  key: string,
  options: {
    entries: AsyncIterable<PackageEntry> | Iterable<PackageEntry>;
    manifest: Record<string, unknown>;
    password?: string;
    sealKey: Buffer;
    context: string;
    signal?: AbortSignal;
  },
): Promise<WrittenPackage> {
  const { through, measure } = meter();
  const sealed = sealStream(options.sealKey, options.context);
  const zip = openZip(through, { password: options.password });
  const abort = () => zip.abort(options.signal?.reason as Error);
  options.signal?.addEventListener('abort', abort, { once: true });
  pipeline(through, sealed).catch(() => undefined); // each end hears of the other's failure through `stored` or the zip
  const stored = store.write(key, sealed);
  stored.catch((error: Error) => zip.abort(error)); // a full disk must stop the writers too
  try {
    options.signal?.throwIfAborted();
    const entries = await writeEntries(zip, options.entries, options.signal);
    await zip.add('manifest.json', `${JSON.stringify({ ...options.manifest, entries }, null, 2)}\n`);
    options.signal?.throwIfAborted();
    await zip.finish();
    await stored;
    return { ...measure(), entries };
  } catch (error) {
    zip.abort(error as Error);
    // The store has cleaned up before the caller hears of it; and it knows the first cause, of which the zip may see only an echo.
    throw await stored.then(
      () => error,
      (cause: unknown) => cause,
    );
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

async function writeEntries(
  zip: ZipWriter,
  entries: AsyncIterable<PackageEntry> | Iterable<PackageEntry>,
  signal?: AbortSignal,
): Promise<EntryReport[]> {
  const reports: EntryReport[] = [];
  for await (const { name, content, rows } of entries) {
    signal?.throwIfAborted();
    const { size, sha256 } = await zip.add(name, content);
    reports.push({ name, size, sha256, ...(rows && { rows: rows() }) });
  }
  return reports;
}

/** Passes rows on and counts them, for an entry's `rows`. */
export function counted<Row>(rows: AsyncIterable<Row> | Iterable<Row>): { rows: AsyncIterable<Row>; count: () => number } {
  let count = 0;
  async function* counting(): AsyncGenerator<Row> {
    for await (const row of rows) {
      count += 1;
      yield row;
    }
  }
  return { rows: counting(), count: () => count };
}
