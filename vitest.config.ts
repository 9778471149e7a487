import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', maxWorkers: 2, include: ['test/unit/**/*.test.ts', 'test/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 300_000 } },
      {
        // One file at a time: they start programs on two cores and read the machine's own figures. What a neighbour on the machine
        // disturbed is tried once more; vitest names every test that needed it.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          retry: 1,
        },
      },
    ],
  },
});
