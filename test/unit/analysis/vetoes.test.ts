import { describe, expect, test } from 'vitest';
import type { Stream } from '../../../src/analysis/stream.ts';
import { isFlatTail, isNoNewHigh, tailOf } from '../../../src/analysis/vetoes.ts';
import { white } from '../../sim/series.ts';

function stream(f: (i: number) => number, more: Partial<Stream> = {}, n = 40): Stream {
  const t = Float64Array.from({ length: n }, (_, i) => i / 4);
  const y = Float64Array.from({ length: n }, (_, i) => f(i));
  const none = {
    covariates: [],
    work: null,
    step: 0.25,
    lives: 1,
    hours: n / 4,
    from: 0,
    to: n / 4,
    kind: 'mean',
    level: 0,
    levelAt: 0,
    logs: false,
  } as const;
  return { n, t, y, life: new Int32Array(n), ...none, ...more };
}

const noise = white(5, 1);
const veto = (s: Stream, found: number): [boolean, boolean] => [isNoNewHigh(tailOf(s)!), isFlatTail(tailOf(s)!, 0.1, found)];

describe('vetoes', () => {
  test('a line has none', () =>
    expect(
      veto(
        stream((i) => i + noise(i)),
        4,
      ),
    ).toEqual([false, false]));

  test('what filled and stayed has a flat tail', () => {
    expect(isFlatTail(tailOf(stream((i) => 3 * Math.min(i, 20) + noise(i)))!, 0.1, 6)).toBe(true);
  });

  test('what rose and fell back is no new high', () => {
    expect(isNoNewHigh(tailOf(stream((i) => (i < 20 ? 3 * i : 40 + noise(i))))!)).toBe(true);
  });

  test('what the load explains is taken out first', () => {
    const load = Float64Array.from({ length: 40 }, (_, i) => Math.sin(i / 3));
    const one = stream((i) => i + 50 * load[i]! + noise(i), { covariates: [load] });
    expect(veto(one, 4)).toEqual([false, false]);
    expect(isNoNewHigh(tailOf({ ...one, covariates: [] })!)).toBe(true);
  });

  test('look at the newest life only, and say nothing of a short one', () => {
    const life = Int32Array.from({ length: 40 }, (_, i) => (i < 20 ? 0 : 1));
    expect(tailOf(stream((i) => i, { life, lives: 2 }))!.t).toHaveLength(20);
    expect(tailOf(stream((i) => i, { life: Int32Array.from({ length: 40 }, (_, i) => (i < 35 ? 0 : 1)), lives: 2 }))).toBeNull();
  });
});
