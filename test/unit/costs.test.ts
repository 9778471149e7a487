/** What work costs: made of counters while ticks are made, of the same windows whoever tells them and however late. */
import { describe, expect, test } from 'vitest';
import type { MetricDef } from '../../src/catalog.ts';
import { Costs } from '../../src/costs.ts';
import { METRICS } from '../../src/costmetrics.ts';
import { CATALOG } from '../../src/metrics.ts';
import { findMetric } from '../../src/gauges.ts';
import { PRESET_SIGNALS } from '../../src/intake/presets.ts';
import { type Series, SeriesTable } from '../../src/series.ts';
import { Batch } from '../../src/tick.ts';

type Told = readonly [of: string, value: number, at: number];

const CPU = CATALOG.get('process.cpu.time');
const REQUESTS = CATALOG.get('soak.traffic.requests');
const COLLECTION = CATALOG.get('soak.runtime.collection.time');

interface Given {
  readonly def: MetricDef;
  readonly target?: string | null;
  readonly member?: string | null;
  readonly source?: string;
  readonly labels?: Series['labels'];
  readonly period?: number;
}

/** Counters by a name of the test's own. */
class World {
  readonly table = new SeriesTable();
  readonly batch = new Batch();
  costs = new Costs(this.table);
  readonly #ids = new Map<string, number>();

  add(name: string, { def, target = 'api', member = null, source = 'process', labels = {}, period = 1 }: Given): this {
    const id = this.table.size;
    this.table.restore({ id, source, target, member, def, labels, period });
    this.#ids.set(name, id);
    return this;
  }

  /** What a tick adds to what it was told. */
  tick(t: number, ...told: readonly Told[]): [string, number, number][] {
    for (const [of, value, at] of told) this.batch.set(this.#ids.get(of)!, value, at);
    this.costs.add(this.batch);
    const { samples } = this.batch.close(t, t, t);
    return Array.from({ length: samples.length - told.length }, (_, i) => {
      const at = told.length + i;
      const { def, target, member } = this.table.get(samples.series[at]!);
      return [`${target}${member === null ? '' : `/${member}`} ${def.alias}`, samples.values[at]!, samples.at[at]!];
    });
  }

  /** From one second to another; `told` says what each tick brings. */
  run(from: number, to: number, told: (t: number) => readonly Told[]): [string, number, number][] {
    const all: [string, number, number][] = [];
    for (let t = from; t <= to; t++) all.push(...this.tick(t, ...told(t)));
    return all;
  }
}

const user = { def: CPU, labels: { 'cpu.mode': 'user' } };
const system = { def: CPU, labels: { 'cpu.mode': 'system' } };
const load = { def: REQUESTS, source: 'traffic', period: 10 };

/** 0.3 s of user and 0.1 s of system time a second. */
const busy = (t: number): Told[] => [
  ['user', 7 + 0.3 * t, t],
  ['system', 3 + 0.1 * t, t],
];
/** 20 requests a second, told every ten seconds. */
const asked = (t: number): Told[] => (t % 10 === 0 ? [['load', 20 * t, t]] : []);

describe('CPU time per request', () => {
  const api = () => new World().add('user', user).add('system', system).add('load', load);

  test('is that of windows of half a minute, as they were told', () => {
    const found = api().run(0, 100, (t) => [...busy(t), ...asked(t)]);
    expect(found).toEqual([30, 60, 90].map((at) => ['api cpu.per_request', expect.closeTo(0.02, 9) as number, at]));
  });

  test('is of the time of the requests, also when they are told a minute later', () => {
    const twice = (t: number): number => (t <= 60 ? 0.4 * t : 24 + 0.8 * (t - 60));
    const told = (t: number): Told[] => {
      const of = t - 55;
      return [['user', twice(t), t], ...(of >= 0 && of % 10 === 0 ? [['load', 20 * of, of] as const] : [])];
    };
    const found = new World().add('user', user).add('load', load).run(0, 150, told);
    expect(found.map(([, value, at]) => [at, Number(value.toFixed(6))])).toEqual([
      [30, 0.02],
      [60, 0.02],
      [90, 0.04],
    ]);
  });

  test('waits for requests when there are few, and gives up', () => {
    const rare = (every: number) => (t: number) => [...busy(t), ...(t % every === 0 ? [['load', t / every, t] as const] : [])];
    expect(
      api()
        .run(0, 220, rare(10))
        .map(([, value, at]) => [at, Number(value.toFixed(6))]),
    ).toEqual([
      [100, 4],
      [200, 4],
    ]);
    expect(api().run(0, 2000, rare(60))).toEqual([]);
  });

  test('is of all members, and of their total where there is one', () => {
    const members = () => ['1', '2'].reduce((world, member) => world.add(member, { ...user, member }), new World()).add('load', load);
    const told = (t: number): Told[] => [['1', 0.1 * t, t], ['2', 0.3 * t, t], ...asked(t)];
    expect(members().run(0, 30, told)).toEqual([['api cpu.per_request', expect.closeTo(0.02, 9) as number, 30]]);
    const withTotal = members().add('all', user);
    expect(withTotal.run(0, 30, (t) => [...told(t), ['all', 0.8 * t, t]])).toEqual([
      ['api cpu.per_request', expect.closeTo(0.04, 9) as number, 30],
    ]);
  });

  test('is of the total from when it comes', () => {
    const world = new World().add('1', { ...user, member: '1' }).add('load', load);
    world.run(0, 20, (t) => [['1', 0.1 * t, t], ...asked(t)]);
    world.add('all', user);
    const found = world.run(21, 60, (t) => [['1', 0.1 * t, t], ['all', 50 + 0.8 * t, t], ...asked(t)]);
    expect(found).toEqual([['api cpu.per_request', expect.closeTo(0.04, 9) as number, 60]]);
  });

  test('of the load on the run as a whole is that of every target without its own', () => {
    const world = new World()
      .add('user', user)
      .add('worker', { ...user, target: 'worker' })
      .add('load', { ...load, target: null })
      .add('own', { ...load, target: 'worker' });
    const found = world.run(0, 30, (t) => [
      ['user', 0.4 * t, t],
      ['worker', 0.4 * t, t],
      ...asked(t),
      ...(t % 10 === 0 ? [['own', 10 * t, t] as const] : []),
    ]);
    expect(found.map(([of, value]) => [of, Number(value.toFixed(6))])).toEqual([
      ['api cpu.per_request', 0.02],
      ['worker cpu.per_request', 0.04],
    ]);
  });

  test('is that of the load tool where a program counts requests, too', () => {
    const world = api().add('page', { def: REQUESTS, source: 'scrape', period: 15 });
    const found = world.run(0, 30, (t) => [...busy(t), ...asked(t), ...(t % 15 === 0 ? [['page', 500 * t, t] as const] : [])]);
    expect(found).toEqual([['api cpu.per_request', expect.closeTo(0.02, 9) as number, 30]]);
  });

  test('goes on with a counter that began again, and begins again when nobody looked', () => {
    const restarted = api();
    const again = (t: number): Told[] => [['user', t < 45 ? 100 + 0.4 * t : 0.4 * (t - 45), t], ...asked(t)];
    expect(restarted.run(0, 90, again).map(([, value]) => Number(value.toFixed(2)))).toEqual([0.02, 0.02, 0.02]);
    const unseen = api();
    const found = unseen.run(0, 200, (t) => (t > 45 && t < 105 ? [] : [...busy(t), ...asked(t)]));
    expect(found.map(([, value, at]) => [at, Number(value.toFixed(6))])).toEqual([
      [30, 0.02],
      [140, 0.02],
      [170, 0.02],
      [200, 0.02],
    ]);
  });

  test('has windows of ten periods when CPU time is read rarely', () => {
    const world = new World().add('user', { ...user, period: 10 }).add('load', load);
    const found = world.run(0, 250, (t) => (t % 10 === 0 ? [['user', 0.4 * t, t], ...asked(t)] : []));
    expect(found.map(([, , at]) => at)).toEqual([100, 200]);
  });

  test('is a series of its target that an agent started again goes on with', () => {
    const world = api();
    world.run(0, 30, (t) => [...busy(t), ...asked(t)]);
    const { id, ...series } = world.table.all().at(-1)!;
    expect(series).toEqual({ source: 'costs', target: 'api', member: null, def: METRICS.cpuPerRequest, labels: {}, period: 30 });
    world.costs = new Costs(world.table);
    expect(world.run(100, 130, (t) => [...busy(t - 100), ...asked(t - 100)])).toHaveLength(1);
    expect(world.table.size).toBe(id + 1);
  });
});

describe('the share of the time in collections', () => {
  const kind = (name: string, member: string | null = null) => ({
    def: COLLECTION,
    source: 'runtime',
    member,
    labels: { 'soak.collection.kind': name },
    period: 10,
  });
  const every10 = (t: number, ...told: Told[]): Told[] => (t % 10 === 0 ? told : []);

  test('is of all kinds together, of each process', () => {
    const world = new World().add('minor', kind('minor', '1')).add('major', kind('major', '1')).add('other', kind('major', '2'));
    const found = world.run(0, 65, (t) => every10(t, ['minor', 0.01 * t, t], ['major', 5 + 0.03 * t, t], ['other', 0.5 * t, t]));
    expect(found.map(([of, value, at]) => [of, Number(value.toFixed(6)), at])).toEqual([
      ['api/1 collections', 0.04, 30],
      ['api/2 collections', 0.5, 30],
      ['api/1 collections', 0.04, 60],
      ['api/2 collections', 0.5, 60],
    ]);
  });

  test('is that of the file of the JVM before that of its page', () => {
    const world = new World().add('page', { def: signal('jvm_gc_time'), source: 'scrape', period: 15 }).add('major', kind('major'));
    const found = world.run(0, 30, (t) => [...every10(t, ['major', 0.1 * t, t]), ...(t % 15 === 0 ? [['page', 0.9 * t, t] as const] : [])]);
    expect(found).toEqual([['api collections', expect.closeTo(0.1, 9) as number, 30]]);
  });

  test.each(['jvm_gc_time', 'node_gc_time', 'go_gc_cpu'])('is that of a page that tells %s', (name) => {
    expect(PRESET_SIGNALS.some((one) => one.name === name)).toBe(true);
    const world = new World().add('page', { def: signal(name), source: 'scrape', period: 15 });
    expect(world.run(0, 30, (t) => (t % 15 === 0 ? [['page', 0.2 * t, t]] : []))).toEqual([
      ['api collections', expect.closeTo(0.2, 9) as number, 30],
    ]);
  });

  test('begins again when nobody looked', () => {
    const world = new World().add('major', kind('major'));
    const found = world.run(0, 150, (t) => (t > 35 && t < 100 ? [] : every10(t, ['major', 0.1 * t, t])));
    expect(found.map(([, , at]) => at)).toEqual([30, 130]);
  });
});

function signal(name: string): MetricDef {
  return findMetric(CATALOG)(`soak.signal.${name}`)!;
}
