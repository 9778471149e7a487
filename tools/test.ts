/** `npm test`: the checks, then real processes, real servers' tools, and simulations with a look at every minute. */
import { CHECK } from './check.ts';
import { runSteps } from './steps.ts';

process.exitCode = await runSteps([
  ...CHECK,
  { name: 'simulations with rolling looks', command: ['vitest', 'run', '--project', 'sim'], env: { SOAK_LOOKS: 'rolling' }, show: true },
  { name: 'build', command: ['node', 'tools/build.ts'] },
  { name: 'real processes', command: ['vitest', 'run', '--project', 'e2e'], show: true },
]);
