/** How values are shown to people: in the unit of their metric, three significant digits, a dash for what is unknown. */
import { formatDuration, formatSize } from '../quantity.ts';

export const UNKNOWN = '–';

export function showValue(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return UNKNOWN;
  if (unit === 'By') return formatSize(Math.abs(value) < NO_BYTES ? 0 : value);
  if (unit === 's' && Math.abs(value) >= NOTHING && Math.abs(value) < 1) return `${digits(value * 1000)}ms`;
  if (unit === 's') return value < -NOTHING ? `-${formatDuration(-value)}` : formatDuration(Math.abs(value) < NOTHING ? 0 : value);
  if (unit === '1') return `${digits(value * 100)}%`;
  return digits(value);
}

/** `+2.1MB/h`: the sign is always there, because it is what one looks for. */
export function showRate(perHour: number | null, unit: string): string {
  if (perHour === null || !Number.isFinite(perHour)) return UNKNOWN;
  const text = showValue(Math.abs(perHour), unit);
  const sign = /^0\D*$/.test(text) ? '' : perHour < 0 ? '-' : '+';
  return `${sign}${text}/h`;
}

/** `+1.9 to +2.3MB/h`, both ends in one unit where they share it. */
export function showRange(lo: number, hi: number, unit: string): string {
  return `${showRate(lo, unit).replace('/h', '')} to ${showRate(hi, unit)}`;
}

/** Below this a figure is what rounding left of nothing; no unit of ours has a meaning there. */
const NOTHING = 1e-6;
const NO_BYTES = 0.05;

function digits(value: number): string {
  return String(Math.abs(value) < NOTHING ? 0 : Number(value.toPrecision(3)));
}
