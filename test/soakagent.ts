import { fileURLToPath } from 'node:url';

/**
 * The program that tests of real processes run. `npm test` sets SOAK_BUNDLE and runs what is published, which starts in a quarter of the
 * CPU time (2.5 and 0.6 s); alone, a test runs the source, so that nothing has to be built to try a change.
 */
export const CLI = fileURLToPath(new URL(process.env['SOAK_BUNDLE'] === '1' ? '../dist/soak-agent.js' : '../src/cli.ts', import.meta.url));
