import { defineConfig } from 'vitest/config';

const SERVERS = ['test/e2e/{pool*,postgres*,redis,servers,sockets}.test.ts'];

/** What is asked and answered: they wait for each other and for small programs, and little of their time is work. */
const ANSWERS = [
  'test/e2e/{analyze,badinput,background,ci,cli,doctor,export,http,inbound,options,portable,record,scrape,selection}.test.ts',
];

/**
 * One file at a time: they start programs on two cores and read the machine's own figures. What a neighbour on the machine
 * disturbed is tried once more; vitest names every test that needed it.
 */
const REAL = { testTimeout: 240_000, hookTimeout: 120_000, fileParallelism: false, retry: 1 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', maxWorkers: 2, include: ['test/unit/**/*.test.ts', 'test/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { ...REAL, name: 'e2e', include: ['test/e2e/**/*.test.ts'], exclude: [...SERVERS, ...ANSWERS] } },
      { test: { ...REAL, name: 'answers', include: ANSWERS } },
      { test: { ...REAL, name: 'servers', include: SERVERS } },
    ],
  },
});
