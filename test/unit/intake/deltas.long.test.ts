import { expect, test } from 'vitest';
import { Deltas } from '../../../src/intake/deltas.ts';
import type { CounterPoint } from '../../../src/intake/point.ts';

test('what is remembered of counters stays within its bound under 100,000 label sets', () => {
  const deltas = new Deltas({ from: 1000 });
  for (let i = 0; i < 100_000; i++) {
    const wall = 1010 + i / 100;
    const labels = { id: String(i) };
    const point: CounterPoint = { kind: 'counter', temporality: 'cumulative', name: 'c', unit: '', labels, since: 1000, wall, value: 1 };
    deltas.take(point, wall);
  }
  expect(deltas.size).toBe(10_000);
});
