import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../../src/analysis/explain.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { MB, Simulation } from '../../sim/run.ts';

const MEMORY = CATALOG.get('soak.process.memory.private');
const CPU = CATALOG.get('process.cpu.time');

function explained(signal: (hours: number) => number, lives: readonly number[] = []): { e: Explanation; slope: { perHour: number } } {
  const simulation = new Simulation({
    hours: 8,
    interval: 10,
    series: [
      { def: MEMORY, signal: (t) => signal(t / 3600) + Math.sin(t * 12.9898) * 0.3 * MB },
      { def: CPU, signal: (t) => t * 0.2, labels: { 'cpu.mode': 'user' } },
    ],
    events: lives.map((hours) => ({ t: hours * 3600, kind: 'restart', target: 'api', data: {} })),
  }).run();
  const [e, none] = simulation.state.judge.explain([0, 1], simulation.state);
  expect(none, 'nothing of a load is judged').toBeNull();
  return { e: e!, slope: simulation.verdict().series[0]!.slope! };
}

describe('explaining a judgement', () => {
  test('says what the verdict says, and draws a fit through the points', () => {
    const { e, slope } = explained((h) => 200 * MB + 5 * MB * h);
    expect(e.slope).toMatchObject(slope);
    expect(e.t.length).toBe(e.y.length);
    expect(e.from).toBeLessThan(e.to);
    expect(e.shapes.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
    expect(e.shapes[0]!.weight).toBeGreaterThanOrEqual(e.shapes.at(-1)!.weight);
    const worst = Math.max(...e.y.map((value, i) => Math.abs(value - e.fitted[i]!)));
    expect(worst).toBeLessThan(MB);
  });

  test('finds where a late leak begins', () => {
    const { e } = explained((h) => 200 * MB + 20 * MB * Math.max(0, h - 5));
    expect(e.bend! / 3600).toBeGreaterThan(4);
    expect(e.bend! / 3600).toBeLessThan(6);
  });

  test('gives each life a level of its own', () => {
    const { e } = explained((h) => 200 * MB + 30 * MB * (h % 4) + (h < 4 ? 0 : 50 * MB), [4]);
    expect([e.lives, e.bend]).toEqual([2, null]);
    const worst = Math.max(...e.y.map((value, i) => Math.abs(value - e.fitted[i]!)));
    expect(worst).toBeLessThan(5 * MB);
  });
});
