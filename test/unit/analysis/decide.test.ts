/** Outcomes of whole runs, as the contracts say them. Each run is one of eight hours or less, folded in a fraction of a second. */
import { describe, expect, test } from 'vitest';
import { HEAP_HIDDEN } from '../../../src/analysis/gates.ts';
import type { Outcome } from '../../../src/analysis/judgement.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import type { Verdict, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { Catalog } from '../../../src/catalog.ts';
import { METRICS as SERVERS } from '../../../src/sources/outages.ts';
import { METRICS as SCRAPE } from '../../../src/sources/scrape-metrics.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, type Scenario, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, ou, rounded, settling, type Signal, sum, white } from '../../sim/series.ts';

const CATALOG = new Catalog([M]);
const HEAP_BLIND = {
  t: 20,
  kind: 'blind',
  target: 'api',
  data: { metric: M.heap.name, reason: 'only its own user may read its counters' },
} as const;

const flat: Simulated = { def: M.memory, signal: sum(constant(300 * MB), white(1, 2 * MB)) };
const leaking: Simulated = { def: M.memory, signal: sum(constant(300 * MB), line(20 * MB), white(1, 2 * MB)) };
const fds: Simulated[] = [
  { def: M.fds, signal: constant(50) },
  { def: M.fdLimit, signal: constant(1024) },
];
const busy: Simulated = { def: M.cpu, signal: line(0.05 * HOUR) };

function judge(series: readonly Simulated[], more: Partial<Scenario> = {}): Verdict {
  return new Simulation({ hours: 8, interval: 10, ...more, series }).run().verdict();
}

function of(verdict: Verdict, id: string): VerdictSeries {
  const series = verdict.series.find((one) => one.id === id);
  expect(series, `${id} among ${verdict.series.map((one) => one.id).join(', ')}`).toBeDefined();
  return series!;
}

/** Why the run is what it is. */
function because(verdict: Verdict, outcome: Outcome, reason: RegExp): void {
  expect(verdict.reasons.join('\n')).toMatch(reason);
  expect(verdict.outcome).toBe(outcome);
}

describe('pass', () => {
  test('a flat program that worked', () => {
    const verdict = judge([flat, ...fds, busy]);
    because(verdict, 'pass', /^2 gated series were judged and do not grow/);
    expect(verdict.work).toEqual({ steady: true, stoppedAt: null });
    expect(of(verdict, 'api memory.private')).toMatchObject({
      outcome: 'pass',
      class: 'flat',
      limit: null,
      floorPerHour: expect.closeTo(0.002 * 300 * MB, -5) as number,
    });
    expect(of(verdict, 'api fds')).toMatchObject({
      limit: { value: 1024, from: M.fdLimit.name },
      floorPerHour: expect.closeTo((0.5 * 974) / 336, 6) as number,
    });
  });

  test('a database server beside it owes neither work nor the memory of a process, up or down', () => {
    const up: Simulated = { def: SERVERS.up, source: 'redis', target: 'cache', signal: constant(0) };
    const beat: Simulated = { def: SERVERS.heartbeat, source: 'redis', target: 'cache', signal: constant(0.001) };
    because(judge([flat, ...fds, busy, up, beat]), 'pass', /^2 gated series were judged and do not grow/);
  });

  test('growth that is certain, but too slow to reach its limit within the required life', () => {
    const slow: Simulated = { def: M.memory, signal: sum(constant(300 * MB), line(3 * MB), white(1, 2 * MB)) };
    const limit: Simulated = { def: M.memoryLimit, signal: constant(8000 * MB) };
    const memory = of(judge([slow, limit, ...fds, busy]), 'api memory.private');
    expect(memory).toMatchObject({ outcome: 'pass', grade: 'none' });
    expect(memory.why).toMatch(/grows (2\.9|3)\S* MB\/h .* below 11\.\d MB\/h, half of what would reach 8 GB/);
    expect(of(judge([slow, ...fds, busy]), 'api memory.private').outcome).toBe('fail');
  });

  test('what settled after a warm-up that was found in the data', () => {
    const warm: Simulated = { def: M.memory, signal: sum(constant(100 * MB), settling(300 * MB, 1200), white(1, 2 * MB)) };
    const memory = of(judge([warm, ...fds, busy], { hours: 12 }), 'api memory.private');
    expect(memory.outcome).toBe('pass');
    expect(memory.why).toMatch(/ on, until when it went from 1\d\d MB to [34]\d\d MB; /);
    const restart = { t: 6 * HOUR, kind: 'restart', target: 'api', data: {} } as const;
    const lives: Signal = sum(constant(100 * MB), (t) => 300 * MB * (1 - Math.exp(-(t % (6 * HOUR)) / 1200)), white(2, 2 * MB));
    const second = of(judge([{ def: M.memory, signal: lives }, ...fds, busy], { hours: 12, events: [restart] }), 'api memory.private');
    expect(second.why).toMatch(/, over 2 lives\) .*, judged from 0\d:\d\d on; /); // each of them has one of its own
    const from = /judged from (\d\d):(\d\d) on/.exec(memory.why)!;
    expect(Number(from[1]) * 60 + Number(from[2])).toBeGreaterThan(75); // four time constants are 80 minutes, 8 % of the run 58
    const warmup = of(judge([warm, ...fds, busy], { hours: 12, options: { warmup: 3 * HOUR } }), 'api memory.private');
    expect(warmup.why).toMatch(/judged from 03:[0-2]\d on/); // whole blocks after it
  });

  test('what stepped up once and stayed, which is told', () => {
    const memory: Simulated = { def: M.memory, signal: sum(constant(300 * MB), (t) => (t > 3 * HOUR ? 60 * MB : 0), white(2, MB)) };
    const { outcome, why } = of(judge([memory, ...fds, busy], { hours: 12 }), 'api memory.private');
    expect(outcome).toBe('pass');
    expect(why).toMatch(/judged from 03:\d\d on, until when it went from (299|300|301) MB to (359|360|361) MB; /);
  });

  test('what is flat before and after a batch job, which is left out', () => {
    const batch: Signal = (t) => (t > 1.5 * HOUR && t < 2.3 * HOUR ? 150 * MB : 0);
    const verdict = judge([{ def: M.memory, signal: sum(constant(300 * MB), batch, white(1, MB)) }, ...fds, busy]);
    because(verdict, 'pass', /^2 gated series were judged/);
    expect(of(verdict, 'api memory.private').why).toMatch(/judged from 00:\d\d on/);
  });
});

describe('fail', () => {
  test('descriptors that are used up, however flat they are since', () => {
    const upTo = (most: number): Simulated => ({ def: M.fds, signal: (t) => Math.min(most, 50 + (974 * t) / HOUR) });
    const limit: Simulated = { def: M.fdLimit, signal: constant(1024) };
    const verdict = judge([flat, busy, limit, upTo(1024)]);
    because(verdict, 'fail', /^api fds has reached its limit of 1024 \(soak\.process\.file_descriptor\.limit\) and stays there/);
    expect(of(verdict, 'api fds').outcome).toBe('fail');
    expect(judge([flat, busy, limit, upTo(1020)]).outcome).not.toBe('fail');
  });

  test('growth without a limit', () => {
    const verdict = judge([leaking, ...fds, busy]);
    because(verdict, 'fail', /^api memory\.private grows (19|20)\S* MB\/h .*no limit is known$/m);
    const [leak] = verdict.findings;
    expect(leak).toMatchObject({
      id: 'leak:api memory.private',
      kind: 'leak',
      outcome: 'fail',
      target: 'api',
      series: ['api memory.private'],
    });
    expect(leak!.evidence['lo']).toBeGreaterThan(15 * MB);
  });

  test('growth that reaches its limit within the required life, and says when', () => {
    const verdict = judge([leaking, { def: M.memoryLimit, signal: constant(1000 * MB) }, ...fds, busy]);
    because(verdict, 'fail', /reaches its limit of 1 GB \(soak\.container\.memory\.limit\) in 1d/);
    const { exhaustion } = of(verdict, 'api memory.private');
    const hours = (Date.parse(exhaustion!.at) - Date.parse(verdict.run.end!)) / 3.6e6;
    expect(hours).toBeGreaterThan(25);
    expect(hours).toBeLessThan(29);
    expect(Date.parse(exhaustion!.lo)).toBeLessThan(Date.parse(exhaustion!.at));
    expect(Date.parse(exhaustion!.hi!)).toBeGreaterThan(Date.parse(exhaustion!.at));
  });

  test('the time to a limit that is near counts from the end, and not from the middle of the last stretch', () => {
    const steady: Simulated = { def: M.memory, signal: sum(constant(300 * MB), line(60 * MB), white(1, 0.2 * MB)) };
    const verdict = judge([steady, { def: M.memoryLimit, signal: constant(1000 * MB) }, ...fds, busy]);
    const { exhaustion, level } = of(verdict, 'api memory.private');
    const left = (Date.parse(exhaustion!.at) - Date.parse(verdict.run.end!)) / 3.6e6;
    expect(left / (220 / 60)).toBeCloseTo(1, 2);
    expect(level! / (780 * MB)).toBeCloseTo(1, 3);
  });

  test('two minutes of a leak towards a real, low limit; but not without a limit', () => {
    const fast: Simulated = { def: M.memory, signal: sum(constant(80 * MB), line(3600 * MB), white(1, 0.5 * MB)) };
    const limit: Simulated = { def: M.memoryLimit, source: 'cgroup', period: 5, signal: constant(512 * MB) };
    const short = { hours: 2 / 60, interval: 1, options: { requiredLifetime: HOUR } };
    because(judge([fast, limit, ...fds, busy], short), 'fail', /reaches its limit of 512 MB .* in 5m/);
    const open = judge([fast, ...fds, busy], short);
    because(open, 'inconclusive', /suspected, not confirmed: .*a run of 3\dm.* would settle it/);
    expect(of(open, 'api memory.private').level! / (200 * MB)).toBeCloseTo(1, 2);
    const healthy: Simulated = { def: M.memory, signal: sum(constant(80 * MB), settling(20 * MB, 12), white(1, 0.5 * MB)) };
    expect(judge([healthy, limit, ...fds, busy], short).outcome).not.toBe('fail');
  });

  test('two minutes do not confirm what earlier looks would not have seen', () => {
    const late: Simulated = { def: M.memory, signal: sum(constant(80 * MB), line(3600 * MB, 95), white(1, 0.5 * MB)) };
    const limit: Simulated = { def: M.memoryLimit, source: 'cgroup', period: 5, signal: constant(512 * MB) };
    const verdict = judge([late, limit, ...fds, busy], { hours: 2 / 60, interval: 1, options: { requiredLifetime: HOUR } });
    expect(of(verdict, 'api memory.private')).toMatchObject({ grade: 'suspected', outcome: 'inconclusive' });
  });

  test('is confirmed while the run goes on, not at its end only', () => {
    const { run, series } = judge([leaking, ...fds, busy]);
    const confirmed = series.find(({ id }) => id === 'api memory.private')!.gradeHistory.find(({ grade }) => grade === 'confirmed')!;
    expect(Date.parse(run.end!) - Date.parse(confirmed.at)).toBeGreaterThan(4 * HOUR * 1000);
  });

  test('growth that began in mid-run says when; growth that only grew faster began before', () => {
    const from = (rate: Signal): VerdictSeries =>
      of(judge([{ def: M.memory, signal: sum(constant(300 * MB), rate, white(2, 2 * MB)) }, ...fds, busy]), 'api memory.private');
    const { onset, outcome } = from(line(30 * MB, 3 * HOUR));
    expect(outcome).toBe('fail');
    expect(Date.parse(onset!.lo)).toBeLessThan(Date.parse('2026-01-01T03:00:00Z'));
    expect(Date.parse(onset!.hi)).toBeGreaterThan(Date.parse('2026-01-01T03:00:00Z'));
    expect(Date.parse(onset!.hi) - Date.parse(onset!.lo)).toBeLessThan(2.5 * 3.6e6);
    expect(from(sum(line(30 * MB), line(30 * MB, 3 * HOUR)))).toMatchObject({ outcome: 'fail', onset: null });
  });

  test('a broken rule, whatever the slope', () => {
    const options = { rules: [parseRule('fds < 40 for 5m', (name) => CATALOG.find(name))] };
    const verdict = judge([flat, ...fds, busy], { options });
    because(verdict, 'fail', /^api fds was 50 at 00:00:00, which breaks the rule fds < 40 for 5m \(worst: 50\)$/);
    expect(of(verdict, 'api fds').outcome).toBe('fail');
  });

  test('a limit that a rule sets is one that the slope is judged against', () => {
    const options = { rules: [parseRule('memory.private < 1GB', (name) => CATALOG.find(name))] };
    expect(of(judge([leaking, ...fds, busy], { options }), 'api memory.private')).toMatchObject({
      outcome: 'fail',
      limit: { value: 1e9, from: 'rule memory.private < 1GB' },
    });
  });

  test('latency that climbs, in the words of those who look for it', () => {
    const latency: Simulated = {
      def: M.latency,
      source: 'traffic',
      labels: { 'soak.quantile': '0.95' },
      signal: sum(constant(0.2), line(0.02), white(4, 0.02)),
    };
    because(
      judge([flat, ...fds, busy, latency]),
      'fail',
      /latency.*grows (19|20|21)\S* ms\/h.*gradual latency increase: likely a memory leak/,
    );
  });
});

describe('inconclusive', () => {
  test('an idle program', () => {
    const verdict = judge([flat, ...fds, { def: M.cpu, signal: line(0.001 * HOUR) }]);
    because(
      verdict,
      'inconclusive',
      /^api: no steady work was seen \(by process\.cpu\.time\); .*; if it did work, its requests show it where they are counted/,
    );
    expect(verdict.work).toEqual({ steady: false, stoppedAt: null });
    expect(of(verdict, 'api memory.private').outcome).toBe('inconclusive');
  });

  const upTo =
    (stop: number): Signal =>
    (t) =>
      0.1 * Math.min(t, stop) + 0.0005 * t;

  test('work that stopped: only what was before is judged', () => {
    const verdict = judge([flat, ...fds, { def: M.cpu, signal: upTo(HOUR) }]);
    because(verdict, 'inconclusive', /^api: work stopped at (00:5[89]|01:0[0-2]), \S+ judged \(by process\.cpu\.time\)/);
    expect(Math.abs(Date.parse(verdict.work.stoppedAt!) - Date.parse('2026-01-01T01:00:00Z'))).toBeLessThan(130_000);
    expect(verdict.work.steady).toBe(false);
  });

  test('unless it had failed before it stopped', () => {
    const until = 3 * HOUR;
    const memory: Signal = sum((t) => line(20 * MB)(Math.min(t, until)), constant(100 * MB), white(3, MB));
    expect(judge([{ def: M.memory, signal: memory }, ...fds, { def: M.cpu, signal: upTo(until) }]).outcome).toBe('fail');
  });

  test('too little coverage', () => {
    const verdict = judge([flat, ...fds, busy], { down: (t) => t > HOUR && t < 2 * HOUR });
    because(verdict, 'inconclusive', /^only 8\d % of the samples were taken, and 90 % are needed/);
  });

  test('a required signal that is blind, or that nobody told of', () => {
    const blind = { t: 10, kind: 'blind', target: 'api', data: { metric: M.fds.name, reason: 'only root may count them' } } as const;
    const verdict = judge([flat, busy], { events: [blind] });
    because(
      verdict,
      'inconclusive',
      /^process\.unix\.file_descriptor\.count of api must be seen and cannot be read: only root may count them$/,
    );
    expect(verdict.blind).toEqual([{ target: 'api', metric: M.fds.name, reason: 'only root may count them' }]);
    because(judge([flat, busy]), 'inconclusive', /^fds of api must be seen and was never sampled$/);
    expect(judge([flat, ...fds, busy], { events: [blind] })).toMatchObject({ outcome: 'pass', blind: [] }); // it was sampled after all
  });

  test('pages alone, unless what of them must be judged is said', () => {
    const read: Simulated = { def: SCRAPE.duration, labels: { 'soak.scrape': 'app' }, signal: constant(0.01) };
    const told = [flat, ...fds, busy, read].map((one) => ({ ...one, source: 'scrape' }));
    const judgedFor = (...required: string[]): Verdict => judge(told, { options: { required } });
    because(judgedFor(), 'inconclusive', /^no process was seen, so neither memory nor descriptors are judged; --require says/);
    because(judgedFor('memory.private', 'fds'), 'pass', /^2 gated series were judged and do not grow/);
    const alone = told.filter(({ def }) => !fds.some((one) => one.def === def));
    because(judge(alone, { options: { required: ['memory.private'] } }), 'pass', /^1 gated series was judged and does not grow/);
    because(judgedFor('memory.private', 'heap'), 'inconclusive', /^heap must be seen and was never sampled$/);
  });

  test('the processes of the generator alone', () => {
    const own = [{ def: M.memory, signal: constant(300 * MB) }, ...fds, busy].map((one) => ({ ...one, target: 'k6' }));
    const read: Simulated = { def: SCRAPE.duration, source: 'scrape', labels: { 'soak.scrape': 'app' }, signal: constant(0.01) };
    because(judge([...own, read], { options: { generators: ['k6'] } }), 'inconclusive', /^no process was seen, so neither memory nor/m);
  });

  test('a rule that nothing was compared with', () => {
    const options = { rules: [parseRule('threads < 5', (name) => CATALOG.find(name))] };
    because(judge([flat, ...fds, busy], { options }), 'inconclusive', /^the rule threads < 5 was never compared with anything/);
  });

  test('growth that matters, and does not reach its limit within the required life', () => {
    const verdict = judge([leaking, { def: M.memoryLimit, signal: constant(10_500 * MB) }, ...fds, busy]);
    because(
      verdict,
      'inconclusive',
      /^api memory\.private grows .*reaches its limit of 10\.5 GB .*; that is too slow to reach it within the required life, which would fail, and more than 15 MB\/h, half of what would, which would pass/,
    );
    expect(of(verdict, 'api memory.private')).toMatchObject({ grade: 'confirmed', outcome: 'inconclusive' });
  });

  test('a run too short for its noise says how long it must be', () => {
    const verdict = judge([flat, ...fds, busy], { hours: 0.5 });
    because(verdict, 'inconclusive', /cannot be told from none, and (599|600) kB\/h matters; a run of \d+h\S* would settle it/);
    const { hoursToSettle, smallestDetectablePerHour, floorPerHour } = of(verdict, 'api memory.private');
    expect(smallestDetectablePerHour).toBeGreaterThan(floorPerHour!);
    expect(hoursToSettle).toBeGreaterThan(0.5);
    expect(hoursToSettle).toBeLessThan(24);
  });
});

describe('a heap that the kernel cannot see into', () => {
  const visible = (value: number): Simulated => ({ def: M.heapVisible, source: 'runtime', period: 10, signal: constant(value) });
  const collected = (signal: Signal, when = (t: number): boolean => t > 0 && t % 600 === 0): Simulated[] => [
    { def: M.heap, source: 'runtime', signal, when },
    { def: M.heapLimit, source: 'runtime', signal: constant(1000 * MB) },
  ];
  const live: Signal = sum(constant(200 * MB), white(3, 2 * MB));

  test('cannot pass, and says what would make it visible', () => {
    const verdict = judge([flat, ...fds, busy, visible(0)], { events: [HEAP_BLIND] });
    because(verdict, 'inconclusive', /its heap is not visible: only its own user may read its counters/);
    expect(of(verdict, 'api memory.private').outcome).toBe('inconclusive');
    expect(verdict.findings.map((finding) => finding.kind)).toContain('heap');
    expect(HEAP_HIDDEN).toBe('its heap is not visible');
  });

  test('fails by the heap after collections, with a flat footprint', () => {
    const verdict = judge([flat, ...fds, busy, visible(1), ...collected(sum(live, line(20 * MB)))]);
    because(verdict, 'fail', /^api heap grows (19|20)\S* MB\/h .*reaches its limit of 1 GB \(soak\.runtime\.heap\.limit\)/);
    expect(of(verdict, 'api memory.private').outcome).not.toBe('fail');
  });

  test('passes by the heap after collections', () => {
    because(judge([flat, ...fds, busy, visible(1), ...collected(live)]), 'pass', /^3 gated/);
  });

  test('waits for a first collection', () => {
    const verdict = judge([flat, ...fds, busy, visible(1), ...collected(live, () => false)]);
    because(verdict, 'inconclusive', /^api heap has no sample yet: there is one after each collection of the whole heap/);
  });

  test('still fails by its private memory', () => {
    expect(judge([leaking, ...fds, busy, visible(1), ...collected(live)]).outcome).toBe('fail');
  });
});

describe('a role with members', () => {
  const member = (name: string, memory: Signal): Simulated[] =>
    [flat, ...fds, busy].map((s) => ({ ...s, member: name, signal: s.def === M.memory ? memory : s.signal }));

  test('one that leaks fails the run', () => {
    const verdict = judge([...member('1', constant(100 * MB)), ...member('2', sum(constant(100 * MB), line(20 * MB), white(5, MB)))]);
    because(verdict, 'fail', /^api\/2 memory\.private grows/);
    expect(of(verdict, 'api/1 memory.private').outcome).toBe('pass');
  });

  test('what is suspected is told before what only needs more time', () => {
    const young = { hours: 0.5 };
    const verdict = judge(
      [...member('1', ou(7, HOUR, 20 * MB)), ...member('2', sum(constant(100 * MB), line(60 * MB), white(5, MB)))],
      young,
    );
    expect(verdict.reasons[0]).toMatch(/^api\/2 memory\.private grows .* suspected/);
    expect(verdict.reasons[1]).toMatch(/^api\/1 memory\.private may or may not grow/);
  });

  test('one that leaks beyond the series that decide is no failure and no pass', () => {
    const others = Array.from({ length: 31 }, (_, i): Simulated => ({ ...flat, member: String(i + 1), signal: constant(100 * MB) }));
    because(judge([...others, ...member('32', constant(100 * MB))]), 'pass', /more series would be gated/);
    const verdict = judge([...others, ...member('32', sum(constant(100 * MB), line(20 * MB), white(5, MB)))]);
    because(verdict, 'inconclusive', /^api\/32 memory\.private grows .* it is beyond the 30 series that decide$/m);
    expect(of(verdict, 'api/32 memory.private')).toMatchObject({ gated: false, outcome: 'fail' });
    expect(verdict.findings.filter(({ series }) => series.includes('api/32 memory.private'))).toHaveLength(1);
  });

  test('totals of a role decide before its members', () => {
    const members = Array.from({ length: 31 }, (_, i): Simulated => ({ def: M.threads, member: String(i + 1), signal: constant(8) }));
    const total: Simulated = { def: M.threads, signal: rounded(sum(constant(248), line(10))) };
    const verdict = judge([...members, total, flat, ...fds, busy]);
    because(verdict, 'fail', /^api threads grows/);
    expect(of(verdict, 'api/31 threads').gated).toBe(false);
  });

  test('a restart of a member cuts the total of the role', () => {
    const drops: Signal = (t) => (t < 4.5 * HOUR ? 400 : 100 + (10 * t) / HOUR) * MB;
    const total: Simulated = { def: M.tree, signal: sum(drops, white(9, MB)) };
    const restart = { t: 4.5 * HOUR, kind: 'restart', target: 'api', member: '2', data: {} } as const;
    const verdict = judge([...member('1', constant(100 * MB)), ...member('2', constant(100 * MB)), total], { events: [restart] });
    expect(of(verdict, 'api memory.tree').why).toMatch(/over 2 lives/);
  });

  test('a total must be conclusive, its members need not', () => {
    const young = { when: (t: number) => t > 7.9 * HOUR };
    const total: Simulated = { def: M.tree, signal: sum(constant(200 * MB), white(9, MB)) };
    const series = [
      ...member('1', constant(100 * MB)),
      ...member('2', constant(100 * MB)).map((s) => (s.def === M.memory ? { ...s, ...young } : s)),
      total,
    ];
    const verdict = judge(series);
    expect(of(verdict, 'api/2 memory.private').outcome).toBe('inconclusive');
    because(verdict, 'pass', /gated series were judged/);
    because(judge(series.filter((s) => s.def !== M.tree)), 'inconclusive', /api\/2 memory\.private/);
    const restless: Simulated = { ...total, signal: ou(5, HOUR, 20 * MB) };
    because(judge(series.map((s) => (s === total ? restless : s))), 'inconclusive', /^api memory\.tree may or may not grow/);
  });
});
