/** Plays series to detectors and scores what they say. Every figure is described in docs/benchmarks.md and in README.md here. */
import { type Floors, metricOf } from '../leakbench-adapter.ts';
import type { Detector, Said } from './detector.ts';
import type { Labelled } from './labelled.ts';

/** Simulated seconds between two verdicts. */
const ASK_S = 300;

/** Only a leak that begins later than this can be called too early. */
const EARLY_S = 1800;

/** One detector on one series; null where a figure is not defined. */
export interface Row {
  readonly id: string;
  readonly family: string;
  readonly hours: number;
  readonly leak: boolean;
  /** By the floors somebody asks with: not ambiguous, and growth above them exactly if it leaks. */
  readonly counts: Readonly<Record<Floors, boolean>>;
  readonly atEnd: boolean;
  readonly ever: boolean;
  /** Clean: called a leak later than half as long again as it took to settle, and half an hour. */
  readonly settled: boolean | null;
  /** Leaky: called a leak before it began. */
  readonly early: boolean | null;
  readonly delayS: number | null;
  /** Delay over the smallest possible one, of the leak that was called and of the first suspicion. */
  readonly delay: number | null;
  readonly suspicion: number | null;
  readonly score: number | null;
  readonly slopeError: number | null;
  readonly covered: boolean | null;
  readonly etaError: number | null;
  readonly outcome: Said['outcome'] | null;
  readonly samples: number;
  readonly micros: number;
}

interface Played {
  readonly alarms: readonly number[];
  readonly suspicions: readonly number[];
  readonly end: Said;
  readonly micros: number;
}

export function rowOf(detector: Detector, series: Labelled): Row {
  const played = play(detector, series);
  const { alarms, end, micros } = played;
  const { truth, id, family } = series;
  return {
    id,
    family,
    hours: series.seconds / 3600,
    leak: truth.leak,
    counts: { small: countsWith(series, 'small'), product: countsWith(series, 'product') },
    atEnd: end.leak,
    ever: alarms.length > 0,
    score: Number.isFinite(end.score) ? end.score! : null,
    outcome: end.outcome ?? null,
    samples: series.t.length,
    micros,
    ...(truth.leak ? ofLeak(series, played) : ofClean(series, alarms)),
  };
}

function play(detector: Detector, { t, y, load, restarts, seconds, dt, unit, limit }: Labelled): Played {
  const [alarms, suspicions]: [number[], number[]] = [[], []];
  const began = process.threadCpuUsage();
  const running = detector.create({ dt, unit, hasLoad: load !== null, ...(limit !== null && { limit }) });
  const ask = (at: number, final: boolean): Said => {
    const said = running.verdict({ final });
    if (said.leak) alarms.push(at);
    if (said.suspects ?? said.leak) suspicions.push(at);
    return said;
  };
  let [next, restart] = [ASK_S, 0];
  for (let i = 0; i < t.length; i++) {
    for (; t[i]! > next; next += ASK_S) ask(next, false);
    for (; restart < restarts.length && restarts[restart]! <= t[i]!; restart++) running.restart?.(restarts[restart]!);
    if (load) running.push(t[i]!, y[i]!, load[i]);
    else running.push(t[i]!, y[i]!);
  }
  for (; next < seconds; next += ASK_S) ask(next, false);
  const end = ask(seconds, true);
  const { user, system } = process.threadCpuUsage(began);
  return { alarms, suspicions, end, micros: user + system };
}

/** Growth that matters to whoever asks with these floors. */
export function floorOf({ unit, y }: Labelled, floors: Floors): number {
  const { share, perHour } = metricOf(unit, floors).matters!;
  return Math.max(perHour, (share * y.reduce((a, b) => a + b, 0)) / y.length);
}

export function countsWith(series: Labelled, floors: Floors): boolean {
  const { ambiguous, leak, slopePerHour, creeps } = series.truth;
  if (ambiguous !== null) return false;
  const floor = floorOf(series, floors);
  return leak ? slopePerHour! > floor : creeps < floor;
}

type Rest = Pick<Row, 'settled' | 'early' | 'delayS' | 'delay' | 'suspicion' | 'slopeError' | 'covered' | 'etaError'>;

const NOTHING: Rest = {
  settled: null,
  early: null,
  delayS: null,
  delay: null,
  suspicion: null,
  slopeError: null,
  covered: null,
  etaError: null,
};

function ofClean({ truth }: Labelled, alarms: readonly number[]): Rest {
  const { settledAt } = truth;
  const after = settledAt === 0 ? 0 : Math.max(1.5 * settledAt, settledAt + 1800);
  return { ...NOTHING, settled: alarms.some((at) => at > after) };
}

function ofLeak(series: Labelled, { alarms, suspicions, end }: Played): Rest {
  const { onset, soonest, slopePerHour, straight, exhaustsAt } = series.truth;
  const delayS = firstAfter(alarms, onset);
  const early = onset >= EARLY_S ? alarms.some((at) => at <= onset) : null;
  const suspectedS = firstAfter(suspicions, onset);
  // Verdicts come every five minutes: nobody can be faster than the first one after the smallest possible time.
  const least = soonest === null ? null : Math.ceil((onset + soonest) / ASK_S) * ASK_S - onset;
  const over = (delay: number | null): number | null => (delay === null || least === null || early === true ? null : delay / least);
  const estimates = end.leak && straight && end.slopePerHour !== undefined;
  const eta = end.leak && straight && exhaustsAt !== null && typeof end.exhaustsAtS === 'number';
  return {
    settled: null,
    early,
    delayS,
    delay: over(delayS),
    suspicion: over(suspectedS),
    slopeError: estimates ? Math.abs(end.slopePerHour! / slopePerHour! - 1) : null,
    covered: estimates && end.ci ? end.ci[0] <= slopePerHour! && slopePerHour! <= end.ci[1] : null,
    etaError: eta ? Math.abs(end.exhaustsAtS! - exhaustsAt) / (exhaustsAt - series.seconds) : null,
  };
}

function firstAfter(times: readonly number[], onset: number): number | null {
  const first = times.find((at) => at > onset);
  return first === undefined ? null : first - onset;
}
