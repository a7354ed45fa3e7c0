// One token of JSON after white space: punctuation, the quote that opens a string, a number or a word.
const TOKEN = /[ \t\n\r]*(?:([{}[\],:])|(")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
// Matched piece by piece: one expression for a whole string exhausts the stack on a string of megabytes of escapes.
// eslint-disable-next-line no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

/**
 * Where a text stops being JSON, in UTF-16 units from its start (its length, if it merely ends too early). V8 names the
 * position only in some of its messages, and quotes the text in the others.
 */
export function jsonErrorOffset(text: string): number {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  TOKEN.lastIndex = 0;
  for (let at = 0; ; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (!match) return startOfToken(text, at);
    if (match[2] !== undefined && !skipString(text)) return startOfToken(text, at);
    const next = step(expected, match[1] ?? (match[2] === undefined ? 'word' : 'string'), open);
    if (next === undefined) return startOfToken(text, at);
    expected = next;
  }
}

/** Moves on behind the string that has just been opened; false where it is none. */
function skipString(text: string): boolean {
  for (let at = TOKEN.lastIndex; ; at = ESCAPE.lastIndex) {
    PLAIN.lastIndex = at;
    PLAIN.exec(text);
    ESCAPE.lastIndex = PLAIN.lastIndex;
    if (text[PLAIN.lastIndex] === '"') {
      TOKEN.lastIndex = PLAIN.lastIndex + 1;
      return true;
    }
    if (!ESCAPE.test(text)) return false;
  }
}

const startOfToken = (text: string, from: number): number => from + (/^[ \t\n\r]*/.exec(text.slice(from))?.[0].length ?? 0);

/** What may follow a token, or undefined where the token itself may not stand. */
function step(expected: Expected, token: string, open: ('{' | '[')[]): Expected | undefined {
  const after = (): Expected => (open.length > 0 ? ', or end' : 'nothing');
  const close = (): Expected => {
    open.pop();
    return after();
  };
  switch (expected) {
    case 'value':
    case 'value or ]':
      if (token === ']' && expected === 'value or ]') return close();
      if (token === '{' || token === '[') {
        open.push(token);
        return token === '{' ? 'key or }' : 'value or ]';
      }
      return token === 'string' || token === 'word' ? after() : undefined;
    case 'key':
    case 'key or }':
      if (token === '}' && expected === 'key or }') return close();
      return token === 'string' ? ':' : undefined;
    case ':':
      return token === ':' ? 'value' : undefined;
    case ', or end':
      if (token === ',') return open.at(-1) === '{' ? 'key' : 'value';
      return token === (open.at(-1) === '{' ? '}' : ']') ? close() : undefined;
    default:
      return undefined;
  }
}
