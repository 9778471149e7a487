/** The benchmark of detectors judges others, so it is judged first: its chance, its limit, its truths, its scorer, and the rules. */
import { describe, expect, test } from 'vitest';
import type { Detector } from '../../../bench/detector/detector.ts';
import { GROUPS } from '../../../bench/detector/families/index.ts';
import { draw, type Labelled } from '../../../bench/detector/labelled.ts';
import { hoursToSee, K, slopeSd, trendZ } from '../../../bench/detector/limit.ts';
import { upperBound } from '../../../bench/detector/proportion.ts';
import { Random } from '../../../bench/detector/random.ts';
import { RULES } from '../../../bench/detector/rules/index.ts';
import { countsWith, floorOf, rowOf } from '../../../bench/detector/score.ts';
import { auc, summarise } from '../../../bench/detector/summary.ts';

const FAMILIES = GROUPS.flatMap(({ leaky, clean }) => [
  ...leaky.map((family) => [family.id, true, family] as const),
  ...clean.map((family) => [family.id, false, family] as const),
]);

/** Once a minute: what is tested here does not depend on it. */
const STEP = 60;

describe('chance', () => {
  test('a name gives the same numbers, another one others', () => {
    const first = (name: string): number[] =>
      Array.from(
        { length: 5 },
        (
          (r) => () =>
            r.uniform()
        )(new Random(name)),
      );
    expect(first('a')).toEqual(first('a'));
    expect(first('a')).not.toEqual(first('b'));
  });

  test('moments', () => {
    const r = new Random('moments');
    const of = (next: () => number): { mean: number; variance: number } => {
      const values = Array.from({ length: 20_000 }, next);
      const mean = values.reduce((a, b) => a + b) / values.length;
      return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length };
    };
    const [uniform, normal, wait] = [of(() => r.uniform()), of(() => r.normal()), of(() => r.wait())];
    expect(uniform.mean).toBeCloseTo(0.5, 1);
    expect(uniform.variance).toBeCloseTo(1 / 12, 2);
    expect(Math.abs(normal.mean)).toBeLessThan(0.03);
    expect(Math.abs(normal.variance - 1)).toBeLessThan(0.05);
    expect(Math.abs(wait.mean - 1)).toBeLessThan(0.05);
  });
});

describe('the limit', () => {
  test('is reached when the slope is K standard deviations', () => {
    const noise = { sd: 2, tau: 0.3 };
    const hours = hoursToSee(0.8, noise, 1 / 60, 1441)!;
    const samples = Math.round(hours * 60) + 1;
    expect(0.8 / slopeSd(noise, 1 / 60, samples)).toBeGreaterThanOrEqual(K);
    expect(0.8 / slopeSd(noise, 1 / 60, samples - 1)).toBeLessThan(K);
    expect(hoursToSee(0.0008, noise, 1 / 60, 1441)).toBeNull();
  });

  test('the z of noise that is known has variance 1', () => {
    const zs = Array.from({ length: 300 }, (_, i) => {
      const r = new Random(`z/${i}`);
      let value = 3 * r.normal();
      const y = Array.from({ length: 200 }, () => {
        const now = value;
        value = 0.9 * value + 3 * Math.sqrt(1 - 0.81) * r.normal();
        return now;
      });
      return trendZ(y, { sd: 3, tau: -1 / Math.log(0.9) }, 1);
    });
    const variance = zs.reduce((sum, z) => sum + z * z, 0) / zs.length;
    expect(variance).toBeGreaterThan(0.75);
    expect(variance).toBeLessThan(1.3);
  });

  test('Clopper-Pearson: nothing of 100 is below 1 - 0.05^(1/100), 10 of 1000 below 1.69 %', () => {
    expect(upperBound(0, 100)).toBeCloseTo(1 - 0.05 ** 0.01, 9);
    expect(upperBound(10, 1000)).toBeCloseTo(0.0169, 4);
    expect(upperBound(5, 5)).toBe(1);
  });
});

test('every family has a name of its own', () => {
  const ids = FAMILIES.map(([id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

describe.each(FAMILIES)('family %s', (_, leaky, family) => {
  const drawn = Array.from({ length: 3 }, (_, i) => draw(family, 'test', i, STEP));

  test('is drawn the same again', () => expect(draw(family, 'test', 0, STEP)).toEqual(drawn[0]));

  test('has series that are series, and a truth that fits', () => {
    for (const { t, y, truth, seconds, restarts } of drawn) {
      expect(t.length).toBe(y.length);
      expect(t.every((at, i) => at >= 0 && at <= seconds && (i === 0 || at > t[i - 1]!))).toBe(true);
      expect(y.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
      expect(restarts.every((at) => at > 0 && at < seconds)).toBe(true);
      expect(truth.leak).toBe(leaky);
      expect(truth.onset).toBeLessThan(seconds);
      if (leaky) expect(truth.slopePerHour).toBeGreaterThan(0);
      else expect(truth.slopePerHour).toBeNull();
    }
  });
});

/** A family whose series are all left out would be there for show; that of leaks that stop is, and says so. */
test('most series of the families count', () => {
  const all = FAMILIES.filter(([id]) => id !== 'stops').flatMap(([, , family]) => [0, 1, 2].map((i) => draw(family, 'test', i, STEP)));
  expect(all.filter(({ truth }) => truth.ambiguous === null).length / all.length).toBeGreaterThan(0.8);
});

describe('the scorer', () => {
  const series = GROUPS.flatMap(({ leaky, clean }) => [...leaky, ...clean].map((family) => draw(family, 'test', 0, STEP)));
  const answering = (answer: (of: Labelled, t: number) => boolean): Detector[] =>
    series.map((of) => ({
      name: 'fixed',
      create() {
        let now = 0;
        const verdict = () => ({
          leak: answer(of, now),
          score: Number(answer(of, now)),
          slopePerHour: of.truth.slopePerHour ?? 0,
          ci: [0, 1e12] as const,
        });
        return { push: (t: number) => void (now = t), verdict };
      },
    }));
  const scored = (answer: (of: Labelled, t: number) => boolean) => {
    const detectors = answering(answer);
    return summarise(
      series.map((of, i) => rowOf(detectors[i]!, of)),
      'product',
    );
  };

  test('whoever knows the truth has full marks', () => {
    const summary = scored(({ truth }, t) => truth.leak && t > truth.onset);
    expect(summary).toMatchObject({
      f1: 1,
      precision: 1,
      recall: 1,
      falseAtEnd: 0,
      falseEver: 0,
      falseSettled: 0,
      early: 0,
      auc: 1,
      slopeError: 0,
      coverage: 1,
    });
  });

  test('whoever is silent finds nothing, and alarms nobody', () => {
    expect(scored(() => false)).toMatchObject({ recall: 0, falseAtEnd: 0, falseEver: 0, found: 0, auc: 0.5, precision: null });
  });

  test('whoever cries always is always wrong on clean series, and early on late leaks', () => {
    expect(scored(() => true)).toMatchObject({ recall: 1, falseAtEnd: 1, falseEver: 1, falseSettled: 1, early: 1 });
  });

  test('an alarm while it still fills is forgiven, one later is not', () => {
    const filling = series.filter(({ truth }) => !truth.leak && truth.settledAt > 0 && truth.ambiguous === null);
    expect(filling.length).toBeGreaterThan(3);
    for (const of of filling) {
      const until = (end: number): Detector => answering((_, t) => t > 0 && t < end)[series.indexOf(of)]!;
      const { settledAt } = of.truth;
      expect(rowOf(until(Math.max(1.5 * settledAt, settledAt + 1800)), of).settled).toBe(false);
      expect(rowOf(until(Infinity), of).settled).toBe(true);
    }
  });

  test('growth between the two floors counts as none for the product, and is left out for those who ask about less', () => {
    const creeping = FAMILIES.find(([id]) => id === 'C27')![2];
    const slow = FAMILIES.find(([id]) => id === 'quiet')![2];
    const counts = (of: Labelled): boolean[] => [countsWith(of, 'product'), countsWith(of, 'small')];
    const both = [creeping, slow].flatMap((family) => [0, 1, 2, 3, 4, 5].map((i) => draw(family, 'test', i, STEP)));
    const between = both.filter((of) => {
      const growth = of.truth.slopePerHour ?? of.truth.creeps;
      return growth > floorOf(of, 'small') && growth < floorOf(of, 'product');
    });
    expect(between.length).toBeGreaterThan(3);
    for (const of of between) expect(counts(of)).toEqual(of.truth.leak ? [false, true] : [true, false]);
  });

  test('area under the curve counts ties half', () => {
    const row = (leak: boolean, score: number): { leak: boolean; score: number } => ({ leak, score });
    expect(auc([row(true, 1), row(false, 1)])).toBe(0.5);
    expect(auc([row(true, 3), row(true, 1), row(false, 2), row(false, 0)])).toBe(0.75);
  });
});

describe.each(RULES.map((rule) => [rule.name, rule] as const))('rule %s', (_, rule) => {
  const ends = (value: (hours: number) => number): boolean => {
    const running = rule.create({ dt: STEP, unit: 'bytes', hasLoad: false });
    let said = false;
    for (let t = 0; t <= 12 * 3600; t += STEP) {
      running.push(t, value(t / 3600));
      if (t % 300 === 0) said = running.verdict({ final: false }).leak;
    }
    return said;
  };

  test('says nothing of a constant', () => expect(ends(() => 300e6)).toBe(false));

  test('says nothing of what shrinks', () => expect(ends((h) => 900e6 - 20e6 * h)).toBe(false));

  test('cannot miss a straight line that doubles in a few hours', () => expect(ends((h) => 100e6 * 1.35 ** h)).toBe(true));
});
