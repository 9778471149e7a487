/** A run with as many series as are exported at most: what its cost is measured on. */
import { METRICS as TRAFFIC } from '../../../src/sources/traffic-metrics.ts';
import { type Fake, fakeRun, owner, target } from './run.ts';

export const SERIES = 2000;
const METRICS = 20;

/** 20 metrics of 100 members each, three to four labels a series; as many as the cap leaves beside what the run says of itself; and a histogram. */
export function bigRun(): { fake: Fake; tick: (t: number) => void } {
  const fake = fakeRun();
  const members = Array.from({ length: SERIES / METRICS }, (_, i) => String(i + 1));
  const kinds = ['gauge', 'counter', 'updowncounter'] as const;
  const base = { unit: 'By', help: 'One of many', labels: { 'soak.bench.mode': ['user'] }, growth: 'none' } as const;
  const defs = Array.from({ length: METRICS }, (_, i) => ({ ...base, name: `soak.bench.metric_${i}`, kind: kinds[i % 3]! }));
  const ids = defs.flatMap((def) =>
    members.map((member) => fake.state.series.open(owner('api', member), def, { 'soak.bench.mode': 'user' })),
  );
  // All buckets of the finest sender: what the latency histogram is put together from at every scrape.
  const buckets = Array.from({ length: 345 }, (_, i) => {
    const [over, to] = [i, i + 1].map((n) => String(0.0001 * 2 ** (n / 16)));
    return fake.state.series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': over!, 'soak.bucket.to': to! });
  });
  fake.targets.push(target('api', []));
  const tick = (t: number): void => {
    fake.targets[0]!.procs = [{ pid: 1000 + t, startTime: t, comm: 'node', member: '1' }]; // another process every time
    fake.tick(
      t,
      [...ids, ...buckets].map((id, i) => [id, 123_456_789 + i * t]),
    );
  };
  tick(1);
  return { fake, tick };
}
