/** What the loop makes of rounds of reads: ticks that are recorded and judged, or neither. */
import { expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import { SimClock } from '../../src/clock.ts';
import { Loop, RunTime, type TickLog } from '../../src/loop.ts';
import { Problem } from '../../src/problem.ts';
import { RunState } from '../../src/runstate.ts';

test('a tick for which the disk has no room is not judged, and the next one follows the one before it', () => {
  const recorded: number[] = [];
  let isFull = false;
  const record: TickLog = {
    append: ({ n }) => {
      if (isFull) throw new Problem('DISK', { place: 'record.sqlite', message: 'is full' });
      recorded.push(n);
      return true;
    },
    checkpoint: () => true,
  };
  const clock = new SimClock();
  const state = new RunState(new Judge({ requiredLifetime: 3600, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }));
  const loop = new Loop({ clock, time: new RunTime(clock), sources: [], state, record, interval: 1 });
  loop.tick();
  loop.tick();
  isFull = true;
  expect(() => loop.tick()).toThrow('is full');
  expect(state.n).toBe(1);
  isFull = false; // the end of the run may fit into what a whole round did not
  loop.tick();
  expect([recorded, state.n]).toEqual([[0, 1, 2], 2]);
});
