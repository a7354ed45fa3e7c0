import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipOf } from '../support/zip-of.ts';
import { check } from '../artefacts/support.ts';
import { FORMATS } from './support/made-up.ts';
import { BYTEWISE, mutated, mutations, STRUCTURAL } from './support/mutate.ts';
import { inFolder, LONG, readAsImport } from './support/outcome.ts';
import { misshapen, zipChanges } from './support/mutate-zip.ts';

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

const RUNS = Number(process.env['FUZZ_RUNS'] ?? (LONG ? 1500 : 25));

describe.each(Object.entries(FORMATS))('%s', (format, { importer, files }) => {
  // Native files say themselves who there is, and the intake checks it.
  const named = format !== 'ndjson';

  test('unharmed is read without a skip that the format does not ask for', async () => {
    const counts = await inFolder(mutated(files, []), (folder) => readAsImport(importer, folder, named));
    expect(counts).toMatchObject({ record: expect.any(Number) });
    const zip = await inFolder(mutated(files, []), async (folder) => {
      await writeFile(join(folder, 'x.zip'), zipOf([...mutated(files, [])].map(([name, content]) => ({ name, content }))));
      return readAsImport(importer, join(folder, 'x.zip'), named);
    });
    expect(zip).toEqual(counts);
  });

  test.each([
    ['of other types, shapes and keys', mutations(STRUCTURAL)],
    ['with damaged bytes', mutations(BYTEWISE)],
    ['with both', mutations([...STRUCTURAL, ...BYTEWISE])],
  ])(
    '%s is read or refused',
    async (_, changes) => {
      await check(
        fc.asyncProperty(changes, async (list) => {
          await inFolder(mutated(files, list), (folder) => readAsImport(importer, folder, named));
        }),
        RUNS,
        { endOnFailure: true },
      );
    },
    3_600_000,
  );

  test('in a zip that lies or is broken is read or refused', async () => {
    await check(
      fc.asyncProperty(zipChanges, mutations(BYTEWISE), fc.boolean(), async (changes, list, also) => {
        const zip = misshapen(mutated(files, also ? list : []), changes);
        await inFolder(new Map([['x.zip', zip]]), (folder) => readAsImport(importer, join(folder, 'x.zip'), named));
      }),
      RUNS,
      { endOnFailure: true },
    );
  }, 3_600_000);
});
