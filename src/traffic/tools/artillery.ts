/**
 * Artillery by publish-metrics (`type: open-telemetry`). Counters are of the period alone. Summaries are gauges that repeat their last
 * value with fresh attributes, so that they say something only of a period that had answers. Every worker pushes by itself.
 */
import type { Point } from '../../intake/point.ts';
import type { Draft } from '../draft.ts';
import { failureOfStatus, failureOfText } from '../failure.ts';
import { inName, type Reading, type Tool } from './tool.ts';

const own = inName(
  /^(?:http\.(?:requests|responses|codes\.\d+|request_rate|downloaded_bytes|response_time\..*)|vusers\..*|errors\..*|plugins\..*)$/,
);

const TIME = 'http.response_time.';
const CODES = 'http.codes.';
const ERRORS = 'errors.';

/** Its words for quantiles. */
const QUANTILES = new Map([
  ['median', '0.5'],
  ['p50', '0.5'],
  ['p90', '0.9'],
  ['p95', '0.95'],
  ['p99', '0.99'],
]);

/** An error of the system has no answer; other errors are of the script, which did not find what it expected. */
const SYSTEM = /^errors\.E[A-Z_]+$/;

export const artillery: Tool = {
  name: 'Artillery',
  witness: 'generator',
  period: 10,
  // Its names are plain words: what makes them its own is the period that it writes beside each.
  knows: ({ name, kind, labels }) => own(name) !== null && (kind === 'counter' || kind === 'gauge') && labels['endTime'] !== undefined,
  read(reading) {
    if (isRepeated(reading)) return;
    const counts = countsOf(reading);
    const [first] = counts;
    if (first === undefined) return;
    const draft = reading.draft(first.point, null);
    const responses = sumOf(counts, (name) => name === 'http.responses');
    const unanswered = sumOf(counts, (name) => SYSTEM.test(name));
    draft.counted(responses + unanswered);
    draft.errors = unanswered;
    for (const { point, count } of counts) classify(draft, point.name, count);
    if (responses > 0) readTimes(reading, draft, { responses, unanswered });
  },
};

interface Count {
  readonly point: Point;
  readonly count: number;
}

/** Of requests: a period in which users only waited told nothing of them. */
function countsOf(reading: Reading): Count[] {
  return reading.points.flatMap((point) => {
    if (point.kind !== 'counter' || !/^(?:http|errors)\./.test(point.name)) return [];
    const count = reading.increment(point)?.count;
    return count === undefined ? [] : [{ point, count }];
  });
}

function sumOf(counts: readonly Count[], wanted: (name: string) => boolean): number {
  return counts.reduce((sum, { point, count }) => sum + (wanted(point.name) ? count : 0), 0);
}

function classify(draft: Draft, name: string, count: number): void {
  if (SYSTEM.test(name)) draft.failed(failureOfText(name), count);
  else if (name.startsWith(ERRORS)) draft.failed('check', count);
  if (!name.startsWith(CODES)) return;
  const failure = failureOfStatus(Number(name.slice(CODES.length)));
  if (failure === null) return;
  draft.errors = (draft.errors ?? 0) + count;
  draft.failed(failure, count);
}

/** Milliseconds. The mean is of answers alone: with requests that got none it is not the mean of all. */
function readTimes(reading: Reading, draft: Draft, { responses, unanswered }: { responses: number; unanswered: number }): void {
  const quantiles: Record<string, number> = {};
  for (const point of reading.points) {
    if (point.kind !== 'gauge' || !point.name.startsWith(TIME)) continue;
    const word = point.name.slice(TIME.length);
    const quantile = QUANTILES.get(word);
    if (quantile !== undefined) quantiles[quantile] = point.value / 1000;
    if (word === 'mean' && unanswered === 0) draft.sum = (point.value / 1000) * responses;
  }
  if (Object.keys(quantiles).length > 0) draft.quantiles = quantiles;
}

/** Notes the period of the export; an export that was sent again is not counted again. */
function isRepeated(reading: Reading): boolean {
  const ends = reading.points.flatMap((point) => millisOf(point, 'endTime') ?? []);
  if (ends.length === 0) return false;
  const end = Math.max(...ends);
  const before = reading.memory.get('end');
  if (before !== undefined && end <= before) return true;
  const start = before ?? Math.min(...reading.points.map((point) => millisOf(point, 'startTime') ?? end));
  reading.memory.set('end', end);
  reading.span = end > start ? (end - start) / 1000 : null;
  return false;
}

function millisOf({ labels }: Point, name: string): number | null {
  const millis = Number(labels[name] ?? Number.NaN);
  return Number.isFinite(millis) && millis > 0 ? millis : null;
}
