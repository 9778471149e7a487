/** Feeds a record to a run state, which then is what it was when the record ended: live, resumed and replayed runs are the same bytes. */
import type { MetricDef } from '../catalog.ts';
import { messageOf } from '../problem.ts';
import type { SeriesTable } from '../series.ts';
import type { Tick } from '../tick.ts';
import type { RecordReader } from './reader.ts';
import { recordProblem } from './schema.ts';

/** What a replay needs of a run state, which must be a new one with an empty series table. */
export interface Replayed {
  readonly series: SeriesTable;
  fold(tick: Tick): void;
  restore(state: Uint8Array): void;
}

export interface ReplayOptions {
  /** Definitions of metrics now; without it they are those of the record. */
  readonly find?: (name: string) => MetricDef | undefined;
  /**
   * `start`: every tick there is, as when new rules are to be judged by; a thinned record then gives what its remaining samples say.
   * `checkpoint`: the latest checkpoint and the ticks after it, as when a run is resumed and need not be folded again.
   * By default the start, unless ticks are missing.
   */
  readonly from?: 'start' | 'checkpoint';
}

/** @returns how many ticks were folded, and whether the state is bit for bit that of the live run */
export function replay(reader: RecordReader, state: Replayed, options: ReplayOptions = {}): { ticks: number; exact: boolean } {
  const from = options.from ?? (reader.thinned ? 'checkpoint' : 'start');
  const checkpoint = from === 'checkpoint' ? reader.checkpoint() : null;
  const series = reader.series(options.find);
  /** A series joins the table with its first tick, as it did in the live run: every look of the judge then sees the same series. */
  const admit = (n: number): void => {
    for (let next = series[state.series.size]; next !== undefined && next.since <= n; next = series[state.series.size]) {
      orProblem(reader, () => state.series.restore(next));
    }
  };
  if (checkpoint !== null) {
    admit(checkpoint.n);
    orProblem(reader, () => state.restore(checkpoint.state), 'its checkpoint is not one of this version');
  }
  let ticks = 0;
  for (const tick of reader.ticks((checkpoint?.n ?? -1) + 1)) {
    admit(tick.n);
    state.fold(tick);
    ticks++;
  }
  return { ticks, exact: checkpoint !== null || !reader.thinned };
}

function orProblem(reader: RecordReader, body: () => void, what = 'its series do not fit'): void {
  try {
    body();
  } catch (error) {
    throw recordProblem(reader.folder, `${what} (${messageOf(error)})`, error);
  }
}
