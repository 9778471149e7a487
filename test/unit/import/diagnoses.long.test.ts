/** The patterns of the diagnosis table in data that people have, and none in what is healthy. */
import { describe, expect, test } from 'vitest';
import { analyze, Folder } from './data.ts';

interface Minute {
  latency: number;
  rps: number;
  memory: number;
  gc: number;
  errors: number;
}

const ROWS = 1440;

/** Numbers from 0 to 1 that are the same each time (Park and Miller, 1988). */
function drawn(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function normal(draw: () => number): number {
  return Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw());
}

type Change = (minute: Minute, i: number, draw: () => number) => void;

/** A day of a service with the noise that everything has, and what happens in it. */
function aDay(change: Change, seed: number): string {
  const draw = drawn(seed);
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const minute: Minute = {
      latency: 40 * Math.exp(0.1 * normal(draw)),
      rps: 100 + 2 * normal(draw),
      memory: 200 + 0.5 * normal(draw),
      gc: 5 * Math.exp(0.2 * normal(draw)),
      errors: 0.1 + 0.02 * normal(draw),
    };
    change(minute, i, draw);
    return [1_760_000_000 + 60 * i, ...(Object.values(minute) as number[]).map((value) => value.toFixed(4))].join();
  });
  return ['time,p99_ms,rps,rss_mb,gc_pause_ms,errors_per_s', ...rows, ''].join('\n');
}

async function diagnosed(text: string, args: readonly string[] = []): Promise<string[]> {
  using folder = new Folder();
  const { out } = await analyze([folder.file('x.csv', text), '--json', ...args]);
  const { findings } = JSON.parse(out) as { findings: { kind: string; why: string }[] };
  return findings.filter(({ kind }) => kind === 'diagnosis').map(({ why }) => why);
}

const everyThreeHours = (i: number): boolean => i % 180 === 57;

describe('what is the matter is named', () => {
  test.each<[string, Change, RegExp]>([
    [
      'spikes of single rows',
      (m, i) => (m.latency *= everyThreeHours(i) ? 10 : 1),
      /^sudden spikes: data p99_ms was more than three times its usual 4\d\.?\d* ms at 00:\d\d, 03:\d\d, 06:\d\d and 5 more times; no other column/,
    ],
    [
      'spikes with a collector',
      (m, i) => everyThreeHours(i) && ((m.latency *= 10), (m.gc *= 20)),
      /; likely garbage collection pauses \(gc_pause_ms was high in 8 of 8\)$/,
    ],
    ['spikes with errors', (m, i) => everyThreeHours(i) && ((m.latency *= 10), (m.errors += 1)), /; errors_per_s was high in 8 of 8$/],
    [
      'a step under an even load',
      (m, i) => (m.latency *= i > 700 ? 2.5 : 1),
      /^plateau then drop: data p99_ms stepped up from 4\d\.?\d* ms to 10\d ms at 11:\d\d and stayed there, while as many requests came as before/,
    ],
    [
      'a load that falls to half while the latency doubles',
      (m, i) => i > 900 && ((m.latency *= 2), (m.rps *= 0.3)),
      /^plateau then drop: the work of data fell to less than half at 14:5\d while data p99_ms rose/,
    ],
    [
      'a latency that climbs with memory',
      (m, i) => ((m.latency *= 1 + i / ROWS), (m.memory += i / 10)),
      /^gradual latency increase: data p99_ms climbs over time; likely a memory leak: data rss_mb grows too$/,
    ],
  ])('%s', async (_, change, why) => {
    expect(await diagnosed(aDay(change, 1))).toEqual([expect.stringMatching(why) as string]);
  });

  test('errors that climb at a limit', async () => {
    const text = aDay((m, i) => ((m.errors += (2 * i) / ROWS), (m.memory = Math.min(258, m.memory + i * 0.05))), 1);
    const [why] = await diagnosed(text, ['--limit', 'rss_mb=260MB']);
    expect(why).toMatch(/^increasing errors: .*likely resource exhaustion: data rss_mb is at 25\d MB of 260 MB$/);
  });
});

/** Nothing of this is a pattern of the table: what comes once, what the load explains, and what the service always does. */
const HEALTHY: Readonly<Record<string, Change>> = {
  'even noise': () => {},
  'much noise': (m, _, draw) => (m.latency = 40 * Math.exp(0.6 * normal(draw))),
  'a heavy tail': (m, _, draw) => (m.latency = 40 * (1 + draw() ** (-1 / 2.5))),
  'a cycle of latency and load': (m, i) => {
    const cycle = 1.6 + Math.sin((i / 360) * 2 * Math.PI);
    m.latency *= cycle;
    m.rps *= cycle;
  },
  'a cycle of latency alone': (m, i) => (m.latency *= 1.6 + 1.2 * Math.sin((i / 360) * 2 * Math.PI)),
  'steps of the load': (m, i) => {
    const step = 1 + (Math.floor(i / 240) % 3);
    m.latency *= step;
    m.rps *= step;
  },
  'one step of the load': (m, i) => i > 700 && ((m.latency *= 2.5), (m.rps *= 2)),
  'bursts of the load': (m, i) => i % 300 < 3 && ((m.latency *= 8), (m.rps *= 5)),
  'one spike': (m, i) => (m.latency *= i === 700 ? 20 : 1),
  'one long spike': (m, i) => (m.latency *= i >= 700 && i < 740 ? 10 : 1),
  'a warm-up': (m, i) => (m.latency *= 1 + 8 * Math.exp(-i / 10)),
  'a latency that is high in every fifth minute': (m, i) => (m.latency *= i % 5 === 0 ? 6 : 1),
};

test.each(Object.entries(HEALTHY))('healthy: %s', async (_, change) => {
  for (let seed = 1; seed <= 2; seed++) expect([seed, await diagnosed(aDay(change, seed))]).toEqual([seed, []]);
});
