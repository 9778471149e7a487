/** The parsers of what others send, each with real bodies, for fuzzing. What they may do with any body: take it, or refuse it, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deltas } from '../src/intake/deltas.ts';
import { readPage } from '../src/intake/exposition.ts';
import { LABEL_VALUE_MAX } from '../src/intake/exposition-line.ts';
import { parseInflux } from '../src/intake/influx.ts';
import { parseOtlp } from '../src/intake/otlp.ts';
import type { Point } from '../src/intake/point.ts';
import { LABELS_MAX, type Parsed, Unreadable } from '../src/intake/refusals.ts';
import { bucketsOf } from '../src/quantiles.ts';
import { CsvRecords } from '../src/sources/jtl-csv.ts';
import { formatOf } from '../src/sources/jtl-format.ts';
import { JmeterRows, LocustRows } from '../src/sources/jtl-rows.ts';
import { ResultWindows, TotalWindows } from '../src/sources/jtl-windows.ts';
import type { TrafficWindow } from '../src/traffic/window.ts';

function bodies(folder: string, ...endings: string[]): Buffer[] {
  const path = join(import.meta.dirname, 'fixtures', folder);
  return readdirSync(path)
    .filter((name) => endings.some((ending) => name.endsWith(ending)) && name !== 'README.md')
    .map((name) => readFileSync(join(path, name)));
}

export type Outcome = 'taken' | 'in part' | 'refused';

export interface ParserUnderFuzz {
  readonly name: string;
  readonly bodies: readonly Buffer[];
  /** @throws when the parser does what it may not */
  readonly feed: (body: Buffer, deltas: Deltas) => Outcome | Promise<Outcome>;
}

export const PARSERS: readonly ParserUnderFuzz[] = [
  { name: 'OTLP protobuf', bodies: bodies('inbound', '.bin'), feed: pushed((body) => parseOtlp(body, 'protobuf')) },
  { name: 'OTLP JSON', bodies: bodies('inbound', '.json'), feed: pushed((body) => parseOtlp(body, 'json')) },
  { name: 'Influx lines', bodies: bodies('inbound', '.influx'), feed: pushed((body) => parseInflux(body.toString('utf8'), 1e-9)) },
  { name: 'page of metrics', bodies: bodies('exposition', '.txt', '.om'), feed: feedPage },
  { name: 'file of results', bodies: bodies('load', '.jtl', '.csv'), feed: feedResults },
];

/** Goes on by itself, so that series become idle. */
let clock = 0;

function pushed(parse: (body: Buffer) => Parsed | Promise<Parsed>): ParserUnderFuzz['feed'] {
  return async (body, deltas) => {
    const parsed = await Promise.resolve()
      .then(() => parse(body))
      .catch((error: unknown) => {
        if (error instanceof Unreadable) return null;
        throw error;
      });
    if (parsed === null) return 'refused';
    for (const point of parsed.points) checkPoint(point, deltas, PUSHED);
    return parsed.refused.total === 0 ? 'taken' : 'in part';
  };
}

function feedPage(body: Buffer, deltas: Deltas): Outcome {
  const page = readPage(body, null, (points) => {
    for (const point of points) checkPoint(point, deltas, ON_PAGE);
  });
  if ('none' in page) {
    check(page.why !== '', 'why it is none');
    return 'refused';
  }
  return page.bad.lines === 0 ? 'taken' : 'in part';
}

function feedResults(body: Buffer): Outcome {
  const text = body.toString('utf8');
  const end = text.indexOf('\n');
  const format = formatOf(text.slice(0, end < 0 ? text.length : end));
  if (format.kind === 'refused') return 'refused';
  const rows = format.kind === 'jmeter' ? new JmeterRows(format.header) : new LocustRows(format.header);
  const [results, totals] = [new ResultWindows(), new TotalWindows()];
  const whose = { target: null, sender: 'file' };
  const windows: TrafficWindow[] = [];
  let unreadable = 0;
  for (const row of new CsvRecords(format.delimiter).add(end < 0 ? '' : text.slice(end + 1))) {
    const told = rows.read(row);
    if (told === 'unreadable') unreadable++;
    else if (told !== null && 'end' in told) results.add(told, told.end);
    else if (told !== null) windows.push(...[totals.add(told, whose, 0) ?? []].flat());
  }
  for (const window of [...windows, ...results.take(1e10, whose, true)]) checkWindow(window);
  return unreadable === 0 ? 'taken' : 'in part';
}

function checkWindow({ from, to, requests, errors, failures, sum, users, buckets, quantiles }: TrafficWindow): void {
  const isCount = (value: number): boolean => Number.isFinite(value) && value >= 0;
  check(Number.isFinite(from) && Number.isFinite(to) && from <= to, 'its time');
  check(isCount(requests), 'its requests');
  check(errors === null || (isCount(errors) && errors <= requests), 'its errors');
  check(Object.values(failures ?? {}).every(isCount), 'a failure');
  check(sum === null || isCount(sum), 'its durations');
  check(users === null || isCount(users), 'its users');
  check(
    (buckets ?? []).every(({ over, to: end, count }) => over < end && isCount(count)),
    'a bucket',
  );
  check(Object.values(quantiles ?? {}).every(isCount), 'a quantile');
}

interface Bounds {
  /** Letters of the value of a label. */
  readonly valueMax: number;
  /** A page has them on lines of their own, which are written one after the other. */
  readonly countIsSum: boolean;
  /** It has always a time, and not whatever somebody wrote on a page. */
  readonly isTimed: boolean;
}

const PUSHED: Bounds = { valueMax: 256, countIsSum: true, isTimed: true };
const ON_PAGE: Bounds = { valueMax: LABEL_VALUE_MAX, countIsSum: false, isTimed: false };

function checkPoint(point: Point, deltas: Deltas, { valueMax, countIsSum, isTimed }: Bounds): void {
  const { name, labels, wall, since } = point;
  check(name.length > 0 && name.length <= 2 * 256 + 1, 'its name');
  check(Object.keys(labels).length <= LABELS_MAX + 3, 'its labels');
  check(
    Object.entries(labels).every(([key, value]) => key.length <= 256 && value.length <= valueMax),
    'a label',
  );
  check(
    [wall, since].every((time) => time === null || (Number.isFinite(time) && (time > 0 || !isTimed))),
    'a time',
  );
  if (point.kind === 'gauge' || point.kind === 'counter') check(Number.isFinite(point.value), 'its value');
  if (point.kind === 'histogram') checkBuckets(point, countIsSum);
  if (point.kind !== 'counter' && point.kind !== 'histogram') return;
  const grown = deltas.take(point, (clock += 0.01));
  const growth = grown === null ? 0 : grown.kind === 'counter' ? grown.value : grown.count;
  check(growth >= 0, 'its increment');
}

function checkBuckets({ buckets, count }: Extract<Point, { kind: 'histogram' }>, countIsSum: boolean): void {
  let sum = 0;
  let end = -Infinity;
  for (const bucket of bucketsOf(buckets)) {
    check(bucket.over < bucket.to && bucket.over >= end && bucket.count >= 0, 'a bucket');
    end = bucket.to;
    sum += bucket.count;
  }
  check(Number.isFinite(count) && count >= 0 && (sum === count || !countIsSum), 'the sum of its buckets');
}

function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`something was taken although ${what} cannot be`);
}
