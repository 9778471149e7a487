/** The parsers of what is pushed, each with real bodies, for fuzzing. What they may do with any body: points, or a refusal, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deltas } from '../src/intake/deltas.ts';
import { parseInflux } from '../src/intake/influx.ts';
import { parseOtlp } from '../src/intake/otlp.ts';
import { LABELS_MAX, type Parsed, Unreadable } from '../src/intake/refusals.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures/inbound');

function bodies(ext: string): Buffer[] {
  return readdirSync(FIXTURES)
    .filter((name) => name.endsWith(ext))
    .map((name) => readFileSync(join(FIXTURES, name)));
}

export interface ParserUnderFuzz {
  readonly name: string;
  readonly bodies: readonly Buffer[];
  readonly parse: (body: Buffer) => Parsed | Promise<Parsed>;
}

export const PARSERS: readonly ParserUnderFuzz[] = [
  { name: 'OTLP protobuf', bodies: bodies('.bin'), parse: (body) => parseOtlp(body, 'protobuf') },
  { name: 'OTLP JSON', bodies: bodies('.json'), parse: (body) => parseOtlp(body, 'json') },
  { name: 'Influx lines', bodies: bodies('.influx'), parse: (body) => parseInflux(body.toString('utf8'), 1e-9) },
];

/** Goes on by itself, so that series become idle. */
let clock = 0;

export type Outcome = 'taken' | 'in part' | 'refused';

/** @throws when the parser does what it may not */
export async function outcomeOf(parser: ParserUnderFuzz, body: Buffer, deltas: Deltas): Promise<Outcome> {
  const parsed = await Promise.resolve()
    .then(() => parser.parse(body))
    .catch((error: unknown) => {
      if (error instanceof Unreadable) return null;
      throw error;
    });
  if (parsed === null) return 'refused';
  for (const point of parsed.points) checkPoint(point, deltas);
  return parsed.refused.total === 0 ? 'taken' : 'in part';
}

function checkPoint(point: Parsed['points'][number], deltas: Deltas): void {
  const { name, labels, wall, since } = point;
  check(name.length > 0 && name.length <= 2 * 256 + 1, 'its name');
  check(Object.keys(labels).length <= LABELS_MAX + 3, 'its labels');
  check(
    Object.entries(labels).every(([key, value]) => key.length <= 256 && value.length <= 256),
    'a label',
  );
  check(
    [wall, since].every((time) => time === null || (Number.isFinite(time) && time > 0)),
    'a time',
  );
  if (point.kind === 'gauge' || point.kind === 'counter') check(Number.isFinite(point.value), 'its value');
  if (point.kind === 'histogram') checkBuckets(point);
  if (point.kind !== 'counter' && point.kind !== 'histogram') return;
  const grown = deltas.take(point, (clock += 0.01));
  const growth = grown === null ? 0 : grown.kind === 'counter' ? grown.value : grown.count;
  check(growth >= 0, 'its increment');
}

function checkBuckets({ buckets, count }: Extract<Parsed['points'][number], { kind: 'histogram' }>): void {
  let sum = 0;
  let end = -Infinity;
  for (const bucket of buckets) {
    check(bucket.over < bucket.to && bucket.over >= end && bucket.count >= 0, 'a bucket');
    end = bucket.to;
    sum += bucket.count;
  }
  check(sum === count, 'the sum of its buckets');
}

function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`a point was taken although ${what} cannot be`);
}
