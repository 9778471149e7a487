/**
 * Mann-Kendall with Sen's slope, one-sided 5 %, on means of 15 minutes: the trend test of the software-ageing literature.
 * Sources: Mann 1945; Kendall 1975; Sen 1968; Hamed and Rao, "A modified Mann-Kendall trend test for autocorrelated data", J. Hydrology
 * 204, 1998, whose variance counts the significant autocorrelations of the ranks of what is left without Sen's line.
 */
import { normalQuantile } from '../../../src/analysis/stats.ts';
import type { Detector } from '../detector.ts';
import { Spans } from './window.ts';

const ONE_SIDED = normalQuantile(0.95);
const TWO_SIDED = normalQuantile(0.975);
const POINTS_MIN = 8;

/** Spans kept: four days. */
const POINTS_MAX = 384;

interface Trend {
  readonly z: number;
  readonly slope: number;
  /** 95 % interval of Sen's slope: order statistics of the pairwise slopes. */
  readonly ci: readonly [number, number];
}

function trendOf(t: readonly number[], y: readonly number[], corrected: boolean): Trend {
  const n = y.length;
  let s = 0;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let pair = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      s += Math.sign(y[j]! - y[i]!);
      slopes[pair++] = (y[j]! - y[i]!) / (t[j]! - t[i]!);
    }
  }
  slopes.sort();
  const slope = middle(slopes);
  const independent = (n * (n - 1) * (2 * n + 5) - tied(y)) / 18;
  const variance = independent * (corrected ? correction(t, y, slope) : 1);
  const spread = TWO_SIDED * Math.sqrt(variance);
  const at = (rank: number): number => slopes[Math.min(pair - 1, Math.max(0, Math.round(rank)))]!;
  return { z: variance > 0 ? (s - Math.sign(s)) / Math.sqrt(variance) : 0, slope, ci: [at((pair - spread) / 2), at((pair + spread) / 2)] };
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function tied(y: readonly number[]): number {
  const groups = new Map<number, number>();
  for (const value of y) groups.set(value, (groups.get(value) ?? 0) + 1);
  let sum = 0;
  for (const g of groups.values()) sum += g * (g - 1) * (2 * g + 5);
  return sum;
}

/** n/n* of Hamed and Rao; never below a tenth, which negative correlations could ask for. */
function correction(t: readonly number[], y: readonly number[], slope: number): number {
  const n = y.length;
  const ranks = ranksOf(y.map((value, i) => value - slope * t[i]!));
  const mean = (n - 1) / 2;
  const correlation = (lag: number): number => {
    let [both, own] = [0, 0];
    for (let i = 0; i < n; i++) own += (ranks[i]! - mean) ** 2;
    for (let i = lag; i < n; i++) both += (ranks[i]! - mean) * (ranks[i - lag]! - mean);
    return both / own;
  };
  let sum = 0;
  for (let lag = 1; lag < n - 2; lag++) {
    const rho = correlation(lag);
    if (Math.abs(rho) > TWO_SIDED / Math.sqrt(n)) sum += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho;
  }
  return Math.max(0.1, 1 + (2 / (n * (n - 1) * (n - 2))) * sum);
}

function ranksOf(values: readonly number[]): Float64Array {
  const order = values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  order.forEach((index, rank) => (ranks[index] = rank));
  return ranks;
}

/** @param share growth of the level per hour that Sen's slope must exceed, or 0 for any */
function mannKendall(name: string, corrected: boolean, share: number): Detector {
  return {
    name,
    create: () => {
      const window = new Spans(900, POINTS_MAX);
      let known = { size: 0, trend: null as Trend | null };
      return {
        push: (t, value) => window.push(t, value),
        restart() {
          window.clear();
          known = { size: 0, trend: null };
        },
        verdict() {
          const size = window.t.length === 0 ? 0 : window.t.at(-1)!;
          if (window.t.length >= POINTS_MIN && size !== known.size) known = { size, trend: trendOf(window.t, window.y, corrected) };
          const { trend } = known;
          if (trend === null) return { leak: false, score: 0 };
          const { z, slope, ci } = trend;
          return { leak: z > ONE_SIDED && slope > share * Math.abs(window.y.at(-1) ?? 0), score: z, slopePerHour: slope, ci };
        },
      };
    },
  };
}

export const kendall = mannKendall('mann-kendall', false, 0);
export const kendallSen = mannKendall('mann-kendall, sen>0.2%/h', false, 0.002);
export const hamedRao = mannKendall('hamed-rao', true, 0);
export const hamedRaoSen = mannKendall('hamed-rao, sen>0.2%/h', true, 0.002);
