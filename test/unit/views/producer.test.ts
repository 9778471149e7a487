import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { emptyResource } from '@opentelemetry/resources';
import { describe, expect, test } from 'vitest';
import { SimClock } from '../../../src/clock.ts';
import type { Logger } from '../../../src/log.ts';
import { SILENT } from '../../../src/log.ts';
import { METRICS as TRAFFIC } from '../../../src/sources/traffic-metrics.ts';
import { EXPORTED_MAX, RunProducer } from '../../../src/views/producer.ts';
import { BOOT, DEFS, type Fake, fakeRun, fullRun, owner, START, target, verdictOf } from './run.ts';

function producerOf(fake: Fake, log: Logger = SILENT, clock = new SimClock()): RunProducer {
  return new RunProducer({ run: fake.run, clock, log, boot: BOOT, resource: emptyResource() });
}

async function metricsOf(producer: RunProducer): Promise<Map<string, MetricData>> {
  const { resourceMetrics, errors } = await producer.collect();
  expect(errors).toEqual([]);
  return new Map(resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.map((metric) => [metric.descriptor.name, metric])));
}

const pointsIn = (metrics: Map<string, MetricData>): MetricData['dataPoints'][number][] =>
  [...metrics.values()].flatMap((metric) => metric.dataPoints as MetricData['dataPoints'][number][]);

describe('what a series becomes', () => {
  test('kinds, units and cumulative temporality', async () => {
    const metrics = await metricsOf(producerOf(fullRun()));
    expect(metrics.get('process.cpu.time')).toMatchObject({ dataPointType: DataPointType.SUM, isMonotonic: true });
    expect(metrics.get('process.thread.count')).toMatchObject({ dataPointType: DataPointType.SUM, isMonotonic: false });
    expect(metrics.get('process.cpu.utilization')).toMatchObject({ dataPointType: DataPointType.GAUGE });
    expect(metrics.get('process.cpu.time')?.descriptor).toMatchObject({ unit: 's', description: 'CPU time' });
    for (const metric of metrics.values()) expect(metric.aggregationTemporality).toBe(AggregationTemporality.CUMULATIVE);
  });

  test('identity is run, target and member; never a pid', async () => {
    const metrics = await metricsOf(producerOf(fullRun()));
    expect(metrics.get('process.thread.count')?.dataPoints.map((p) => p.attributes)).toEqual([
      { 'soak.run': 'k3x9', 'soak.target': 'pool', 'soak.member': '1' },
      { 'soak.run': 'k3x9', 'soak.target': 'pool', 'soak.member': '2' },
    ]);
    expect(metrics.get('system.filesystem.usage')?.dataPoints[0]?.attributes).not.toHaveProperty('soak.target');
    const withPid = [...metrics].filter(([, metric]) => metric.dataPoints.some((p) => 'process.pid' in p.attributes));
    expect(withPid.map(([name]) => name)).toEqual(['soak.target.info']);
  });

  test('a counter of one process starts with the process; of any other nobody knows', async () => {
    const fake = fullRun();
    const [total, beyond] = [null, 'other'].map((member) =>
      fake.state.series.open(owner('pool', member), DEFS.cpu, { 'cpu.mode': 'user' }),
    );
    const others = [7, 8].map((pid) => ({ pid, startTime: 1, comm: 'w', member: 'other' }));
    fake.targets[1]!.procs = [...fake.targets[1]!.procs, ...others];
    fake.tick(91, [
      [total!, 5],
      [beyond!, 6],
    ]);
    const metrics = await metricsOf(producerOf(fake));
    const starts = metrics.get('process.cpu.time')?.dataPoints.map((p) => p.startTime);
    expect(starts).toEqual([
      [BOOT + 1200, 500_000_000],
      [BOOT + 1200, 500_000_000],
      [0, 0],
      [0, 0],
    ]);
    expect(metrics.get('soak.cgroup.cpu.throttled.time')?.dataPoints[0]?.startTime).toEqual([0, 0]);
    expect(metrics.get('soak.run.restarts')?.dataPoints[0]?.startTime).toEqual([START, 0]);
  });

  test('a point carries the time of its sample, and the end of the run stops the clock', async () => {
    const fake = fullRun();
    const clock = new SimClock();
    clock.advance(92);
    const slow = fake.state.series.open(owner('api', null, 10), DEFS.threads);
    fake.tick(90.5, [[slow, 7]]);
    fake.tick(92);
    const producer = producerOf(fake, SILENT, clock);
    const time = async (): Promise<unknown> => (await metricsOf(producer)).get('process.thread.count')?.dataPoints.at(-1)?.endTime;
    expect(await time()).toEqual([START + 90, 500_000_000]);
    fake.end = START + 92;
    clock.advance(1000);
    expect(await time()).toEqual([START + 90, 500_000_000]);
  });
});

describe('what is exported', () => {
  test('a series whose target is gone is not in the next collection, and comes back with it', async () => {
    const fake = fullRun();
    const producer = producerOf(fake);
    const id = fake.state.series.all().find((series) => series.def === DEFS.fds)?.id ?? -1;
    expect((await metricsOf(producer)).has('process.unix.file_descriptor.count')).toBe(true);
    fake.tick(96);
    expect((await metricsOf(producer)).has('process.unix.file_descriptor.count')).toBe(false);
    fake.tick(97, [[id, 43]]);
    expect((await metricsOf(producer)).get('process.unix.file_descriptor.count')?.dataPoints[0]?.value).toBe(43);
  });

  test('a new process every second adds nothing', async () => {
    const fake = fakeRun();
    const producer = producerOf(fake);
    fake.targets.push(target('api', []));
    const sizes = new Set<number>();
    for (let t = 0; t < 3000; t++) {
      fake.targets[0]!.procs = [{ pid: 1000 + t, startTime: t * 100, comm: 'node', member: null }];
      fake.tick(t, [[fake.state.series.open(owner('api'), DEFS.private), t]]);
      if (t % 100 === 0) sizes.add(pointsIn(await metricsOf(producer)).length);
    }
    expect(sizes.size).toBe(1);
  });

  test('beyond the cap gated series stay, then those of targets; the rest is counted and named once', async () => {
    const fake = fakeRun();
    const { series } = fake.state;
    const values: [number, number][] = [];
    const disk = { ...DEFS.disk, labels: { 'system.filesystem.mountpoint': { max: 5000 } } } as const;
    const threads = { ...DEFS.threads, labels: { n: { max: 5000 } } } as const;
    for (let i = 0; i < 1500; i++) values.push([series.open(owner(null, null, 5), disk, { 'system.filesystem.mountpoint': `/${i}` }), i]);
    for (let i = 0; i < 1500; i++) values.push([series.open(owner('api'), threads, { n: String(i) }), i]);
    values.push([series.open(owner('api'), DEFS.private), 1]);
    fake.tick(1, values);
    const said: unknown[] = [];
    const log: Logger = { ...SILENT, warn: (message, fields) => void said.push([message, fields]) };
    const producer = producerOf(fake, log);
    const first = await metricsOf(producer);
    expect(pointsIn(first)).toHaveLength(EXPORTED_MAX);
    expect(first.get('soak.process.memory.private')?.dataPoints).toHaveLength(1);
    expect(first.get('process.thread.count')?.dataPoints).toHaveLength(1500);
    const disks = first.get('system.filesystem.usage')?.dataPoints ?? [];
    expect(disks.at(-1)?.attributes['system.filesystem.mountpoint']).toBe(`/${disks.length - 1}`);
    expect(first.get('soak.export.dropped')?.dataPoints[0]?.value).toBe(1500 - disks.length);
    expect(pointsIn(await metricsOf(producer))).toEqual(pointsIn(first));
    expect(said).toEqual([[expect.stringContaining('2000 series'), { cap: 2000, dropped: 1500 - disks.length }]]);
  });

  test('a metric that only the verdict holds gated goes before others too', async () => {
    const fake = fakeRun();
    const { series } = fake.state;
    const threads = { ...DEFS.threads, labels: { n: { max: 5000 } } } as const;
    const values: [number, number][] = [];
    for (let i = 0; i < 2500; i++) values.push([series.open(owner('api'), threads, { n: String(i) }), i]);
    values.push([series.open(owner('api'), DEFS.utilization), 0.5]);
    fake.tick(1, values);
    const producer = producerOf(fake);
    expect((await metricsOf(producer)).has('process.cpu.utilization')).toBe(false);
    fake.verdict = verdictOf(fake.run);
    expect((await metricsOf(producer)).has('process.cpu.utilization')).toBe(true);
  });

  test('nothing is dropped below the cap, and that is a measured zero', async () => {
    expect((await metricsOf(producerOf(fullRun()))).get('soak.export.dropped')?.dataPoints[0]?.value).toBe(0);
  });
});

describe('the latency histogram', () => {
  const histogram = async (fake: Fake): Promise<Record<string, number> | null> => {
    const metric = (await metricsOf(producerOf(fake))).get('soak.traffic.duration');
    if (metric?.dataPointType !== DataPointType.HISTOGRAM) return null;
    const { buckets, count, sum } = metric.dataPoints[0]!.value;
    const counts = buckets.counts.map((n, i) => [`${buckets.boundaries[i] ?? Infinity}`, n] as const).filter(([, n]) => n > 0);
    return { ...Object.fromEntries(counts), count, ...(sum === undefined ? {} : { sum }) };
  };

  test('counts each bucket at its upper end, and replaces the buckets themselves', async () => {
    const fake = fullRun();
    expect(await histogram(fake)).toEqual({ '0.025': 90, '0.5': 9, Infinity: 1, count: 100, sum: 312.5 });
    const names = [...(await metricsOf(producerOf(fake))).keys()].filter((name) => name.startsWith('soak.traffic.duration'));
    expect(names).toEqual(['soak.traffic.duration']);
  });

  test('keeps buckets into which nobody falls any more, and goes when the load is no longer told of', async () => {
    const fake = fullRun();
    const { series } = fake.state;
    const fast = series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': '0.02', 'soak.bucket.to': '0.025' });
    const timed = series.open(owner('api'), TRAFFIC.timed);
    fake.tick(500, [
      [fast, 95],
      [timed, 105],
      [series.open(owner('api'), TRAFFIC.sum), 313],
    ]);
    expect(await histogram(fake)).toEqual({ '0.025': 95, '0.5': 9, Infinity: 1, count: 105, sum: 313 });
    fake.tick(900);
    expect(await histogram(fake)).toBeNull();
  });

  test('has no sum of other requests than those in its buckets, and nothing of before the agent was started again', async () => {
    const fake = fullRun();
    const { series, timeline } = fake.state;
    fake.tick(91, [[series.open(owner('api'), TRAFFIC.timed), 101]]);
    expect(await histogram(fake)).toEqual({ '0.025': 90, '0.5': 9, Infinity: 1, count: 100 });
    timeline.fold({ t: 92, kind: 'run_resume', target: null, member: null, message: '', data: {} });
    fake.tick(93, [[series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': '0.35', 'soak.bucket.to': '0.42' }), 2]]);
    expect(await histogram(fake)).toEqual({ '0.5': 2, count: 2 });
  });
});
