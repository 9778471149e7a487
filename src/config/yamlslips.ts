/**
 * The document in a text of YAML, also where the syntax is broken: the lines that go with a slip are left out, and the rest is read. One
 * slip is told in each of them, in words for who writes a configuration; what the parser says after it follows from it.
 */
import { type Alias, type Document, isScalar, type LineCounter, parseDocument, visit, type YAMLError, type YAMLMap } from 'yaml';
import { cut } from '../problem.ts';
import { innermostOpen, openQuote } from './yamlopen.ts';

/** Of a place in the text. */
export interface Slip {
  readonly at: number;
  readonly message: string;
}

export interface Legible {
  readonly doc: Document.Parsed;
  readonly slips: readonly Slip[];
  /** Keys of the lines that were left out; empty where there is none. */
  readonly lost: readonly string[];
}

/** Every slip costs a reading of the text, the largest of which takes a tenth of a second. */
const SLIPS_MAX = 20;

export function readLegible(text: string, lines: LineCounter): Legible {
  const slips: Slip[] = [];
  const lost: string[] = [];
  let doc = parseDocument(text, { lineCounter: lines, ...PARSING });
  for (let left = text; ; doc = parseDocument(left, PARSING)) {
    const slip = slipOf(doc, left, text);
    if (slip === null) break;
    if (slip.message !== '') slips.push(slip);
    if (lost.length === SLIPS_MAX) {
      doc.contents = null;
      break;
    }
    const [start, end] = slip.toEnd ? [slip.at, left.length] : linesOf(left, slip.at);
    lost.push(/^[\w-]*/.exec(left.slice(start).trimStart())![0]);
    left = left.slice(0, start) + left.slice(start, end).replaceAll(/[^\n]/g, ' ') + left.slice(end);
  }
  return { doc, slips, lost };
}

/** Keys that are there twice are found by `withoutTwins`, which says where the other one is. */
const PARSING = { prettyErrors: false, logLevel: 'error', uniqueKeys: false } as const;

interface Found extends Slip {
  /** Nothing after it can be understood. */
  readonly toEnd?: boolean;
}

/** The first slip; null when there is none. Its message is empty when it only follows from lines that were left out of `whole`. */
function slipOf(doc: Document.Parsed, text: string, whole: string): Found | null {
  const [error] = [...doc.errors, ...doc.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (error === undefined) return aliasSlip(doc, whole);
  if (error.code === 'MULTIPLE_DOCS')
    return { at: error.pos[0], message: 'a second document begins here; a configuration is one', toEnd: true };
  const indented = indentedStart(text);
  if (indented !== null && error.code !== 'TAB_AS_INDENT') return { at: indented, message: INDENT };
  return syntaxSlip(error, doc, text);
}

/** An alias needs its anchor. */
function aliasSlip(doc: Document.Parsed, whole: string): Found | null {
  let slip: Found | null = null;
  const check = (_key: unknown, alias: Alias): symbol | undefined => {
    if (alias.resolve(doc) !== undefined) return undefined;
    const message = whole.includes(`&${alias.source}`) ? '' : 'there is no such anchor before it; a value that begins with * needs quotes';
    slip = { at: alias.range?.[0] ?? 0, message };
    return visit.BREAK;
  };
  visit(doc, { Alias: check });
  return slip;
}

const INDENT = 'this line is indented differently from those that it goes with; they should all begin in the same column';
const PAIR = 'this should be "key: value", with a colon and a space, as in the lines that it goes with';

function syntaxSlip(error: YAMLError, doc: Document.Parsed, text: string): Found {
  const [at] = error.pos;
  if (text.startsWith('${', at - 1)) return { at, message: 'inside { } and [ ] a value with ${ needs quotes, as in "${NAME}"' };
  const quote = openQuote(doc, text, at, error.message.startsWith('Missing closing'));
  if (quote !== null) return { at: quote, message: `this ${text[quote]} is not closed; the next one should be at the end of the value` };
  const open = /^Flow (map|sequence)/.exec(error.message)?.[1];
  const bracket = open === undefined ? null : innermostOpen(doc, at, open === 'map');
  if (bracket !== null)
    return {
      at: bracket,
      message: `this ${text[bracket]} is not closed; ${text[bracket] === '{' ? '}' : ']'} should follow its last entry`,
    };
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY') return nestedSlip(at, text);
  return { at: skipSpaces(text, at), message: wordsFor(error) };
}

/** Two pairs on one line, or a line that is indented as if it belonged to the value above it. */
function nestedSlip(at: number, text: string): Found {
  const before = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  const rest = /^[^\n]*/.exec(text.slice(at))![0];
  if (before.trim() === '') return { at: skipSpaces(text, at), message: INDENT };
  if (/:(\s|$)/.test(rest)) return { at, message: 'a value with a colon and a space in it needs quotes' };
  return { at: skipSpaces(text, at + rest.length + 1), message: INDENT };
}

function wordsFor({ code, message }: YAMLError): string {
  if (/stack/i.test(message)) return 'this is nested too deeply';
  const found = WORDS.find(([ofCode, pattern]) => ofCode === code && pattern.test(message));
  return found?.[2] ?? 'this cannot be understood here; a value with special signs in it needs quotes';
}

/** For codes of the parser that several mistakes share, what it says of this one. */
const WORDS: readonly (readonly [code: string, message: RegExp, words: string])[] = [
  ['TAB_AS_INDENT', /./, 'a tab indents this line; YAML takes spaces only'],
  ['TAG_RESOLVE_FAILED', /./, 'there is no such tag; a value that begins with ! needs quotes'],
  ['BAD_SCALAR_START', /./, 'a value that begins with this sign needs quotes'],
  ['BAD_DQ_ESCAPE', /./, String.raw`between " a \ begins an escape; write \\, or put the value between '`],
  ['MISSING_CHAR', /^Missing , /, 'inside { } and [ ] a comma should be between two entries'],
  ['BLOCK_IN_FLOW', /./, 'inside { } and [ ] a comma should be between two entries'],
  ['MULTIPLE_ANCHORS', /./, 'a value has one anchor at most; a value that begins with & needs quotes'],
  ['KEY_OVER_1024_CHARS', /./, 'a key should be shorter than this'],
  ['BAD_INDENT', /./, INDENT],
  ['MISSING_CHAR', /^Comments/, 'before a comment should be a space; a value with # in it needs quotes'],
  ['MISSING_CHAR', /indicator/, INDENT],
  ['MISSING_CHAR', /map values/, PAIR],
  ['MULTILINE_IMPLICIT_KEY', /./, PAIR],
  ['UNEXPECTED_TOKEN', /flow-(seq|map)-end/, 'nothing is open that this would close; a value with brackets in it needs quotes'],
  ['UNEXPECTED_TOKEN', /^Not a YAML token/, 'a value that begins with | or > needs quotes'],
  ['UNEXPECTED_TOKEN', /same line/, 'a list should begin on the next line, each entry after "- ", or be in [ ]'],
  ['UNEXPECTED_TOKEN', /^Unexpected ,/, 'an entry is missing before this comma'],
  [
    'UNEXPECTED_TOKEN',
    /at node end/,
    'the value has ended before this; a value with quotes or brackets in it needs quotes around all of it',
  ],
];

/** Keys that are there twice: the first one stays, and each other is told. */
export function withoutTwins(doc: Document.Parsed, placeAt: (offset: number) => string): { slips: Slip[]; lost: string[] } {
  const slips: Slip[] = [];
  const lost: string[] = [];
  const check = (_key: unknown, map: YAMLMap): void => {
    const first = new Map<string, number>();
    map.items = map.items.filter(({ key }) => {
      if (!isScalar(key)) return true;
      const [name, at] = [String(key.value), key.range?.[0] ?? 0];
      const other = first.get(name);
      if (other === undefined) first.set(name, at);
      if (other === undefined) return true;
      slips.push({ at, message: `the key ${cut(name)} is at ${placeAt(other)} already; one of the two should go` });
      if (map === doc.contents) lost.push(name);
      return false;
    });
  };
  visit(doc, { Map: check });
  return { slips, lost };
}

/** Where the lines begin that go with a place, and where those end: from one key at the left to the next. */
function linesOf(text: string, at: number): readonly [start: number, end: number] {
  const starts = [...keyStarts(text), ...[...text.matchAll(/^(---|\.\.\.)/gm)].map(({ index }) => index)].toSorted((a, b) => a - b);
  return [starts.findLast((start) => start <= at) ?? 0, starts.find((start) => start > at) ?? text.length];
}

/** Where lines begin that hold a key at the left. Entries of a list, and what closes brackets, go with the key above. */
function keyStarts(text: string): number[] {
  const lines = [...text.matchAll(CONTENT)].filter(([, , sign]) => !'-]}'.includes(sign!));
  const left = Math.min(...lines.map(([, spaces]) => spaces!.length));
  return lines.flatMap(({ index, 1: spaces }) => (spaces!.length === left ? [index] : []));
}

/** A line with something else than a comment: its spaces, and its first sign. */
const CONTENT = /^( *)(?!\.\.\.|---)([^\s#])/gm;

/** The first line of content when it is further to the right than others. */
function indentedStart(text: string): number | null {
  const [first] = text.matchAll(CONTENT);
  const at = first === undefined ? 0 : first.index + first[1]!.length;
  return first === undefined || at >= (keyStarts(text)[0] ?? 0) ? null : at;
}

function skipSpaces(text: string, at: number): number {
  return at + /^ */.exec(text.slice(at))![0].length;
}
