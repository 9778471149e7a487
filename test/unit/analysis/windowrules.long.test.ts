/** Rules on windows, on baselines, on the whole run and on the judgement, watched over simulated hours. */
import { describe, expect, test } from 'vitest';
import { Judge } from '../../../src/analysis/judge.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { defineMetrics, type MetricDef } from '../../../src/catalog.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { RunState } from '../../../src/runstate.ts';
import { M } from '../../sim/metrics.ts';
import { MB, optionsOf, type Scenario, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, type Signal, sum, white } from '../../sim/series.ts';

const T = defineMetrics({
  errors: { name: 'soak.traffic.errors', unit: '{error}', kind: 'counter', help: 'errors', growth: 'drift', alias: 'errors' },
  bucket: {
    name: 'soak.traffic.duration.bucket',
    unit: '{request}',
    kind: 'counter',
    help: 'buckets',
    labels: { 'soak.bucket.over': { max: 400 }, 'soak.bucket.to': { max: 400 } },
    growth: 'none',
  },
});

const rule = (text: string) => parseRule(text, (name): MetricDef | undefined => CATALOG.find(name));

/** A counter of what happens per second. */
function counter(perSecond: (t: number) => number): Signal {
  let [total, last] = [0, 0];
  return (t) => {
    total += perSecond(t) * (t - last);
    last = t;
    return total;
  };
}

const requests: Simulated = { def: M.requests, signal: counter(() => 100), period: 10 };

function bucket(over: number, to: number, perSecond: (t: number) => number): Simulated {
  return {
    def: T.bucket,
    labels: { 'soak.bucket.over': String(over), 'soak.bucket.to': String(to) },
    signal: counter(perSecond),
    period: 10,
  };
}

function scenario(rules: readonly string[], series: readonly Simulated[], more: Partial<Scenario> = {}): Scenario {
  return { hours: 2, interval: 10, series, ...more, options: { rules: rules.map(rule), ...more.options } };
}

/** What is said of rules. */
function said(of: Scenario): Verdict['findings'] {
  return new Simulation(of)
    .run()
    .verdict()
    .findings.filter(({ kind }) => kind === 'rule');
}

const outcomes = (of: Scenario): string[] => said(of).map(({ outcome }) => outcome);

describe('shares of requests', () => {
  const failing = (from: number, seconds: number): Simulated => ({
    def: T.errors,
    signal: counter((t) => (t > from && t <= from + seconds ? 5 : 0)),
    period: 10,
  });

  test('that last break the rule, and the finding says when', () => {
    const [one, ...more] = said(scenario(['errors rate < 1% for 2m'], [requests, failing(3600, 300)]));
    expect(more).toEqual([]);
    expect(one).toMatchObject({ outcome: 'fail', target: 'api' });
    expect(one!.why).toMatch(/the share of api errors was .* % between 00:59|01:00/);
    expect(one!.evidence['worst']).toBeCloseTo(0.05, 3);
  });

  test('that pass by do not', () => {
    expect(said(scenario(['errors rate < 1% for 2m'], [requests, failing(3600, 60)]))).toEqual([]);
  });

  test('of the whole run are known at its end', () => {
    const series = [requests, failing(3600, 300)]; // 1500 of 720,000
    expect(outcomes(scenario(['errors rate < 0.1% over run'], series))).toEqual(['fail']);
    expect(said(scenario(['errors rate < 0.3% over run'], series))).toEqual([]);
    expect(outcomes(scenario(['errors count == 0'], series))).toEqual(['fail']);
    expect(said(scenario(['http_reqs: count>1000'], series))).toEqual([]);
  });

  test('in a phase that is not judged are expected', () => {
    const phase = (t: number, name: string, judged: boolean) => ({
      t,
      kind: 'phase' as const,
      target: null,
      data: { phase: name, judged },
    });
    const events = [phase(3500, 'fault', false), phase(4000, 'steady', true)];
    expect(said(scenario(['errors rate < 1% for 2m'], [requests, failing(3600, 300)], { events }))).toEqual([]);
    expect(outcomes(scenario(['errors rate < 1% for 2m in fault'], [requests, failing(3600, 300)], { events }))).toEqual(['fail']);
  });

  test('only warn when that is all that is asked for', () => {
    const verdict = new Simulation(scenario(['errors rate < 1% for 2m warn'], [requests, failing(3600, 300)])).run().verdict();
    expect(verdict.findings.filter(({ kind }) => kind === 'rule').map(({ outcome }) => outcome)).toEqual(['pass']);
  });
});

describe('quantiles', () => {
  const fast = bucket(0.09, 0.1, () => 100);
  const slowAtTheEnd = bucket(0.9, 0.95, (t) => (t > 6000 ? 10 : 0));

  test('of ten minutes see a bad end that the whole run does not', () => {
    expect(outcomes(scenario(['latency p(95) < 500ms'], [requests, fast, slowAtTheEnd]))).toEqual(['fail']);
    expect(said(scenario(['latency p(95) < 500ms over run'], [requests, fast, slowAtTheEnd]))).toEqual([]);
    expect(said(scenario(['latency p(90) < 500ms'], [requests, fast, slowAtTheEnd]))).toEqual([]);
  });

  test('are decided by a bucket that ends at the value of the rule, however wide it is', () => {
    const wide = [bucket(0.1, 0.25, () => 60), bucket(0.25, 0.5, () => 38), bucket(0.5, 1, () => 2)];
    expect(said(scenario(['http_req_duration: p(95)<500'], [requests, ...wide]))).toEqual([]);
    expect(outcomes(scenario(['http_req_duration: p(95)<250'], [requests, ...wide]))).toEqual(['fail']);
    const [open] = said(scenario(['http_req_duration: p(95)<300'], [requests, ...wide]));
    expect(open).toMatchObject({ outcome: 'inconclusive' });
    expect(open!.why).toMatch(/between 250 ms and 500 ms, and the buckets of the load tool do not tell where/);
  });

  test('of a tool without buckets are its own', () => {
    const own = { def: M.latency, labels: { 'soak.quantile': '0.95' }, signal: (t: number) => (t > 6000 ? 0.9 : 0.1), period: 10 };
    expect(outcomes(scenario(['latency p(95) < 500ms for 5m'], [requests, own]))).toEqual(['fail']);
    expect(outcomes(scenario(['latency p(99) < 500ms for 5m'], [requests, own]))).toEqual(['inconclusive']);
  });
});

describe('a rule that was never compared with anything says why', () => {
  const own: Simulated = { def: M.latency, labels: { 'soak.quantile': '0.95' }, signal: constant(0.1), period: 10 };
  const errors: Simulated = { def: T.errors, signal: counter(() => 0), period: 10 };

  test.each([
    ['memory.private < 2GB', /: no such series was sampled$/],
    ['operation.latency p(95) < 1s', /: no such series was sampled; percentiles of an operation need narrow buckets/],
    ['latency p(99) < 1s', /: no window of 10m tells this quantile: the buckets/],
    ['requests drop < 50% over 90m', /: no full window of 1h30m came after that of its baseline$/],
    ['requests drop < 50% over 3h', /: there was no full window of 3h after the warm-up/],
    ['errors vs_baseline < +20%', /: there was no full window of 10m after the warm-up with values above zero, as a baseline$/],
    ['errors rate < 1% in fault', /: it was not sampled in a phase in which the rule holds, after the warm-up$/],
    ['latency < 1s in fault', /: it was not sampled in a phase in which the rule holds$/],
    ['heap.utilization < 80%', /: no limit of it is known$/],
  ])('%s', (text, why) => {
    const [one] = said(scenario([text], [requests, own, errors, { def: CATALOG.find('heap')!, signal: constant(20) }]));
    expect(one).toMatchObject({ outcome: 'inconclusive', why: expect.stringMatching(why) as unknown });
  });
});

describe('changes against the baseline', () => {
  test.each([
    ['memory.private vs_baseline < +20%', ['fail']],
    ['memory.private vs_baseline < +50%', []],
    ['memory.private max < 130MB', ['fail']],
    ['memory.private avg < 130MB', []],
    ['memory.private min > 99MB', []],
  ])('%s', (text, expected) => {
    const memory: Simulated = {
      def: M.memory,
      signal: sum(
        constant(100 * MB),
        (t) => (t > 5400 ? 25 * MB : 0),
        (t) => (t === 6000 ? 10 * MB : 0),
      ),
    };
    expect(outcomes(scenario([text], [memory]))).toEqual(expected);
  });

  test('a rate that falls by more than half', () => {
    const falling = (to: number): Simulated => ({ def: M.requests, signal: counter((t) => (t > 5400 ? to : 100)), period: 10 });
    expect(outcomes(scenario(['requests drop < 50%'], [falling(40)]))).toEqual(['fail']);
    expect(said(scenario(['requests drop < 50%'], [falling(60)]))).toEqual([]);
  });
});

describe('the judgement', () => {
  const growing: Simulated = { def: M.memory, signal: sum(constant(100 * MB), line(10 * MB), white(1, 0.2 * MB)) };

  test.each([
    ['memory.private slope < 1MB/h', ['fail']],
    ['memory.private slope < 20MB/h', []],
    ['memory.private slope < 10MB/h', ['inconclusive']],
    ['memory.private slope_per_request < 10B', ['fail']],
    ['memory.private slope_per_request < 100B', []],
    ['memory.private exhaustion > 24h', ['inconclusive']],
  ])('%s', (text, expected) => expect(outcomes(scenario([text], [requests, growing]))).toEqual(expected));
});

test('a run that is resumed says the same, whenever it was cut', () => {
  const of = scenario(
    ['errors rate < 1% for 2m', 'latency p(95) < 500ms', 'memory.private vs_baseline < +20%', 'memory.private max < 130MB'],
    [
      requests,
      { def: T.errors, signal: counter((t) => (t > 5000 ? 3 : 0)), period: 10 },
      bucket(0.09, 0.1, () => 100),
      bucket(0.9, 0.95, (t) => (t > 6000 ? 10 : 0)),
      { def: M.memory, signal: sum(constant(100 * MB), line(30 * MB)) },
    ],
  );
  const whole = new Simulation(of).run().verdict();
  for (const cut of [300, 700, 1230, 5100, 6500]) {
    const again = new RunState(new Judge(optionsOf(of)));
    const half = new Simulation(of).run(cut);
    for (const series of half.state.series.all()) again.series.restore(series);
    again.restore(half.state.snapshot());
    expect(half.continuedBy(again).run().verdict()).toEqual(whole);
  }
  expect(whole.findings.filter(({ kind }) => kind === 'rule')).toHaveLength(4);
});
