/** `npm test`: the checks, then real processes, more simulated runs, and the published bundle. */
import { CHECK } from './check.ts';
import { runSteps } from './steps.ts';

process.exitCode = await runSteps([
  ...CHECK,
  { name: 'more runs of every family', command: ['vitest', 'run', '--project', 'sim', 'families'], env: { SOAK_SEEDS: '8' }, show: true },
  { name: 'build', command: ['node', 'tools/build.ts'] },
  { name: 'real processes', command: ['vitest', 'run', '--project', 'e2e'], show: true },
]);
