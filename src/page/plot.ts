/** One chart of one signal, or of the states of a pool one on the other. */
import uPlot from 'uplot';
import type { Chart, PoolStates, Report, Signal } from '../report/value.ts';
import { showValue } from '../views/quantities.ts';
import { axis, STEPS } from './axis.ts';
import { colour, type Colour } from './colours.ts';
import { isWhole, reachOf, spanOf, WHOLE_STEPS } from './extent.ts';
import { fitLines, limitLine, phaseNames, story, underneath } from './marks.ts';

export interface Drawable {
  readonly data: () => uPlot.AlignedData;
  readonly series: readonly uPlot.Series[];
  readonly bands: readonly uPlot.Band[];
  readonly hooks: uPlot.Hooks.Arrays;
  readonly unit: string;
  /** It has no parts: marks are whole numbers. */
  readonly whole: boolean;
  /** Values that are to be in sight beside those of the curve. */
  readonly reach: () => readonly number[];
  /** Run time to which the chart goes on beyond the run. */
  readonly ahead: () => number;
  /** The values at an index, for the line above the chart. */
  readonly read: (u: uPlot, index: number) => string;
}

/** Seconds: the middle of each bin. */
function middles({ from, step, mean }: Chart): number[] {
  return mean.map((_, i) => from + (i + 0.5) * step);
}

/** Pixels. */
const LINE = 1.25;

const points = { show: false };

/** @param report what is shown now; a live page has another one every minute */
export function signalPlot(report: () => Report, anchor: string, isLarge: boolean): Drawable {
  const signal = (): Signal => report().signals.find((one) => one.anchor === anchor)!;
  const known = (): Signal | null => report().signals.find((one) => one.anchor === anchor) ?? null;
  const timeline = (): Report['timeline'] => report().timeline;
  const { unit, chart } = signal();
  const isBanded = chart.min !== null;
  const under = underneath(timeline, () => known()?.fit?.from ?? 0);
  const over = [limitLine(known), story(timeline, known), ...(isLarge ? [fitLines(known), phaseNames(timeline)] : [])];
  return {
    unit,
    whole: isWhole(signal()),
    data: () => {
      const { chart: now } = signal();
      const x = middles(now);
      return (isBanded ? [x, now.max ?? now.mean, now.min ?? now.mean, now.mean] : [x, now.mean]) as unknown as uPlot.AlignedData;
    },
    series: [{}, ...(isBanded ? [edge(), edge()] : []), { stroke: () => colour('line'), width: LINE, points }],
    bands: isBanded ? [{ series: [1, 2], fill: () => colour('band') }] : [],
    hooks: { drawClear: [under], draw: over },
    reach: () => reachOf(signal(), isLarge),
    ahead: () => (isLarge ? (signal().fit?.forecast?.t.at(-1) ?? 0) : 0),
    read: (u, index) => {
      const at = (row: number): number | null => u.data[row]?.[index] ?? null;
      if (!isBanded) return showValue(at(1), unit);
      return at(1) === at(2)
        ? showValue(at(3), unit)
        : `${showValue(at(3), unit)} (${showValue(at(2), unit)} to ${showValue(at(1), unit)})`;
    },
  };
}

function edge(): uPlot.Series {
  return { stroke: 'transparent', width: 0, points };
}

/** Order of the legend is that of the stack, from the bottom up. */
export function poolPlot(report: () => Report, anchor: string): Drawable {
  const pool = (): PoolStates => report().pools.find((one) => one.anchor === anchor)!;
  const states = pool().states.map(({ state }) => state);
  const maximum = (): Signal | null => {
    const { max } = pool();
    return max === null ? null : (report().signals[max] ?? null);
  };
  const ceiling = (): Signal | null => {
    const found = maximum();
    const value = found?.chart.mean.findLast((one) => one !== null) ?? null;
    return found && { ...found, restarts: [], limits: value === null ? [] : [{ t: 0, value, from: found.metric }] };
  };
  const timeline = (): Report['timeline'] => report().timeline;
  return {
    unit: '{connection}',
    whole: true,
    data: () => stacked(pool().states.map(({ signal }) => report().signals[signal]!.chart)),
    // The uppermost sum is drawn first, and the ones below over it.
    series: [{}, ...states.map((_, i) => area(states.length - 1 - i))],
    bands: [],
    hooks: { drawClear: [underneath(timeline, () => 0)], draw: [limitLine(ceiling), story(timeline, () => null)] },
    ahead: () => 0,
    reach: () => [0, ...(ceiling()?.limits.map(({ value }) => value) ?? [])],
    read: (u, index) => {
      const sum = (row: number): number => u.data[row]?.[index] ?? 0;
      const own = states.map((state, i) => [state, sum(states.length - i) - (i === 0 ? 0 : sum(states.length - i + 1))] as const);
      return (
        own
          .filter(([, value]) => value > 0)
          .map(([state, value]) => `${state} ${showValue(value, '')}`)
          .join(', ') || 'none'
      );
    },
  };
}

export const STACK: readonly Colour[] = ['s0', 's1', 's2', 's3', 's4', 's5', 's6'];

function area(i: number): uPlot.Series {
  const fill = (): string => colour(STACK[i % STACK.length]!);
  return { stroke: fill, fill, width: 1, points };
}

/** Columns of sums, the whole first. States come and go: all are laid on the coarsest of their grids. */
function stacked(charts: readonly Chart[]): uPlot.AlignedData {
  const step = Math.max(...charts.map((chart) => chart.step));
  const slots = new Map<number, number[]>();
  charts.forEach((chart, state) => {
    const per = step / chart.step;
    chart.mean.forEach((value, i) => {
      const slot = Math.floor((chart.from + i * chart.step) / step + 1e-9);
      const row = slots.get(slot) ?? charts.map(() => 0);
      row[state]! += (value ?? 0) / per;
      slots.set(slot, row);
    });
  });
  const ordered = [...slots].toSorted(([a], [b]) => a - b);
  const sums = ordered.map(([, row]) => row.map((_, i) => row.slice(0, i + 1).reduce((sum, value) => sum + value, 0)));
  return [ordered.map(([slot]) => (slot + 0.5) * step), ...charts.map((_, i) => sums.map((row) => row[charts.length - 1 - i]!))];
}

const SYNC = uPlot.sync('run');

/** Pixels beside the plot for the figures of its axis. */
const GUTTER = 68;

/** Pixels of the widest time on its axis, `167:00:00`, which stands in the middle below its mark. */
const LABEL = 56;

export function plotOf(drawable: Drawable, into: HTMLElement, height: number, onCursor: (index: number | null, u: uPlot) => void): uPlot {
  const options: uPlot.Options = {
    width: Math.max(160, into.clientWidth),
    height,
    legend: { show: false },
    padding: [6, LABEL / 2, 0, 0],
    cursor: { sync: { key: SYNC.key, setSeries: false }, drag: { x: true, y: false, setScale: false }, y: false, points: { size: 5 } },
    scales: {
      x: { time: false, range: () => shownOf(drawable) },
      y: { range: (_, low, high) => spanOf(low, high, drawable.reach(), drawable.whole) },
    },
    axes: [
      { ...drawnAs(), size: 26, space: LABEL + 12, incrs: STEPS, values: (_, ticks) => onAxis(ticks) },
      {
        ...drawnAs(),
        size: GUTTER,
        ...(drawable.whole ? { incrs: WHOLE_STEPS } : {}),
        values: (_, ticks) => ticks.map((value) => showValue(value, drawable.unit)),
      },
    ],
    series: [...drawable.series],
    bands: [...drawable.bands],
    hooks: {
      ...drawable.hooks,
      setCursor: [(u) => onCursor(u.cursor.idx ?? null, u)],
      setSelect: [zoomTo],
    },
  };
  return new uPlot(options, drawable.data(), into);
}

/** What was dragged over is the whole chart then, and nothing of it is marked any more. */
function zoomTo(u: uPlot): void {
  const { left, width } = u.select;
  if (width === 0) return;
  const [from, to] = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')];
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (width > 4) axis.zoom({ from, to });
}

/** Where a forecast leads to is shown as long as nobody looks closer at a part of the run. */
function shownOf({ ahead }: Drawable): [number, number] {
  const { from, to } = axis.range;
  return [from, axis.isZoomed ? to : Math.max(to, ahead())];
}

/** Hours and minutes, or seconds where marks are closer than a minute. */
function onAxis(ticks: readonly number[]): string[] {
  const isClose = (ticks[1] ?? 0) - (ticks[0] ?? 0) < 60;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  return ticks.map((t) => `${two(t / 3600)}:${two((t % 3600) / 60)}${isClose ? `:${two(t % 60)}` : ''}`);
}

function drawnAs(): uPlot.Axis {
  return {
    stroke: () => colour('dim'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: () => colour('grid'), width: 1 },
    ticks: { stroke: () => colour('grid'), width: 1, size: 4 },
  };
}
