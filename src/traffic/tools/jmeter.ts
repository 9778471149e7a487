/**
 * JMeter's backend listener for InfluxDB: every five seconds one row for everything (`transaction=all`), rows by transaction and outcome,
 * rows by kind of error, and one of the threads (`transaction=internal`). Each row is of its interval alone.
 */
import type { Point } from '../../intake/point.ts';
import { failureOfText } from '../failure.ts';
import { operationName } from '../../series.ts';
import type { Reading, Tool } from './tool.ts';

const MEASUREMENT = 'jmeter.';

const PERCENTILES = [
  ['pct50.0', '0.5'],
  ['pct90.0', '0.9'],
  ['pct95.0', '0.95'],
  ['pct99.0', '0.99'],
] as const;

/** One line: its tags are those of the point. */
interface Row {
  readonly point: Point;
  readonly fields: Map<string, number>;
}

export const jmeter: Tool = {
  name: 'JMeter',
  witness: 'generator',
  period: 5,
  knows: ({ name, labels }) => name.startsWith(MEASUREMENT) && labels['transaction'] !== undefined,
  read(reading) {
    const rows = rowsOf(reading.points);
    for (const row of rows) {
      const { transaction, statut, responseCode } = row.point.labels;
      if (transaction === 'internal') readThreads(reading, row);
      else if (transaction === 'all') readAll(reading, row, rows);
      else if (statut === 'all') readTransaction(reading, row, rows);
      else if (statut === undefined && responseCode !== undefined)
        reading.draft(row.point, null).failed(failureOfText(responseCode), row.fields.get('count') ?? 0);
    }
  },
};

function rowsOf(points: readonly Point[]): Row[] {
  const rows = new Map<string, Row>();
  for (const point of points) {
    if (point.kind !== 'gauge' && point.kind !== 'counter') continue;
    const key = JSON.stringify(Object.entries(point.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const row = rows.get(key) ?? { point, fields: new Map<string, number>() };
    row.fields.set(point.name.slice(MEASUREMENT.length), point.value);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function readThreads(reading: Reading, { point, fields }: Row): void {
  const users = fields.get('meanAT') ?? fields.get('maxAT');
  if (users !== undefined) reading.draft(point, null).users = users;
}

/**
 * On the row of everything the mean is of successful samples alone, while the percentiles are of all: the mean of all is only known with
 * the rows of the failed ones.
 */
function readAll(reading: Reading, { point, fields }: Row, rows: readonly Row[]): void {
  const count = fields.get('count');
  if (count === undefined) return;
  const draft = reading.draft(point, null);
  const errors = fields.get('countError') ?? null;
  draft.counted(count);
  draft.errors = errors;
  draft.sum = errors === null ? null : sumOfAll({ good: count - errors, bad: errors, mean: fields.get('avg') }, rows);
  draft.quantiles = quantilesOf(fields);
}

/** Seconds; null when a part is not told. `mean`: milliseconds, of the good ones. */
function sumOfAll({ good, bad, mean }: { good: number; bad: number; mean: number | undefined }, rows: readonly Row[]): number | null {
  const failed = rows.filter(({ point }) => point.labels['statut'] === 'ko');
  const told = failed.reduce((sum, { fields }) => sum + (fields.get('count') ?? 0), 0);
  if (bad > 0 && told !== bad) return null;
  const ofFailed = failed.reduce((sum, { fields }) => sum + (fields.get('count') ?? 0) * (fields.get('avg') ?? Number.NaN), 0);
  const sum = (good > 0 ? good * (mean ?? Number.NaN) : 0) + (bad > 0 ? ofFailed : 0);
  return Number.isFinite(sum) ? sum / 1000 : null;
}

function readTransaction(reading: Reading, { point, fields }: Row, rows: readonly Row[]): void {
  const count = fields.get('count');
  const operation = operationName(point.labels['transaction']);
  if (count === undefined || operation === null) return;
  const draft = reading.draft(point, operation);
  const mean = fields.get('avg');
  draft.counted(count);
  draft.errors = failedOf(point, rows);
  if (mean !== undefined) draft.sum = (mean / 1000) * count;
  draft.quantiles = quantilesOf(fields);
}

/** A row without samples is not sent: where there is no row of failed ones, none failed. */
function failedOf({ labels }: Point, rows: readonly Row[]): number {
  const same = rows.find(({ point }) => point.labels['transaction'] === labels['transaction'] && point.labels['statut'] === 'ko');
  return same?.fields.get('count') ?? 0;
}

function quantilesOf(fields: ReadonlyMap<string, number>): Record<string, number> | null {
  const told = PERCENTILES.flatMap(([field, quantile]) => {
    const ms = fields.get(field);
    return ms === undefined ? [] : [[quantile, ms / 1000] as const];
  });
  return told.length === 0 ? null : Object.fromEntries(told);
}
