/** What the load tells: proof of work, the patterns of the diagnosis table, the generator as a suspect, recovery, and capacity. */
import { describe, expect, test } from 'vitest';
import { Judge } from '../../../src/analysis/judge.ts';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { defineMetrics, MATTERS } from '../../../src/catalog.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { presetRules } from '../../../src/config/presets.ts';
import { METRICS as PROCESS } from '../../../src/sources/process-metrics.ts';
import { METRICS as POOL } from '../../../src/sources/pool-metrics.ts';
import { RunState } from '../../../src/runstate.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, optionsOf, type Scenario, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, ou, type Signal, sum, white } from '../../sim/series.ts';

const T = defineMetrics({
  errors: {
    name: 'soak.traffic.errors',
    unit: '{error}',
    kind: 'counter',
    help: 'errors',
    growth: 'drift',
    alias: 'errors',
    resource: 'errors',
    matters: MATTERS.rate,
    gate: 'gated',
  },
  byClass: {
    name: 'soak.traffic.errors.by_class',
    unit: '{error}',
    kind: 'counter',
    help: 'errors by class',
    labels: { 'soak.error.class': ['http_401', 'http_5xx'] },
    growth: 'none',
  },
  users: { name: 'soak.traffic.users', unit: '{user}', kind: 'gauge', help: 'users', growth: 'load', alias: 'users' },
  collector: { name: 'soak.runtime.collection.time', unit: 's', kind: 'counter', help: 'pauses', growth: 'none' },
});

function counter(perSecond: (t: number) => number): Signal {
  let [total, last] = [0, 0];
  return (t) => {
    total += perSecond(t) * (t - last);
    last = t;
    return total;
  };
}

const load = (perSecond: (t: number) => number): Simulated => ({ def: M.requests, signal: counter(perSecond), period: 10 });
const failing = (perSecond: (t: number) => number): Simulated => ({ def: T.errors, signal: counter(perSecond), period: 10 });
const latency = (signal: Signal): Simulated => ({ def: M.latency, labels: { 'soak.quantile': '0.95' }, signal, period: 10 });
const jitter = white(5, 0.01);
/** A quarter more every hour. */
const rising: Signal = (t) => 0.1 * Math.exp((0.25 * t) / HOUR + jitter(t));
const memory: Simulated = { def: M.memory, signal: sum(constant(100 * MB), white(3, 0.05 * MB)) };
const fds: Simulated = { def: M.fds, signal: constant(20) };

function verdictOf(series: readonly Simulated[], more: Partial<Scenario> = {}): Verdict {
  return new Simulation({ hours: 4, interval: 10, series, ...more }).run().verdict();
}

function said(verdict: Verdict, kind: string): Verdict['findings'] {
  return verdict.findings.filter((one) => one.kind === kind);
}

describe('a load that', () => {
  const following = (perSecond: (t: number) => number): Simulated => ({
    def: M.memory,
    signal: sum(constant(100 * MB), (t) => perSecond(t) * MB, ou(3, 120, 0.3 * MB)),
  });
  const ramp = (t: number): number => 20 + (40 * t) / (8 * HOUR);
  const wave = (t: number): number => 40 + 20 * Math.sin((2 * Math.PI * t) / (2 * HOUR));
  const judgedBeside = (perSecond: (t: number) => number, memory: Simulated) =>
    verdictOf([memory, load(perSecond)], { hours: 8 }).series.find(({ metric }) => metric === M.memory.name)!;
  const judged = (perSecond: (t: number) => number) => judgedBeside(perSecond, following(perSecond));

  test('only rises leaves open what follows it, and says what would tell: no longer run', () => {
    const { outcome, slope, smallestDetectablePerHour, hoursToSettle, why } = judged(ramp);
    expect(outcome).toBe('inconclusive');
    expect(smallestDetectablePerHour).toBeGreaterThan(slope!.hi);
    expect(hoursToSettle).toBeNull();
    expect(why).toMatch(/its load changed with the time alone, .* a load that is steady, or goes up and down, would tell them apart$/);
  });

  /** Up to `top` requests a second, and some more or less each time. */
  const rising = (top: number, flicker: Signal): ((t: number) => number) => {
    const by = Array.from({ length: 8 * 360 + 1 }, flicker);
    return (t) => (20 + ((top - 20) * t) / (8 * HOUR)) * (1 + by[Math.round(t / 10)]!);
  };
  /** One part of it after a minute, another one after half an hour. */
  const inTwo = (perSecond: (t: number) => number, level: number, [soon, late]: readonly [number, number]): Simulated => {
    let [sooner, later] = [20, 20];
    const follows: Signal = (t) => {
      sooner += (perSecond(t) - sooner) * (1 - Math.exp(-10 / 60));
      later += (perSecond(t) - later) * (1 - Math.exp(-10 / 1800));
      return (soon * sooner + late * later) * MB;
    };
    return { def: M.memory, signal: sum(constant(level * MB), follows, ou(3, 120, 0.1 * MB)) };
  };

  test('only rises is no reason to fail what rises no more than it does', () => {
    const perSecond = rising(60, white(1, 0.1));
    const { outcome, grade, slope, why } = judgedBeside(perSecond, inTwo(perSecond, 20, [1, 1]));
    expect([outcome, grade]).toEqual(['inconclusive', 'confirmed']);
    expect(slope!.lo).toBeGreaterThan(MB);
    expect(why).toContain('its load changed with the time alone');
    const more: Simulated = { def: M.memory, signal: sum(constant(20 * MB), line(40 * MB), ou(3, 120, 0.1 * MB)) };
    expect(judgedBeside(perSecond, more).outcome).toBe('fail');
  });

  test('only rises, but not evenly, tells what follows it', () => {
    const perSecond = rising(40, white(1, 0.04));
    expect(judgedBeside(perSecond, inTwo(perSecond, 200, [1, 0]))).toMatchObject({ outcome: 'pass' });
  });

  test('only rises does not pass what falls beside it, and rose', () => {
    const perSecond = rising(40, white(3, 0.04));
    const { outcome, slope, why } = judgedBeside(perSecond, inTwo(perSecond, 200, [1.5, -0.5]));
    expect(slope!.hi).toBeLessThan(0);
    expect(outcome).toBe('inconclusive');
    expect(why).toContain('its load changed with the time alone');
    const falling: Simulated = { def: M.memory, signal: sum(constant(500 * MB), line(-20 * MB), ou(3, 120, 0.1 * MB)) };
    expect(judgedBeside(perSecond, falling).outcome).toBe('pass');
  });

  test('goes up and down does not', () => {
    const { outcome, smallestDetectablePerHour, floorPerHour, why } = judged(wave);
    expect(outcome).toBe('pass');
    expect(smallestDetectablePerHour).toBeLessThan(floorPerHour!);
    expect(why).not.toContain('its load');
  });
});

describe('proof of work', () => {
  test('answers that are errors are none: the class is named, and judging ends there', () => {
    const expired = (t: number): number => (t > 2 * HOUR ? 50 : 0);
    const byClass = { def: T.byClass, labels: { 'soak.error.class': 'http_401' }, signal: counter(expired), period: 10 };
    const verdict = verdictOf([memory, fds, load(() => 50), failing(expired), byClass]);
    const [work] = said(verdict, 'work');
    expect(work!.why).toMatch(/^api: its answers became errors \(401\), which are no work, at 0[12]:\d\d, .* judged \(by requests\)$/);
    expect(work!.outcome).toBe('inconclusive');
    expect(verdict.outcome).not.toBe('pass');
    expect(Date.parse(verdict.work.stoppedAt!) - Date.parse(verdict.run.start)).toBeCloseTo(2 * HOUR * 1000, -6);
  });

  test('a service that refuses everything from the start has shown none', () => {
    const [work] = said(verdictOf([memory, fds, load(() => 50), failing(() => 49)]), 'work');
    expect(work!.why).toMatch(/most of its answers were errors/);
  });

  test('a few errors are work', () => {
    expect(said(verdictOf([memory, fds, load(() => 50), failing(() => 0.5)]), 'work')).toEqual([]);
  });

  test('an even load that falls to less than half ends it, and the pattern is named', () => {
    const verdict = verdictOf([memory, fds, load((t) => (t > 2.5 * HOUR ? 20 : 50))]);
    expect(said(verdict, 'work')[0]!.why).toMatch(/its load fell to less than half at 02:[23]\d/);
    expect(said(verdict, 'diagnosis')[0]!.why).toMatch(/^plateau then drop/);
  });

  test('so does one that falls while the agent is away: what it was told of is the same before and after', () => {
    const [from, to] = [2.5 * HOUR, 2.5 * HOUR + 120];
    const events = [{ t: to, kind: 'gap' as const, target: null, data: { from } }];
    const fallen = load((t) => (t > from ? 20 : 50));
    const verdict = verdictOf([memory, fds, fallen], { events, down: (t) => t > from && t < to });
    expect(said(verdict, 'work')[0]!.why).toMatch(/its load fell to less than half at 02:[23]\d/);
  });

  test('a load that follows the day does not', () => {
    const daily = (t: number): number => 60 + 50 * Math.sin((2 * Math.PI * t) / (8 * HOUR));
    expect(said(verdictOf([memory, fds, load(daily)], { hours: 8 }), 'work')).toEqual([]);
  });

  test('of the load on the run as a whole is that of every target without its own', () => {
    const ofRun = { ...load((t) => (t > 2 * HOUR ? 0 : 50)), target: null, source: 'traffic' };
    expect(said(verdictOf([memory, fds, ofRun]), 'work')[0]!.why).toMatch(/work stopped at 02:0\d|work stopped at 01:5\d/);
  });

  test('what comes in a phase that is not judged is neither work nor its end', () => {
    const phase = (t: number, name: string, judged: boolean) => ({
      t,
      kind: 'phase' as const,
      target: null,
      data: { phase: name, judged },
    });
    const events = [phase(3.5 * HOUR, 'cooldown', false)];
    const done = load((t) => (t > 3.5 * HOUR ? 0 : 50));
    expect(said(verdictOf([memory, fds, done], { events }), 'work')).toEqual([]);
    expect(said(verdictOf([memory, fds, load((t) => (t > 3.5 * HOUR ? 0 : 50))]), 'work')).toHaveLength(1);
  });
});

describe('patterns', () => {
  test('gradual latency increase beside growing memory', () => {
    const slower = latency(rising);
    const leaking = { def: M.memory, signal: sum(constant(100 * MB), line(20 * MB), white(3, 0.2 * MB)) };
    const [one] = said(verdictOf([leaking, fds, load(() => 50), slower]), 'diagnosis');
    expect(one!.why).toMatch(/^gradual latency increase: .* climbs over time; likely a memory leak: api memory\.private grows too$/);
    expect(one!.outcome).toBe('pass');
  });

  test('sudden spikes with the pauses of the collector', () => {
    const spike = (t: number): boolean => t % 3600 >= 1800 && t % 3600 < 1920;
    const pauses = { def: T.collector, source: 'runtime', signal: counter((t) => (spike(t) ? 0.5 : 0.01)), period: 10 };
    const [one] = said(verdictOf([memory, fds, load(() => 50), latency((t) => (spike(t) ? 2 : 0.1)), pauses]), 'diagnosis');
    expect(one!.why).toMatch(/^sudden spikes: .* likely garbage collection pauses \(high in/);
  });

  test('increasing errors with the resource that is used up, or without one', () => {
    const worse = failing((t) => 0.05 + (t / HOUR) * (1 + jitter(t)));
    const full = [
      { def: M.fdLimit, signal: constant(1000) },
      { def: M.fds, signal: sum(constant(950), white(3, 2)) },
    ];
    const [one] = said(verdictOf([memory, ...full, load(() => 50), worse], { hours: 8 }), 'diagnosis');
    expect(one!.why).toMatch(/^increasing errors: api errors climbs; likely resource exhaustion: api fds is at 9\d\d of 1,?000$/);
    const [other] = said(verdictOf([memory, fds, load(() => 50), worse], { hours: 8 }), 'diagnosis');
    expect(other!.why).toMatch(/no resource that is watched is near its limit$/);
  });

  describe('plateau then drop', () => {
    const noise = white(5, 0.02);
    const stepping = latency((t) => (t < 2 * HOUR ? 0.1 : 0.4) * (1 + noise(t)));

    test('of the load', () => {
      const [one] = said(verdictOf([memory, fds, load((t) => (t < 2 * HOUR ? 50 : 15))]), 'diagnosis');
      expect(one!.why).toMatch(/^plateau then drop: the work of api fell to less than half at 0[12]:\d\d; likely a capacity limit/);
    });

    test('of the latency, which stepped up and stayed under the same load', () => {
      const [one, ...more] = said(verdictOf([memory, fds, load(() => 50), stepping]), 'diagnosis').filter(({ id }) =>
        id.includes('plateau'),
      );
      expect(more).toEqual([]);
      expect(one!.why).toMatch(
        /^plateau then drop: api latency\{.*\} stepped up from (?:99|100|101)[\d.]* ms to (?:39|40)\d[\d.]* ms at 0[12]:\d\d and stayed there, while/,
      );
    });

    test.each<[string, readonly Simulated[]]>([
      ['that came with more load', [load((t) => (t < 2 * HOUR ? 50 : 100)), stepping]],
      ['that came down again', [load(() => 50), latency((t) => (t < 2 * HOUR || t > 2.5 * HOUR ? 0.1 : 0.4) * (1 + noise(t)))]],
      ['that climbed', [load(() => 50), latency(rising)]],
      ['whose load is not known', [stepping]],
    ])('is nothing %s', (_, series) => {
      const all = said(verdictOf([memory, fds, ...series]), 'diagnosis');
      expect(all.filter(({ why }) => why.startsWith('plateau'))).toEqual([]);
    });
  });

  test('nothing of a healthy run', () => {
    expect(said(verdictOf([memory, fds, load(() => 50), latency(sum(constant(0.1), white(5, 0.002)))]), 'diagnosis')).toEqual([]);
  });
});

describe('a load tool that ends with failures', () => {
  const events = [
    { t: 4 * HOUR - 10, kind: 'load_end' as const, target: null, message: 'locust ended', data: { class: 'failures', tool: 'locust' } },
  ];
  const endOf = (...traffic: readonly Simulated[]) => said(verdictOf([memory, fds, ...traffic], { events }), 'load');

  test('is a note where it was seen at work', () => {
    expect(endOf(load(() => 50))).toMatchObject([{ outcome: 'pass', why: expect.stringMatching(/for rules such as errors/) as unknown }]);
  });

  test('may never have begun where nothing was seen of it', () => {
    const never = { outcome: 'inconclusive', why: expect.stringMatching(/no traffic of it was seen/) as unknown };
    expect(endOf()).toMatchObject([never]);
    expect(endOf(load(() => 0))).toMatchObject([never]);
  });
});

describe('the generator', () => {
  const generator: Simulated = { def: M.memory, target: 'load', signal: sum(constant(100 * MB), line(200 * MB), white(4, 0.2 * MB)) };
  const slower = latency(rising);

  test('that leaks is blamed itself, before the service, and what only it has measured is left open', () => {
    const verdict = verdictOf([memory, fds, load(() => 50), slower, generator], { options: { generators: ['load'] } });
    expect(verdict.findings[0]).toMatchObject({ kind: 'generator', target: 'load', outcome: 'pass' });
    expect(verdict.findings[0]!.why).toMatch(/^the load generator itself \(load\) grows: load memory\.private grows/);
    expect(said(verdict, 'leak')[0]).toMatchObject({ target: 'api', outcome: 'inconclusive' });
    expect(verdict.outcome).toBe('inconclusive');
  });

  test('does not hide a leak of the service', () => {
    const leaking = { def: M.memory, signal: sum(constant(100 * MB), line(20 * MB), white(3, 0.2 * MB)) };
    const verdict = verdictOf([leaking, fds, load(() => 50), generator], { options: { generators: ['load'] } });
    expect(verdict.outcome).toBe('fail');
    expect(said(verdict, 'leak')[0]!.target).toBe('api');
  });

  test('is spared by rules that name nobody, and held to those that name it', () => {
    const busy: Simulated = { def: PROCESS.cpuUtilization, target: 'load', signal: constant(0.85) };
    const large: Simulated = { def: M.memory, target: 'load', signal: constant(3000 * MB) };
    const seed = presetRules('seed')!;
    const ended = (...texts: readonly string[]) => {
      const rules = [...seed, ...texts].map((text) => parseRule(text, (name) => CATALOG.find(name)));
      const verdict = verdictOf([memory, fds, load(() => 50), busy, large], { options: { generators: ['load'], rules } });
      return said(verdict, 'rule').map(({ evidence }) => evidence['rule']);
    };
    expect(ended('memory.private slope < 1MB/h')).toEqual([]);
    expect(ended('load: cpu avg < 80%')).toEqual(['load: cpu avg < 80%']);
    expect(ended('load: memory.private < 2GB')).toEqual(['load: memory.private < 2GB']);
  });

  test('that is well is not heard of', () => {
    const well = { ...generator, signal: sum(constant(100 * MB), white(4, 0.05 * MB)) };
    const verdict = verdictOf([memory, fds, load(() => 50), slower, well], { options: { generators: ['load'] } });
    expect(said(verdict, 'generator')).toEqual([]);
    expect(verdict.outcome).toBe('fail');
  });
});

describe('recovery from a fault', () => {
  const phase = (t: number, name: string, judged: boolean) => ({ t, kind: 'phase' as const, target: null, data: { phase: name, judged } });
  const events = [phase(3600, 'fault', false), phase(3900, 'steady', true)];
  const rules = (...texts: string[]) => ({ options: { rules: texts.map((text) => parseRule(text, (name) => CATALOG.find(name))) } });
  const slow = latency((t) => (t > 3600 && t < 3945 ? 1 : 0.1));

  test('is measured for every signal that it moved', () => {
    const [one] = said(verdictOf([memory, fds, load((t) => (t > 3600 && t < 3920 ? 5 : 50)), slow], { events }), 'recovery');
    expect(one).toMatchObject({ outcome: 'pass', evidence: { what: 'fault', seconds: 300 } });
    expect(one!.why).toMatch(
      /^the fault from 01:00 to 01:05: api requests was back after [23]0s, api latency\{soak\.quantile="0\.95"\} was back after 50s$/,
    );
  });

  test.each([
    ['recovery < 60s', []],
    ['recovery < 40s', ['fail']],
    ['recovery < 40s warn', ['pass']],
    ['requests recovery < 40s', []],
  ])('%s', (text, expected) => {
    const verdict = verdictOf([memory, fds, load((t) => (t > 3600 && t < 3920 ? 5 : 50)), slow], { events, ...rules(text) });
    expect(
      said(verdict, 'recovery')
        .slice(1)
        .map(({ outcome }) => outcome),
    ).toEqual(expected);
  });

  test('that never came breaks the rule', () => {
    const verdict = verdictOf([memory, fds, load(() => 50), latency((t) => (t > 3600 ? 1 : 0.1))], { events, ...rules('recovery < 120s') });
    expect(said(verdict, 'recovery').map(({ outcome }) => outcome)).toEqual(['pass', 'fail']);
    expect(said(verdict, 'recovery')[1]!.why).toMatch(/took at least 2h55m, which breaks the rule/);
  });

  test('of a signal that was silent is from its first sample on', () => {
    const silent = { ...latency(constant(0.1)), when: (t: number) => t < 3600 || t > 3960 };
    const [one] = said(verdictOf([memory, fds, load(() => 50), silent], { events }), 'recovery');
    expect(one!.why).toMatch(/latency\{soak\.quantile="0\.95"\} was back after 1m10s$/);
  });

  test('goes on over a resumption', () => {
    const of: Scenario = { hours: 2, interval: 10, series: [memory, fds, load(() => 50), slow], events, ...rules('recovery < 40s') };
    const whole = new Simulation(of).run().verdict();
    for (const cut of [3500, 3700, 3930]) {
      const again = new RunState(new Judge(optionsOf(of)));
      const half = new Simulation(of).run(cut);
      for (const series of half.state.series.all()) again.series.restore(series);
      again.restore(half.state.snapshot());
      expect(said(half.continuedBy(again).run().verdict(), 'recovery')).toEqual(said(whole, 'recovery'));
    }
  });
});

describe('capacity', () => {
  const steps = (t: number): number => 50 + 50 * Math.floor(t / HOUR);
  const users = { def: T.users, signal: steps, period: 10 };

  test('how each level of the load was served, and users per instance', () => {
    const series = [memory, fds, load(steps), users, latency((t) => (t >= 3 * HOUR ? 0.6 : 0.1))];
    const [one] = verdictOf(series).capacity;
    expect(one!.bands.length).toBeGreaterThanOrEqual(4);
    expect(one!.bands[0]).toMatchObject({ errors: null, cpu: null });
    expect(one!.bands[0]!.p95).toBeCloseTo(0.1, 6);
    expect(one!.bands.at(-1)!.p95!).toBeGreaterThan(0.4);
    expect(one!.usersPerInstance).toBeGreaterThan(100);
    expect(one!.usersPerInstance).toBeLessThanOrEqual(160);
  });

  test('an even load says nothing of it', () => {
    expect(verdictOf([memory, fds, load(() => 50), latency(constant(0.1))]).capacity).toEqual([]);
  });
});

test('what is held without load is compared with what was held before it', () => {
  const phase = (t: number, name: string, judged: boolean) => ({ t, kind: 'phase' as const, target: null, data: { phase: name, judged } });
  const events = [phase(0, 'idle', false), phase(600, 'steady', true), phase(3.5 * HOUR, 'cooldown', false)];
  const held = (kept: number): Simulated => ({
    def: M.memory,
    signal: (t) => (t < 600 ? 80 * MB : t < 3.5 * HOUR ? 100 * MB : 80 * MB + kept),
  });
  const [one] = said(verdictOf([held(12 * MB), fds, load(() => 50)], { events }), 'idle');
  expect(one!.why).toBe('without load api memory.private holds 92 MB from 03:45 on, 12 MB more than the 80 MB before the load');
  expect(said(verdictOf([held(0), fds, load(() => 50)], { events }), 'idle')[0]!.why).toMatch(/about as much as the 80 MB/);
  expect(said(verdictOf([held(0), fds, load(() => 50)]), 'idle')).toEqual([]);
});

test('where a rule and the detector disagree, the finding says so', () => {
  const filled: Simulated = { def: M.memory, signal: sum((t) => (t < 4000 ? 100 * MB : 160 * MB), white(3, 0.05 * MB)) };
  const rules = [parseRule('memory.private vs_baseline < +50%', (name) => CATALOG.find(name))];
  const [one] = said(verdictOf([filled, fds, load(() => 50)], { hours: 8, options: { rules } }), 'rule');
  expect(one!.why).toMatch(/\+60 % against its baseline.* the detector disagrees: api memory\.private does not grow/);
});

describe('a day of load that follows the hour', () => {
  const perSecond = (t: number): number => 60 + 40 * Math.sin((2 * Math.PI * t) / (24 * HOUR));
  const asked = counter(perSecond);
  const total = (t: number): number => 60 * t + 40 * (1 - Math.cos((2 * Math.PI * t) / (24 * HOUR))) * ((24 * HOUR) / (2 * Math.PI));
  const day = { hours: 24, interval: 60 };

  test('a leak of 100 bytes a request fails, with that figure', () => {
    const leaking: Simulated = { def: M.memory, signal: sum(constant(200 * MB), (t) => 100 * total(t), white(7, 0.5 * MB)) };
    const verdict = verdictOf([leaking, fds, { ...load(() => 0), signal: asked, period: 60 }], day);
    const [one] = verdict.series;
    expect(one!.outcome).toBe('fail');
    expect(one!.perRequest).toBeGreaterThan(90);
    expect(one!.perRequest).toBeLessThan(110);
  });

  test('its twin, whose size only follows the load, passes', () => {
    const following: Simulated = { def: M.memory, signal: sum(constant(200 * MB), (t) => 0.5 * MB * perSecond(t), white(7, 0.5 * MB)) };
    const verdict = verdictOf([following, fds, { ...load(() => 0), signal: counter(perSecond), period: 60 }], day);
    expect(verdict.series[0]!.outcome).toBe('pass');
    expect(verdict.outcome).toBe('pass');
  });
});

describe('phases that nobody declared', () => {
  const ramp = (t: number): number => (t < 1800 ? 10 + (40 * t) / 1800 : 50);

  test('are the ramp and the plateau of the load', () => {
    const { phases, run } = verdictOf([memory, fds, load(ramp)]);
    expect(phases.map(({ name, judged }) => [name, judged])).toEqual([
      ['rampup', false],
      ['steady', true],
    ]);
    const from = (Date.parse(phases[1]!.from) - Date.parse(run.start)) / 1000;
    expect(from).toBeGreaterThan(1300);
    expect(from).toBeLessThan(2000);
  });

  test.each([
    ['an even load', () => 50],
    ['a load that follows the day', (t: number) => 60 + 50 * Math.sin((2 * Math.PI * t) / (8 * HOUR))],
    ['a load that only rises', (t: number) => 10 + t / 100],
    ['one of steps', (t: number) => 50 + 50 * Math.floor(t / HOUR)],
  ])('%s has none', (_, perSecond) => expect(verdictOf([memory, fds, load(perSecond)]).phases).toEqual([]));
});

test('connections that were lost stay lost when the work has stopped for want of them', () => {
  const stuck: Simulated = {
    def: POOL.stuck,
    source: 'pool',
    labels: { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'app', 'user.name': 'app' },
    signal: (t) => Math.floor(Math.max(0, Math.min(t, 80) - 35) / 5),
  };
  const busy: Simulated = { def: M.cpu, signal: counter((t) => (t > 80 ? 0 : 0.1)) };
  const verdict = verdictOf([memory, fds, busy, stuck], { hours: 150 / 3600, interval: 1 });
  expect(said(verdict, 'work')[0]!.why).toMatch(/work stopped at/);
  expect(verdict.series.find(({ metric }) => metric === POOL.stuck.name)).toMatchObject({ outcome: 'fail', grade: 'confirmed' });
  expect(verdict.outcome).toBe('fail');
});
