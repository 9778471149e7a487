/** What an outage of a server did to the targets that had connections to it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { outageFindings, Outages } from '../../../src/analysis/outages.ts';
import { SeriesTable } from '../../../src/series.ts';
import { METRICS } from '../../../src/sources/pool.ts';
import { METRICS as POSTGRES } from '../../../src/sources/postgres.ts';
import { METRICS as REDIS } from '../../../src/sources/redis.ts';
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

/** Counters of transactions, by database. */
function done(t: number, counts: Readonly<Record<string, number>>): void {
  const owner = { source: 'postgres', target: 'orders', member: null, period: 10 };
  for (const [name, value] of Object.entries(counts)) batch.set(table.open(owner, POSTGRES.ofDatabase, { 'db.namespace': name }), value, t);
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

describe('what is asked of a server', () => {
  /** 100 a second of one database, 1,000 of another, until 50 s. */
  function before(): void {
    held(50, 20);
    for (let t = 0; t <= 50; t += 10) done(t, { shop: 100 * t, other: 1000 * t });
  }

  test('is back when nine tenths are, over an interval that began after the outage; other databases do not count', () => {
    before();
    down(60, 'refused', 55);
    up(80);
    held(81, 20);
    done(80, { shop: 5500, other: 50_000 }); // over the outage: less than was usual, and no word of what is asked now
    expect(said()[0]![1]).toContain('of the 100 queries a second nine tenths have not been back since');
    done(90, { shop: 6000, other: 90_000 });
    expect(outageFindings(outages.all())[0]!.evidence).toMatchObject({ rate: 100, recovery: null });
    done(100, { shop: 6900, other: 90_000 });
    expect(said()[0]![1]).toContain(
      'its 20 connections were back 1s after the server; the 100 queries a second on what it uses were back 20s after the server',
    );
    expect(outageFindings(outages.all())[0]!.evidence).toMatchObject({ recovery: 20 });
  });

  test('is not told from counters that began anew, and is once they go on', () => {
    before();
    down(60);
    up(80);
    held(81, 20);
    done(80, { shop: 10, other: 10 });
    done(90, { shop: 1010, other: 10 });
    expect(outageFindings(outages.all())[0]!.evidence).toMatchObject({ recovery: 10 });
  });

  test('is not told where it is little more than what the agent asks, or was read too seldom', () => {
    held(50, 20);
    for (let t = 0; t <= 50; t += 10) done(t, { shop: t });
    down(60);
    expect(outages.all()[0]!.held['api']!.rate).toBeNull();
    up(80);
    held(81, 20);
    expect(outageFindings(outages.all())[0]!.evidence).toMatchObject({ rate: null, recovery: 1 });
  });

  test('is told of Redis as a whole', () => {
    const owner = { source: 'redis', target: 'orders', member: null, period: 10 };
    held(50, 20);
    for (let t = 0; t <= 40; t += 10) {
      batch.set(table.open(owner, REDIS.commands), 7 * t, t);
      outages.watch(batch.close(n++, t, t), table);
    }
    down(60);
    expect(outages.all()[0]!.held['api']!.rate).toBe(7);
  });

  test('is known to a run that is resumed', () => {
    before();
    const snapshot = structuredClone(outages.snapshot());
    outages = new Outages();
    outages.restore(snapshot);
    down(60);
    expect(outages.all()[0]!.held['api']!.rate).toBe(100);
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
