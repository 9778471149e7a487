/** `npm run check`: what needs no real target and no whole runs, in under a minute. */
import { runSteps, type Step } from './steps.ts';

export const CHECK: readonly Step[] = [
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'types of the page', command: ['tsc', '-p', 'src/page'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings', 'src', 'test', 'bench', 'demo', 'tools', 'docker'] },
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'derived files', command: ['node', 'tools/generate.ts', '--check'] },
  { name: 'unit tests, simulations, house rules', command: ['vitest', 'run', '--project', 'unit', '--project', 'sim'], show: true },
];

if (import.meta.main) process.exitCode = await runSteps(CHECK);
