/** What a resumed run makes of its first samples. */
import { describe, expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import type { MetricDef } from '../../src/catalog.ts';
import { RunState } from '../../src/runstate.ts';
import { type Owner, type Series, seriesLabel, type SeriesTable } from '../../src/series.ts';
import { Batch } from '../../src/tick.ts';
import { Tree } from '../fixtures/proc/tree.ts';
import { target, Watch, watching } from '../watch.ts';

const CPU = 'app process.cpu.time{cpu.mode="user"}';

function newState(): RunState {
  return new RunState(new Judge({ requiredLifetime: 1, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }));
}

/** The table without the types of labels, which are those of each metric. */
interface AnyTable {
  open(owner: Owner, def: MetricDef, labels: Series['labels']): number;
}

/** Samples of a start of the agent, folded as ticks from run time `from` on. */
class Start {
  readonly #state: RunState;
  readonly #batch = new Batch();
  #t: number;

  constructor(state: RunState, from: number) {
    this.#state = state;
    this.#t = from;
  }

  resume(): void {
    this.#batch.event({ t: this.#t, kind: 'run_resume', target: null, member: null, message: '', data: {} });
  }

  /** What a watch has just read, under the ids of this state's own table. */
  fold(read: SeriesTable, values: Readonly<Record<string, number>>): void {
    const table: AnyTable = this.#state.series as never;
    for (const { source, target: role, member, period, def, labels } of read.all()) {
      const id = table.open({ source, target: role, member, period }, def, labels);
      const value = values[seriesLabel(this.#state.series.get(id))];
      if (value !== undefined) this.#batch.set(id, value, this.#t);
    }
    this.#state.fold(this.#batch.close(this.#state.n + 1, this.#t, this.#t));
    this.#t++;
  }
}

describe('a run that is resumed', () => {
  test('goes on counting the total of a role where its living processes are, not from zero', async () => {
    const tree = new Tree();
    try {
      tree.edit('uptime', () => '9000.00 1.00\n');
      for (const pid of [1001, 1002]) tree.edit(`${pid}/cmdline`, () => 'worker\0');
      tree.setStat(1001, 14, 70_000);
      tree.setStat(1002, 14, 30_000);
      const state = newState();
      const watch = (): Watch => new Watch([target('app=cmd:^worker$', { many: true })], { proc: tree.path });

      await watching(watch(), async (w) => {
        const start = new Start(state, 0);
        for (const ticks of [30_000, 30_100, 30_200]) {
          if (ticks === 30_200) tree.setStat(1001, 3, 'Z'); // its 700 s stay in the total
          tree.setStat(1002, 14, ticks);
          await w.tick();
          start.fold(w.series, w.values);
          if (ticks === 30_200) expect(w.value(CPU)).toBe(1002);
        }
      });

      await watching(watch(), async (w) => {
        const start = new Start(state, 60);
        start.resume();
        for (const ticks of [30_900, 31_000]) {
          tree.setStat(1002, 14, ticks);
          await w.tick();
          start.fold(w.series, w.values);
        }
        expect(w.value(CPU)).toBe(310);
      });

      const { id } = state.series.all().find((series) => seriesLabel(series) === CPU)!;
      const bins = state.store.bins(id);
      expect(Array.from(bins.sum.subarray(0, bins.length)).filter((sum) => sum !== 0)).toEqual([1, 1, 1]);
    } finally {
      tree.dispose();
    }
  });
});
