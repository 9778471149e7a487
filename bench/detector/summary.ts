/** From the rows of one detector to the figures of the table, over all series or those of a family. */
import type { Floors } from '../leakbench-adapter.ts';
import type { Row } from './score.ts';

type Figure = number | null;

export interface Summary {
  readonly leaky: number;
  readonly clean: number;
  readonly notCounted: number;
  readonly f1: Figure;
  readonly precision: Figure;
  readonly recall: Figure;
  readonly falseAtEnd: Figure;
  readonly falseEver: Figure;
  readonly falseSettled: Figure;
  readonly early: Figure;
  readonly found: Figure;
  readonly delayMinutes: Figure;
  readonly delay: Figure;
  readonly suspicion: Figure;
  readonly coverage: Figure;
  readonly slopeError: Figure;
  readonly etaError: Figure;
  readonly auc: Figure;
  /** Share of clean series that end inconclusive, of 8 hours and more, and of 2 to 8. */
  readonly openLong: Figure;
  readonly openShort: Figure;
  readonly microsPerSample: Figure;
}

export function summarise(all: readonly Row[], floors: Floors): Summary {
  const rows = all.filter((row) => row.counts[floors]);
  const leaky = rows.filter((row) => row.leak);
  const clean = rows.filter((row) => !row.leak);
  const hits = leaky.filter((row) => row.atEnd).length;
  const alarms = rows.filter((row) => row.atEnd).length;
  const [precision, recall] = [ratio(hits, alarms), ratio(hits, leaky.length)];
  const judged = clean.filter((row) => row.outcome !== null);
  return {
    leaky: leaky.length,
    clean: clean.length,
    notCounted: all.length - rows.length,
    precision,
    recall,
    f1: ratio(2 * hits, alarms + leaky.length),
    falseAtEnd: share(clean, (row) => row.atEnd),
    falseEver: share(
      rows.filter((row) => !row.leak || row.early !== null),
      (row) => (row.leak ? row.early! : row.ever),
    ),
    falseSettled: share(clean, (row) => row.settled!),
    early: share(
      leaky.filter((row) => row.early !== null),
      (row) => row.early!,
    ),
    found: share(leaky, (row) => row.delayS !== null),
    delayMinutes: median(leaky.map((row) => row.delayS && row.delayS / 60)),
    delay: median(leaky.map((row) => row.delay)),
    suspicion: median(leaky.map((row) => row.suspicion)),
    coverage: mean(leaky.map((row) => (row.covered === null ? null : Number(row.covered)))),
    slopeError: median(leaky.map((row) => row.slopeError)),
    etaError: median(leaky.map((row) => row.etaError)),
    auc: auc(rows),
    openLong: share(
      judged.filter((row) => row.hours >= 8),
      (row) => row.outcome === 'inconclusive',
    ),
    openShort: share(
      judged.filter((row) => row.hours < 8),
      (row) => row.outcome === 'inconclusive',
    ),
    microsPerSample: ratio(total(all, 'micros'), total(all, 'samples')),
  };
}

function ratio(part: number, whole: number): Figure {
  return whole === 0 ? null : part / whole;
}

function share(rows: readonly Row[], holds: (row: Row) => boolean): Figure {
  return ratio(rows.filter(holds).length, rows.length);
}

function total(rows: readonly Row[], key: 'micros' | 'samples'): number {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

function known(values: readonly Figure[]): number[] {
  return values.filter((value) => value !== null);
}

function mean(values: readonly Figure[]): Figure {
  const list = known(values);
  return ratio(
    list.reduce((a, b) => a + b, 0),
    list.length,
  );
}

function median(values: readonly Figure[]): Figure {
  const list = known(values).toSorted((a, b) => a - b);
  const half = list.length >> 1;
  return list.length === 0 ? null : list.length % 2 === 1 ? list[half]! : (list[half - 1]! + list[half]!) / 2;
}

/** Area under the ROC curve: the chance that a leak scores higher than a clean series, ties half (Mann and Whitney). */
export function auc(rows: readonly Pick<Row, 'leak' | 'score'>[]): Figure {
  if (rows.some((row) => row.score === null)) return null;
  const sorted = rows.toSorted((a, b) => a.score! - b.score!);
  let [below, won] = [0, 0];
  for (let i = 0; i < sorted.length;) {
    const from = i;
    while (i < sorted.length && sorted[i]!.score === sorted[from]!.score) i++;
    const tie = sorted.slice(from, i);
    const clean = tie.filter((row) => !row.leak).length;
    won += (tie.length - clean) * (below + clean / 2);
    below += clean;
  }
  return ratio(won, below * (rows.length - below));
}
