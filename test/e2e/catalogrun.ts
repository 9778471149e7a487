/**
 * A run of 8 h in which every metric of the catalog is seen and several things go wrong: recorded, replayed from the record, and scraped
 * every other minute while it is replayed.
 */
import type { LabelValues, MetricDef } from '../../src/catalog.ts';
import { Judge } from '../../src/analysis/judge.ts';
import { CATALOG } from '../../src/metrics.ts';
import { RecordReader } from '../../src/record/reader.ts';
import { replay } from '../../src/record/replay.ts';
import { RecordWriter } from '../../src/record/writer.ts';
import { RunState } from '../../src/runstate.ts';
import type { Tick } from '../../src/tick.ts';
import { METRICS as RUN } from '../../src/views/runmetrics.ts';
import { METRICS as VERDICT } from '../../src/views/verdictmetrics.ts';
import { HOUR, MB, optionsOf, type Scenario, type Simulated, Simulation, START } from '../sim/run.ts';
import { ar1, constant, line, type Signal, sum } from '../sim/series.ts';
import { Exporter, SCRAPE_S, type Scraped } from './exportedrun.ts';

const HOURS = 8;
const INTERVAL = 60;

/** Every other minute: half the samples to write, load and ask. */
const EVERY_S = 2 * SCRAPE_S;

/** Run time from which on things grow. */
const ONSET = 2.5 * HOUR;

/** What grows, so that every column of every table has something to show. */
const GROWING: Readonly<Record<string, Signal>> = {
  'soak.process.memory.private': sum(constant(300 * MB), line(40 * MB, ONSET), ar1(1, 0.9, MB)),
  'soak.container.memory.anonymous': sum(constant(320 * MB), line(40 * MB, ONSET), ar1(21, 0.9, MB)),
  'soak.container.memory.limit': constant(1000 * MB),
  'process.unix.file_descriptor.count': (t) => Math.round(100 + Math.max(0, t - ONSET) / 60),
  'soak.process.file_descriptor.limit': constant(1024),
  'soak.traffic.duration.quantile': sum(constant(0.1), line(0.02, ONSET), ar1(2, 0.5, 0.001)),
  'process.cpu.utilization': sum(constant(0.2), line(0.05, ONSET), ar1(3, 0.5, 0.005)),
  'soak.server.up': (t) => (t > 5 * HOUR && t < 5.2 * HOUR ? 0 : 1),
  'soak.pool.stuck': (t) => (t > 6 * HOUR ? 2 : 0),
  'soak.traffic.requests': (t) => 50 * t,
  'soak.traffic.errors': (t) => Math.floor(t / 100),
  'soak.traffic.duration.count': (t) => 50 * t,
  'soak.traffic.duration.bucket': (t) => 25 * t,
  'soak.traffic.duration.sum': (t) => 5 * t,
};

function signalOf({ name, unit, kind }: MetricDef): Signal {
  const growing = GROWING[name];
  if (growing !== undefined) return growing;
  if (kind === 'counter') return unit === 's' ? line(0.1 * HOUR) : line(10 * HOUR);
  const levels: Readonly<Record<string, number>> = { By: 50 * MB, s: 0.2, '1': 0.5 };
  return constant(levels[unit] ?? 10);
}

/** Two values of each closed set, one of an open one. */
function labelSets(labels: MetricDef['labels'], name: string): Record<string, string>[] {
  if (name === 'soak.traffic.duration.bucket')
    return [
      { 'soak.bucket.over': '0.05', 'soak.bucket.to': '0.1' },
      { 'soak.bucket.over': '0.1', 'soak.bucket.to': '0.2' },
    ];
  if (name === 'soak.traffic.duration.quantile') return ['0.5', '0.95', '0.99'].map((q) => ({ 'soak.quantile': q }));
  const several = Object.entries(labels ?? {}).find(([, values]) => !('max' in values) && values.length > 1);
  const first = Object.fromEntries(Object.entries(labels ?? {}).map(([label, values]) => [label, valueOf(label, values, 0)]));
  return several === undefined ? [first] : [first, { ...first, [several[0]]: valueOf(several[0], several[1], 1) }];
}

const OPEN: Readonly<Record<string, string>> = {
  'system.filesystem.mountpoint': '/',
  'soak.server': 'db',
  'db.namespace': 'shop',
  'user.name': 'app',
};

function valueOf(label: string, values: LabelValues, i: number): string {
  return 'max' in values ? (OPEN[label] ?? 'one') : (values[i] ?? values[0]!);
}

const OF_MACHINE = /^(system|soak\.(host|filesystem|agent|scrape|inbound))\./;

function targetOf(name: string): string | null {
  if (OF_MACHINE.test(name)) return null;
  if (name.startsWith('postgresql.') || name.startsWith('pgbouncer.') || name.startsWith('soak.server.')) return 'db';
  return name.startsWith('redis.') ? 'cache' : 'api';
}

function everything(): Simulated[] {
  const views = new Set<string>([...Object.values(RUN), ...Object.values(VERDICT)].map(({ name }) => name));
  const defs = CATALOG.all().filter(({ name }) => !views.has(name));
  return defs.flatMap((def) =>
    labelSets(def.labels, def.name).map((labels): Simulated => ({
      def,
      labels,
      target: targetOf(def.name),
      // The coverage is that of the process tier.
      source: def.name.startsWith('process.') ? 'process' : def.name,
      signal: signalOf(def),
    })),
  );
}

const event = (t: number, kind: 'restart' | 'target_found' | 'gap' | 'phase', data: Record<string, string | number | boolean> = {}) => ({
  t,
  kind,
  target: kind === 'restart' || kind === 'target_found' ? 'api' : null,
  data,
});

const SCENARIO: Scenario = {
  hours: HOURS,
  interval: INTERVAL,
  series: everything(),
  events: [
    event(0, 'target_found'),
    event(0, 'phase', { phase: 'warmup', judged: false }),
    event(600, 'phase', { phase: 'steady', judged: true }),
    event(0.5 * HOUR, 'restart'),
    event(2 * HOUR + 300, 'gap', { from: 2 * HOUR }),
  ],
  down: (t) => t > 2 * HOUR && t < 2 * HOUR + 300,
};

/** @param folder for the record */
export async function replayedRun(folder: string): Promise<Scraped[]> {
  recorded(folder);
  const reader = RecordReader.open(folder);
  const state = new RunState(new Judge(optionsOf(SCENARIO)));
  const planned = HOURS * HOUR;
  const info = (final: boolean) => ({ id: 'sim', start: START, end: final ? START + planned : null, planned, agent: '0', configHash: '0' });
  const exporter = new Exporter({ id: 'sim', state, verdict: (final) => state.judge.verdict(info(final), state), planned, roles: ['api'] });
  const scrapes: Promise<Scraped>[] = [];
  // A collection is done when it is asked for, before the next tick is folded.
  const fold = (tick: Tick): void => {
    state.fold(tick);
    if (tick.t % EVERY_S === 0) scrapes.push(exporter.scrape(tick.t));
  };
  const { exact } = replay(
    reader,
    { series: state.series, fold, restore: (bytes) => state.restore(bytes) },
    { find: (name) => CATALOG.find(name) },
  );
  reader.close();
  if (!exact) throw new Error('the record lacks ticks');
  exporter.end = planned;
  for (const time of [1, 2]) scrapes.push(exporter.scrape(planned + time * EVERY_S));
  return Promise.all(scrapes);
}

function recorded(folder: string): void {
  const header = {
    id: 'sim',
    start: START,
    agent: '0',
    configHash: '0',
    config: {},
    bootId: null,
    interval: INTERVAL,
    planned: HOURS * HOUR,
    host: {},
  };
  const writer = RecordWriter.create(folder, header, { maxBytes: 512 * MB });
  const simulation = new Simulation(SCENARIO);
  const table = simulation.state.series;
  simulation.continuedBy({ fold: (tick: Tick) => void writer.append(tick, table) } as RunState).run();
  writer.seal(START + HOURS * HOUR, '{}');
  writer.close();
}

/** Moves a run to another time and name. Times that are values move too. */
export interface As {
  readonly id: string;
  /** Seconds. */
  readonly later: number;
}

/** As `promtool tsdb create-blocks-from openmetrics` takes it: samples of one series together, in the order of time. */
export function backfill(scrapes: readonly Scraped[], runs: readonly As[]): string {
  const lines = new Map<string, string[]>();
  for (const { id, later } of runs) {
    for (const { at, samples } of scrapes) {
      for (const [series, value] of samples) {
        const name = scrapedAs(series, id);
        const list = lines.get(name) ?? [];
        if (list.length === 0) lines.set(name, list);
        list.push(`${name} ${/_time(?:_\w+)?_seconds\{/.test(series) ? value + later : value} ${START + at + later}`);
      }
    }
  }
  const sorted = [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${sorted.map(([, list]) => list.join('\n')).join('\n')}\n# EOF\n`;
}

function scrapedAs(series: string, id: string): string {
  return series.replace('soak_run="sim"', `soak_run="${id}"`).replace('{', '{instance="127.0.0.1:10464",job="soak-agent",');
}
