import { describe, expect, test } from 'vitest';
import { Continuity } from '../../src/continuity.ts';
import { ending } from '../../src/ending.ts';
import type { Selector } from '../../src/selector.ts';
import { Targets } from '../../src/targets.ts';

function gone(selector: Selector, since: number): Targets {
  const targets = new Targets([{ role: 'api', selector, many: false, children: false }]);
  const target = targets.all()[0]!;
  targets.bind(target, [{ pid: 1, startTime: 1, comm: 'x', member: null }], 0);
  targets.bind(target, [], since);
  return targets;
}

describe('a run ends', () => {
  const config = { duration: null, goneAfter: 300 };

  test('after its duration, and not before', () => {
    expect(ending({ ...config, duration: 60 }, [], 59.9)).toBeNull();
    expect(ending({ ...config, duration: 60 }, [], 60)?.kind).toBe('duration');
  });

  test('at once when a pid or a program of ours is gone, otherwise after --gone-after', () => {
    expect(ending(config, gone({ kind: 'pid', pid: 1 }, 10).all(), 10)?.message).toBe('target api is gone');
    expect(ending(config, gone({ kind: 'exec', command: 'x' }, 10).all(), 10)?.kind).toBe('target');
    expect(ending(config, gone({ kind: 'name', name: 'x' }, 10).all(), 309)).toBeNull();
    expect(ending(config, gone({ kind: 'name', name: 'x' }, 10).all(), 310)?.kind).toBe('target');
  });

  test('not for a target that has not been there yet', () => {
    const targets = new Targets([{ role: 'api', selector: { kind: 'pid', pid: 1 }, many: false, children: false }]);
    expect(ending(config, targets.all(), 1e6)).toBeNull();
  });
});

describe('Continuity', () => {
  test('a round that comes late is not a gap, a longer silence is', () => {
    const continuity = new Continuity(1);
    expect(continuity.check(0, 100, 5000)).toEqual([]);
    expect(continuity.check(2, 102, 5002)).toEqual([]);
    expect(continuity.check(65, 165, 5065)).toEqual([{ kind: 'gap', message: 'the agent did not sample for 1m3s', data: { from: 2 } }]);
  });

  test('wall time that steps either way is reported, slewing is not', () => {
    const continuity = new Continuity(1);
    continuity.check(0, 0, 0);
    expect(continuity.check(1, 1, 1.5)).toEqual([]);
    expect(continuity.check(2, 2, 7202.5)[0]).toMatchObject({ kind: 'clock_step', data: { seconds: 7200 } });
    expect(continuity.check(3, 3, 3.5)[0]?.message).toContain('backwards');
  });
});
