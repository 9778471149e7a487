/** Memory that is full stays flat and leaks into CPU: it does not pass, and the verdict says what it costs. */
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { METRICS as RUNTIME } from '../../../src/sources/runtime-metrics.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, type Scenario, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, type Signal, sum, white } from '../../sim/series.ts';

/** Shorter, and descriptors that do not move are not sure to. */
const HOURS = 12;

/** Adds up what is spent per second. */
function counter(perSecond: Signal): Signal {
  let [total, last] = [0, 0];
  return (t) => {
    total += Math.max(0, perSecond(t)) * (t - last);
    last = t;
    return total;
  };
}

/** From one figure to another over the run, with some scatter. */
const from = (a: number, b: number, seed: number): Signal => {
  const noise = white(seed, 0.05 * a);
  return (t) => a + ((b - a) * t) / (HOURS * HOUR) + noise(t);
};

const REQUESTS_PER_S = 50;
const load: Simulated = { def: M.requests, source: 'traffic', signal: line(REQUESTS_PER_S * HOUR), period: 10 };
const fds: Simulated = { def: M.fds, signal: constant(20) };
const memory = (level = 500): Simulated => ({ def: M.memory, signal: sum(constant(level * MB), white(3, 0.1 * MB)) });
const limit: Simulated = { def: M.memoryLimit, signal: constant(520 * MB), period: 60 };
const heap = (level: number): Simulated[] => [
  { def: M.heap, signal: sum(constant(level * MB), white(4, 0.1 * MB)), period: 60 },
  { def: M.heapLimit, signal: constant(512 * MB), period: 60 },
];
const collections = (a: number, b: number, seed = 5): Simulated => ({
  def: RUNTIME.collectionTime,
  source: 'runtime',
  labels: { 'soak.collection.kind': 'major' },
  signal: counter(from(a, b, seed)),
  period: 10,
});
/** Seconds of CPU time a request. */
const cpu = (a: number, b: number, seed = 6): Simulated => {
  const per = from(a, b, seed);
  return { def: M.cpu, signal: counter((t) => REQUESTS_PER_S * per(t)) };
};

function verdictOf(series: readonly Simulated[], options: Scenario['options'] = {}): Verdict {
  return new Simulation({ hours: HOURS, interval: 10, series: [fds, load, ...series], costs: true, options }).run().verdict();
}

const outcomes = ({ outcome, series }: Verdict) => [outcome, series.find(({ id }) => id === 'api memory.private')!.outcome];

describe('memory that is flat', () => {
  test('while collections take more and more of the time does not pass', () => {
    const verdict = verdictOf([memory(), cpu(0.004, 0.006), collections(0.04, 0.31)]);
    expect(outcomes(verdict)).toEqual(['inconclusive', 'inconclusive']);
    const [open] = verdict.findings.filter(({ kind }) => kind === 'leak');
    expect(open!.why).toMatch(
      /does not grow .*; but collections take \d[.\d]* % → [23]\d[.\d]* % of the time and a request takes 4[.\d]* ms → [56][.\d]* ms of CPU time: memory that is full/,
    );
    expect(open!.evidence).toMatchObject({
      collectionsFrom: expect.closeTo(0.06, 1) as number,
      collectionsTo: expect.closeTo(0.296, 2) as number,
      cpuPerRequestTo: expect.closeTo(0.0059, 3) as number,
    });
    expect(verdict.findings.find(({ id }) => id === 'diagnosis:cost api')).toMatchObject({
      outcome: 'pass',
      series: ['api collections', 'api cpu.per_request'],
    });
  });

  test.each<[string, readonly Simulated[]]>([
    ['the same time in collections', [memory(), cpu(0.004, 0.004), collections(0.04, 0.04)]],
    ['collections that take next to nothing', [memory(), cpu(0.004, 0.004), collections(0.005, 0.02)]],
    ['room in its heap', [memory(), ...heap(200), cpu(0.004, 0.004), collections(0.04, 0.31)]],
    ['dearer requests, far from its limit', [memory(200), limit, cpu(0.004, 0.008)]],
    ['dearer requests, and collections that are not why', [memory(), limit, cpu(0.004, 0.008), collections(0.04, 0.04)]],
  ])('passes with %s', (_, series) => {
    const options = { requiredLifetime: 0 };
    expect(outcomes(verdictOf(series, options))).toEqual(['pass', 'pass']);
  });

  test('does not pass at its limit while requests get dearer, where nobody tells of collections', () => {
    const options = { requiredLifetime: 0 };
    const verdict = verdictOf([memory(), limit, cpu(0.004, 0.008)], options);
    expect(outcomes(verdict)).toEqual(['inconclusive', 'inconclusive']);
    expect(outcomes(verdictOf([memory(), limit, cpu(0.004, 0.004)], options))).toEqual(['pass', 'pass']);
  });

  test('fails by the rule that somebody sets', () => {
    const rules = [parseRule('collections < 20% for 10m', (name) => CATALOG.find(name))];
    const verdict = verdictOf([memory(), cpu(0.004, 0.004), collections(0.04, 0.31)], { rules });
    expect(verdict.outcome).toBe('fail');
  });
});

test('growing memory is told with what it costs', () => {
  const growing = { def: M.memory, signal: sum(constant(300 * MB), line(20 * MB), white(3, 0.1 * MB)) };
  const verdict = verdictOf([growing, cpu(0.004, 0.004), collections(0.04, 0.31)]);
  const [leak] = verdict.findings.filter(({ kind }) => kind === 'leak');
  expect(leak).toMatchObject({ outcome: 'fail', why: expect.stringMatching(/; collections take \d.* % → .* of the time$/) as string });
  expect(leak!.evidence).toHaveProperty('collectionsTo');
});

test('descriptors that grow are not', () => {
  const growing = { def: M.fds, signal: (t: number) => Math.round(20 + (30 * t) / HOUR) };
  const series = [load, growing, memory(), ...heap(200), cpu(0.004, 0.004), collections(0.04, 0.31)];
  const verdict = new Simulation({ hours: HOURS, interval: 10, series, costs: true }).run().verdict();
  const [leak] = verdict.findings.filter(({ kind }) => kind === 'leak');
  expect(leak!.why).not.toMatch(/collections/);
  expect(leak!.evidence).not.toHaveProperty('collectionsTo');
});
