import { countText } from '../../data/sealed-field.ts';
import { Refusal } from '../../errors.ts';
import type { RequestScope } from '../../scope/context.ts';
import { jsonDocument } from './documents.ts';
import type { Others } from './package.options.ts';
import { openPersonPackage, type Contents } from './person-package.ts';

/** Rows that an answer holds at most, context included. */
export const INLINE_ROWS = 1000;

const tooMany = (): Refusal =>
  new Refusal(
    'LIMIT_EXCEEDED',
    `There are more than ${INLINE_ROWS} rows: ask for the package with requestPortability or requestAccess.`,
  );

/** The document of a person's package (data.json of docs/package.md), answered at once where it is small. */
export async function inlinePackage(
  request: RequestScope,
  contents: Contents,
  subjectId: string,
  others: Others,
): Promise<unknown> {
  let rows = 0;
  const pack = await openPersonPackage(contents, {
    read: (act) => request.inScope(act),
    subjectId,
    others,
    now: request.system.now(),
    onRows: async (more) => {
      rows += more;
      if (rows > INLINE_ROWS) throw tooMany();
    },
  });
  if (pack.total() > INLINE_ROWS) throw tooMany();
  const pieces: string[] = [];
  for await (const piece of jsonDocument(pack, { counts: {}, withheld: [] })) {
    countText(request, Buffer.byteLength(piece));
    pieces.push(piece);
  }
  return JSON.parse(pieces.join(''));
}
