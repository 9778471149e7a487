/**
 * Proof of work. An idle target has no noise and would pass everything, so steady work must be seen: requests where they are counted,
 * else CPU time, else I/O, else context switches. When the work stops, judging stops there.
 */
import type { Series } from '../series.ts';
import type { Store } from '../store.ts';
import type { Phase, Span } from '../timeline.ts';
import { plateauFrom } from './plateau.ts';
import { isSampled, type Rates, ratesOf, WINDOW_MIN_S, WINDOWS_MIN } from './rates.ts';
import { median } from './stats.ts';
import { stretchesOf } from './stretches.ts';

export interface Work {
  /** What was counted; null when nothing that shows work can be read. */
  readonly signal: string | null;
  /** Work went on for at least half of the time between warm-up and its end. */
  readonly steady: boolean;
  /** Run time at which it stopped; null while it goes on, and when there never was any. */
  readonly stoppedAt: number | null;
  /** Why it stopped: it went away, or to less than a fifth; its answers are errors; or, of an even load, to less than half of what it was. */
  readonly ended: 'gone' | 'faded' | 'refused' | 'halved' | null;
  /** The class of most errors where the answers are errors and that is known (`http_401`). */
  readonly refusedBy: string | null;
  /** Run time at which the load reached its plateau after a ramp; null when there was none, or the load is not known. */
  readonly plateauFrom: number | null;
  /** Requests per hour while there was work; null when requests are not counted. */
  readonly requestsPerHour: number | null;
}

/**
 * In order of preference; `idle` is the rate per second up to which a target counts as idle. CPU time is counted in ticks of 10 ms, and a
 * window with one of them has no work in it.
 */
const SIGNALS = [
  { name: 'requests', idle: 0, grain: 0 },
  { name: 'process.cpu.time', idle: 0.002, grain: 0.01 }, // measured: idle Node and Python 0, JVM 0.07 %, Redis 0.1 to 0.15 % of a core
  { name: 'cpu', idle: 0.002, grain: 0 },
  { name: 'process.disk.io', idle: 1000, grain: 0 },
  { name: 'process.context_switches', idle: 25, grain: 0 },
] as const;

const COUNTED: ReadonlySet<string> = new Set(SIGNALS.map(({ name }) => name));

/** More than one, which may fall anywhere. */
const GRAINS = 1.5;

/** A window with less than this share of the sustained rate has no work in it. */
const WORK_SHARE = 0.2;

/** A rate is sustained when it is the median of this share of the run: a burst is not what the program does. */
const SUSTAINED_SHARE = 0.05;

/** Share of the time, after warm-up, that must have work in it. */
const STEADY_SHARE = 0.5;

const WARMUP_SHARE = 0.08;

/**
 * Work has stopped when it stayed away so long, and longer than ever before: a pause between batches is not an end. A minute, or a third
 * of a run that is too short for that.
 */
const STOPPED_MIN_S = 60;
const STOPPED_SHORT_SHARE = 1 / 3;
const STOPPED_SHARE = 0.05;
const PAUSE_FACTOR = 1.5;

/** A load is even when this share of its windows is within a quarter of its rate: of an even one a fall by half is no night. */
const EVEN_SHARE = 0.8;
const EVEN_WITHIN = 0.25;
const HALF = 0.5;

const REQUESTS = 'requests';
const ERRORS = 'errors';
const CLASSES = 'soak.traffic.errors.by_class';

const NOTHING: Work = {
  signal: null,
  steady: false,
  stoppedAt: null,
  ended: null,
  refusedBy: null,
  plateauFrom: null,
  requestsPerHour: null,
};

const HOUR = 3600;

/** @param series those of one target, and the load on the whole run when it has none of its own */
export function workOf(
  series: readonly Series[],
  store: Store,
  now: number,
  phases: readonly Phase[] = [],
  gaps: readonly Span[] = [],
): Work {
  const counted = series.filter(({ def }) => COUNTED.has(def.name) || (def.alias !== undefined && COUNTED.has(def.alias)));
  const widest = Math.max(WINDOW_MIN_S, ...counted.map(({ id }) => store.bins(id).width));
  const stretches = stretchesOf({ from: 0, to: now }, gaps, phases, widest);
  const apart = stretches
    .map((span) => ({ span, work: workWithin(series, counted, store, span, phases) }))
    .filter(({ work }) => work.signal !== null);
  if (apart.length === 0) return workWithin(series, counted, store, { from: 0, to: now }, phases);
  return apart.length === 1 ? apart[0]!.work : together(apart);
}

/** One stretch that was watched; what came before it says nothing of how busy it has to be. */
interface Stretch {
  readonly span: Span;
  readonly work: Work;
}

/** Work that is less than before nobody watched is work, and its end is that of the last stretch; only no work at all is an end before it. */
function together(stretches: readonly Stretch[]): Work {
  const seconds = (some: readonly Stretch[]): number => some.reduce((sum, { span }) => sum + span.to - span.from, 0);
  const isWork = ({ work }: Stretch): boolean => work.steady || work.stoppedAt !== null;
  const last = stretches.at(-1)!;
  const worked = stretches.findLast(isWork) ?? last;
  const { work } = worked;
  const counted = stretches.filter((one) => one.work.requestsPerHour !== null);
  const mean = (some: readonly Stretch[]): number =>
    some.reduce((sum, one) => sum + one.work.requestsPerHour! * seconds([one]), 0) / seconds(some);
  const hasEnded = worked !== last && last.work.requestsPerHour === null;
  return {
    ...work,
    steady: seconds(stretches.filter((one) => one.work.steady)) >= STEADY_SHARE * seconds(stretches),
    stoppedAt: work.stoppedAt ?? (hasEnded ? worked.span.to : null),
    ended: work.ended ?? (hasEnded ? 'gone' : null),
    plateauFrom: stretches[0]!.work.plateauFrom,
    requestsPerHour: counted.length === 0 ? null : mean(counted),
  };
}

/** @param all those of the target, of which some are `counted` */
function workWithin(all: readonly Series[], counted: readonly Series[], store: Store, span: Span, phases: readonly Phase[]): Work {
  for (const { name, idle, grain } of SIGNALS) {
    const own = withoutDoubles(counted.filter((s) => (s.def.alias === name || s.def.name === name) && isSampled(store, s, span)));
    if (own.length === 0) continue;
    if (name === REQUESTS) return requestsOf(all, own, store, span, phases);
    const rates = ratesOf(own, [], store, span, phases);
    return judgeRates(rates, Math.max(idle, (GRAINS * grain) / rates.width), name, span.to);
  }
  return NOTHING;
}

/** Answers that are errors are no work: what refuses everything has nothing to leak. */
function requestsOf(series: readonly Series[], counted: readonly Series[], store: Store, span: Span, phases: readonly Phase[]): Work {
  const all = ratesOf(counted, [], store, span, phases);
  const asked = judgeRates(all, 0, REQUESTS, span.to);
  const errors = withoutDoubles(series.filter(({ def, id }) => def.alias === ERRORS && store.bins(id).length > 0));
  if (errors.length > 0) {
    const good = ratesOf(counted, errors, store, span, phases);
    const served = judgeRates(good, 0, REQUESTS, span.to);
    const ends = served.stoppedAt !== null && served.stoppedAt < (asked.stoppedAt ?? Infinity);
    const never = totalOf(good) < HALF * totalOf(all);
    if (ends || never)
      return {
        ...served,
        steady: served.steady && !never,
        ended: 'refused',
        refusedBy: mostOf(series, store, served.stoppedAt ?? 0),
        plateauFrom: asked.plateauFrom,
        requestsPerHour: asked.requestsPerHour,
      };
  }
  const halvedAt = asked.stoppedAt === null && asked.steady ? halved(all) : null;
  return halvedAt === null ? asked : { ...asked, stoppedAt: halvedAt, ended: 'halved' };
}

function totalOf({ rate }: Rates): number {
  return rate.reduce((sum, value) => (Number.isNaN(value) ? sum : sum + value), 0);
}

/** The class of most errors from a run time on; null when the classes are not told. */
function mostOf(series: readonly Series[], store: Store, from: number): string | null {
  const counts = series.flatMap(({ id, def, labels }) => {
    if (def.name !== CLASSES) return [];
    const bins = store.bins(id);
    let count = 0;
    for (let i = 0; i < bins.length; i++) if ((bins.first + i + 1) * bins.width > from) count += bins.sum[i]!;
    return [{ count, name: Object.values(labels)[0] ?? '' }];
  });
  const [most] = counts.toSorted((a, b) => b.count - a.count);
  return most && most.count > 0 ? most.name : null;
}

/** The role's total where there is one, else its members: both would count everything twice. */
function withoutDoubles(series: readonly Series[]): Series[] {
  const totals = series.filter((s) => s.member === null);
  return totals.length > 0 ? totals : [...series];
}

function judgeRates({ from, width, rate, judged: end }: Rates, idle: number, signal: string, now: number): Work {
  const warm = Math.floor(rate.length * WARMUP_SHARE);
  const level = sustained(rate.subarray(warm));
  const none: Work = { ...NOTHING, signal };
  if (rate.length < WINDOWS_MIN || !(level > idle)) return none;
  const least = Math.max(idle, WORK_SHARE * level);
  const working: boolean[] = [];
  for (let w = 0; w < rate.length; w++) working.push(rate[w]! > least);
  const last = working.lastIndexOf(true);
  let [judged, worked, sum] = [0, 0, 0];
  for (let w = warm; w <= last; w++) {
    if (Number.isNaN(rate[w]!)) continue;
    judged++;
    if (working[w]) worked++;
    sum += rate[w]!;
  }
  // The last window with work is cut in two by the end of the work unless it is as busy as the others.
  const whole = rate[last]! > 0.8 * level ? last + 1 : last;
  // Requests that were few at the beginning are a night, which ends in another one; all else that is little is what an idle program does.
  const first = signal === REQUESTS ? rate.findIndex((value) => value > idle) : working.indexOf(true);
  const stopped = hasStopped(working.slice(0, end), rate, { first, last }, width, now - from);
  const fades = signal === REQUESTS && median(rate.slice(last + 1, Math.max(end, last + 2))) > idle;
  return {
    signal,
    steady: worked / judged >= STEADY_SHARE,
    stoppedAt: stopped ? from + whole * width : null,
    ended: stopped ? (fades ? 'faded' : 'gone') : null,
    refusedBy: null,
    plateauFrom: signal === REQUESTS ? plateauFrom({ from, width, rate, judged: end }, level) : null,
    requestsPerHour: signal === REQUESTS ? (sum / judged) * HOUR : null,
  };
}

/** The highest rate that was kept up for a while: what a program does when it works. */
function sustained(rate: Float64Array): number {
  const size = Math.max(1, Math.round(rate.length * SUSTAINED_SHARE));
  const known = new Float64Array(size);
  let highest = 0;
  for (let start = 0; start + size <= rate.length; start++) {
    let n = 0;
    for (let i = start; i < start + size; i++) if (!Number.isNaN(rate[i]!)) known[n++] = rate[i]!;
    // A median above the highest has at least half of its values there.
    if (n > size / 2 && isExceeded(known, n, highest)) highest = median(known.subarray(0, n));
  }
  return highest;
}

/** Whether a median of the first n values may be higher. */
function isExceeded(values: Float64Array, n: number, than: number): boolean {
  let higher = 0;
  for (let i = 0; i < n; i++) if (values[i]! > than) higher++;
  return higher >= n / 2;
}

interface Busy {
  /** Windows. */
  readonly first: number;
  readonly last: number;
}

function hasStopped(working: readonly boolean[], rate: Float64Array, { first, last }: Busy, width: number, span: number): boolean {
  const away = (working.length - 1 - last) * width;
  let pause = 0;
  let longest = 0;
  for (let w = first; w <= last; w++) {
    if (Number.isNaN(rate[w]!)) continue; // not sampled, or not judged: no pause of the program
    pause = working[w] ? 0 : pause + width;
    longest = Math.max(longest, pause);
  }
  return away >= Math.max(Math.min(STOPPED_MIN_S, STOPPED_SHORT_SHARE * span), STOPPED_SHARE * span) && away > PAUSE_FACTOR * longest;
}

/** When an even load fell to less than half of itself, for the rest of the run; null when it did not. */
function halved({ from, width, rate, judged: end }: Rates): number | null {
  let first = end;
  const warm = Math.floor(rate.length * WARMUP_SHARE);
  const level = sustained(rate.subarray(warm, end));
  while (first > warm && rate[first - 1]! < HALF * level) first--;
  const before = rate.subarray(warm, first).filter((value) => !Number.isNaN(value));
  const away = (end - first) * width;
  if (before.length < WINDOWS_MIN || away < Math.max(STOPPED_MIN_S, STOPPED_SHARE * rate.length * width)) return null;
  const even = before.filter((value) => Math.abs(value / level - 1) <= EVEN_WITHIN).length;
  return even >= EVEN_SHARE * before.length ? from + first * width : null;
}
