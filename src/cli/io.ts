/** What a command reads and writes; tests hand in their own. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  environment: NodeJS.ProcessEnv;
  /** Tells commands that serve until they are told to end. */
  stop: AbortSignal;
}

/** Prints one answer: JSON for machines where `--json` was given, lines for people otherwise. */
export function answer(io: Io, options: { json?: boolean | undefined }, value: unknown, lines: readonly string[]): void {
  io.out(options.json ? `${JSON.stringify(value, null, 2)}\n` : lines.map((line) => `${forPeople(line)}\n`).join(''));
}

/** How a command is called in a clone of the repository, for what a command suggests next. */
export const CALL = 'npm run -s habeas --';

/** Of a name that somebody else gave (a file, a tenant) what would steer the terminal or turn the text around; line ends stay. */
// eslint-disable-next-line no-control-regex
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** A text as people read it in a terminal: what it tells them to run can be run as it stands. */
export const forPeople = (text: string): string =>
  text.replaceAll(/\b(run: )habeas (?=[a-z])/gi, `$1${CALL} `).replaceAll(STEERING, '\uFFFD');

/** Columns under their headings, as wide as what they hold. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string[] {
  const text = [headings, ...rows].map((row) => row.map((cell) => String(cell ?? '-')));
  const widths = headings.map((_, column) => Math.max(...text.map((row) => row[column]!.length)));
  return text.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
