/**
 * The one MetricProducer that both readers of the SDK collect from. It owns no data: a collection is a walk over the run's state, so
 * that a series whose target is gone is not in the next one. SDK instruments would export it for ever.
 */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Verdict } from '../analysis/verdict.ts';
import type { MetricDef } from '../catalog.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Series } from '../series.ts';
import { type Histogram, histograms, SAMPLES_EACH } from './histogram.ts';
import { identity, type Point, point } from './points.ts';
import type { Pushes } from './otelpush.ts';
import { createdAt, type ExportedRun, METRICS, RunPoints, targetPoints, targetStates } from './runmetrics.ts';
import { verdictPoints } from './verdictmetrics.ts';

/** Contracts, "Caps". With three labels a point is some 140 bytes, of OTLP or of text: 0.3 MB a push or page, made in 2 ms of CPU. */
export const EXPORTED_MAX = 2000;

/** OTLP's word for an unknown start: the counter was not zero when the run began, and saying so would invent growth. */
const UNKNOWN_TIME: HrTime = [0, 0];

/** Counters of these names begin with the process that they are of. */
const OF_PROCESS = /^(soak\.)?process\./;

export interface ProducerOptions {
  readonly run: ExportedRun;
  readonly clock: Clock;
  readonly log: Logger;
  /** Time of boot, seconds since the epoch. */
  readonly boot: number;
  readonly resource: ResourceMetrics['resource'];
  /** Null: nothing is pushed. */
  readonly pushes?: Pushes | null;
}

export class RunProducer implements MetricProducer {
  readonly #options: ProducerOptions;
  readonly #runPoints: RunPoints;
  readonly #order = new ExportOrder();
  /** Of each series, by id: made once, so that a collection allocates only values. */
  readonly #attributes: Attributes[] = [];
  #capped = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#runPoints = new RunPoints(options.run);
  }

  collect(): Promise<CollectionResult> {
    const { run, clock, resource } = this.#options;
    const now = run.end() ?? clock.wall();
    const metrics = new Grouped(now);
    const verdict = run.verdict();
    for (const value of this.#runPoints.all(verdict)) metrics.add(value, now);
    for (const value of this.#pushPoints()) metrics.add(value, now);
    const dropped = this.#fill(metrics, verdict, now);
    metrics.add(point(METRICS.dropped, identity(run.id, null, null), dropped), now);
    const scope = { name: 'soak-agent', version: run.version };
    return Promise.resolve({ resourceMetrics: { resource, scopeMetrics: [{ scope, metrics: metrics.all() }] }, errors: [] });
  }

  #pushPoints(): Point[] {
    const { run, pushes } = this.#options;
    const own = identity(run.id, null, null);
    return Object.entries(pushes ?? {}).map(([result, count]) => point(METRICS.pushes, { ...own, 'soak.export.result': result }, count));
  }

  /** Adds points in the order of their worth until the cap is reached; returns how many did not fit. */
  #fill(metrics: Grouped, verdict: Verdict | null, now: number): number {
    const { run, boot } = this.#options;
    const { gated, targets, others, parts } = this.#order.of(run.state.series.all(), gatedMetrics(verdict));
    const room = EXPORTED_MAX - 1;
    let dropped = 0;
    const offer = (value: Point, at: number): void => {
      if (metrics.size < room) metrics.add(value, at);
      else dropped++;
    };
    const offerSeries = (series: Series): void => {
      const value = run.state.fresh(series);
      if (value !== null) offer(this.#seriesPoint(series, value), now - (run.state.t - run.state.store.at(series.id)));
    };
    gated.forEach(offerSeries);
    for (const value of verdictPoints(run.id, verdict, now)) offer(value, now);
    for (const value of [...targetStates(run), ...targetPoints(run, boot)]) offer(value, now);
    for (const { target, value } of histograms(parts, run.state)) {
      if (metrics.size + SAMPLES_EACH <= room) metrics.addHistogram(METRICS.duration, identity(run.id, target, null), value);
      else dropped++;
    }
    targets.forEach(offerSeries);
    others.forEach(offerSeries);
    if (dropped > 0) this.#sayCapped(dropped);
    return dropped;
  }

  #seriesPoint(series: Series, value: number): Point {
    const attributes = (this.#attributes[series.id] ??= {
      ...series.labels,
      ...identity(this.#options.run.id, series.target, series.member),
    });
    const start = series.def.kind === 'counter' ? this.#startOf(series) : null;
    return { def: series.def, attributes: attributes as Record<string, string>, value, start };
  }

  /** A counter of one process was zero when that process began; of any other nobody knows. */
  #startOf(series: Series): number | null {
    const { run, boot } = this.#options;
    if (series.target === null || !OF_PROCESS.test(series.def.name)) return null;
    const procs = run
      .targets()
      .find((target) => target.role === series.target)
      ?.procs.filter((proc) => proc.member === series.member);
    return procs?.length === 1 ? createdAt(procs[0]!, boot) : null;
  }

  #sayCapped(dropped: number): void {
    if (this.#capped) return;
    this.#capped = true;
    this.#options.log.warn(
      `more than ${EXPORTED_MAX} series: gated ones are exported first, then those of targets, then the rest; all are recorded and judged`,
      { cap: EXPORTED_MAX, dropped },
    );
  }
}

/** Names of metrics that the verdict holds gated; a rule of the user may gate one that is not by its declaration. */
function gatedMetrics(verdict: Verdict | null): readonly string[] {
  const series = verdict?.series ?? [];
  return [...new Set(series.filter(({ gated }) => gated).map(({ metric }) => metric))].toSorted();
}

/** `parts` are exported as histograms only. */
type Ranks = Record<'gated' | 'targets' | 'others' | 'parts', Series[]>;

const emptyRanks = (): Ranks => ({ gated: [], targets: [], others: [], parts: [] });

/** Series by the worth of exporting them, each rank in the order of ids, so that the cap cuts the same ones every time. */
class ExportOrder {
  #ranks = emptyRanks();
  #known = 0;
  #gated: readonly string[] = [];

  of(all: readonly Series[], gated: readonly string[]): Ranks {
    if (gated.join() !== this.#gated.join()) {
      this.#gated = gated;
      this.#ranks = emptyRanks();
      this.#known = 0;
    }
    for (; this.#known < all.length; this.#known++) {
      const series = all[this.#known]!;
      this.#ranks[this.#rank(series)].push(series);
    }
    return this.#ranks;
  }

  #rank({ def, target }: Series): keyof Ranks {
    if (def.exportedAs !== undefined) return 'parts';
    if (def.gate !== undefined || this.#gated.includes(def.name)) return 'gated';
    return target === null ? 'others' : 'targets';
  }
}

/** Data points, gathered under their metrics. */
class Grouped {
  readonly #metrics = new Map<MetricDef, DataPoint<number>[]>();
  readonly #histograms = new Map<MetricDef, DataPoint<Histogram>[]>();
  readonly #now: number;
  readonly #nowTime: HrTime;
  size = 0;

  constructor(now: number) {
    this.#now = now;
    this.#nowTime = hrTime(now);
  }

  add({ def, attributes, value, start }: Point, at: number): void {
    const points = this.#metrics.get(def) ?? [];
    if (points.length === 0) this.#metrics.set(def, points);
    const endTime = at === this.#now ? this.#nowTime : hrTime(at);
    points.push({ attributes, value, startTime: start === null ? UNKNOWN_TIME : hrTime(start), endTime });
    this.size++;
  }

  addHistogram(def: MetricDef, attributes: Attributes, value: Histogram): void {
    const points = this.#histograms.get(def) ?? [];
    if (points.length === 0) this.#histograms.set(def, points);
    points.push({ attributes, value, startTime: UNKNOWN_TIME, endTime: this.#nowTime });
    this.size += SAMPLES_EACH;
  }

  all(): MetricData[] {
    const numbers = [...this.#metrics].map(([def, dataPoints]) => metricData(def, dataPoints));
    const aggregationTemporality = AggregationTemporality.CUMULATIVE;
    const whole = [...this.#histograms].map(([def, dataPoints]): MetricData => {
      return { descriptor: descriptorOf(def), aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    });
    return [...numbers, ...whole];
  }
}

/** One of each metric: what is spelled of it once need not be again. */
const DESCRIPTORS = new WeakMap<MetricDef, MetricData['descriptor']>();

function descriptorOf(def: MetricDef): MetricData['descriptor'] {
  let descriptor = DESCRIPTORS.get(def);
  if (descriptor === undefined) {
    descriptor = { name: def.name, description: def.help, unit: def.unit, valueType: ValueType.DOUBLE };
    DESCRIPTORS.set(def, descriptor);
  }
  return descriptor;
}

function metricData(def: MetricDef, dataPoints: DataPoint<number>[]): MetricData {
  const base = { descriptor: descriptorOf(def), aggregationTemporality: AggregationTemporality.CUMULATIVE, dataPoints };
  if (def.kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: def.kind === 'counter' };
}

/** Seconds and nanoseconds, as the SDK wants them. */
function hrTime(seconds: number): HrTime {
  const whole = Math.floor(seconds);
  return [whole, Math.round((seconds - whole) * 1e9)];
}
