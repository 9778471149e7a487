/** `npm run check`: what needs no real target and no whole runs, in under a minute. */
import { runSteps, type Step } from './steps.ts';

/** Side by side: each of them works on one core for most of its time. What has not changed since the last check is not read again. */
export const SOURCE: readonly Step[] = [
  { name: 'types', command: ['tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', '.cache/types.tsbuildinfo'] },
  { name: 'types of the page', command: ['tsc', '-p', 'src/page'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings', 'src', 'test', 'bench', 'demo', 'tools', 'docker'] },
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'dead code', command: ['knip', '--cache', '--cache-location', '.cache/knip'] },
  { name: 'derived files', command: ['node', 'tools/generate.ts', '--check'] },
];

export const TESTS: Step = {
  name: 'unit tests, simulations, house rules',
  command: ['vitest', 'run', '--project', 'unit', '--project', 'sim'],
  show: true,
};

if (import.meta.main) process.exitCode = await runSteps([SOURCE, TESTS]);
