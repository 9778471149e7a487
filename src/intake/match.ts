/**
 * Which series of others are meant, written as PromQL does: `app_queue_depth{queue!="dead",topic=~"a.*"}`. Patterns match a whole value;
 * a label that a series has not is the empty text.
 */
import { cut, Problem } from '../problem.ts';
import { owned } from './owned.ts';

export interface Selector {
  /** As the user wrote it. */
  readonly text: string;
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  /** Of a value that is not longer than `VALUE_MAX`. */
  readonly holds: (value: string) => boolean;
}

/** Prometheus itself takes any number; nobody writes more. */
const MATCHERS_MAX = 16;
const SELECTOR_MAX = 1000;
const PATTERN_MAX = 200;

/**
 * Patterns are matched by backtracking, so that their work is bounded by what they may hold: three unbounded repetitions a branch on 256
 * characters are 256^3/6 = 2.8 million steps, some 10 ms, once for each of the values remembered.
 */
const VALUE_MAX = 256;
const REPEATS_MAX = 3;
const REMEMBERED_MAX = 1000;

const HINT = 'as in app_queue_depth{queue!="dead",topic=~"a.*"}';
const NAME = /\s*(?:([a-zA-Z_:][\w:.]*)|"((?:[^"\\]|\\.)*)")?\s*/y;
const MATCHER = /\s*([a-zA-Z_][\w.]*|"(?:[^"\\]|\\.)+")\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*(,|(?=\}))/y;

/** @throws Problem CONFIG whose message completes "should be" */
export function parseSelector(text: string): Selector {
  if (text.length > SELECTOR_MAX) fail(`is longer than ${SELECTOR_MAX} characters`);
  NAME.lastIndex = 0;
  const [all = '', plain, quoted] = NAME.exec(text) ?? [];
  const name = plain ?? (quoted === undefined ? undefined : unescaped(quoted));
  const [matchers, inner, end] =
    text[all.length] === '{' ? matchersOf(text, all.length + 1, name === undefined) : [[], undefined, all.length];
  const named = name ?? inner;
  if (!named) fail(`"${cut(text)}" should begin with the name of a metric, ${HINT}`);
  if (text.slice(end).trim() !== '') fail(`"${cut(text)}" should end at column ${end + 1}: a selector has no functions or ranges, ${HINT}`);
  return { text: text.trim(), name: named, matchers };
}

/** The labels in braces from `at` on, the quoted name that may stand first among them, and where they end. */
function matchersOf(text: string, at: number, mayName: boolean): [Matcher[], string | undefined, number] {
  const matchers: Matcher[] = [];
  const own = mayName ? /\s*"((?:[^"\\]|\\.)+)"\s*(?:,|(?=\}))/y : null;
  if (own) own.lastIndex = at;
  const inner = own?.exec(text)?.[1];
  MATCHER.lastIndex = inner === undefined ? at : own!.lastIndex;
  let from = MATCHER.lastIndex;
  for (let match = MATCHER.exec(text); match; match = MATCHER.exec(text)) {
    const [, label = '', op = '=', double, single = ''] = match;
    if (matchers.length >= MATCHERS_MAX) fail(`has more than ${MATCHERS_MAX} labels`);
    matchers.push(matcherOf(label.replace(/^"(.*)"$/s, '$1'), op as Matcher['op'], unescaped(double ?? single)));
    from = MATCHER.lastIndex;
  }
  const rest = /^\s*\}/.exec(text.slice(from));
  if (!rest) fail(`"${cut(text)}" column ${from + 1}: here should be a label with =, !=, =~ or !~ and a value in quotes, or }, ${HINT}`);
  return [matchers, inner === undefined ? undefined : unescaped(inner), from + rest[0].length];
}

function matcherOf(label: string, op: Matcher['op'], value: string): Matcher {
  if (op === '=' || op === '!=') return { label, op, value, holds: (other) => (other === value) === (op === '=') };
  const pattern = patternOf(value);
  const known = new Map<string, boolean>();
  const holds = (whole: string): boolean => {
    const other = whole.length > VALUE_MAX ? whole.slice(0, VALUE_MAX) : whole;
    const before = known.get(other);
    if (before !== undefined) return before;
    const isSo = pattern.test(other) === (op === '=~');
    if (known.size >= REMEMBERED_MAX) known.clear();
    known.set(owned(other), isSo);
    return isSo;
  };
  return { label, op, value, holds };
}

/** @throws Problem CONFIG for what is no pattern, or one that could run for ever */
function patternOf(text: string): RegExp {
  if (text.length > PATTERN_MAX) fail(`the pattern is longer than ${PATTERN_MAX} characters`);
  const plain = text.replaceAll(/\\.|\[(?:[^\]\\]|\\.)*\]/g, 'x');
  if (/\(\?(?!:)/.test(plain) || /\\[1-9k]/.test(text)) fail(`the pattern "${cut(text)}" may hold neither look-around nor references`);
  if (/\)[*+{]/.test(plain)) fail(`the pattern "${cut(text)}" may not repeat a group: matching it could take for ever`);
  for (const branch of branchesOf(plain)) {
    const unbounded = branch.match(/[*+]|\{\d+,\}/g)?.length ?? 0;
    const optional = branch.match(/(?<![*+?}(])\?|\{\d+(?:,\d+)?\}/g)?.length ?? 0;
    if (unbounded > REPEATS_MAX || optional > REPEATS_MAX)
      fail(`the pattern "${cut(text)}" may repeat at most ${REPEATS_MAX} things in a branch: matching it could take for ever`);
  }
  try {
    return new RegExp(`^(?:${text})$`, 'su');
  } catch {
    return fail(`the pattern "${cut(text)}" should be a regular expression`);
  }
}

/** What stands between the `|` that are in no group. */
function branchesOf(pattern: string): string[] {
  const branches = [''];
  let depth = 0;
  for (const char of pattern) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === '|' && depth === 0) branches.push('');
    else branches[branches.length - 1] += char;
  }
  return branches;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(["'\\n])/g, (_, one: string) => (one === 'n' ? '\n' : one));
}

function fail(message: string): never {
  throw new Problem('CONFIG', { place: '', message });
}

/** Whether the labels are those of the selector; the name has been compared. */
export function selects({ matchers }: Pick<Selector, 'matchers'>, labels: Readonly<Record<string, string>>): boolean {
  for (const { label, holds } of matchers) {
    if (!holds(Object.hasOwn(labels, label) ? labels[label]! : '')) return false;
  }
  return true;
}
