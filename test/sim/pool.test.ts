/**
 * Programs that handle their pools well and badly. Letters are those of the research; leaks begin at 20 to 30 s of 220.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tries } from '../property.ts';
import { poolFailures, type Program, watchPools } from './poolrun.ts';

const SEEDS = Array.from({ length: tries(3) }, (_, i) => i + 1);

let out = '';
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
beforeEach(() => (out = mkdtempSync(join(FOLDER, 'soak-pools-'))));
afterEach(() => rmSync(out, { recursive: true, force: true }));

const SECONDS = 220;
const TRIAL = { seconds: SECONDS, window: 20, interval: 1 };

const healthy: Readonly<Record<string, Program>> = {
  'A steady load': {
    live(world) {
      const pool = world.pool({ max: 20, idleTimeout: 10 });
      world.often(0.02, 0, SECONDS, () => pool.use(0.02));
    },
  },
  'B bursts': {
    live(world) {
      const pool = world.pool({ max: 20, idleTimeout: 10 });
      world.often(0.2, 0, SECONDS, () => pool.use(0.02));
      world.every(25, 5, SECONDS, () => {
        for (let i = 0; i < 18; i++) pool.use(0.3 + world.random());
      });
    },
  },
  'B bursts, and members that stay open': {
    live(world) {
      const pool = world.pool({ max: 20 });
      world.often(0.2, 0, SECONDS, () => pool.use(0.02));
      world.every(45, 30, SECONDS, () => {
        for (let i = 0; i < 4 + 14 * world.random(); i++) pool.use(0.3 + world.random());
      });
    },
  },
  'C a listener beside a pool without idle timeout': {
    live(world) {
      const pool = world.pool({ max: 10 });
      const other = world.pool({ max: 1 });
      world.at(1, () => other.listen());
      for (let i = 0; i < 4; i++) world.at(2, () => pool.use(0.1));
      world.often(0.1, 3, SECONDS, () => pool.use(0.02));
    },
  },
  'I fixed pool, pre-opened, low load': {
    live(world) {
      const pool = world.pool({ max: 10, preopened: 10 });
      world.often(0.5, 1, SECONDS, () => pool.use(0.02));
    },
  },
  'J long checkouts that come back': {
    live(world) {
      const pool = world.pool({ max: 20, idleTimeout: 10 });
      world.often(0.05, 0, SECONDS, () => pool.use(0.02));
      world.often(8, 5, SECONDS, () => pool.use(0.02, { hold: 5 + 35 * world.random() }));
    },
  },
  'M first in, first out': {
    live(world) {
      const pool = world.pool({ max: 10, preopened: 5, order: 'fifo' });
      world.often(0.4, 1, SECONDS, () => pool.use(0.02));
    },
  },
  'N members of limited age, and bursts': {
    live(world) {
      const pool = world.pool({ max: 20, maxLifetime: 25 });
      world.often(0.1, 0, SECONDS, () => pool.use(0.02));
      world.every(20, 5, SECONDS, () => {
        for (let i = 0; i < 12; i++) pool.use(0.2 + 0.5 * world.random());
      });
    },
  },
  'Redis: one client for everything': {
    system: 'redis',
    live(world) {
      const pool = world.pool({ max: 1 });
      world.often(0.05, 0, SECONDS, () => pool.use(0.001));
    },
  },
};

const leaking: Readonly<Record<string, Program & { readonly from: number; readonly within: number }>> = {
  'D connect without release': {
    from: 25,
    within: 90,
    live(world) {
      const pool = world.pool({ max: 20, idleTimeout: 10 });
      world.often(0.05, 0, SECONDS, () => pool.use(0.02));
      world.every(10, 25, SECONDS, () => pool.use(0.01, { keep: true }));
    },
  },
  'E begin without commit': {
    from: 27,
    within: 90,
    live(world) {
      const pool = world.pool({ max: 20, idleTimeout: 10 });
      world.often(0.05, 0, SECONDS, () => pool.use(0.02));
      world.every(15, 27, SECONDS, () => pool.use(0.01, { keep: true, transaction: true }));
    },
  },
  'F a leak at one request a second': {
    from: 28,
    within: 110,
    live(world) {
      const pool = world.pool({ max: 20, idleTimeout: 10 });
      world.often(1, 0, SECONDS, () => pool.use(0.02));
      world.every(20, 28, SECONDS, () => pool.use(0.01, { keep: true }));
    },
  },
  'G a new pool for each request': {
    from: 28,
    within: 80,
    live(world) {
      const pool = world.pool({ max: 10, idleTimeout: 10 });
      world.often(0.1, 0, SECONDS, () => pool.use(0.02));
      world.every(8, 28, SECONDS, () => world.pool({ max: 10 }).use(0.02));
    },
  },
  'H a new client for each request (Redis)': {
    system: 'redis',
    from: 21,
    within: 90,
    live(world) {
      const pool = world.pool({ max: 1 });
      world.often(0.1, 0, SECONDS, () => pool.use(0.001));
      world.every(8, 21, SECONDS, () => world.pool({ max: 1 }).use(0.001));
    },
  },
  'P a new client for each request, beside one that is rarely used (Redis)': {
    system: 'redis',
    from: 21,
    within: 140,
    live(world) {
      const pool = world.pool({ max: 3 });
      world.often(0.1, 0, SECONDS, () => pool.use(0.001));
      for (const t of [3, 30, 74, 130, 195]) world.at(t, () => (pool.use(0.3), pool.use(0.3), pool.use(0.3)));
      world.every(8, 21, SECONDS, () => world.pool({ max: 1 }).use(0.001));
    },
  },
  'L first in, first out, 8 to 12': {
    from: 29,
    within: 150,
    live(world) {
      const pool = world.pool({ max: 12, min: 8, preopened: 8, order: 'fifo' });
      world.often(0.5, 1, SECONDS, () => pool.use(0.02));
      world.every(12, 29, SECONDS, () => pool.use(0.01, { keep: true }));
    },
  },
};

describe.each(Object.entries(healthy))('%s', (_, program) => {
  test.each(SEEDS)('is not taken for a leak, and the record alone says the same (seed %i)', async (seed) => {
    const { verdict, replayed, failedAt, differed } = await watchPools(program, { ...TRIAL, out, seed });
    expect(poolFailures(verdict), JSON.stringify(verdict.findings)).toEqual([]);
    expect(failedAt).toBeNull();
    expect(differed).toBe(0);
    expect(JSON.stringify(replayed)).toBe(JSON.stringify(verdict));
  });
});

describe.each(Object.entries(leaking))('%s', (_, { from, within, ...program }) => {
  test.each(SEEDS)('fails the run long before the pool is empty (seed %i)', async (seed) => {
    const { verdict, replayed, failedAt, stuck, events, differed } = await watchPools(program, { ...TRIAL, out, seed });
    expect(poolFailures(verdict), `${verdict.reasons.join()} ${stuck.join()}`).toContain('pool_leak');
    expect(verdict.outcome).toBe('fail');
    expect(failedAt).toBeLessThanOrEqual(from + within);
    expect(differed).toBe(0);
    expect(events.filter(({ kind }) => kind === 'connection_stuck').length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(replayed)).toBe(JSON.stringify(verdict));
  });
});

describe('K fixed pool of 10, pre-opened, low load, connect without release', () => {
  const program: Program = {
    live(world) {
      const pool = world.pool({ max: 10, preopened: 10 });
      world.often(0.5, 1, SECONDS, () => pool.use(0.02));
      world.every(12, 25, SECONDS, () => pool.use(0.01, { keep: true }));
    },
  };

  test.each(SEEDS)(
    'is not proven from outside, and the report says so; that nothing moves is told when none is left (seed %i)',
    async (seed) => {
      const { verdict } = await watchPools(program, { ...TRIAL, out, seed });
      expect(poolFailures(verdict)).toEqual([]);
      const notes = verdict.findings.filter(({ kind }) => kind.startsWith('pool'));
      expect(notes.map(({ kind, outcome }) => [kind, outcome])).toEqual([
        ['pool_exhausted', 'pass'],
        ['pool_unseen', 'pass'],
      ]);
      expect(notes[0]!.why).toContain('none is at work and none has changed');
      const before = await watchPools(program, { ...TRIAL, out, seed, seconds: 100 });
      expect(before.verdict.findings.find(({ kind }) => kind === 'pool_unseen')?.why).toContain(
        'looks like an idle one until none is left',
      );
    },
  );
});
