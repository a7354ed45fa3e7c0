import fc from 'fast-check';
import { crc32, deflateRawSync } from 'node:zlib';
import { zipOf, type ZipOfEntry } from '../../support/zip-of.ts';
import { BYTES, ENTRY_NAMES } from './hazards.ts';

export interface ZipChange {
  how: (typeof HOWS)[number];
  at: number;
  what: number;
}
const HOWS = [
  'name',
  'twin',
  'crc',
  'size',
  'encrypted',
  'method',
  'link',
  'nested',
  'garbled',
  'empty',
  'bytes',
  'cut',
  'prefix',
  'suffix',
] as const;

export const zipChanges: fc.Arbitrary<ZipChange[]> = fc.array(
  fc.record({ how: fc.constantFrom(...HOWS), at: fc.nat(), what: fc.nat() }),
  { minLength: 1, maxLength: 3 },
);

/** A zip of these files with its entries, its headers or its bytes changed. */
export function misshapen(files: ReadonlyMap<string, Buffer>, changes: readonly ZipChange[]): Buffer {
  const entries: ZipOfEntry[] = [...files].map(([name, content]) => ({ name, content }));
  for (const change of changes) changeEntry(entries, change);
  let zip = zipOf(entries);
  for (const { how, at, what } of changes) {
    const some = BYTES[what % BYTES.length]!;
    const place = at % zip.length;
    if (how === 'cut') zip = zip.subarray(0, place);
    if (how === 'prefix') zip = Buffer.concat([some, zip]);
    if (how === 'suffix') zip = Buffer.concat([zip, some]);
    if (how === 'bytes')
      zip = Buffer.concat([zip.subarray(0, place), some.subarray(0, 1 + (at % 4)), zip.subarray(place + 1 + (what % 4))]);
    if (zip.length === 0) return zip;
  }
  return zip;
}

function changeEntry(entries: ZipOfEntry[], { how, at, what }: ZipChange): void {
  const entry = entries[at % entries.length]!;
  const content = Buffer.from(entry.content);
  const data = deflateRawSync(content);
  const lies = [0, 1, content.length - 1, content.length + 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];
  const name = ENTRY_NAMES[what % ENTRY_NAMES.length]!;
  if (how === 'name') entry.name = name as string;
  if (how === 'twin') entries.push(what % 2 ? { ...entry } : { ...entry, name: `./${entry.name}` });
  if (how === 'crc') entry.packed = { data, crc: (crc32(content) ^ (1 + (what % 1000))) >>> 0, size: content.length };
  if (how === 'size') entry.packed = { data, crc: crc32(content), size: Math.max(0, lies[what % lies.length]!) };
  if (how === 'encrypted') entry.flags = [1, 0x41, 0x2000, 8][what % 4]!;
  if (how === 'method') entry.method = [0, 1, 9, 12, 14, 93, 99, 65535][what % 8]!;
  if (how === 'link') entry.mode = [0o120777, 0o060660, 0o010660, 0o040755][what % 4]!;
  if (how === 'nested')
    entries.push({ name: `deep-${at}.zip`, content: zipOf([{ name: 'x.zip', content: zipOf(entries.slice(0, 2)) }]) });
  if (how === 'garbled')
    entry.packed = {
      data: Buffer.concat([data.subarray(0, what % (data.length + 1)), BYTES[at % BYTES.length]!]),
      crc: crc32(content),
      size: content.length,
    };
  if (how === 'empty') entry.content = '';
}
