/** How deep a record of any platform may nest; real ones stay under ten. Readers walk values by recursion, which must end. */
const MAX_DEPTH = 100;
/** Brackets and commas take a byte in a text and up to a hundred in memory. A message with every list at its longest stays below. */
const MAX_CONTAINERS = 500_000;
const MAX_VALUES = 1_500_000;
/** Shorter texts cannot hold enough to harm. */
const HARMLESS = 2_000;

export type BoundedJson = { value: unknown } | { fault: string; malformed: boolean };

/** JSON of which nobody knows who wrote it: refused before it is parsed where its values would take many times the memory of its text. */
export function parseBounded(text: string): BoundedJson {
  const fault = text.length > HARMLESS ? faultOf(text) : undefined;
  if (fault !== undefined) return { fault, malformed: false };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { fault: 'not valid JSON', malformed: true };
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

function faultOf(text: string): string | undefined {
  let [depth, containers, values] = [0, 0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at);
    else if (char === COMMA) values += 1;
    else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth -= 1;
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      depth += 1;
      containers += 1;
      if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
    }
  }
  if (containers > MAX_CONTAINERS) return `more than ${MAX_CONTAINERS} objects and lists`;
  return values > MAX_VALUES ? `more than ${MAX_VALUES} values` : undefined;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === BACKSLASH) at += 1;
    else if (char === QUOTE) return at;
  }
  return text.length;
}

/** For values that were parsed elsewhere. */
export const isTooDeep = (value: unknown, levels = MAX_DEPTH): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((member) => isTooDeep(member, levels - 1)));
