/**
 * Our judge as a detector of leakbench: the same ticks, store and looks as in a run. The practical floor is 0.02 %/h of the level and
 * 0.05/h for counts, because the benchmark asks about smaller leaks than the product's defaults report; SOAK_FLOOR=product keeps those.
 * SOAK_GRADE=suspected takes a suspicion for an alarm, too.
 */
import { Judge } from '../src/analysis/judge.ts';
import type { Grade, Outcome } from '../src/analysis/judgement.ts';
import type { MetricDef } from '../src/catalog.ts';
import { CATALOG } from '../src/metrics.ts';
import { RunState } from '../src/runstate.ts';
import type { Owner } from '../src/series.ts';
import { METRICS } from '../src/sources/process.ts';
import { Batch, type RunEvent } from '../src/tick.ts';

export type Floors = 'small' | 'product';

interface Given {
  readonly dt: number;
  readonly unit: 'bytes' | 'count' | 'seconds';
  readonly limit?: number;
  readonly hasLoad: boolean;
}

interface Said {
  readonly leak: boolean;
  readonly score: number;
  readonly slopePerHour?: number;
  readonly ci?: readonly [number, number];
  readonly exhaustsAtS?: number | null;
  readonly outcome?: Outcome;
  /** Every grade it had during the run, in order. */
  readonly grades?: readonly Grade[];
}

export const name = 'soak-agent';

const DAY_S = 86_400;

/** A fortnight, the product's default for how long a program must live. */
const MUST_LIVE_S = 14 * DAY_S;

const SMALL_FLOORS = {
  bytes: { share: 0.0002, perHour: 0 },
  count: { share: 0, perHour: 0.05 },
  seconds: { share: 0.0002, perHour: 0 },
} as const;

const METRIC_OF = {
  bytes: 'soak.process.memory.private',
  count: 'process.unix.file_descriptor.count',
  seconds: 'soak.traffic.duration.mean',
} as const;

const ALARMS: readonly Grade[] = process.env['SOAK_GRADE'] === 'suspected' ? ['suspected', 'confirmed'] : ['confirmed'];

const FLOORS: Floors = process.env['SOAK_FLOOR'] === 'product' ? 'product' : 'small';

/** The metric that stands for a series of the benchmark, and the growth of it that matters. */
export function metricOf(unit: Given['unit'], floors: Floors = FLOORS): MetricDef {
  const def: MetricDef = { ...CATALOG.get(METRIC_OF[unit]), gate: 'required' };
  return floors === 'product' ? def : { ...def, matters: SMALL_FLOORS[unit] };
}

export function create({ dt, unit, limit, hasLoad }: Given, floors: Floors = FLOORS) {
  const def = metricOf(unit, floors);
  const options = { requiredLifetime: MUST_LIVE_S, plannedEnd: null, warmup: null, rules: [], required: [], interval: dt };
  const state = new RunState(new Judge(options));
  const batch = new Batch();
  const owner: Owner = { source: 'process', target: 'bench', member: null, period: dt };
  const signal = state.series.open(owner, def);
  const requests = hasLoad ? state.series.open(owner, CATALOG.get('soak.traffic.requests')) : -1;
  // The benchmark has no idle programs: CPU time stands for work where it gives no load.
  const cpu = state.series.open(owner, METRICS.cpuTime, { 'cpu.mode': 'user' });
  let n = 0;
  let work = 0;
  const fold = (t: number): void => state.fold(batch.close(n++, t, t));
  const event = (t: number, kind: RunEvent['kind']): void => batch.event({ t, kind, target: 'bench', member: null, message: '', data: {} });
  event(0, 'target_found');
  /** What the looks have left; a verdict on a whole run is put together once a minute, for all of its series. */
  const soFar = () => {
    const judged = state.judge.judgement?.series.find(({ series }) => series.id === signal);
    return judged && { ...judged, history: judged.book.history };
  };
  const atEnd = () => {
    const run = { id: 'bench', start: 0, end: state.t, planned: null, agent: '', configHash: '' };
    const judged = state.judge.verdict(run, state).series.find(({ metric }) => metric === def.name);
    return judged && { ...judged, history: judged.gradeHistory };
  };
  return {
    push(t: number, value: number, load = 1): void {
      work += load * dt;
      batch.set(signal, value, t);
      batch.set(requests, work, t);
      batch.set(cpu, t * 0.1, t);
      fold(t);
    },
    restart(t: number): void {
      event(t, 'restart');
    },
    verdict({ final = false }: { readonly final?: boolean }): Said {
      const judged = final ? atEnd() : soFar();
      if (judged === undefined) return { leak: false, score: -20 };
      const { slope, grade, level, floorPerHour, outcome, history } = judged;
      // Distance from the floor in widths of the interval.
      const score = slope === null ? -20 : (slope.perHour - (floorPerHour ?? 0)) / Math.max(1e-9, slope.hi - slope.lo);
      return {
        leak: ALARMS.includes(grade),
        score,
        outcome,
        grades: history.map((entry) => entry.grade),
        ...(slope ? { slopePerHour: slope.perHour, ci: [slope.lo, slope.hi] as const } : {}),
        exhaustsAtS: reached(limit, level, slope?.perHour ?? null, state.t),
      };
    },
  };
}

/** As the judge has it. The limit is not given to it, because the floor would then be half of what reaches the limit in the required life. */
function reached(limit: number | undefined, level: number | null, perHour: number | null, now: number): number | null {
  if (limit === undefined || level === null || perHour === null || !(perHour > 0)) return null;
  return now + (Math.max(0, limit - level) / perHour) * 3600;
}
