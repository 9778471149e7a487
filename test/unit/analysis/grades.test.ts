import { describe, expect, test } from 'vitest';
import { type Evidence, type GradeBook, NEW_BOOK, nextBook } from '../../../src/analysis/grades.ts';

const HOUR = 3600;
const FLAT: Evidence = { p: 0.9, end: 0.9, score: -6, examined: true, limited: false, growthFrom: 0, growthTo: 8 * HOUR };
const LEAK: Evidence = { ...FLAT, p: 1e-9, end: 1e-9, score: 9 };
/** Growth of which nobody knows whether it ends. */
const OPEN: Evidence = { ...FLAT, p: 1e-9, end: 1e-3, score: 0.5 };

function through(looks: readonly (readonly [minutes: number, evidence: Evidence])[], plannedEnd: number | null = 8 * HOUR): GradeBook {
  return looks.reduce(
    (book, [minutes, evidence]) =>
      nextBook(book, { ...evidence, growthTo: minutes * 60 }, { now: minutes * 60, plannedEnd, final: false }, 1),
    NEW_BOOK,
  );
}

const minutes = (from: number, to: number, evidence: Evidence): [number, Evidence][] =>
  Array.from({ length: to - from + 1 }, (_, i) => [from + i, evidence]);

describe('grades', () => {
  test('nothing happens to a flat series', () => expect(through(minutes(1, 480, FLAT))).toMatchObject({ grade: 'none', history: [] }));

  test('a leak is suspected, then confirmed when it held, over enough of the run', () => {
    const { history } = through(minutes(60, 180, LEAK));
    expect(history.map(({ grade, at }) => [grade, at / 60])).toEqual([
      ['suspected', 60],
      ['confirmed', 72], // 15 % of 8 h
    ]);
  });

  test('of looks that are 5 % of the run apart, two in a row are enough', () => {
    const { history } = through([
      [100, LEAK],
      [105, LEAK],
    ]);
    expect(history.map(({ grade, at }) => [grade, at / 60])).toEqual([
      ['suspected', 100],
      ['confirmed', 105],
    ]);
  });

  test('one look that does not hold begins the wait anew', () => {
    const { history } = through([...minutes(100, 102, LEAK), [103, FLAT], ...minutes(105, 120, LEAK)]);
    expect(history.find(({ grade }) => grade === 'confirmed')!.at / 60).toBeGreaterThanOrEqual(108);
  });

  test('growth that may end is suspected and no more', () => {
    expect(through(minutes(60, 480, OPEN)).grade).toBe('suspected');
  });

  test('what stopped growing is retracted, and can be confirmed again', () => {
    const { grade, history } = through([...minutes(60, 120, LEAK), ...minutes(121, 200, FLAT), ...minutes(201, 300, LEAK)]);
    expect(history.map((change) => change.grade)).toEqual(['suspected', 'confirmed', 'retracted', 'suspected', 'confirmed']);
    expect(grade).toBe('confirmed');
  });

  test('a suspicion by chance is dropped', () => {
    expect(
      through([
        [60, { ...OPEN, p: 1e-5 }],
        [61, { ...FLAT, score: 0 }],
      ]).grade,
    ).toBe('none');
  });

  test('the first minutes of a run say nothing', () => {
    expect(through(minutes(1, 9, LEAK)).history).toEqual([]);
    expect(through(minutes(1, 9, LEAK), null).history).toEqual([]);
    expect(through([[599 / 60, LEAK]], null).grade).toBe('suspected'); // ten minutes, a sample a second
    expect(through(minutes(1, 12, LEAK), null).grade).toBe('suspected');
    expect(through(minutes(1, 55, LEAK), null).grade).toBe('suspected');
    expect(through(minutes(1, 80, LEAK), null).grade).toBe('confirmed');
  });

  describe('at the end of a run of two minutes', () => {
    const last = (evidence: Partial<Evidence>): GradeBook =>
      nextBook(NEW_BOOK, { ...LEAK, growthFrom: 10, growthTo: 120, ...evidence }, { now: 120, plannedEnd: 120, final: true }, 1);

    test('overwhelming evidence confirms in one look, if a limit says what it means', () => {
      expect(last({ limited: true }).grade).toBe('confirmed');
      expect(last({ limited: false }).grade).toBe('suspected');
    });

    test('but not evidence that a later look might take back', () => expect(last({ limited: true, score: 0.5 }).grade).toBe('suspected'));

    test('nor growth at the very end', () => expect(last({ limited: true, growthFrom: 112 }).grade).toBe('suspected'));
  });

  test('what was only examined by a line, or on too few points, is never confirmed', () => {
    expect(through(minutes(60, 480, { ...LEAK, examined: false })).grade).toBe('suspected');
  });

  test('in the first two hours the end asks for as much as a look in mid-run: caches and collectors still fill', () => {
    const after = (hours: number, evidence: Partial<Evidence> = {}): GradeBook => {
      const [growthTo, plannedEnd] = [hours * HOUR, hours * HOUR];
      const seen = { ...LEAK, score: 2.5, growthFrom: 0, growthTo, ...evidence };
      return nextBook(NEW_BOOK, seen, { now: growthTo, plannedEnd, final: true }, 1);
    };
    expect(after(1.9).grade).toBe('suspected');
    expect(after(1.9, { score: 3.5 }).grade).toBe('confirmed');
    expect(after(2).grade).toBe('confirmed');
  });

  test('the end of a long run asks for less than a look in mid-run, because no later one comes', () => {
    const last = (evidence: Partial<Evidence>): GradeBook =>
      nextBook(NEW_BOOK, { ...LEAK, score: 0.5, end: 0.01, p: 0.01, ...evidence }, { now: 8 * HOUR, plannedEnd: 8 * HOUR, final: true }, 1);
    expect(last({}).grade).toBe('confirmed');
    expect(last({ score: -0.1 }).grade).toBe('none');
    expect(last({ p: 0.2, end: 0.2 }).grade).toBe('none');
    expect(last({ growthFrom: 7.5 * HOUR }).grade).toBe('none');
  });

  test('what is confirmed keeps what mattered when it came to be, until it is retracted', () => {
    expect(through(minutes(60, 120, LEAK)).floor).toBe(1);
    expect(through([...minutes(60, 120, LEAK), ...minutes(121, 200, FLAT)]).floor).toBeUndefined();
    expect(through(minutes(60, 70, LEAK)).floor).toBeUndefined();
  });

  test('the history is bounded, and keeps how it began', () => {
    const looks = Array.from({ length: 200 }, (_, i): [number, Evidence] => [60 + i, i % 2 === 0 ? OPEN : FLAT]);
    const { history } = through(looks);
    expect(history.length).toBeLessThanOrEqual(16);
    expect(history[0]).toEqual({ grade: 'suspected', at: 3600 });
  });
});
