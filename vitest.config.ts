import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/longestfirst.ts';

const SERVERS = ['test/e2e/{pool*,postgres*,redis*,servers,sockets}.test.ts'];

/** Simulated runs held against the rules by promtool: work all the time, so that it is not to be beside what is timed. */
const RULES = ['test/e2e/alerts.test.ts'];

/**
 * They start programs on two cores and wait for them: most of their time is no work. What a neighbour on the machine disturbed is tried
 * once more; vitest names every test that needed it.
 */
const REAL = { testTimeout: 240_000, hookTimeout: 240_000, retry: 1, expect: { poll: { timeout: 60_000 } } };

/** Whole runs, servers that hang, other programs that check what we write: seconds each. `npm run check` leaves them to `npm test`. */
const LONG = ['test/{unit,sim}/**/*.long.test.ts'];

/** Nothing is left behind between files: they share a worker, and what it has loaded. */
const OURS = { isolate: false, maxWorkers: 4, testTimeout: 300_000 };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...OURS, name: 'unit', include: ['test/unit/**/*.test.ts', 'test/*.test.ts'], exclude: LONG } },
      { test: { ...OURS, name: 'sim', include: ['test/sim/**/*.test.ts'], exclude: LONG } },
      { test: { ...OURS, name: 'long', include: LONG } },
      { test: { ...REAL, name: 'e2e', include: ['test/e2e/**/*.test.ts'], exclude: [...SERVERS, ...RULES], maxWorkers: 4 } },
      { test: { name: 'rules', include: RULES, testTimeout: 120_000 } },
      { test: { ...REAL, name: 'servers', include: SERVERS, maxWorkers: 4 } },
      {
        test: {
          ...REAL,
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          globalSetup: 'test/containers/setup.ts',
          fileParallelism: false,
        },
      },
    ],
  },
});
