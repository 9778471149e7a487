/** How the value of a rule is written: a size, a duration, a share, a change, or a rate, by what is compared. */
import type { MetricDef } from '../catalog.ts';
import { DURATION_HINT, parseDuration, parseSize, SIZE_HINT } from '../quantity.ts';
import type { Rule } from './rules.ts';

interface Reader {
  /** Null for what it does not understand. */
  readonly parse: (text: string) => number | null;
  readonly hint: string;
}

/** @param plainSeconds what a plain number is of a duration, where a tool has a unit of its own */
export function readerOf(rule: Pick<Rule, 'measure' | 'againstBaseline'>, def: MetricDef | null, plainSeconds: number | null): Reader {
  const { kind } = rule.measure;
  if (rule.againstBaseline) return { parse: parseChange, hint: 'a change such as +20% or -10%' };
  if (kind === 'utilization' || kind === 'share') return SHARE;
  if (kind === 'exhaustion' || kind === 'recovery') return DURATION;
  const plain = quantityOf(def?.unit ?? '');
  if (kind === 'slope') return { parse: (text) => parseRate(text, plain), hint: `${plain.hint} per hour, such as 1MB/h or 5/h` };
  if (kind !== 'level' && kind !== 'slope_per_request' && plain === DURATION) return durationIn(plainSeconds);
  return plain;
}

const PLAIN = /^(?:\d+(?:\.\d+)?|\.\d+)$/;

const SHARE: Reader = { parse: parseShare, hint: 'a share such as 80% or 0.8' };
const DURATION: Reader = { parse: parseDuration, hint: DURATION_HINT };

function quantityOf(unit: string): Reader {
  if (unit === '1') return SHARE;
  if (unit === 'By') return { parse: parseSize, hint: SIZE_HINT };
  return unit === 's' ? DURATION : { parse: parsePlain, hint: 'a plain number such as 200' };
}

/** Of latencies a plain number is milliseconds to some tools and seconds to others: only a tool's own expressions may have one. */
function durationIn(plainSeconds: number | null): Reader {
  const parse = (text: string): number | null => {
    const plain = parsePlain(text);
    if (plain === null) return parseDuration(text);
    return plainSeconds === null ? null : plain * plainSeconds;
  };
  const hint =
    plainSeconds === null ? 'a duration with its unit, such as 500ms or 1.5s' : 'a number of milliseconds, or a duration such as 1.5s';
  return { parse, hint };
}

function parsePlain(text: string): number | null {
  return PLAIN.test(text) ? Number(text) : null;
}

function parseShare(text: string): number | null {
  const percent = /^(.*?)\s*%$/.exec(text)?.[1];
  const value = parsePlain(percent ?? text);
  return value === null || percent === undefined ? value : value / 100;
}

/** A change in words of percent has a sign or none: `+20%`, `-10%`, `50%`. */
function parseChange(text: string): number | null {
  const [, sign, rest = ''] = /^([+-]?)(.*)$/.exec(text) ?? [];
  const value = rest.endsWith('%') ? parseShare(rest) : null;
  return value === null ? null : sign === '-' ? -value : value;
}

const HOURS: Readonly<Record<string, number>> = { h: 1, hour: 1, min: 1 / 60, d: 24, day: 24 };

function parseRate(text: string, { parse }: Reader): number | null {
  const [, amount = '', per = ''] = /^(.*?)\s*\/\s*([a-z]+)$/.exec(text) ?? [];
  const value = parse(amount);
  const hours = Object.hasOwn(HOURS, per) ? HOURS[per]! : null;
  return value === null || hours === null ? null : value / hours;
}
