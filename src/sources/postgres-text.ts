/**
 * A statement without what it is about: the literals in it may be names, tokens and passwords. Lexical rules: PostgreSQL's manual, 4.1.
 * Where the text does not say which of two readings is right, or is cut within a literal, the rest is left out.
 */

/** Characters of a statement that are shown. */
const SHOWN_MAX = 200;

const REST = ' …';

/** In the order in which they are tried. A plain string has no escapes unless an old setting says so: with a backslash it is in doubt. */
const TOKENS: readonly (readonly [pattern: RegExp, becomes: (token: string) => string | null])[] = [
  [/--[^\n]*/y, () => ' '],
  [/\/\*[^]*?(?:\*\/|$)/y, (token) => (token.lastIndexOf('/*') > 0 ? null : ' ')], // they may be nested
  [/[eE]'(?:[^'\\]|''|\\[^])*(?:'|$)/y, () => '?'],
  [/'(?:[^']|'')*(?:'|$)/y, (token) => (token.includes('\\') ? null : '?')],
  [/\$([a-zA-Z_]\w*)?\$[^]*?(?:\$\1\$|$)/y, () => '?'],
  [/"(?:[^"]|"")*(?:"|$)/y, (token) => token],
  [/\$\d+/y, (token) => token],
  [/[\p{L}_][\p{L}\p{N}_$]*/uy, (token) => token],
  [/(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?/y, () => '?'],
  [/\s+/y, () => ' '],
];

export function withoutLiterals(statement: string): string {
  let text = '';
  for (let at = 0; at < statement.length && text.length <= SHOWN_MAX;) {
    const token = tokenAt(statement, at);
    const told = token.becomes;
    if (told === null) return shown(text + REST);
    text += told;
    at = token.end;
  }
  return shown(text);
}

function tokenAt(statement: string, at: number): { readonly becomes: string | null; readonly end: number } {
  for (const [pattern, becomes] of TOKENS) {
    pattern.lastIndex = at;
    const [token] = pattern.exec(statement) ?? [];
    if (token !== undefined) return { becomes: becomes(token), end: at + token.length };
  }
  return { becomes: statement[at]!, end: at + 1 };
}

function shown(text: string): string {
  const plain = text.trim().replaceAll(/ +/g, ' ');
  return plain.length > SHOWN_MAX ? plain.slice(0, SHOWN_MAX) + REST : plain;
}
