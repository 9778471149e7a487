/**
 * Samples as OpenMetrics with their times, as `promtool tsdb create-blocks-from openmetrics` takes them. The format wants all points of a
 * series together, and a record has them by time: it is read once for as many series as fit into memory, and again for the next.
 * Source: the OpenMetrics 1.0 specification, "Overall structure" and "Timestamps".
 */
import { IDENTITY, prometheusName } from '../catalog.ts';
import type { Series } from '../series.ts';
import { escapeValue, labelText, unitLine } from '../views/spelling.ts';
import { byId, type Recorded } from './recorded.ts';

/** Held at once, 16 bytes each: 64 MB. A day of 200 series at 1 Hz, 17 million, is read five times. */
const SAMPLES_MAX = 4_000_000;

export function* openMetricsText(record: Recorded, most: number = SAMPLES_MAX): Iterable<string> {
  const counts = countsOf(record);
  const ordered = record.series.filter(({ id }) => counts[id]! > 0).toSorted((a, b) => compare(nameOf(a), nameOf(b)) || a.id - b.id);
  let family = '';
  for (const batch of batchesOf(ordered, counts, most)) {
    const columns = read(record, batch, counts);
    for (const series of batch) {
      if (nameOf(series) !== family) yield headOf(series);
      family = nameOf(series);
      yield* pointsOf(series, columns.get(series.id)!, record);
    }
  }
  yield '# EOF\n';
}

function nameOf({ def: { name, unit, kind } }: Series): string {
  return prometheusName(name, unit, kind);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function countsOf(record: Recorded): Uint32Array {
  const wanted = byId(record);
  const counts = new Uint32Array(record.size);
  for (const { samples } of record.ticks()) {
    for (let i = 0; i < samples.length; i++) if (wanted[samples.series[i]!]) counts[samples.series[i]!]!++;
  }
  return counts;
}

/** Neighbours that are read together; one that is larger than all there is room for is read alone. */
function* batchesOf(ordered: readonly Series[], counts: Uint32Array, most: number): Iterable<Series[]> {
  let batch: Series[] = [];
  let size = 0;
  for (const series of ordered) {
    if (batch.length > 0 && size + counts[series.id]! > most) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(series);
    size += counts[series.id]!;
  }
  if (batch.length > 0) yield batch;
}

interface Columns {
  readonly at: Float64Array;
  readonly value: Float64Array;
  length: number;
}

function read(record: Recorded, batch: readonly Series[], counts: Uint32Array): Map<number, Columns> {
  const columns = new Map(
    batch.map(({ id }): [number, Columns] => [id, { at: new Float64Array(counts[id]!), value: new Float64Array(counts[id]!), length: 0 }]),
  );
  for (const { samples } of record.ticks()) {
    for (let i = 0; i < samples.length; i++) {
      const own = columns.get(samples.series[i]!);
      // A record that is being written grows between two readings; what is new then is left for the next export.
      if (!own || own.length === own.at.length) continue;
      own.at[own.length] = samples.at[i]!;
      own.value[own.length++] = samples.values[i]!;
    }
  }
  return columns;
}

function headOf(series: Series): string {
  const name = nameOf(series).replace(/_total$/, '');
  const { def } = series;
  return `# TYPE ${name} ${def.kind === 'counter' ? 'counter' : 'gauge'}\n${unitLine(name, def.unit)}# HELP ${name} ${escapeValue(def.help)}\n`;
}

const PIECE = 1000;

/** Times are milliseconds to Prometheus: what is not later than the point before would be a duplicate. */
function* pointsOf(series: Series, { at, value, length }: Columns, { run, start }: Recorded): Iterable<string> {
  const { target, member, labels } = series;
  const own = {
    ...labels,
    [IDENTITY.run]: run,
    ...(target === null ? {} : { [IDENTITY.target]: target }),
    ...(member === null ? {} : { [IDENTITY.member]: member }),
  };
  const name = `${nameOf(series)}${labelText(own)} `;
  let last = -Infinity;
  for (let from = 0; from < length; from += PIECE) {
    let text = '';
    for (let i = from; i < Math.min(length, from + PIECE); i++) {
      const ms = Math.round((start + at[i]!) * 1000);
      if (ms <= last) continue;
      last = ms;
      text += `${name}${value[i]!} ${(ms / 1000).toFixed(3)}\n`;
    }
    yield text;
  }
}
