import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/servers.ts';
import { Checkouts, type Reading, type Rule, tallyOf } from '../../src/sources/pool-evidence.ts';

const RULE: Rule = { patience: 15, tolerance: 0.1 };

function session(id: string, more: Partial<Session> = {}): Session {
  const known = { pid: 1, peer: null, user: null, database: null, application: null, state: 'idle' as const, openedAt: 0, changedAt: 0 };
  return { id, ...known, transactionAt: null, queryHash: null, listens: false, ours: false, ...more };
}

function read(checkouts: Checkouts, now: number, sessions: readonly Session[], isOpen: (id: string) => boolean = () => false): Reading {
  return checkouts.update(
    now,
    sessions.map((one) => ({ session: one, port: 1 })),
    isOpen,
  );
}

const kinds = ({ changes }: Reading): string[] => changes.map(({ kind, evidence, session: { id } }) => `${kind} ${id} ${evidence}`);

describe('what is stuck', () => {
  test('being idle for ever is no evidence', () => {
    const checkouts = new Checkouts(RULE, 0);
    expect(read(checkouts, 1000, [session('a'), session('b', { openedAt: 0.05 })]).counts).toMatchObject({ idle: 2, stuck: 0 });
  });

  test('one that was idle when others were opened, once it has been left alone for longer than the patience', () => {
    const checkouts = new Checkouts(RULE, 0);
    const both = [session('a', { changedAt: 10 }), session('b', { openedAt: 12, changedAt: 30 })];
    expect(read(checkouts, 25, both).counts.stuck).toBe(0);
    const reading = read(checkouts, 25.5, both);
    expect(kinds(reading)).toEqual(['stuck a newer']);
    expect(reading.counts).toMatchObject({ idle: 1, stuck: 1 });
    expect(reading.oldest.stuck).toBe(15.5);
    expect(read(checkouts, 40, both).changes).toEqual([]);
  });

  test('one that stayed when another that was idle for less time was closed', () => {
    const checkouts = new Checkouts(RULE, 0);
    const kept = session('kept', { changedAt: 10 });
    read(checkouts, 20, [kept, session('gone', { changedAt: 15 })]);
    expect(kinds(read(checkouts, 26, [kept]))).toEqual(['stuck kept closed']);
  });

  test('not the younger of two when the older is closed', () => {
    const checkouts = new Checkouts(RULE, 0);
    const kept = session('kept', { changedAt: 15 });
    read(checkouts, 20, [kept, session('gone', { changedAt: 10 })]);
    expect(read(checkouts, 60, [kept]).counts.stuck).toBe(0);
  });

  test('nor when the other was closed in the middle of a transaction', () => {
    const checkouts = new Checkouts(RULE, 0);
    const kept = session('kept', { changedAt: 10 });
    read(checkouts, 20, [kept, session('gone', { changedAt: 15, state: 'idle_in_transaction' })]);
    expect(read(checkouts, 60, [kept]).counts.stuck).toBe(0);
  });

  test('one that is idle in a transaction, without more', () => {
    const reading = read(new Checkouts(RULE, 0), 20, [session('a', { state: 'idle_in_transaction', changedAt: 4, transactionAt: 3 })]);
    expect(kinds(reading)).toEqual(['stuck a transaction']);
  });

  test('none that waits by intent or is at work', () => {
    const busy = (['active', 'waiting_lock', 'blocked', 'subscribed', 'unknown'] as const).map((state) => session(state, { state }));
    const list = [...busy, session('listen', { listens: true }), session('new', { openedAt: 900, changedAt: 999 })];
    const { counts } = read(new Checkouts(RULE, 0), 1000, list);
    expect(counts).toMatchObject({ stuck: 0, active: 1, waiting_lock: 1, blocked: 1, subscribed: 2, idle: 1 });
  });

  test('a pool that fills itself one after the other says nothing of its first members', () => {
    const many = Array.from({ length: 500 }, (_, i) => session(String(i), { openedAt: i * 0.003, changedAt: i * 0.003 + 0.001 }));
    expect(read(new Checkouts(RULE, 0), 1000, many).counts.stuck).toBe(0);
    const quick = Array.from({ length: 50 }, (_, i) => session(String(i), { openedAt: i * 0.5, changedAt: i * 0.5 + 0.001 }));
    expect(read(new Checkouts(RULE, 0), 1000, quick).counts.stuck).toBeGreaterThan(20); // opened for so long, it is a leak
  });
});

describe('what comes back', () => {
  const stuck = (checkouts: Checkouts): void =>
    void read(checkouts, 30, [session('a', { changedAt: 10 }), session('b', { openedAt: 12, changedAt: 29 })]);

  test('teaches how long a checkout may last', () => {
    const checkouts = new Checkouts(RULE, 0);
    stuck(checkouts);
    const reading = read(checkouts, 51, [session('a', { state: 'active', changedAt: 50 }), session('b', { openedAt: 12, changedAt: 51 })]);
    expect(kinds(reading)).toEqual(['used a newer']);
    expect(checkouts.patience).toBe(80);
  });

  test('but not when nothing had looked leaked', () => {
    const checkouts = new Checkouts(RULE, 0);
    read(checkouts, 30, [session('a', { changedAt: 10 })]);
    read(checkouts, 500, [session('a', { changedAt: 499 })]);
    expect(checkouts.patience).toBe(15);
  });

  test('and takes back what was said of others in the meantime', () => {
    const checkouts = new Checkouts(RULE, 0);
    const newer = session('c', { openedAt: 25, changedAt: 44 });
    const list = [session('a', { changedAt: 10 }), session('b', { changedAt: 20 }), newer];
    expect(kinds(read(checkouts, 45, list))).toEqual(['stuck a newer', 'stuck b newer']);
    expect(kinds(read(checkouts, 46, [session('a', { changedAt: 46 }), session('b', { changedAt: 20 }), newer]))).toEqual([
      'used a newer',
      'retracted b newer',
    ]);
  });

  test('is told when it is closed, and when its process ends', () => {
    const checkouts = new Checkouts(RULE, 0);
    stuck(checkouts);
    expect(kinds(read(checkouts, 31, [session('b', { openedAt: 12, changedAt: 29 })]))).toEqual(['closed a newer']);
    const other = new Checkouts(RULE, 0);
    stuck(other);
    expect(other.end(31).map(({ kind }) => kind)).toEqual(['closed']);
  });

  test('an age in whole seconds that jumps by one is no new life', () => {
    const checkouts = new Checkouts({ patience: 15, tolerance: 2 }, 0);
    const newer = (now: number): Session => session('b', { openedAt: 15, changedAt: now });
    const told: string[] = [];
    for (let now = 16; now <= 34; now++)
      told.push(...kinds(read(checkouts, now, [session('a', { changedAt: now > 30 ? 11.5 : 10 }), newer(now)])));
    expect(told).toEqual(['stuck a newer']);
    expect(checkouts.patience).toBe(15);
  });

  test('a server that tells no times tells nothing of them', () => {
    const checkouts = new Checkouts(RULE, 0);
    const silent = session('a', { openedAt: null, changedAt: null });
    for (let now = 0; now <= 100; now++) expect(kinds(read(checkouts, now, [silent]))).toEqual([]);
    expect(kinds(read(checkouts, 101, [silent, session('b', { openedAt: 101, changedAt: 101 })]))).toEqual(['stuck a newer']);
  });
});

describe('opened and closed', () => {
  test('what was there before anybody looked was not opened', () => {
    const checkouts = new Checkouts(RULE, 100);
    expect(read(checkouts, 105, [session('old', { openedAt: 50 }), session('new', { openedAt: 103 })])).toMatchObject({
      opened: 1,
      closed: 0,
    });
    expect(read(checkouts, 110, [session('new', { openedAt: 103 })])).toMatchObject({ opened: 0, closed: 1 });
  });

  test('one that the sockets miss once is still there, twice it is not', () => {
    const checkouts = new Checkouts(RULE, 0);
    read(checkouts, 5, [session('a')]);
    expect(read(checkouts, 10, [], () => true)).toMatchObject({ closed: 0 });
    expect(read(checkouts, 15, [session('a')])).toMatchObject({ opened: 0, closed: 0, counts: { idle: 1 } });
    read(checkouts, 20, [], () => true);
    expect(read(checkouts, 25, [], () => true)).toMatchObject({ closed: 1 });
  });
});

test('whatever happens, each connection is in one state, and none is stuck that was used within the patience', () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 5 }), does: fc.constantFrom('open', 'close', 'use', 'rest', 'begin', 'wait') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const checkouts = new Checkouts(RULE, 0);
      const open = new Map<number, Session>();
      steps.forEach(({ id, does }, i) => {
        const now = i * 4;
        const one = open.get(id);
        if (does === 'open' && !one) open.set(id, session(`${id}@${now}`, { openedAt: now, changedAt: now }));
        if (does === 'close') open.delete(id);
        const state = ({ use: 'active', rest: 'idle', begin: 'idle_in_transaction' } as const)[does as 'use'];
        if (one && state) open.set(id, { ...one, state, changedAt: now });
        const { counts, changes } = read(checkouts, now, [...open.values()]);
        expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(open.size);
        expect(counts.stuck).toBeLessThanOrEqual([...open.values()].filter(({ changedAt }) => now - changedAt! > 15).length);
        for (const { age, kind } of changes) if (kind === 'stuck') expect(age).toBeGreaterThan(15);
        expect(checkouts.patience).toBeGreaterThanOrEqual(15);
        expect(checkouts.patience).toBeLessThanOrEqual(Math.max(15, 2 * now));
      });
    }),
  );
});

test('by state alone nobody is stuck', () => {
  const { counts, oldest } = tallyOf(100, [session('a', { state: 'idle_in_transaction', transactionAt: 10, changedAt: 20 }), session('b')]);
  expect(counts).toMatchObject({ idle_in_transaction: 1, idle: 1, stuck: 0 });
  expect(oldest).toEqual({ idle_in_transaction: 90 });
});
