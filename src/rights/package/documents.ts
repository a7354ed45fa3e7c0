import type { PackageEntry } from '../../artefacts/package.ts';
import { cellJson, type CellPage } from '../../artefacts/cells.ts';
import { csvStream } from '../../artefacts/csv.ts';
import { gather } from './gather.ts';
import { PackageFormat } from './package.options.ts';
import type { PersonPackage } from './person-package.ts';
import type { Section } from './walk.ts';
import type { Withheld } from './withheld.ts';

/** What the writers count as they go. */
export interface Tally {
  counts: Record<string, number>;
  withheld: Withheld[];
}

/** The name of a section where it stands beside all others: `messages`, `context-messages`. */
const fullName = ({ part, name }: Section): string => (part === 'data' ? name : `${part}-${name}`);

async function* countedPages(section: Section, tally: Tally): AsyncGenerator<CellPage> {
  const name = fullName(section);
  tally.counts[name] = 0;
  for await (const page of section.pages) {
    tally.counts[name] += page.rows;
    yield page;
  }
}

/** The rows of a page as JSON objects, by the columns' names; `first` stands before each row's own. */
function rowsJson(names: readonly string[], { rows, columns }: CellPage, first = ''): string[] {
  const keys = names.map((name) => `${JSON.stringify(name)}:`);
  return Array.from(
    { length: rows },
    (_, row) => `{${first}${keys.map((key, index) => key + cellJson(columns[index]!, row)).join(',')}}`,
  );
}

/** The whole package as one JSON document (docs/package.schema.json), written as it is read. */
export async function* jsonDocument(pack: PersonPackage, tally: Tally): AsyncGenerator<string> {
  const head = JSON.stringify({ ...pack.head, ...(pack.about && { about: pack.about }) });
  yield head.slice(0, -1);
  let part: Section['part'] | undefined;
  for (const section of pack.sections) {
    if (section.part !== part) yield `${part ? '}' : ''},\n"${section.part}":{`;
    else yield ',';
    part = section.part;
    yield `\n"${section.name}":[`;
    let between = '\n';
    for await (const page of countedPages(section, tally)) {
      if (page.rows) yield between + rowsJson(section.columns, page).join(',\n');
      if (page.rows) between = ',\n';
    }
    yield ']';
  }
  tally.withheld = await pack.withheld();
  yield `},\n"withheld":${JSON.stringify(tally.withheld)}}\n`;
}

async function* ndjson(pack: PersonPackage, tally: Tally): AsyncGenerator<string> {
  yield `${JSON.stringify({ category: 'package', ...pack.head })}\n`;
  if (pack.about) yield `${JSON.stringify({ category: 'about', ...pack.about })}\n`;
  for (const section of pack.sections) {
    const category = `"category":${JSON.stringify(fullName(section))},`;
    for await (const page of countedPages(section, tally))
      yield rowsJson(section.columns, page, category)
        .map((json) => `${json}\n`)
        .join('');
  }
}

async function* csvEntries(pack: PersonPackage, tally: Tally): AsyncGenerator<PackageEntry> {
  if (pack.about) yield { name: 'about.json', content: `${JSON.stringify(pack.about, null, 2)}\n` };
  for (const section of pack.sections) {
    const name = fullName(section);
    const content = csvStream(section.columns, { bom: true })(countedPages(section, tally));
    yield { name: `${name}.csv`, content, rows: () => tally.counts[name]! };
  }
}

/** The entries of a package that hold its rows, in a format. */
export async function* rowEntries(pack: PersonPackage, format: PackageFormat, tally: Tally): AsyncGenerator<PackageEntry> {
  if (format === PackageFormat.CSV) yield* csvEntries(pack, tally);
  else {
    const [name, text] =
      format === PackageFormat.JSON ? ['data.json', jsonDocument(pack, tally)] : ['data.ndjson', ndjson(pack, tally)];
    yield { name, content: gather(text), rows: () => Object.values(tally.counts).reduce((sum, count) => sum + count, 0) };
  }
  if (format !== PackageFormat.JSON) tally.withheld = await pack.withheld();
  yield { name: 'withheld.json', content: `${JSON.stringify(tally.withheld, null, 2)}\n`, rows: () => tally.withheld.length };
}
