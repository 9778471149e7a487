/** When the shares of a role are read, on a recorded /proc; what they are is in the real-process tests. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processSharesSource } from '../../src/sources/process-shares.ts';
import { selectionSource } from '../../src/sources/selection.ts';
import { Tree } from '../fixtures/proc/tree.ts';
import { target, Watch, watching } from '../watch.ts';

const TOTAL = 'app memory.proportional';

let tree: Tree;
beforeEach(() => {
  tree = new Tree();
  for (const pid of [1006, 1007]) tree.edit(`${pid}/cmdline`, () => 'worker\0');
});
afterEach(() => tree.dispose());

type When = Parameters<typeof processSharesSource>[1]['when'];

function watch(when: When): Watch {
  const specs = [target('app=cmd:^worker$', { many: true })];
  return new Watch(specs, { proc: tree.path, sources: (ctx) => [selectionSource(ctx), processSharesSource(ctx, { when })] });
}

/** Bound, settled, and read for the first time. */
async function settled(w: Watch): Promise<number | undefined> {
  await w.tick();
  w.skip(11);
  await w.tick();
  return w.value(TOTAL);
}

function share(pid: number): number {
  const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(tree.read(`${pid}/smaps_rollup`))![1]);
  return (kb('Pss') + kb('SwapPss')) * 1024;
}

test.each<[When, boolean]>([
  ['ends', false],
  ['periodic', true],
  ['forced', true],
])('%s: read again between start and end is %s', async (when, again) => {
  await watching(watch(when), async (w) => {
    expect(await settled(w)).toBe(share(1006) + share(1007));
    w.skip(59);
    await w.tick();
    expect(w.value(TOTAL)).toBeUndefined(); // at most once a minute
    tree.edit('1006/smaps_rollup', (text) => text.replace(/^Pss: .*$/m, 'Pss:   5000 kB'));
    // 10,000 times what the read of these small files took must pass: a day is enough for one of eight seconds, on however busy a machine.
    w.skip(86_400);
    await w.tick();
    expect(w.value(TOTAL)).toBe(again ? share(1006) + share(1007) : undefined);
  });
});

test('between start and end it may take 0.01 % of the time', async () => {
  await watching(watch('periodic'), async (w) => {
    // Every look at the clock is an hour later than the one before: a read takes an hour, and the next has to wait a year.
    const monotonic = w.clock.monotonic.bind(w.clock);
    let hours = 0;
    await w.tick();
    w.skip(11);
    w.clock.monotonic = () => monotonic() + 3600 * hours++;
    await w.tick();
    w.clock.monotonic = () => monotonic() + 3600 * hours;
    expect(w.value(TOTAL)).toBeDefined();
    w.skip(9000 * 3600);
    await w.tick();
    expect(w.value(TOTAL)).toBeUndefined();
    w.skip(2000 * 3600);
    await w.tick();
    expect(w.value(TOTAL)).toBeDefined();
  });
});

test.each<[When, boolean]>([
  ['periodic', false],
  ['forced', true],
])('%s: a process above 1 GB is read: %s', async (when, isRead) => {
  tree.edit('1006/status', (text) => text.replace(/^VmRSS:.*$/m, 'VmRSS:\t 1100000 kB'));
  await watching(watch(when), async (w) => {
    expect((await settled(w)) !== undefined).toBe(isRead);
    expect(w.kinds('blind').map(({ data }) => data['reason'])).toEqual(
      isRead ? [] : ['reading it would stall a process of more than 1 GB'],
    );
  });
});
