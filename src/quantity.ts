/**
 * Durations and sizes as people write them. Parsers give null for what they do not understand and never guess: `512m` is
 * refused, because it is 512 MiB to Docker, half a byte to Kubernetes, and minutes to everybody else.
 */

/** No quantity is longer; keeps the work of the patterns below bounded whatever they are given. */
const TEXT_MAX = 64;

const NUMBER = String.raw`(?:\d+(?:\.\d+)?|\.\d+)`;

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 };

const DURATION = new RegExp(`^(?:${NUMBER}\\s*(?:ms|sec|s|min|m|h|d|w)\\s*)+$`);
const DURATION_PART = new RegExp(`(${NUMBER})\\s*(ms|sec|s|min|m|h|d|w)`, 'g');

/** What `parseDuration` takes, for error messages. */
export const DURATION_HINT = 'a duration such as 90s, 5m, 8h, 1h30m or 14d (a plain number is seconds)';

/** Seconds of `90s`, `5m`, `8h`, `14d`, `1h30m`, `250ms`, or a plain number of seconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed.length > TEXT_MAX) return null;
  const plain = parseNumber(trimmed);
  if (plain !== null) return plain;
  if (!DURATION.test(trimmed)) return null;
  let seconds = 0;
  for (const [, amount, unit] of trimmed.matchAll(DURATION_PART)) seconds += Number(amount) * (SECONDS[unit ?? ''] ?? Number.NaN);
  return finite(round(seconds, 1000));
}

/**
 * Bytes of `512MB` (decimal), `2GiB` (binary), or a plain number of bytes; null for anything else. The short forms are those of
 * Kubernetes: `k M G T` and `Ki Mi Gi Ti`, in that spelling only.
 */
export function parseSize(text: string): number | null {
  if (text.length > TEXT_MAX) return null;
  const match = /^(.*?)\s*([a-zA-Z]*)$/.exec(text.trim());
  const amount = parseNumber(match?.[1] ?? '');
  const factor = bytesOfUnit(match?.[2] ?? '');
  return amount === null || factor === null ? null : finite(Math.round(amount * factor));
}

/** What `parseSize` takes, for error messages. */
export const SIZE_HINT = 'a size such as 512MB, 2GiB or 1.5GB';

const POWERS: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4 };

function bytesOfUnit(unit: string): number | null {
  if (unit === '' || unit.toLowerCase() === 'b') return 1;
  const match = /^([kmgt])(i?)b$/i.exec(unit) ?? /^([kKMGT])(i?)$/.exec(unit);
  const power = POWERS[match?.[1]?.toLowerCase() ?? ''];
  return power === undefined ? null : (match?.[2] ? 1024 : 1000) ** power;
}

const LONG_UNITS = Object.entries({ d: 86_400, h: 3600, m: 60, s: 1 });

/** `1h30m`, `5m`, `14d`, `90ms`, `2.5s`: rounded to the smaller of its two largest units, so `1d1h` for 90,059 s. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return Number.isNaN(seconds) ? '?' : '∞';
  // The bounds are where the rounding would give 1000ms and 60s.
  if (!(seconds >= 0.9995)) return seconds > 0 ? `${round(seconds * 1000, 1)}ms` : '0s';
  if (seconds < 59.95) return `${round(seconds, 10)}s`;
  const first = LONG_UNITS.findIndex(([, size]) => seconds >= size);
  const units = LONG_UNITS.slice(first, first + 2);
  const smallest = units.at(-1)?.[1] ?? 1;
  const rounded = Math.round(seconds / smallest) * smallest;
  if (rounded !== seconds) return formatDuration(rounded); // 3599.9 s are not 60m
  let left = rounded;
  const parts = units.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? `${count}${unit}` : '';
  });
  return parts.join('');
}

/** `512MB`, `1.07GB`, `830B`: decimal units, three significant digits; `between` stands before the unit. */
export function formatSize(bytes: number, between = ''): string {
  const size = Math.abs(bytes);
  let [power, unit] = [0, 1];
  // 999.5 is where three digits round up to the next unit
  for (; power < 4 && size >= 0.9995 * (unit * 1000); power++) unit *= 1000;
  return `${Number((bytes / unit).toPrecision(3))}${between}${['', 'k', 'M', 'G', 'T'][power]}B`;
}

/** Of a plain decimal number without sign or exponent; null for anything else. */
function parseNumber(text: string): number | null {
  return new RegExp(`^${NUMBER}$`).test(text) ? finite(Number(text)) : null;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Rounds to `1 / steps`, so that 0.1 s + 0.2 s is 0.3 s. */
function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
