/** What an outage of a server did to the targets that had connections to it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { outageFindings, Outages } from '../../../src/analysis/outages.ts';
import { SeriesTable } from '../../../src/series.ts';
import { METRICS } from '../../../src/sources/pool.ts';
import { Batch, type EventKind, type RunEvent } from '../../../src/tick.ts';

let table: SeriesTable;
let outages: Outages;
let batch: Batch;
let n: number;

beforeEach(() => {
  table = new SeriesTable();
  outages = new Outages();
  batch = new Batch();
  n = 0;
});

const LABELS = { 'soak.server': 'orders', 'db.system.name': 'postgresql', 'db.namespace': 'shop', 'user.name': 'app' } as const;

function held(t: number, connections: number, target = 'api', idle = 0): void {
  const owner = { source: 'pool', target, member: null, period: 5 };
  batch.set(table.open(owner, METRICS.connections, { ...LABELS, 'soak.pool.state': 'active' }), connections, t);
  batch.set(table.open(owner, METRICS.connections, { ...LABELS, 'soak.pool.state': 'idle' }), idle, t);
  outages.watch(batch.close(n++, t, t), table);
}

function happens(t: number, kind: EventKind, rest: Partial<RunEvent> = {}): void {
  batch.event({ t, kind, target: null, member: null, message: '', data: {}, ...rest });
  outages.watch(batch.close(n++, t, t), table);
}

const down = (t: number, why = 'refused', since = t): void =>
  happens(t, 'server_down', { target: 'orders', data: { server: 'orders', class: why, since } });
const up = (t: number): void => happens(t, 'server_up', { target: 'orders', data: { server: 'orders' } });
const said = (): [boolean, string][] => outageFindings(outages.all()).map(({ fails, why }) => [fails, why]);

describe('a target that had connections', () => {
  test('is told how long after the server they were back, all states together', () => {
    held(100, 2, 'api', 18);
    down(110);
    down(112, 'starting_up');
    up(140);
    held(145, 10);
    held(150, 3, 'api', 15);
    held(155, 20);
    expect(said()).toEqual([
      [
        false,
        'api lived through the outage of orders that began at 00:01:50 for 30s (refused,starting_up); its 20 connections were back 10s after the server',
      ],
    ]);
    expect(outageFindings(outages.all())[0]!.evidence).toMatchObject({ seconds: 30, connections: 20, recovery: 10, died: null });
  });

  test('that did not come back is no failure: it may need fewer', () => {
    held(100, 20);
    down(110);
    up(140);
    held(500, 17);
    expect(said()).toEqual([[false, expect.stringContaining('of its 20 connections nine tenths have not been back at once since')]]);
  });

  test('fails the run when it ends in the outage, also when that is seen first', () => {
    held(100, 20);
    held(100, 5, 'worker');
    held(100, 5, 'other');
    happens(108, 'restart', { target: 'api' });
    down(110);
    happens(120, 'target_gone', { target: 'worker' });
    up(140);
    happens(146, 'restart', { target: 'other' });
    expect(said().map(([fails]) => fails)).toEqual([true, true, false]);
    expect(said()[0]![1]).toBe(
      'api crashed on a database outage: a process of it ended at 00:01:48, in the outage of orders that began at 00:01:50 for 30s (refused)',
    );
  });

  test('workers that are recycled are no crash, and neither is what ends long before', () => {
    held(100, 20);
    happens(104, 'restart', { target: 'api' });
    down(110);
    happens(115, 'restart', { target: 'api', member: '2' });
    expect(said()).toEqual([
      [false, 'api lived through the outage of orders that began at 00:01:50 and is not over (refused); it had 20 connections before'],
    ]);
  });
});

test('who had no connection is not in it', () => {
  held(100, 0);
  down(110);
  happens(112, 'restart', { target: 'api' });
  happens(112, 'restart', { target: 'elsewhere' });
  expect(said()).toEqual([]);
});

test('a resumed run goes on with it', () => {
  held(100, 20);
  down(110);
  const snapshot = structuredClone(outages.snapshot());
  outages = new Outages();
  outages.restore(snapshot);
  up(140);
  held(150, 20);
  expect(said()).toEqual([[false, expect.stringContaining('were back 10s after the server')]]);
});

test('of many outages the newest are kept, and those that a target died of', () => {
  held(1, 20);
  for (let i = 0; i < 100; i++) {
    down(100 * i + 10);
    if (i === 3) happens(100 * i + 12, 'restart', { target: 'api' });
    up(100 * i + 20);
    held(100 * i + 30, 20);
  }
  expect(outages.all()).toHaveLength(32);
  expect(said().filter(([fails]) => fails)).toHaveLength(1);
  expect(outages.all().at(-1)!.from).toBe(9910);
});
