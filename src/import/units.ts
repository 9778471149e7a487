/** Units of columns: what a name such as `rss_kb` or `heap [MB]` says of its figures, and how they come to the unit of a metric. */
import type { Unit } from '../catalog.ts';

export interface Scale {
  readonly unit: Unit;
  /** The figure times this is in `unit`. */
  readonly factor: number;
  /** As people write it. */
  readonly word: string;
}

function scale(unit: Unit, factor: number, word: string): Scale {
  return { unit, factor, word };
}

/** Thousands of bytes are 1024, as /proc, ps, top and jstat have them; the larger decimal forms are decimal, as in limits and rules. */
const KIB = scale('By', 1024, 'KiB');
const BYTES = scale('By', 1, 'bytes');
const SECONDS = scale('s', 1, 's');

/** A plain figure. */
export const PLAIN = scale('', 1, '');

const SCALES: Readonly<Record<string, Scale>> = {
  ...spelled(BYTES, 'b byte bytes'),
  ...spelled(KIB, 'k kb kib ki kbytes kilobytes'),
  ...spelled(scale('By', 1e6, 'MB'), 'm mb mbytes megabytes'),
  ...spelled(scale('By', 1024 ** 2, 'MiB'), 'mib mi'),
  ...spelled(scale('By', 1e9, 'GB'), 'g gb gbytes gigabytes'),
  ...spelled(scale('By', 1024 ** 3, 'GiB'), 'gib gi'),
  ...spelled(scale('By', 1e12, 'TB'), 't tb'),
  ...spelled(scale('By', 1024 ** 4, 'TiB'), 'tib ti'),
  ...spelled(scale('s', 1e-9, 'ns'), 'ns nanos nanoseconds'),
  ...spelled(scale('s', 1e-6, 'µs'), 'us µs micros microseconds'),
  ...spelled(scale('s', 1e-3, 'ms'), 'ms msec millis milliseconds'),
  ...spelled(SECONDS, 's sec secs second seconds'),
  ...spelled(scale('s', 60, 'min'), 'min minute minutes'),
  ...spelled(scale('s', 3600, 'h'), 'h hour hours'),
  ...spelled(scale('1', 0.01, '%'), '% pct percent percentage'),
  ...spelled(scale('1', 1, 'ratio'), 'ratio'),
  ...spelled(PLAIN, 'none count number'),
};

function spelled(one: Scale, words: string): Record<string, Scale> {
  return Object.fromEntries(words.split(' ').map((word) => [word, one]));
}

/** What `--unit` takes, for messages. */
export const UNIT_HINT = 'a unit such as B, kB, KiB, MB, MiB, GB, ns, us, ms, s, min, h, %, ratio or none (kB is 1024 bytes, as in /proc)';

/** A unit as the user writes it; null for what is none. */
export function scaleOf(word: string): Scale | null {
  const lower = word.trim().toLowerCase();
  return Object.hasOwn(SCALES, lower) ? SCALES[lower]! : null;
}

/** Endings that mean something else as often (`load_m`, `latency_min`, `tasks_k`) say nothing without brackets. */
const VAGUE = new Set(['b', 'k', 'm', 'g', 't', 'h', 'mi', 'gi', 'ki', 'ti', 'min', 'none', 'count', 'number', '%']);

const BRACKETED = /^(.*\S)\s*[([{]\s*([^)\]}]+?)\s*[)\]}]$/;
const ENDING = /^(.+)[_.\s-]([a-zµ]+)$/i;
const CAMEL = /^(.*[a-z0-9])(Bytes|KB|KiB|MB|MiB|GB|GiB|Ms|Millis|Seconds|Percent)$/;
const PERCENT = /^(.+?)\s*(%)$/;
/** As ps, top and sar write it. */
const PERCENT_FIRST = /^%\s*(\S.*)$/;

/** The name without its unit, and the unit; null when the name has none. A counter's `_total` comes after it. */
export function splitUnit(name: string): { readonly stem: string; readonly scale: Scale | null } {
  const bare = name.replace(/_total$/, '').replace(PERCENT_FIRST, '$1 %');
  const bracketed = BRACKETED.exec(bare);
  const sure = bracketed ?? CAMEL.exec(bare) ?? PERCENT.exec(bare);
  const found = sure ?? ENDING.exec(bare);
  const word = found?.[2] ?? '';
  const scale = sure === null && VAGUE.has(word.toLowerCase()) ? null : scaleOf(word);
  return scale === null
    ? { stem: bracketed?.[1] ?? bare, scale: bare.toLowerCase() === 'bytes' ? BYTES : null }
    : { stem: found![1]!, scale };
}
