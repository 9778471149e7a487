/** A chart for a terminal: what was measured, the points that were judged, and the shape that fits them best. */

export interface Plot {
  /** Everything that was measured, thinned: times ascending, values. */
  readonly measured: { readonly t: readonly number[]; readonly y: readonly number[] };
  /** The points that were judged, with the life of each, and the fit at them. */
  readonly judged: { readonly t: Float64Array; readonly y: Float64Array; readonly life: Int32Array; readonly fitted: Float64Array };
  readonly unit: string;
  /** Where judging began, and where the fit bends; null where it does not. */
  readonly from: number;
  readonly bend: number | null;
  /** A time as people write it. */
  readonly when: (t: number) => string;
}

export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

const STYLES = { point: 36, fit: 33, measured: 2, axis: 2 } as const;
type Ink = keyof typeof STYLES;

const POINT = '●';
const FIT = '─';
const RISE = '│';
const MEASURED = '·';
const BOUND = '┊';

interface Frame {
  readonly t0: number;
  readonly t1: number;
  readonly y0: number;
  readonly y1: number;
  readonly width: number;
  readonly height: number;
}

/** Lines of text, at most `columns` wide and `rows` high. */
export function chart(plot: Plot, canvas: Canvas): string[] {
  const height = Math.max(5, canvas.rows - 3);
  const values = range([...plot.measured.y, ...plot.judged.y, ...plot.judged.fitted]);
  const labels = levels(values, plot.unit, height);
  const margin = Math.max(...labels.map((label) => label.length)) + 2;
  const times = range([...plot.measured.t, ...plot.judged.t], 0);
  const frame: Frame = {
    t0: times.low,
    t1: times.high,
    y0: values.low,
    y1: values.high,
    width: Math.max(20, canvas.columns - margin - 1),
    height,
  };
  const paint = (ink: Ink, text: string): string => (canvas.color ? `\u001B[${STYLES[ink]}m${text}\u001B[0m` : text);
  const grid = drawn(plot, frame);
  const lines = grid.map(
    (row, r) => `${labels[r]!.padStart(margin - 2)} ${paint('axis', labels[r] === '' ? '│' : '┤')}${inked(row, paint)}`,
  );
  return [...lines, ...timeAxis(plot, frame, margin, paint)];
}

interface Span {
  readonly low: number;
  readonly high: number;
}

/** A constant is drawn in the middle of what is around it; of nothing there is only the frame. */
function range(values: readonly number[], pad = 0.01): Span {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (high > low) return { low, high };
  if (high < low) return { low: 0, high: 1 };
  const around = Math.max(Math.abs(low) * pad, pad === 0 ? 1 : Number.EPSILON) || 1;
  return { low: low - around, high: high + around };
}

interface Cell {
  readonly mark: string;
  readonly ink: Ink;
}

function drawn(plot: Plot, frame: Frame): (Cell | null)[][] {
  const grid = Array.from({ length: frame.height }, () => Array.from({ length: frame.width }, (): Cell | null => null));
  const set = (column: number, row: number, mark: string, ink: Ink): void => {
    if (grid[row]?.[column] !== undefined) grid[row][column] = { mark, ink };
  };
  const from = columnOf(plot.from, frame);
  if (from > 0) for (let row = 0; row < frame.height; row++) set(from, row, BOUND, 'axis');
  plot.measured.t.forEach((t, i) => set(columnOf(t, frame), rowOf(plot.measured.y[i]!, frame), MEASURED, 'measured'));
  drawFit(plot, frame, set);
  plot.judged.t.forEach((t, i) => set(columnOf(t, frame), rowOf(plot.judged.y[i]!, frame), POINT, 'point'));
  return grid;
}

/** The fit between the points of one life; where it is steep, the rows between two columns are joined. */
function drawFit(
  { judged: { t, life, fitted } }: Plot,
  frame: Frame,
  set: (column: number, row: number, mark: string, ink: Ink) => void,
): void {
  for (let i = 1; i < t.length; i++) {
    if (life[i] !== life[i - 1]) continue;
    const [a, b] = [columnOf(t[i - 1]!, frame), columnOf(t[i]!, frame)];
    let before = rowOf(fitted[i - 1]!, frame);
    for (let column = a; column <= b; column++) {
      const row = rowOf(b > a ? fitted[i - 1]! + ((fitted[i]! - fitted[i - 1]!) * (column - a)) / (b - a) : fitted[i]!, frame);
      for (let r = Math.min(row, before) + 1; r < Math.max(row, before); r++) set(column, r, RISE, 'fit');
      set(column, row, FIT, 'fit');
      before = row;
    }
  }
}

function columnOf(t: number, { t0, t1, width }: Frame): number {
  return Math.round(((t - t0) / (t1 - t0)) * (width - 1));
}

function rowOf(y: number, { y0, y1, height }: Frame): number {
  return height - 1 - Math.round(((y - y0) / (y1 - y0)) * (height - 1));
}

/** Neighbours of one style are painted together. */
function inked(row: readonly (Cell | null)[], paint: (ink: Ink, text: string) => string): string {
  let line = '';
  for (let start = 0; start < row.length;) {
    const ink = row[start]?.ink;
    let end = start + 1;
    while (end < row.length && row[end]?.ink === ink) end++;
    const text = row
      .slice(start, end)
      .map((cell) => cell?.mark ?? ' ')
      .join('');
    line += ink === undefined ? text : paint(ink, text);
    start = end;
  }
  return line.trimEnd();
}

/** Rows between two labels of the axis. */
const LABEL_ROWS = 4;

/** A label for every fourth row, with as many digits as tell neighbours apart; none for the others. */
function levels({ low, high }: Span, unit: string, height: number): string[] {
  const { divisor, word } = scaleOf(unit, Math.max(Math.abs(low), Math.abs(high)));
  const step = ((high - low) / Math.max(1, height - 1)) * LABEL_ROWS;
  const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / divisor))));
  return Array.from({ length: height }, (_, row) => {
    const value = high - ((high - low) * row) / (height - 1);
    return row % LABEL_ROWS === 0 || row === height - 1 ? `${(value / divisor).toFixed(digits)}${word}` : '';
  });
}

function scaleOf(unit: string, largest: number): { divisor: number; word: string } {
  if (unit === 'By') {
    const power = [1, 2, 3, 4].findLast((p) => largest >= 1000 ** p) ?? 0;
    return { divisor: 1000 ** power, word: ` ${['', 'k', 'M', 'G', 'T'][power]}B` };
  }
  if (unit === 's') return largest < 1 ? { divisor: 0.001, word: ' ms' } : { divisor: 1, word: ' s' };
  return unit === '1' ? { divisor: 0.01, word: ' %' } : { divisor: 1, word: '' };
}

/** Columns between two times of the axis. */
const TIME_COLUMNS = 24;

function timeAxis(plot: Plot, frame: Frame, margin: number, paint: (ink: Ink, text: string) => string): string[] {
  const count = Math.max(1, Math.floor(frame.width / TIME_COLUMNS));
  const marks = Array.from({ length: count + 1 }, (_, i) => Math.round((i * (frame.width - 1)) / count));
  const line: string[] = Array.from({ length: frame.width }, (_, column) => (marks.includes(column) ? '┴' : '─'));
  if (plot.bend !== null && plot.bend <= frame.t1) line[columnOf(plot.bend, frame)] = '▲';
  let text = '';
  for (const mark of marks) {
    const label = plot.when(frame.t0 + ((frame.t1 - frame.t0) * mark) / (frame.width - 1));
    const at = Math.min(frame.width - label.length, Math.max(0, mark - Math.floor(label.length / 2)));
    if (at > text.length || text === '') text = text.padEnd(at) + label;
  }
  return [`${' '.repeat(margin - 1)}${paint('axis', `└${line.join('')}`)}`, `${' '.repeat(margin)}${text}`];
}

/** What the marks mean. */
export function legend(plot: Plot): string {
  const bend = plot.bend === null ? '' : `   ▲ ${plot.when(plot.bend)}, where it bends or has settled`;
  return `${MEASURED} measured   ${POINT} judged   ${FIT} fit   ${BOUND} judged from ${plot.when(plot.from)} on${bend}`;
}
