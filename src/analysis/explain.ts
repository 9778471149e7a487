/** What stands behind the judgement of one series: the points that were judged, the best shape drawn through them, and its rivals. */
import { floorOfSeries } from './analyse.ts';
import { CONFIDENCE, type Growth, growthOf, type Interval, isFull } from './growth.ts';
import { nextBook } from './grades.ts';
import type { AnalysisInput, SeriesInput } from './judgement.ts';
import { leastSquares } from './leastsquares.ts';
import { drawn, type ShapeKind } from './shapes.ts';
import type { Slope } from './slope.ts';
import type { Stream } from './stream.ts';

const HOUR = 3600;

/** Times are run time in seconds, rates are per hour, everything in the unit of the metric. */
export interface Explanation {
  readonly stream: Stream['kind'];
  readonly from: number;
  readonly to: number;
  /** Usual distance of two points. */
  readonly step: number;
  readonly lives: number;
  /** Columns of the points: time, value, life, and the best shape there. */
  readonly t: Float64Array;
  readonly y: Float64Array;
  readonly life: Int32Array;
  readonly fitted: Float64Array;
  readonly level: number;
  readonly floor: number;
  readonly slope: { readonly perHour: number; readonly lo: number; readonly hi: number; readonly confidence: number };
  /** Kinds of shapes with their posterior probability, the likeliest first. */
  readonly shapes: readonly { readonly kind: ShapeKind; readonly weight: number }[];
  readonly best: ShapeKind;
  /** Where the best shape bends or has settled; null when it does neither, and for several lives. */
  readonly bend: number | null;
  /** Of a point: standard deviation, and correlation with its neighbour; averaged over what the noise may be. */
  readonly noise: { readonly deviation: number; readonly correlation: number };
  /** All shapes were tried that the points can tell apart. */
  readonly examined: boolean;
}

/** Null when nothing of the series can be judged. */
export function explain(series: SeriesInput, input: AnalysisInput): Explanation | null {
  const work = series.series.target === null ? null : (input.work.get(series.series.target) ?? null);
  const until = Math.min(input.now, input.options.judgedUntil ?? Infinity, work?.stoppedAt ?? Infinity);
  const growth = growthOf(series, input, until, floorOfSeries(series, input), true);
  if (growth === null) return null;
  const look = { now: input.now, plannedEnd: input.plannedEnd, final: input.options.final };
  const confirmed = nextBook(series.book, growth.evidence, look, growth.floor).grade === 'confirmed';
  return explained(growth, confirmed ? growth.going() : growth.interval);
}

function explained({ stream, slope, floor, noise }: Growth, interval: Interval): Explanation {
  const shown = (values: Float64Array): Float64Array => (stream.logs ? values.map(Math.exp) : values);
  const { t, x, span } = lifeTimes(stream);
  return {
    stream: stream.kind,
    from: stream.from * HOUR,
    to: stream.to * HOUR,
    step: stream.step * HOUR,
    lives: stream.lives,
    t,
    y: shown(stream.y),
    life: stream.life,
    fitted: shown(fittedOf(stream, slope, x)),
    level: stream.level,
    floor,
    slope: { ...interval, confidence: CONFIDENCE },
    shapes: byKind(slope),
    best: slope.best.kind,
    bend: slope.best.at > 0 && slope.best.at <= 1 && stream.lives === 1 ? t[0]! + slope.best.at * span * HOUR : null,
    noise: {
      deviation: Math.sqrt(noise.parts.reduce((sum, part, i) => (i % 2 === 0 ? sum : sum + part), 0)),
      correlation: slope.noise.reduce((sum, { phi, weight }) => sum + weight * phi, 0),
    },
    examined: isFull(slope),
  };
}

/** Run time in seconds, and the time since the first point of each life as a share of the longest one (`span`, hours). */
function lifeTimes({ n, t, life }: Stream): { t: Float64Array; x: Float64Array; span: number } {
  const x = new Float64Array(n);
  let start = 0;
  let span = 0;
  for (let i = 0; i < n; i++) {
    if (i > 0 && life[i] !== life[i - 1]) start = i;
    x[i] = t[i]! - t[start]!;
    span = Math.max(span, x[i]!);
  }
  return { t: t.map((hours) => hours * HOUR), x: x.map((hours) => hours / span), span };
}

/** The best shape, and what the load explains, by least squares around a level for each life: a picture, where the slope is a mixture over all. */
function fittedOf(stream: Stream, { best }: Slope, x: Float64Array): Float64Array {
  const { n, y, life, lives } = stream;
  const levels = Array.from({ length: lives }, (_, l) => Float64Array.from({ length: n }, (_, i) => Number(life[i] === l)));
  const shape = drawn(best, x, stream.work);
  const columns = [...levels, ...shape, ...stream.covariates];
  const { coefficients } = leastSquares(columns, y);
  return Float64Array.from({ length: n }, (_, i) => columns.reduce((sum, column, c) => sum + coefficients[c]! * column[i]!, 0));
}

function byKind({ shapes, weights }: Slope): { kind: ShapeKind; weight: number }[] {
  const kinds = new Map<ShapeKind, number>();
  shapes.forEach(({ kind }, i) => kinds.set(kind, (kinds.get(kind) ?? 0) + weights[i]!));
  return [...kinds].map(([kind, weight]) => ({ kind, weight })).toSorted((a, b) => b.weight - a.weight);
}
