/** A line of marks: how a figure has moved, in as many cells as there is room for. */

const MARKS = '▁▂▃▄▅▆▇█';

/** A share of the level below which a movement is drawn as none: noise of a thousandth would look like mountains. */
const STILL = 0.01;

/** Null is a gap. Of more values than cells the means of neighbours are drawn. */
export function sparkline(values: readonly (number | null)[], cells: number = values.length): string {
  const shown = values.length <= cells ? values : means(values, cells);
  const known = shown.filter((value) => value !== null);
  if (known.length === 0) return '';
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const span = Math.max(high - low, STILL * Math.max(Math.abs(high), Math.abs(low)));
  const from = low - (span - (high - low)) / 2;
  return shown.map((value) => (value === null ? ' ' : MARKS[markOf(span > 0 ? (value - from) / span : 0.5)]!)).join('');
}

function markOf(share: number): number {
  return Math.min(MARKS.length - 1, Math.max(0, Math.floor(share * MARKS.length)));
}

function means(values: readonly (number | null)[], cells: number): (number | null)[] {
  return Array.from({ length: cells }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / cells), Math.floor(((i + 1) * values.length) / cells));
    const known = part.filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  });
}
