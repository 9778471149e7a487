import { beforeAll, describe, expect, test } from 'vitest';
import { Bins } from '../../../src/bins.ts';
import { Judge } from '../../../src/analysis/judge.ts';
import { RecordReader } from '../../../src/record/reader.ts';
import { replay } from '../../../src/record/replay.ts';
import { RecordWriter } from '../../../src/record/writer.ts';
import { chartOf } from '../../../src/report/chart.ts';
import { anchorOf, plainData, plainName, plainSentence } from '../../../src/report/plain.ts';
import { reportOf } from '../../../src/report/report.ts';
import { SIGNALS_MAX } from '../../../src/report/signals.ts';
import { sparkline } from '../../../src/views/sparkline.ts';
import type { Report } from '../../../src/report/value.ts';
import { RunState } from '../../../src/runstate.ts';
import { HEADER, HOSTILE, night } from '../../fixtures/report/night.ts';
import { HEADER as RECORDED, Program, temporaryFolder } from '../../fixtures/record/ticks.ts';
import * as fc from '../../property.ts';
import { M } from '../../sim/metrics.ts';
import { optionsOf, Simulation } from '../../sim/run.ts';

let report: Report;
beforeAll(() => {
  report = night().report();
}, 60_000);

describe('a report', () => {
  test('is told in one sentence, with the worst first', () => {
    expect(report.sentence).toBe(
      'Failed after 8h: api heap grows +20MB/h since 02:02; api memory.private reaches its limit of 512MB in 7h50m, and 1 more finding.',
    );
    expect(report.findings.map(({ outcome }) => outcome)).toEqual([
      'fail',
      'fail',
      'inconclusive',
      'inconclusive',
      'inconclusive',
      'pass',
      'pass',
    ]);
  });

  test('each finding has its signals, the lead first, and says what to do or what would settle it', () => {
    for (const { outcome, signals, series, steps, settle } of report.findings) {
      expect(signals.map((i) => report.signals[i]!.id)).toEqual(series);
      if (outcome === 'fail') expect(steps.length).toBeGreaterThan(0);
      expect(settle === null).toBe(outcome !== 'inconclusive');
    }
  });

  test('what is found has a fit, an onset within its interval, and a forecast that begins where the fit ends', () => {
    const heap = report.signals.find(({ id }) => id === 'api heap')!.fit!;
    expect(heap.onset!.at).toBeGreaterThan(heap.onset!.lo);
    expect(heap.onset!.at).toBeLessThan(heap.onset!.hi);
    expect(Math.abs(heap.onset!.at - 7200)).toBeLessThan(600);
    expect(heap.forecast!.y[0]).toBe(heap.y.at(-1));
    expect(heap.forecast!.hi.at(-1)).toBeGreaterThan(heap.forecast!.lo.at(-1)!);
    expect(heap.t[0]).toBeGreaterThanOrEqual(heap.from);
  });

  test('a limit, restarts, gaps, phases and notes are on its time axis', () => {
    const memory = report.signals.find(({ id }) => id === 'api memory.private')!;
    expect(memory.limits).toEqual([{ t: expect.any(Number) as number, value: 512e6, from: 'soak.container.memory.limit' }]);
    expect(report.signals.find(({ id }) => id === 'worker fds')!.restarts).toEqual([12_240]);
    expect(report.timeline.gaps).toEqual([{ from: 22_320, to: 22_920 }]);
    expect(report.timeline.phases).toMatchObject([
      { name: 'warmup', from: 0, to: 1800, judged: false },
      { name: 'steady', from: 1800, to: 28_800, judged: true },
    ]);
    expect(report.timeline.marks.map(({ kind }) => kind)).toEqual(['restart', 'mark']);
  });

  test('load and latency come first, the agent itself last, and pools have their states and their maximum', () => {
    expect(report.signals.map(({ lane }) => lane).slice(0, 4)).toEqual(['load', 'load', 'latency', 'latency']);
    expect(report.signals.slice(-2).map(({ metric }) => metric)).toEqual(['soak.agent.cpu.time', 'soak.agent.memory.private']);
    const [pool] = report.pools;
    expect(pool!.states.map(({ state, signal }) => [state, report.signals[signal]!.metric])).toEqual(
      ['active', 'idle', 'idle_in_transaction', 'stuck'].map((state) => [state, 'soak.pool.connections']),
    );
    expect(report.signals[pool!.max!]!.metric).toBe('soak.pool.connections.max');
    expect(report.cost.map(({ name }) => name)).toEqual(['CPU, share of a core', 'private memory']);
  });

  test('is the same for the same ticks, and says that a run goes on', () => {
    const [once, again] = [night(2.6 * 3600), night(2.6 * 3600)].map((one) => one.report('running'));
    expect(JSON.stringify(once) === JSON.stringify(again)).toBe(true);
    expect(once).toMatchObject({ run: { state: 'running' }, verdict: { run: { end: null } } });
    expect(once!.sentence).toMatch(
      /^Not settled yet after 2h36m: api heap may be leaking \+[\d.]+MB\/h, which is not confirmed yet, and \d more findings\.$/,
    );
  });

  test('is bounded, and says what it leaves out', () => {
    const series = Array.from({ length: SIGNALS_MAX + 40 }, (_, i) => ({
      def: { ...M.advisory, labels: { of: { max: 2000 } } },
      source: 'scrape',
      labels: { of: String(i) },
      signal: () => i,
    }));
    const simulation = new Simulation({ hours: 0.1, interval: 10, series: [{ def: M.memory, signal: () => 1e8 }, ...series] }).run();
    const many = reportOf({ header: HEADER, phase: 'finished', state: simulation.state, verdict: simulation.verdict() });
    expect(many.signals.length).toBe(SIGNALS_MAX);
    expect(many.left.signals).toBe(41);
    expect(many.signals.map(({ id }) => id)).toContain('api memory.private');
  });

  test('leaves out the findings that weigh least, also of the verdict in it', () => {
    const { verdict } = report;
    const of = (outcome: 'pass' | 'fail', i: number) => ({ ...verdict.findings[0]!, id: `${outcome} ${i}`, outcome });
    const findings = [...Array.from({ length: 250 }, (_, i) => of('pass', i)), of('fail', 0)];
    const simulation = new Simulation({ hours: 0.1, interval: 10, series: [{ def: M.memory, signal: () => 1e8 }] }).run();
    const cut = reportOf({ header: HEADER, phase: 'finished', state: simulation.state, verdict: { ...simulation.verdict(), findings } });
    expect(cut.left.findings).toBe(51);
    for (const list of [cut.findings, cut.verdict.findings]) expect([list.length, list[0]!.id]).toEqual([200, 'fail 0']);
  });

  test('holds no character that a terminal or a reader would be fooled by', () => {
    const text = JSON.stringify(report);
    expect(/[\p{Cc}\p{Cf}]/u.test(text)).toBe(false);
    expect(JSON.stringify(plainData(JSON.parse(text))) === text).toBe(true);
    expect(text).toContain('deployed 1.2 of the gateway');
  });
});

test.each(['start', 'checkpoint'] as const)(
  'a run that is replayed from the %s of its record gives the report of the live one, byte for byte',
  (from) => {
    const folder = temporaryFolder();
    const program = new Program(6);
    const options = optionsOf({ hours: 0.1, interval: 1, series: [] });
    const live = new RunState(new Judge(options), program.table);
    const writer = RecordWriter.create(folder, RECORDED, { maxBytes: 2 ** 29 });
    for (let n = 0; n < 350; n++) {
      const tick = program.tick(n);
      writer.append(tick, program.table);
      live.fold(tick);
      if (n % 60 === 59) writer.checkpoint(n, live.snapshot());
    }
    writer.close();
    const again = new RunState(new Judge(options));
    const reader = RecordReader.open(folder);
    expect(replay(reader, again, { from }).ticks).toBe(from === 'start' ? 350 : 50);
    reader.close();
    const of = (state: RunState): string => {
      const verdict = state.judge.verdict({ ...HEADER, end: HEADER.start + state.t }, state);
      return JSON.stringify(reportOf({ header: HEADER, phase: 'finished', state, verdict }));
    };
    expect(of(again) === of(live)).toBe(true);
  },
);

describe('a chart', () => {
  function binned(width: number, samples: readonly (readonly [t: number, value: number])[]): Bins {
    const bins = new Bins(width);
    for (const [t, value] of samples) bins.add(t, value);
    return bins;
  }

  test('of a gauge has means and extremes, and nulls where there was nothing', () => {
    const bins = binned(10, [[0, 1], [5, 3], [31, 7]]); // prettier-ignore
    expect(chartOf({ bins, counter: false, period: 5 })).toEqual({
      from: 0,
      step: 10,
      mean: [2, null, null, 7],
      min: [1, null, null, 7],
      max: [3, null, null, 7],
    });
  });

  test('of a gauge that does not move within a bin has its means alone', () => {
    const bins = binned(10, [[0, 4], [5, 4], [11, 5]]); // prettier-ignore
    expect(chartOf({ bins, counter: false, period: 5 })).toMatchObject({ mean: [4, 5], min: null, max: null });
  });

  test('of a counter is its increase per second, also in bins that have not had all their time', () => {
    const increments = [5, 10, 15, 20, 25, 30, 35].map((t) => [t, 50] as const);
    const { mean } = chartOf({ bins: binned(10, increments), counter: true, period: 5 });
    expect(mean).toEqual([10, 10, 10, 10]);
  });

  test('of a counter: where a gap has mixed what came when, it is unknown', () => {
    const increments = [5, 10, 15, 29, 35, 40, 45].map((t) => [t, 50] as const);
    const gapped = chartOf({ bins: binned(10, increments), counter: true, period: 5, gaps: [{ from: 16, to: 28 }] });
    expect(gapped.mean).toEqual([10, null, null, 5, 10]);
    const long = chartOf({ bins: binned(10, [[5, 50], [45, 200], [50, 50], [55, 50]]), counter: true, period: 5 }); // prettier-ignore
    expect(long.mean).toEqual([10, null, null, null, null, 10]);
  });
});

describe('texts from outside', () => {
  test('lose what is unseen, and keep everything else', () => {
    expect(plainName('a\u001B[31mb\u202Ec\u200Bd\ne')).toBe('a\uFFFD[31mb\uFFFDc\uFFFDd\uFFFDe');
    expect(plainName('Größe 東京 🚀 </script>')).toBe('Größe 東京 🚀 </script>');
  });

  test('are cut in the middle', () => {
    const long = `${'a'.repeat(9999)}z`;
    expect(plainName(long)).toMatch(/^a+…a+z$/);
    expect(plainName(long).length).toBe(256);
    expect(plainSentence(long).length).toBe(2000);
  });

  test('of any data are plain in keys and values, at any depth', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(plainData({ [HOSTILE]: value, list: [HOSTILE] }));
        expect(text).not.toMatch(/[\p{Cf}\p{Cs}]|\\u00[01]/u);
      }),
    );
  });

  test('anchors are safe in an address, stable, and as different as what they stand for', () => {
    expect(anchorOf('leak:api/2 memory.private')).toBe('leak-api-2-memory.private');
    expect(anchorOf(HOSTILE)).toMatch(/^[A-Za-z0-9._-]+$/);
    const names = ['a b', 'a  b', 'a{x="1"}', 'a{x="2"}', 'a<', 'a>', '', 'é', 'e', 'a'.repeat(200), 'a'.repeat(201)];
    expect(new Set(names.map(anchorOf)).size).toBe(names.length);
  });
});

test('a sparkline is as wide as it may be, from the least to the most, with blanks where nothing is known', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([5, 5, null, null, 5, 5], 3)).toBe('▅ ▅');
  expect(sparkline([null], 3)).toBe('');
  expect(sparkline(Array.from({ length: 256 }, (_, i) => i), 32).length).toBe(32); // prettier-ignore
});
