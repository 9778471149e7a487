/** Texts from outside, made harmless once for all views: names of processes, paths, labels and sentences that hold them. */
import { visible } from '../visible.ts';

/** Characters of a name, and of a sentence, which may hold a few names. */
const NAME_MAX = 256;
const SENTENCE_MAX = 2000;

export function plainName(text: string): string {
  return cutAt(text, NAME_MAX);
}

export function plainSentence(text: string): string {
  return cutAt(text, SENTENCE_MAX);
}

/** What tells long names apart is mostly at both ends. */
function cutAt(text: string, most: number): string {
  const cut = text.length <= most ? text : `${text.slice(0, most / 2 - 1)}…${text.slice(-most / 2)}`;
  return visible(cut);
}

/** Entries of a list and of a record, and depth, of data that others wrote; a configuration has a few hundred at most. */
const ENTRIES_MAX = 2000;
const DEPTH_MAX = 12;

/** Keys under which sentences stand; everything else is a name. */
const SENTENCES = new Set(['why', 'reasons', 'message', 'reason', 'text', 'sentence', 'settle', 'steps', 'notes']);

/** The same data with every text in it made plain. */
export function plainData<T>(value: T, key = '', depth = 0): T {
  if (typeof value === 'string') return (SENTENCES.has(key) ? plainSentence(value) : plainName(value)) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return null as T;
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((one: unknown) => plainData(one, key, depth + 1)) as T;
  const entries = Object.entries(value).slice(0, ENTRIES_MAX);
  return Object.fromEntries(entries.map(([name, one]) => [plainName(name), plainData(one as unknown, name, depth + 1)])) as T;
}

/** Of the page: letters, digits and a few signs, so that it can stand in an address as it is. The hash tells apart what became alike. */
export function anchorOf(text: string): string {
  const readable = text
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  const isSame = readable === text.replaceAll(/[ /:]/g, '-') && readable.length <= ANCHOR_MAX;
  return isSame ? readable : `${readable.slice(0, ANCHOR_MAX)}-${hash(text)}`;
}

const ANCHOR_MAX = 80;

/** FNV-1a, 32 bits: two of a few hundred names share one with a chance of 1 in 100,000. */
function hash(text: string): string {
  let value = 0x81_1c_9d_c5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01_00_01_93) >>> 0;
  return value.toString(36);
}
