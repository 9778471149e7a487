/** Figures of the verdict in words and cells. */
import type { VerdictSeries } from '../analysis/verdict.ts';
import type { Report, Signal } from '../report/value.ts';
import { formatDuration } from '../quantity.ts';
import { secondsOf } from './instants.ts';
import { showRange, showRate, showValue } from '../views/quantities.ts';

export const OUTCOMES = { fail: 'failed', inconclusive: 'inconclusive', pass: 'passed' } as const;

export function growthOf({ slope, unit }: VerdictSeries): string {
  if (slope === null) return '';
  return `${showRate(slope.perHour, unit)} (${Math.round(slope.confidence * 100)} %: ${showRange(slope.lo, slope.hi, unit)})`;
}

/** Of what grows: of the rest it is noise divided by requests. */
export function perRequestOf({ perRequest, slope, unit }: VerdictSeries): string {
  if (perRequest === null || slope === null || slope.lo <= 0) return '';
  const size = Math.abs(perRequest);
  // Less than a thing or a byte a request is read more easily of a thousand.
  return size < 1 ? `${showValue(perRequest * 1000, unit)} per 1000 requests` : `${showValue(perRequest, unit)} per request`;
}

export function limitOf({ limit, unit }: VerdictSeries): string {
  return limit === null ? '' : `${showValue(limit.value, unit)} (${limit.from})`;
}

/** Until the limit is reached, from the end of the run or from now. */
export function exhaustionOf({ exhaustion, level, limit }: VerdictSeries, { run }: Report): string {
  if (limit !== null && level !== null && level >= limit.value) return 'reached';
  if (exhaustion === null) return '';
  const away = (at: string): string => formatDuration(Math.max(0, secondsOf(at) - run.start - run.t));
  return `in ${away(exhaustion.at)} (${away(exhaustion.lo)} to ${exhaustion.hi === null ? 'never' : away(exhaustion.hi)})`;
}

/** For who does not see a chart. */
export function labelOf(signal: Signal, judged: VerdictSeries | null): string {
  const values = signal.chart.mean.filter((value) => value !== null);
  const range =
    values.length === 0
      ? 'no values'
      : `from ${showValue(Math.min(...values), signal.unit)} to ${showValue(Math.max(...values), signal.unit)}`;
  const growth = judged?.slope ? `, growth ${growthOf(judged)}` : '';
  return `Chart of ${signal.id} over the run: ${range}${growth}`;
}
