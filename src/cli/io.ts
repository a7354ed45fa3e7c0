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
  io.out(options.json ? `${JSON.stringify(value, null, 2)}\n` : lines.map((line) => `${line}\n`).join(''));
}

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

/** How a command is called in a clone of the repository, for what a command suggests next. */
export const CALL = 'npm run -s habeas --';
