import { expect, test } from 'vitest';
import { type GradeBook, isEarly, NEW_BOOK, nextBook } from '../../../src/analysis/grades.ts';
import { Judge } from '../../../src/analysis/judge.ts';
import { ended, Round } from '../../../src/analysis/round.ts';
import { RunState } from '../../../src/runstate.ts';
import { Batch } from '../../../src/tick.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, sum, white } from '../../sim/series.ts';

const OPTIONS = { requiredLifetime: 86_400, plannedEnd: null, warmup: null, rules: [], required: [], interval: 60 };

/** Whether a gated series that was last looked at 100 minutes into the run is due again some minutes later. */
function isDue(book: Partial<GradeBook>, minutes: number): boolean {
  const state = new RunState(new Judge(OPTIONS));
  const id = state.series.open({ source: 'process', target: 'api', member: null, period: 60 }, M.memory);
  const batch = new Batch();
  batch.set(id, 1e8, (100 + minutes) * 60);
  state.fold(batch.close(0, (100 + minutes) * 60, 0));
  const books = new Map([[id, { ...NEW_BOOK, at: 6000, ...book }]]);
  return ended(Round.begin(state, OPTIONS, [], books))?.due.includes(id) ?? false;
}

test.each([
  ['nothing is said of', {}, 5],
  ['may be confirmed when it holds', { grade: 'suspected', held: 5900 }, 2.5],
  ['is suspected', { grade: 'suspected' }, 5],
  ['was confirmed and begins to falter', { grade: 'confirmed', held: null }, 5],
  ['is confirmed by evidence that still holds', { grade: 'confirmed', held: 3000 }, 10],
  ['has stopped', { grade: 'retracted', held: null }, 5],
] as const)('what %s is looked at again when the run has grown by so many per cent', (_, book, percent) => {
  expect(isDue(book, percent - 0.1)).toBe(false);
  expect(isDue(book, percent + 0.1)).toBe(true);
});

test('the level of what leaks goes on between two looks', () => {
  const series = [
    { def: M.memory, signal: sum(constant(300 * MB), line(40 * MB), white(3, MB)) },
    { def: M.cpu, signal: line(360) },
  ];
  const simulation = new Simulation({ hours: 8, interval: 60, series });
  for (let hour = 5; hour <= 8; hour += 0.2) {
    const { level } = simulation.run(hour * HOUR).verdict(false).series[0]!;
    expect(Math.abs(level! / MB - (300 + 40 * hour))).toBeLessThan(3);
  }
});

test.each([null, 300, 1380, 3600, 86_400, 30 * 86_400])(
  'evidence from before anything may be suspected changes no grade (planned: %s s)',
  (plannedEnd) => {
    const evidence = { p: 1e-9, end: 1e-9, score: 20, limited: true, growthFrom: 0 };
    const gradesFrom = (seen: (now: number) => boolean): string[] => {
      let book = NEW_BOOK;
      const grades: string[] = [];
      for (let now = 60; now <= 12_000_000 && grades.at(-1) !== 'confirmed'; now = Math.max(now + 60, 1.025 * now)) {
        book = nextBook(book, { ...evidence, examined: seen(now), growthTo: now }, { now, plannedEnd, final: false }, 1);
        grades.push(book.grade);
      }
      return grades;
    };
    const all = gradesFrom(() => true);
    expect(all.at(-1)).toBe('confirmed');
    expect(gradesFrom((now) => !isEarly({ now, plannedEnd }))).toEqual(all);
  },
);

/** How many series are judged after each tick, `every` seconds apart, over the first five minutes of 200 series. */
function judgedAfterTicks(every: number): number[] {
  const state = new RunState(new Judge({ ...OPTIONS, interval: every }));
  const ids = Array.from({ length: 200 }, (_, i) =>
    state.series.open({ source: 'process', target: `t${i}`, member: null, period: every }, M.memory),
  );
  const batch = new Batch();
  const counts: number[] = [];
  for (let t = 0; t <= 300; t += every) {
    for (const id of ids) batch.set(id, 1e8 + ((id * 7919 + t * 977) % 1000) * 1000, t);
    state.fold(batch.close(counts.length, t, t));
    counts.push(state.judge.judgement?.series.length ?? 0);
  }
  return counts;
}

test('a tick judges no more than the seconds since the one before allow, and in the end all are judged', () => {
  const [slow, fast] = [judgedAfterTicks(30), judgedAfterTicks(1)];
  expect([slow.at(-1), fast.at(-1)]).toEqual([200, 200]);
  // A screen is 3 units of the 40 of a second; what is begun is ended.
  const steps = fast.map((count, i) => count - (fast[i - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThanOrEqual(40 / 3 + 1);
  expect(slow.indexOf(200)).toBe(2);
});
