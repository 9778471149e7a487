/** `soak-agent export RUN`: the raw samples of a record for other tools. Streams: what is held does not grow with the record. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { CATALOG } from '../metrics.ts';
import { errno, EXIT, type ExitCode, Problem } from '../problem.ts';
import { RecordReader } from '../record/reader.ts';
import { csvRows } from '../report/csv.ts';
import { ndjsonLines } from '../report/ndjson.ts';
import { openMetricsText } from '../report/openmetrics.ts';
import type { Recorded } from '../report/recorded.ts';
import { type Series, seriesLabel } from '../series.ts';
import type { Io } from './io.ts';

export type ExportFormat = 'csv' | 'ndjson' | 'openmetrics';

export interface ExportRequest {
  readonly format: ExportFormat;
  /** Parts of names; a series with any of them is exported. Empty: all of them. */
  readonly series: readonly string[];
}

const WRITERS: Readonly<Record<ExportFormat, (record: Recorded) => Iterable<string>>> = {
  csv: csvRows,
  ndjson: ndjsonLines,
  openmetrics: openMetricsText,
};

/** Characters written at once. */
const PIECE = 65_536;

export async function exportRecord(folder: string, { format, series: wanted }: ExportRequest, { stdout }: Io): Promise<ExitCode> {
  const reader = RecordReader.open(folder);
  try {
    const all = reader.series((name) => CATALOG.find(name));
    const isWanted = (one: Series): boolean =>
      wanted.length === 0 || wanted.some((text) => seriesLabel(one).includes(text) || one.def.name.includes(text));
    const series = all.filter(isWanted);
    if (series.length === 0) throw new Problem('USAGE', { place: '--series', message: 'no series of the record has such a name' });
    const { id, start } = reader.header;
    let piece = '';
    for (const text of WRITERS[format]({ run: id, start, series, size: all.length, ticks: () => reader.ticks() })) {
      piece += text;
      if (piece.length < PIECE) continue;
      if (!stdout.write(piece) && !(await isRead(stdout))) return EXIT.pass;
      piece = '';
    }
    stdout.write(piece);
    return EXIT.pass;
  } finally {
    reader.close();
  }
}

/** When there is room again; false when nobody reads any more (`| head`), which is no failure. */
async function isRead(stdout: Writable): Promise<boolean> {
  try {
    await once(stdout, 'drain');
    return true;
  } catch (error) {
    if (errno(error) === 'EPIPE') return false;
    throw error;
  }
}
