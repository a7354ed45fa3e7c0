import { Refusal } from '../errors.ts';
import type { SourceFile } from './source.ts';

/** The object around an array, then each element of the array; at last whether the file ended where it should. */
export type Element =
  | { kind: 'head'; text: string }
  | { kind: 'element'; item: number; text: string; bytes: number }
  | { kind: 'end'; complete: boolean };

const MAX_HEAD = 1 << 20;
const MAX_ELEMENT = 16 * 2 ** 20;
/** What of the text before a bracket can tell that it opens the array. */
const KEY_WINDOW = 256;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The elements of the array that stands under `key` in the object that a JSON file is, one at a time, so that a file of gigabytes takes the
 * memory of one element. `head` is what stands before the array, closed to be JSON itself. Yields nothing where there is no such array
 * near the start. Elements are cut out by their brackets only: whether one is JSON shows when it is parsed.
 */
export async function* jsonElements(file: SourceFile, key: string): AsyncGenerator<Element> {
  const opens = new RegExp(`"${key}"\\s*:\\s*$`);
  const decoder = new TextDecoder();
  let state: 'head' | 'array' | 'tail' = 'head';
  let held = '';
  let depth = 0;
  let quoted = false;
  let escaped = false;
  let item = 0;
  let bytes = 0;
  for await (const chunk of (await file.open()) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const char = text.charCodeAt(at);
      if (quoted) {
        if (escaped) escaped = false;
        else if (char === BACKSLASH) escaped = true;
        else if (char === QUOTE) quoted = false;
      } else if (char === QUOTE) quoted = true;
      else if (
        state === 'head' &&
        char === OPEN_BRACKET &&
        depth === 1 &&
        opens.test((held + text.slice(from, at)).slice(-KEY_WINDOW))
      ) {
        yield { kind: 'head', text: `${held}${text.slice(from, at)}[]}` };
        [state, held, from, depth] = ['array', '', at + 1, 0];
      } else if (state === 'array' && depth === 0 && (char === COMMA || char === CLOSE_BRACKET)) {
        const element = (held + text.slice(from, at)).trim();
        if (element !== '') yield { kind: 'element', item: (item += 1), text: element, bytes };
        [held, from] = ['', at + 1];
        if (char === CLOSE_BRACKET) [state, depth] = ['tail', 1];
      } else if (char === OPEN_BRACKET || char === OPEN_BRACE) depth += 1;
      else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth -= 1;
    }
    if (state === 'tail') continue;
    held += text.slice(from);
    if (state === 'head' && held.length > MAX_HEAD) return;
    if (held.length > MAX_ELEMENT) {
      throw new Refusal(
        'INVALID_INPUT',
        `${file.path}: element ${item + 1} of "${key}" is longer than ${MAX_ELEMENT} characters.`,
      );
    }
  }
  if (state !== 'head') yield { kind: 'end', complete: state === 'tail' && depth === 0 };
}
