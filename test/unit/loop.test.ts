import { expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import { SimClock } from '../../src/clock.ts';
import { Loop, RunTime, type TickLog } from '../../src/loop.ts';
import { RunState } from '../../src/runstate.ts';
import type { Source } from '../../src/sources/source.ts';

const HOUR = 3600;

function newState(): RunState {
  return new RunState(new Judge({ requiredLifetime: HOUR, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }));
}

/** Run times of the checkpoints from `last` to `to`; each is of the state of that very tick. */
async function checkpoints(last: number, to: number): Promise<number[]> {
  const clock = new SimClock();
  const state = newState();
  state.t = last;
  const at: number[] = [];
  const record: TickLog = {
    append: () => true,
    checkpoint(n, bytes) {
      const restored = newState();
      restored.restore(bytes);
      expect([restored.n, restored.t]).toEqual([n, state.t]);
      at.push(state.t);
      return true;
    },
  };
  const source: Source = { name: 'none', period: 1, open() {}, read() {}, close() {} };
  const time = new RunTime(clock, last === 0 ? undefined : { start: clock.wall() - last, last: { t: last, wall: clock.wall() } });
  const loop = new Loop({ clock, time, sources: [source], state, record, interval: 1 });
  const stop = new AbortController();
  await loop.run(stop.signal, () => void (loop.now() >= to && stop.abort()));
  return at;
}

test('the state is stored every minute at first, then every five', async () => {
  expect(await checkpoints(0, 1000)).toEqual([60, 120, 180, 240, 300, 600, 900]);
});

test('who is started again in between stores it at the same run times', async () => {
  expect(await checkpoints(200, 250)).toEqual([240]);
  expect(await checkpoints(650, 1300)).toEqual([900, 1200]);
});
