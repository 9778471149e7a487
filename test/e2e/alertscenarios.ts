/** What happens in the runs that alerts are held against, and which of them must then be firing. */
import { CATALOG } from '../../src/metrics.ts';
import type { MetricDef } from '../../src/catalog.ts';
import { HOUR, MB, type Scenario, type Simulated } from '../sim/run.ts';
import { ar1, constant, filling, line, rounded, sawtooth, settling, type Signal, sum, white } from '../sim/series.ts';

export interface AlertScenario {
  readonly name: string;
  readonly scenario: Scenario;
  /** The agent is not there: nothing is scraped at these run times. */
  readonly unreachable?: (t: number) => boolean;
  /** It has no planned end; `hours` is then how long it is looked at. */
  readonly openEnded?: boolean;
  /** Run time at which it is told to end, before it was planned to. */
  readonly ends?: number;
  /** Hours for which it goes on serving its final state. */
  readonly held?: number;
  /** Names of alerts that must be firing at some time, with a time at which they do; every other one must never fire. */
  readonly fires: Readonly<Record<string, number>>;
  /** What SoakAgentSick must name as its reason, with a time. */
  readonly sick?: Readonly<Record<string, number>>;
  /** Pushes that have failed until a run time. */
  readonly failedPushes?: (t: number) => number;
  /** Run times at which nothing at all fires. */
  readonly quiet?: readonly number[];
}

/** Unless a scenario needs more or less. */
const HOURS = 5;
const MIN = 60;
const def = (name: string): MetricDef => CATALOG.get(name);
const POOL = { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'shop', 'user.name': 'app' };
const ROOT = { 'system.filesystem.mountpoint': '/' };

type Signals = Partial<Record<keyof typeof HEALTHY, Signal>>;

/** A value between two run times, another before and after. */
function during(from: number, to: number, inside: number, outside: number): Signal {
  return (t) => (t >= from && t < to ? inside : outside);
}

/** A counter of this rate per second, which is multiplied by `factor` between two run times. */
function rate(perSecond: number, factor: Signal = constant(1)): Signal {
  let total = 0;
  let last = 0;
  return (t) => {
    total += Math.max(0, t - last) * perSecond * factor(t);
    last = t;
    return Math.round(total);
  };
}

const HEALTHY = {
  memory: { def: def('soak.process.memory.private') },
  memoryLimit: { def: def('soak.container.memory.limit') },
  fds: { def: def('process.unix.file_descriptor.count') },
  fdLimit: { def: def('soak.process.file_descriptor.limit') },
  cpu: { def: def('process.cpu.time'), labels: { 'cpu.mode': 'user' } },
  requests: { def: def('soak.traffic.requests'), source: 'traffic' },
  errors: { def: def('soak.traffic.errors'), source: 'traffic' },
  p95: { def: def('soak.traffic.duration.quantile'), source: 'traffic', labels: { 'soak.quantile': '0.95' } },
  poolUsed: { def: def('soak.pool.utilization'), source: 'pool', labels: POOL },
  poolStuck: { def: def('soak.pool.stuck'), source: 'pool', labels: POOL },
  poolStill: { def: def('soak.pool.standstill'), source: 'pool', labels: POOL },
  poolWait: { def: def('soak.pool.wait'), source: 'pool', labels: POOL },
  dbUp: { def: def('soak.server.up'), source: 'postgres', target: 'db' },
  hitRatio: { def: def('redis.keyspace.hit_ratio'), source: 'redis', target: 'cache' },
  disk: { def: def('system.filesystem.usage'), source: 'host', target: null, labels: ROOT },
  diskLimit: { def: def('system.filesystem.limit'), source: 'host', target: null, labels: ROOT },
  diskFree: { def: def('soak.filesystem.available'), source: 'host', target: null, labels: ROOT },
  missed: { def: def('soak.agent.schedule.missed'), source: 'self', target: null },
} satisfies Record<string, Omit<Simulated, 'signal'>>;

/** Signals remember; every run needs its own. */
function signals(seed: number): Record<keyof typeof HEALTHY, Signal> {
  const disk = constant(40e9);
  return {
    memory: rounded(sum(constant(300 * MB), ar1(seed, 0.9, 2 * MB)), 4096),
    memoryLimit: constant(1000 * MB),
    fds: rounded(sum(constant(80), white(seed + 1, 2))),
    fdLimit: constant(1024),
    cpu: line(0.05 * HOUR),
    requests: rate(50),
    errors: rate(0.01),
    p95: sum(constant(0.12), white(seed + 2, 0.004)),
    poolUsed: constant(0.4),
    poolStuck: constant(0),
    poolStill: constant(0),
    poolWait: constant(0.2),
    dbUp: constant(1),
    hitRatio: constant(0.97),
    disk,
    diskLimit: constant(100e9),
    diskFree: (t) => 100e9 - disk(t),
    missed: constant(0),
  };
}

function run(seed: number, more: Signals, rest: Partial<Scenario> = {}): Scenario {
  const all = { ...signals(seed), ...more };
  const series = (Object.keys(HEALTHY) as (keyof typeof HEALTHY)[]).map((name): Simulated => ({ ...HEALTHY[name], signal: all[name] }));
  return { hours: HOURS, interval: 30, series, ...rest };
}

const started = { t: 0, kind: 'target_found', target: 'api', data: {} } as const;
const restart = (t: number) => ({ t, kind: 'restart', target: 'api', data: {} }) as const;
const phase = (t: number, name: string, judged: boolean) => ({ t, kind: 'phase', target: null, data: { phase: name, judged } }) as const;

const leaking = (perHour: number): Signal => rounded(sum(constant(300 * MB), line(perHour), ar1(7, 0.9, 2 * MB)), 4096);

const self = { source: 'self', target: null };

/** What an agent tells of itself when it is sick, one after the other. */
const SICKNESSES: readonly Simulated[] = [
  { ...self, def: def('soak.agent.record.ticks.lost'), signal: rate(1 / 60, during(0.5 * HOUR, 0.8 * HOUR, 1, 0)) },
  {
    ...self,
    def: def('soak.agent.read.failures'),
    labels: { 'soak.source': 'redis' },
    signal: rate(1, during(1.5 * HOUR, 1.8 * HOUR, 1, 0)),
  },
];

/** More than are exported. */
const MANY: readonly Simulated[] = Array.from({ length: 2100 }, (_, i) => ({
  def: def('soak.socket.time_wait'),
  source: 'sockets',
  member: String((i % 30) + 1),
  labels: { 'soak.endpoint': `10.0.0.1:${Math.floor(i / 30)}` },
  signal: constant(0),
}));

/** Everything that goes wrong with a service, one after the other. */
const INCIDENTS: Signals = {
  p95: during(HOUR, 1.3 * HOUR, 0.9, 0.12),
  errors: rate(0.01, during(1.5 * HOUR, 1.8 * HOUR, 300, 1)),
  requests: rate(50, during(2 * HOUR, 2.3 * HOUR, 0.2, 1)),
  hitRatio: during(2.5 * HOUR, 2.8 * HOUR, 0.6, 0.97),
  poolUsed: during(3 * HOUR, 3.3 * HOUR, 1, 0.4),
  poolStuck: during(3 * HOUR, 3.3 * HOUR, 4, 0),
  missed: rate(1, during(3.5 * HOUR, 3.8 * HOUR, 1, 0)),
};

/** The same at once, in a phase that is declared a fault. */
const FAULT: Signals = {
  p95: during(HOUR, 1.5 * HOUR, 0.9, 0.12),
  errors: rate(0.01, during(HOUR, 1.5 * HOUR, 300, 1)),
  requests: rate(50, during(HOUR, 1.5 * HOUR, 0.2, 1)),
  hitRatio: during(HOUR, 1.5 * HOUR, 0.6, 0.97),
  // In its second half only, so that the phase alone must keep the first half quiet.
  dbUp: during(1.25 * HOUR, 1.5 * HOUR, 0, 1),
  poolUsed: during(HOUR, 1.5 * HOUR, 1, 0.4),
};

const OUTAGE: Signals = {
  dbUp: during(1.5 * HOUR, 1.9 * HOUR, 0, 1),
  p95: during(1.5 * HOUR, 1.9 * HOUR, 2, 0.12),
  hitRatio: during(1.5 * HOUR, 1.9 * HOUR, 0, 0.97),
  poolUsed: during(1.5 * HOUR, 1.9 * HOUR, 1, 0.4),
  poolStill: (t) => (t >= 1.5 * HOUR && t < 1.9 * HOUR ? t - 1.5 * HOUR : 0),
};

const finish = { fires: {}, held: 1.5 } as const;

export const SCENARIOS: readonly AlertScenario[] = [
  {
    name: 'leak',
    scenario: run(1, { memory: leaking(60 * MB) }, { events: [started] }),
    fires: { SoakLeakConfirmed: 4.9 * HOUR, SoakLeakExhaustsWithinDay: 4.9 * HOUR },
    quiet: [0.2 * HOUR],
  },
  {
    name: 'leak close to its limit',
    scenario: run(2, { memory: leaking(125 * MB) }, { events: [started] }),
    fires: { SoakLeakConfirmed: 4.9 * HOUR, SoakLeakExhaustsWithinDay: 4.9 * HOUR, SoakExhaustionNear: 4.9 * HOUR },
  },
  {
    name: 'slow leak',
    scenario: run(3, { memory: leaking(4 * MB), memoryLimit: constant(1000 * MB) }, { hours: 8, events: [started] }),
    fires: { SoakLeakConfirmed: 7.9 * HOUR },
    quiet: [0.5 * HOUR],
  },
  { name: 'flat', scenario: run(4, {}, { events: [started] }), fires: {} },
  {
    name: 'sawtooth',
    scenario: run(5, { memory: rounded(sum(constant(200 * MB), sawtooth(5, 300 * MB, 2 * HOUR, 0.05)), 4096) }, { events: [started] }),
    fires: {},
  },
  {
    name: 'bounded cache',
    scenario: run(6, { memory: rounded(sum(constant(60 * MB), settling(240 * MB, HOUR), ar1(6, 0.9, MB)), 4096) }, { events: [started] }),
    fires: {},
  },
  {
    // For three hours nothing distinguishes it from a leak; then it is taken back.
    name: 'cache that fills along a line',
    scenario: run(
      18,
      { memory: rounded(sum(constant(60 * MB), filling(180 * MB, 3 * HOUR), ar1(18, 0.9, MB)), 4096) },
      { events: [started] },
    ),
    fires: { SoakLeakConfirmed: 2.9 * HOUR, SoakLeakExhaustsWithinDay: 2.9 * HOUR },
    quiet: [4.5 * HOUR],
  },
  {
    name: 'restarts',
    scenario: run(
      7,
      {},
      { hours: 4, events: [started, restart(HOUR), restart(2.5 * HOUR), restart(2.5 * HOUR + 8 * MIN), restart(2.5 * HOUR + 16 * MIN)] },
    ),
    fires: { SoakTargetRestarting: 2.5 * HOUR + 20 * MIN },
    quiet: [1.2 * HOUR, 3.5 * HOUR],
  },
  {
    name: 'gap',
    scenario: run(
      8,
      {},
      {
        hours: 3,
        events: [started, { t: 1.5 * HOUR + 4 * MIN, kind: 'gap', target: null, data: { from: 1.5 * HOUR } }],
        down: (t) => t > 1.5 * HOUR && t < 1.5 * HOUR + 4 * MIN,
      },
    ),
    unreachable: (t) => t > 1.5 * HOUR && t < 1.5 * HOUR + 4 * MIN,
    fires: {},
  },
  {
    name: 'outage',
    scenario: run(9, OUTAGE, { hours: 3, events: [started] }),
    fires: { SoakServerOutage: 1.7 * HOUR },
    quiet: [2 * HOUR],
  },
  {
    name: 'declared fault',
    scenario: run(10, FAULT, {
      hours: 3,
      events: [started, phase(0, 'steady', true), phase(HOUR, 'fault', false), phase(1.5 * HOUR + 12 * MIN, 'steady', true)],
    }),
    fires: {},
  },
  {
    name: 'incidents',
    scenario: run(11, INCIDENTS, { hours: 4, events: [started] }),
    fires: {
      SoakLatencyHigh: 1.25 * HOUR,
      SoakErrorsHigh: 1.7 * HOUR,
      SoakRequestRateDrop: 2.2 * HOUR,
      SoakRedisHitRateLow: 2.7 * HOUR,
      SoakPoolExhausted: 3.1 * HOUR,
      SoakStuckConnections: 3.25 * HOUR,
      SoakAgentSick: 3.75 * HOUR,
    },
    sick: { 'reads missed': 3.75 * HOUR },
    quiet: [0.9 * HOUR, 1.4 * HOUR],
  },
  {
    // A pool that is full and busy is healthy.
    name: 'busy pool',
    scenario: run(12, { poolUsed: constant(1) }, { hours: 3, events: [started] }),
    fires: {},
  },
  {
    name: 'clients that a pooler keeps waiting',
    scenario: run(16, { poolWait: (t) => (t >= HOUR && t < 1.3 * HOUR ? t - HOUR : 0.2) }, { hours: 2, events: [started] }),
    fires: { SoakPoolExhausted: 1.1 * HOUR },
    quiet: [0.9 * HOUR, 1.5 * HOUR],
  },
  {
    name: 'disk that fills',
    scenario: run(13, { disk: sum(constant(40e9), line(5e9)), diskFree: (t) => 60e9 - (5e9 * t) / HOUR }, { events: [started] }),
    fires: { SoakDiskFullAhead: 4 * HOUR, SoakLeakConfirmed: 4.9 * HOUR, SoakLeakExhaustsWithinDay: 4.9 * HOUR },
  },
  { name: 'finished and held', scenario: run(14, {}, { events: [started] }), ...finish },
  {
    name: 'finished and gone',
    scenario: run(15, {}, { events: [started] }),
    unreachable: (t) => t > HOURS * HOUR,
    ...finish,
  },
  {
    name: 'told to end, seen to have ended, and gone',
    scenario: run(20, {}, { hours: 4, events: [started] }),
    ends: 3 * HOUR,
    unreachable: (t) => t > 3 * HOUR + 6 * MIN,
    // Too short to conclude anything, which is said for as long as there is somebody to say it.
    fires: { SoakRunInconclusive: 3 * HOUR + 4 * MIN },
    quiet: [3.5 * HOUR, 4 * HOUR],
  },
  {
    // Ended by a signal with no `--linger`, as the first example of the README: it looks as if it had been killed, and nobody is woken.
    name: 'open-ended, told to end, never seen to have ended',
    scenario: run(23, {}, { hours: 4, events: [started] }),
    openEnded: true,
    ends: 3 * HOUR,
    unreachable: (t) => t >= 3 * HOUR,
    fires: {},
  },
  {
    name: 'inconclusive',
    scenario: run(
      16,
      { cpu: during(0, HOUR, 1, 1), requests: rate(50, during(0, HOUR, 1, 0)), errors: constant(0) },
      { hours: 3, events: [started] },
    ),
    held: 1,
    fires: { SoakRunInconclusive: 3.5 * HOUR, SoakRequestRateDrop: 1.2 * HOUR },
    quiet: [0.5 * HOUR, 2.5 * HOUR],
  },
  {
    name: 'sick agent',
    scenario: {
      hours: 3.5,
      interval: 60,
      series: [...run(21, {}).series, ...SICKNESSES],
      events: [started],
    },
    failedPushes: (t) => Math.max(0, Math.min(t, 2.8 * HOUR) - 2.5 * HOUR) / 60,
    fires: { SoakAgentSick: 0.75 * HOUR },
    sick: { 'ticks lost': 0.75 * HOUR, 'reads fail': 1.75 * HOUR, 'pushes fail': 2.75 * HOUR },
    quiet: [0.4 * HOUR, 1.4 * HOUR, 2.4 * HOUR, 3.4 * HOUR],
  },
  {
    name: 'more series than are exported',
    scenario: { hours: 0.6, interval: 60, series: [...run(22, {}).series, ...MANY], events: [started] },
    fires: { SoakAgentSick: 0.5 * HOUR },
    sick: { 'series not exported': 0.5 * HOUR },
  },
  {
    name: 'agent that hangs',
    scenario: run(19, {}, { hours: 4, events: [started], down: (t) => t > 2 * HOUR }),
    fires: { SoakAgentSick: 2.5 * HOUR },
    sick: { 'no samples': 2.5 * HOUR },
    quiet: [2 * HOUR],
  },
  {
    name: 'killed agent',
    scenario: run(17, {}, { hours: 3, events: [started] }),
    unreachable: (t) => t > HOUR,
    fires: { SoakAgentSilent: 1.5 * HOUR },
    quiet: [0.9 * HOUR],
  },
];
