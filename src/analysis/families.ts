/**
 * What lies between the positions of a grid of shapes: each stands for a stretch of places, and a place gives its shape.
 */
import type { Column, ShapeKind } from './shapes.ts';

/** A shape at a place between those of the grid. */
export interface Placed {
  readonly kind: ShapeKind;
  readonly columns: readonly Column[];
  /** How much of the slope at x = 1 each column has. */
  readonly ends: readonly number[];
  readonly at: number;
}

/** Its ends: a share of the time, or the logarithm of a length. */
export type Stretch = readonly [number, number];

/** The shape at a place. */
export type Family = (place: number) => Placed;

export interface Between {
  readonly stretch: Stretch;
  readonly family: Family;
}

/** A settling curve is within 2 % of its end after four time constants. */
export const SETTLED_TAUS = 4;

/** What each place of a grid stands for: up to half way to its neighbours, on both sides the same at the ends. */
export function stretches(grid: readonly number[]): (place: number) => Stretch {
  const sorted = grid.toSorted((a, b) => a - b);
  return (place) => {
    const i = sorted.indexOf(place);
    const below = (place - (sorted[i - 1] ?? 2 * place - sorted[i + 1]!)) / 2;
    const above = ((sorted[i + 1] ?? 2 * place - sorted[i - 1]!) - place) / 2;
    return [place - below, place + above];
  };
}

const line: Column = (x) => x;
export const past =
  (at: number): Column =>
  (x) =>
    Math.max(0, x - at);
export const upTo =
  (at: number): Column =>
  (x) =>
    Math.min(x, at);
export const settling =
  (tau: number): Column =>
  (x) =>
    1 - Math.exp(-x / tau);

export const waves = (period: number): Column[] => [Math.sin, Math.cos].map((wave) => (x) => wave((2 * Math.PI * x) / period));

const placed = (kind: ShapeKind, columns: readonly Column[], ends: readonly number[], at: number): Placed => ({ kind, columns, ends, at });
export const FAMILIES = {
  late: (at) => placed('late', [past(at)], [1], at),
  fill: (at) => placed('fill', [upTo(at)], [0], at),
  knee: (at) => placed('knee', [line, past(at)], [1, 1], at),
  settle: (log) => placed('settle', [settling(Math.exp(log))], [0], Math.exp(log) * SETTLED_TAUS),
  lineSettle: (log) => placed('line+settle', [line, settling(Math.exp(log))], [1, 0], Math.exp(log) * SETTLED_TAUS),
  wave: (log) => placed('wave', waves(Math.exp(log)), [0, 0], 0),
} satisfies Record<string, Family>;
