import { describe, expect, test } from 'vitest';
import { compare, type Compared, type Comparison } from '../../../src/comparison/compare.ts';
import type { Measured, MeasuredRun } from '../../../src/comparison/measured.ts';
import { type Build, runsOf } from '../../sim/builds.ts';
import { normal } from '../../sim/series.ts';

const OPTIONS = { between: null, strict: false };

function ofBuilds(build: Build, runs = 1, hours = 8): Comparison {
  return compare(runsOf(runs, hours, 1), runsOf(runs, hours, 2, build), OPTIONS);
}

function signal(comparison: Comparison, id: string): Compared {
  return comparison.signals.find((one) => one.id === id)!;
}

function called(comparison: Comparison): string[] {
  return comparison.signals
    .filter(({ call, slope }) => call === 'regressed' || call === 'improved' || slope?.call === 'regressed' || slope?.call === 'improved')
    .map(({ id }) => id);
}

describe('two runs of one build', () => {
  test.each([1, 8])('are not called different, after %i h', (hours) => {
    for (let pair = 0; pair < 20; pair++) {
      const result = compare(runsOf(1, hours, 100 + 2 * pair), runsOf(1, hours, 101 + 2 * pair), OPTIONS);
      expect([pair, called(result)]).toEqual([pair, []]);
    }
  });

  test('pass, because a change that would fail is ruled out', () => {
    const result = ofBuilds({});
    expect(result.outcome).toBe('pass');
    expect(result.tests).toBeGreaterThan(30);
    expect(signal(result, 'api latency.mean')).toMatchObject({ call: 'no change', severity: null });
    // Of nothing there is no share, and nothing has become nothing.
    expect(signal(result, 'api zombies')).toMatchObject({ base: 0, head: 0, call: 'no change', change: { value: 0 } });
  });
});

/** Sixteen blocks of five minutes around a level. */
function flat(id: string, level: number, more: Partial<Measured> = {}): Measured {
  const noise = normal(7);
  const means = Array.from({ length: 96 }, () => level * (1 + 0.01 * noise()));
  return { id, target: 'api', kind: 'count', unit: '{zombie}', matters: null, required: false, width: 300, first: 0, means, ...more };
}

function runWith(id: string, ...signals: Measured[]): MeasuredRun {
  return { ...runsOf(1, 8, 1)[0]!, id, signals };
}

describe('signals that are hard to compare', () => {
  test('of a base that is next to nothing what became many is a regression', () => {
    for (const level of [0.048, 0.1]) {
      const result = compare([runWith('a', flat('api zombies', level))], [runWith('b', flat('api zombies', 60))], OPTIONS);
      expect(signal(result, 'api zombies')).toMatchObject({
        call: 'regressed',
        severity: 'fail',
        why: expect.stringMatching(/next to nothing/) as string,
      });
    }
  });

  test('what one run of several does not have is compared over the others, and its loss is told where it is required', () => {
    const [memory, latency] = [
      flat('api memory.private', 3e8),
      flat('api latency.mean', 0.1, { kind: 'latency', unit: 's', required: true }),
    ];
    const slow = flat('api latency.mean', 0.3, { kind: 'latency', unit: 's', required: true });
    const result = compare([runWith('a', memory, latency)], [runWith('b', memory, slow), runWith('c', memory)], OPTIONS);
    expect(signal(result, 'api latency.mean')).toMatchObject({ call: 'regressed' });
    const lost = compare([runWith('a', memory, latency)], [runWith('c', memory)], OPTIONS);
    expect(lost).toMatchObject({ outcome: 'inconclusive', reasons: ['api latency.mean is in the base and is missing in the head'] });
  });

  test('a share is not taken from a rate', () => {
    const [share, rate] = [
      flat('api errors', 0.001, { kind: 'errors', unit: '1' }),
      flat('api errors', 0.1, { kind: 'rate', unit: '{error}/s' }),
    ];
    const result = compare([runWith('a', share)], [runWith('b', rate)], OPTIONS);
    expect(signal(result, 'api errors')).toMatchObject({
      call: 'cannot tell',
      change: null,
      why: 'it is a share in one run and a rate in another',
    });
  });
});

describe('a build that has changed', () => {
  test('is called where it is certain and matters, and by which limit', () => {
    const slow = ofBuilds({ latency: 1.35 });
    expect(slow.outcome).toBe('fail');
    expect(signal(slow, 'api latency.mean')).toMatchObject({ call: 'regressed', severity: 'fail' });
    expect(signal(slow, 'api latency.mean').change!.value).toBeGreaterThan(0.25);
    expect(signal(slow, 'worker latency.mean').call).toBe('no change');
    expect(signal(ofBuilds({ latency: 0.7 }), 'api latency.mean')).toMatchObject({ call: 'improved', severity: null });
    const larger = ofBuilds({ memory: 1.35 });
    expect(signal(larger, 'api memory.private')).toMatchObject({ call: 'regressed', severity: 'warn' });
    expect([larger.outcome, larger.reasons]).toEqual([
      'pass',
      expect.arrayContaining(['api memory.private regressed, by less than what fails']),
    ]);
    expect(compare(runsOf(1, 8, 1), runsOf(1, 8, 2, { memory: 1.35 }), { between: null, strict: true }).outcome).toBe('fail');
  });

  test('that leaks what the base does not is called by its slope', () => {
    const result = ofBuilds({ leak: 10 });
    const memory = signal(result, 'api memory.private');
    expect(memory).toMatchObject({ call: 'regressed', severity: 'fail', slope: { call: 'regressed' } });
    expect(Math.abs(memory.slope!.value / 10e6 - 1)).toBeLessThan(0.2);
    expect(signal(result, 'worker memory.private').slope!.call).not.toBe('regressed');
  });

  test('answers more requests with an error', () => {
    const result = ofBuilds({ errors: 101 });
    const errors = signal(result, 'api errors');
    expect(errors).toMatchObject({ as: 'absolute', unit: '1', call: 'regressed', severity: 'fail' });
    expect(errors.change!.value).toBeCloseTo(0.02, 3);
  });

  test('is known better by several runs', () => {
    const [one, three] = [1, 3].map((runs) => signal(ofBuilds({}, runs), 'api latency.mean').smallestDetectable!);
    expect(three).toBeLessThan(one!);
  });
});

/** A run of one figure, at 60 s a mean. */
function plain(id: string, values: (i: number) => number | null, more: Partial<Measured & MeasuredRun> = {}): MeasuredRun {
  const { steadyFrom = 0, until = 240 * 60, warmup = null, kind = 'latency', unit = 's' } = more;
  const means = Array.from({ length: 240 }, (_, i) => values(i));
  const figure: Measured = {
    id: 'api x',
    target: 'api',
    kind,
    unit,
    matters: more.matters ?? null,
    required: true,
    width: 60,
    first: 0,
    means,
  };
  return { id, start: '2026-01-01T00:00:00.000Z', agent: '0', outcome: 'pass', steadyFrom, until, warmup, signals: [figure] };
}

const noise = (seed: number, sd = 0.01): ((i: number) => number) => {
  const next = normal(seed);
  const values = Array.from({ length: 240 }, () => sd * next());
  return (i) => values[i]!;
};

const only = (result: Comparison): Compared => result.signals[0]!;

describe('runs are laid over each other', () => {
  test('from the beginning of their steady parts on, so that what both do at the same time is no change', () => {
    const fills = (seed: number, delay: number) => (i: number) => 1 - 0.8 * Math.exp(-Math.max(0, i - delay) / 60) + noise(seed)(i);
    const apart = compare([plain('a', fills(1, 0))], [plain('b', fills(2, 40), { steadyFrom: 40 * 60 })], OPTIONS);
    expect(only(apart)).toMatchObject({ call: 'no change' });
    expect(Math.abs(only(apart).change!.value)).toBeLessThan(0.02);
    const unaligned = compare([plain('a', fills(1, 0))], [plain('b', fills(2, 40))], OPTIONS);
    expect(only(unaligned).change!.value).toBeLessThan(-0.1);
  });

  test('and where nothing is common nothing can be told', () => {
    const short = plain('b', () => 1, { until: 0 });
    expect(compare([plain('a', () => 1)], [short], OPTIONS)).toMatchObject({ outcome: 'inconclusive', common: null, signals: [] });
    const few = compare([plain('a', () => 1)], [plain('b', () => 1, { until: 600 })], OPTIONS);
    expect(only(few)).toMatchObject({ call: 'cannot tell', why: 'too little of it is common to both runs' });
    const gone = { ...plain('b', () => 1), signals: [] };
    expect(compare([plain('a', () => 1)], [gone], OPTIONS)).toMatchObject({ outcome: 'inconclusive', only: { base: ['api x'], head: [] } });
    const holes = compare([plain('a', (i) => (i % 2 ? 1 : null))], [plain('b', (i) => (i < 120 ? 1 : null))], OPTIONS);
    expect(only(holes).call).toBe('no change');
  });
});

describe('what is certain', () => {
  test('noise that wanders is worth less than noise that does not', () => {
    const wander = (seed: number): ((i: number) => number) => {
      const next = normal(seed);
      let value = 0;
      const values = Array.from({ length: 240 }, () => (value = 0.995 * value + 0.02 * next()));
      return (i) => Math.exp(values[i]!);
    };
    const quick = only(compare([plain('a', (i) => Math.exp(noise(1, 0.2)(i)))], [plain('b', (i) => Math.exp(noise(2, 0.2)(i)))], OPTIONS));
    const slow = only(compare([plain('a', wander(3))], [plain('b', wander(4))], OPTIONS));
    const width = ({ change }: Compared): number => change!.hi - change!.lo;
    expect(width(slow)).toBeGreaterThan(2 * width(quick));
  });

  test('a load that differs explains what it moves, in its direction only', () => {
    const run = (id: string, requests: number, cpu: number): MeasuredRun => {
      const base = plain(id, (i) => cpu * (1 + noise(id.charCodeAt(0))(i)), { kind: 'cpu', unit: '1' });
      const load: Measured = {
        ...base.signals[0]!,
        id: 'api requests',
        kind: 'requests',
        means: base.signals[0]!.means.map(() => requests),
      };
      return { ...base, signals: [...base.signals, load] };
    };
    const of = (requests: number, cpu: number): Compared =>
      signal(compare([run('a', 100, 0.4)], [run('b', requests, cpu)], OPTIONS), 'api x');
    expect(of(100, 0.6).call).toBe('regressed');
    expect(of(150, 0.6)).toMatchObject({ call: 'cannot tell', why: 'the load is 50 % higher, which may be all of it' });
    expect(of(60, 0.6).call).toBe('regressed');
    expect(of(60, 0.2)).toMatchObject({ call: 'cannot tell', why: 'the load is 40 % lower, which may be all of it' });
    expect(compare([run('a', 100, 0.4)], [run('b', 60, 0.4)], OPTIONS)).toMatchObject({ load: [{ target: 'api' }] });
  });

  test('how runs differ is learned from several runs of a side', () => {
    const runs = (levels: number[]): MeasuredRun[] => levels.map((level, i) => plain(String(i), (k) => level * (1 + noise(i)(k))));
    const width = (result: Comparison): number => only(result).change!.hi - only(result).change!.lo;
    const alike = compare(runs([1, 1.01, 0.99]), runs([1, 1.01, 0.99]), OPTIONS);
    const unlike = compare(runs([1, 1.3, 0.8]), runs([1, 1.3, 0.8]), OPTIONS);
    expect(width(unlike)).toBeGreaterThan(3 * width(alike));
  });
});
