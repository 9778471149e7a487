/** What the loop makes of rounds of reads: ticks that are recorded and judged, or neither. */
import { deserialize } from 'node:v8';
import { expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import { SimClock } from '../../src/clock.ts';
import { Loop, RunTime, type TickLog } from '../../src/loop.ts';
import { CATALOG } from '../../src/metrics.ts';
import { Problem } from '../../src/problem.ts';
import { RunState } from '../../src/runstate.ts';
import type { Sink, Source } from '../../src/sources/source.ts';

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

test('between slices of judging others have a turn, and what is judged is the same as all at once', async () => {
  const turns: number[] = [];
  class Counting extends SimClock {
    override turn(): Promise<void> {
      turns.push(this.monotonic());
      return super.turn();
    }
  }
  const run = async (clock: SimClock, inSlices: boolean): Promise<{ states: unknown[]; judged: readonly unknown[] }> => {
    const state = new RunState(new Judge({ requiredLifetime: 3600, plannedEnd: null, warmup: 0, rules: [], required: [], interval: 1 }));
    const ids = Array.from({ length: 40 }, (_, i) =>
      state.series.open({ source: 'process', target: `t${i}`, member: null, period: 1 }, CATALOG.get('soak.process.memory.private')),
    );
    const states: unknown[] = [];
    const read = (sink: Sink): void => ids.forEach((id) => sink.set(id, 1e8 + ((id * 7919 + Math.round(sink.now()) * 977) % 1000) * 1000));
    const sources: Source[] = [{ name: 'noise', period: 1, open() {}, read, close() {} }];
    const record: TickLog = { append: () => true, checkpoint: (_, snapshot) => states.push(deserialize(snapshot)) > 0 };
    const loop = new Loop({ clock, time: new RunTime(clock), sources, state, record, interval: 1 });
    const over = new AbortController();
    if (inSlices) await loop.run(over.signal, () => (state.t >= 200 ? over.abort() : undefined));
    else
      for (; state.t < 200; clock.advance(1)) {
        read(loop);
        loop.tick();
      }
    return { states, judged: state.judge.judgement!.series };
  };
  const [sliced, whole] = [await run(new Counting(), true), await run(new SimClock(), false)];
  expect(turns.length).toBeGreaterThan(20);
  expect(sliced.states).toHaveLength(3);
  expect(sliced).toEqual(whole);
});
