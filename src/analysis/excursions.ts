/**
 * What rose and fell again, or fell and rose: a batch, a test before the test, a spike of one block. Between two clear edges in opposite
 * directions, with the same level before and after, nothing was gained; the points between say nothing of growth and are left out. As noise
 * they would be so large and so slow that they hide growth; as a shape of its own, with free levels, a bump explains half of all growth away.
 * Of what moved to another level for good the points on its way are left out: they belong to neither, and no step goes through them.
 */
import { median, scatterOf } from './stats.ts';

/** An edge is a difference of neighbours this many times the noise, and an excursion at least so high. */
const CLEAR = 8;
/** The levels before and after differ by at most this share of its height. */
const RETURNED = 0.2;
/** What moves by this share of all is little beside it. */
const LITTLE = 1 / 3;
/** Differences that one edge lasts at most: a few blocks on their way, and their neighbours; fewer where nothing came back. */
const EDGE_POINTS = 5;
const STEP_POINTS = 3;
/** Edges in which a level comes back: what was given back at once is taken again piece by piece. */
const STAIRS_MAX = 4;
/** Points that a level is taken from, and how many must be there. */
const LEVEL_POINTS = 3;
const LEVEL_MIN = 3;
/** Of all points at most this share: what comes and goes all the time is how the program lives. */
const SHARE_MAX = 0.4;
/** Noise is at least this share of the range: a series without any has edges everywhere. */
const QUIET = 0.003;

/** Points from the first to before the last. */
export interface Edge {
  readonly first: number;
  readonly end: number;
  readonly up: boolean;
}

/** Which points are to be kept; null for all. */
export function withoutExcursions(values: Float64Array): Uint8Array | null {
  const n = values.length;
  if (n < 2 * LEVEL_MIN + 2) return null;
  const { y, trend, clear, edges } = moved(values);
  if (edges.length === 0) return null;
  const kept = new Uint8Array(n).fill(1);
  for (let i = 0; i + 1 < edges.length; i++) {
    const from = edges[i]!;
    const gained = edges.slice(i + 1, i + 1 + STAIRS_MAX).map((to) => (from.up === to.up ? Infinity : gainOf(y, from, to, clear, trend)));
    const least = Math.min(...gained);
    if (least === Infinity) continue;
    i += 1 + gained.indexOf(least);
    kept.fill(0, from.first + 1, edges[i]!.end);
  }
  for (const edge of edges) for (const i of onTheWay(y, edge, clear)) kept[i] = 0;
  const left = kept.reduce((sum, one) => sum + one, 0);
  return left < n && left >= (1 - SHARE_MAX) * n ? kept : null;
}

/** Whether what is kept moves by little beside what is left out: then there is no wave but the visits. */
export function areAllThatMoves(values: Float64Array, kept: Uint8Array): boolean {
  const { y } = moved(values);
  return rangeOf(y.filter((_, i) => kept[i] === 1)) < LITTLE * rangeOf(y);
}

function rangeOf(y: Float64Array): number {
  let [least, most] = [Infinity, -Infinity];
  for (const value of y) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return most - least;
}

/** Points of a short edge that lie clearly between its two levels. */
function onTheWay(y: Float64Array, { first, end }: Edge, clear: number): number[] {
  if (end - first > STEP_POINTS) return [];
  const apart = (i: number, j: number): boolean => Math.abs(y[i]! - y[j]!) > clear / 2;
  return Array.from({ length: end - first - 1 }, (_, i) => first + 1 + i).filter((i) => apart(i, first) && apart(i, end));
}

/** Edges that stand out of the noise, beside steady growth. */
export function clearEdges(values: Float64Array): Edge[] {
  const { y, clear, edges } = moved(values);
  return edges.filter(({ first, end }) => Math.abs(y[end]! - y[first]!) > clear);
}

interface Moved {
  /** Without steady growth: the usual difference of two points is no edge. */
  readonly y: Float64Array;
  readonly trend: number;
  readonly clear: number;
  readonly edges: Edge[];
}

function moved(values: Float64Array): Moved {
  const y = new Float64Array(values.length);
  for (let i = 1; i < y.length; i++) y[i] = values[i]! - values[i - 1]!;
  const trend = median(y.subarray(1));
  for (let i = 0; i < y.length; i++) y[i] = values[i]! - trend * i;
  const range = rangeOf(y);
  const clear = CLEAR * Math.max(scatterOf(y), QUIET * range);
  return { y, trend, clear, edges: range > clear ? edgesOf(y, clear) : [] };
}

/** Runs of clear differences in one direction: the level before lies at `first`, that after it at `end`. */
function edgesOf(y: Float64Array, clear: number): Edge[] {
  const edges: Edge[] = [];
  for (let i = 1; i < y.length; i++) {
    const change = y[i]! - y[i - 1]!;
    const up = change > 0;
    const last = edges.at(-1);
    if (last && last.end === i - 1 && last.up === up && Math.abs(change) > clear / 4) edges[edges.length - 1] = { ...last, end: i };
    else if (Math.abs(change) > clear / 2) edges.push({ first: i - 1, end: i, up });
  }
  // What moves for longer is on its way: a cycle, a warm-up.
  return edges.filter(({ first, end }) => end - first <= EDGE_POINTS);
}

/**
 * How far the level is from where it was, or from where the usual growth of a point has brought it meanwhile, which is known to its noise.
 * Infinity: it has not come back.
 */
function gainOf(y: Float64Array, from: Edge, to: Edge, clear: number, trend: number): number {
  const before = y.subarray(Math.max(0, from.first + 1 - LEVEL_POINTS), from.first + 1);
  const after = y.subarray(to.end, to.end + LEVEL_POINTS);
  if (before.length < LEVEL_MIN || after.length < LEVEL_MIN) return Infinity;
  const [low, high] = [median(before), median(after)];
  const away = y.subarray(from.end, to.first + 1);
  const height = Math.abs(median(away) - low);
  if (height <= clear || !away.every((value) => value > low === from.up)) return Infinity;
  const grown = trend * (to.end - from.first - 1 + (before.length + after.length) / 2);
  const gain = Math.min(Math.abs(high - low), Math.abs(high - low + grown));
  return gain < RETURNED * height ? gain : Infinity;
}
