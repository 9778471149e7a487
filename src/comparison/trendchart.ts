/** A trend as one SVG file without anything from elsewhere: a small chart for each signal, with the interval of each run. */
import { escaped } from '../report/markup.ts';
import { clean, fit } from '../terminal/clean.ts';
import { showValue } from '../views/quantities.ts';
import { limitsOf } from './thresholds.ts';
import type { Trend, TrendSignal } from './trend.ts';

/** What is required or has changed comes first; 24 charts are a page. */
const CHARTS_MAX = 24;
const PER_ROW = 3;

export const CHART = { width: 300, height: 150, left: 62, right: 12, top: 26, bottom: 26 } as const;

/** Readable on white and on black, and told apart without colour by their shape: a full dot is the run that regressed. */
export const COLORS = { line: '#4a7dbd', bad: '#c4453c', good: '#3c8a4d', text: '#767676' } as const;

export function trendSvg(trend: Trend): string {
  const shown = chartedOf(trend);
  const rows = Math.max(1, Math.ceil(shown.length / PER_ROW));
  const [width, height] = [PER_ROW * CHART.width, rows * CHART.height];
  const charts = shown.map((signal, i) => {
    const [x, y] = [(i % PER_ROW) * CHART.width, Math.floor(i / PER_ROW) * CHART.height];
    return `<g transform="translate(${x} ${y})">${chartOf(signal, trend)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="10">`,
    `<title>${text(`Trend over ${trend.runs.length} runs`, 80)}</title>`,
    ...charts,
    '</svg>',
    '',
  ].join('\n');
}

/** Signals that are drawn. */
export function chartedOf({ signals }: Trend): TrendSignal[] {
  return signals.filter(({ points }) => points.some((point) => point !== null)).slice(0, CHARTS_MAX);
}

/** What is within one chart, of the size of `CHART`. */
export function chartOf({ id, unit, kind, points, previous }: TrendSignal, { runs }: Trend): string {
  const known = points.filter((point) => point !== null);
  const low = Math.min(...known.map(({ lo }) => lo));
  const high = Math.max(...known.map(({ hi }) => hi));
  // A tenth of the level at least, and what is a change of it at all: what moves by a thousandth should not look like a cliff.
  const { least } = limitsOf(kind);
  const span = Math.max(high - low, 0.1 * Math.max(Math.abs(high), Math.abs(low)), least) || 1;
  const middle = (low + high - span) / 2;
  // Nothing that is compared is below zero but for what is rounded.
  const bottom = low > -1e-3 * span ? Math.max(0, middle) : middle;
  const inner = { width: CHART.width - CHART.left - CHART.right, height: CHART.height - CHART.top - CHART.bottom };
  const x = (i: number): number => round(CHART.left + (inner.width * (i + 0.5)) / runs.length);
  const y = (value: number): number => round(CHART.top + inner.height * (1 - (value - bottom) / span));
  const color = previous?.call === 'regressed' ? COLORS.bad : previous?.call === 'improved' ? COLORS.good : COLORS.line;
  const marks = points.map((point, i) => {
    if (point === null) return '';
    const isLast = i === points.length - 1;
    const told = `${runs[i]!.label}: ${showValue(point.value, unit)} (${showValue(point.lo, unit)} to ${showValue(point.hi, unit)})`;
    const fill = isLast && color !== COLORS.line ? color : 'none';
    return (
      `<line x1="${x(i)}" x2="${x(i)}" y1="${y(point.lo)}" y2="${y(point.hi)}" stroke="${isLast ? color : COLORS.line}"/>` +
      `<circle cx="${x(i)}" cy="${y(point.value)}" r="3" stroke="${isLast ? color : COLORS.line}" fill="${fill}"><title>${text(told, 160)}</title></circle>`
    );
  });
  const axis = [bottom, bottom + span].map(
    (value) =>
      `<text x="${CHART.left - 6}" y="${y(value) + 3}" text-anchor="end" fill="${COLORS.text}">${text(showValue(value, unit), 12)}</text>`,
  );
  const ends = [0, runs.length - 1].map(
    (i) => `<text x="${x(i)}" y="${CHART.height - 10}" text-anchor="middle" fill="${COLORS.text}">${text(runs[i]!.label, 16)}</text>`,
  );
  return [
    `<text x="8" y="16" fill="${color === COLORS.line ? COLORS.text : color}">${text(id, 44)}${previous?.call === 'regressed' ? ' ▲' : ''}</text>`,
    ...axis,
    ...ends,
    ...linesOf(points, x, y),
    ...marks,
  ].join('');
}

/** Between neighbours that are known. */
function linesOf(points: TrendSignal['points'], x: (i: number) => number, y: (value: number) => number): string[] {
  return points.flatMap((point, i) => {
    const before = points[i - 1];
    if (point === null || before === null || before === undefined) return [];
    return [`<line x1="${x(i - 1)}" y1="${y(before.value)}" x2="${x(i)}" y2="${y(point.value)}" stroke="${COLORS.line}"/>`];
  });
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function text(given: string, most: number): string {
  return escaped(fit(clean(given), most, 'middle'));
}
