import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = 'examples/operations';

/** The operations that the guides quote, by file name. */
export const OPERATIONS: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(FOLDER).map((name) => [name, readFileSync(`${FOLDER}/${name}`, 'utf8')]),
);

/** One of them, by its name without the ending. */
export function operation(name: string): string {
  const text = OPERATIONS[`${name}.graphql`];
  if (text === undefined) throw new Error(`There is no ${FOLDER}/${name}.graphql`);
  return text;
}

/** The pages that people read. */
export const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The fenced blocks of a language on a page, in order. */
export function fenced(page: string, language: string): string[] {
  const blocks = readFileSync(page, 'utf8').matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...blocks].map((block) => block[1]!);
}
