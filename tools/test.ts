/** `npm test`: the checks, then real processes, more simulated runs, and the published bundle. */
import { SOURCE, TESTS } from './check.ts';
import { runSteps, type Step } from './steps.ts';

/** What is published is what is tested. */
const env = { SOAK_BUNDLE: '1' };

const LONG: Step = { name: 'whole runs, and servers that hang', command: ['vitest', 'run', '--project', 'long'], show: true };

/** Properties are tried as often as they are meant to be, and every family has five runs. */
const thorough = (step: Step): Step => ({ ...step, env: { SOAK_TRIES: '1', SOAK_SEEDS: '5' } });

const code = await runSteps([
  SOURCE,
  thorough(TESTS),
  thorough(LONG),
  [
    {
      name: 'false alarms of 3,000 runs of 24 h',
      command: ['node', 'bench/detector/false-alarms.ts', '--runs', '1000', '--noise', 'white,ar1,ou', '--at-most', '10'],
      show: true,
    },
    { name: 'alerts on replayed runs', command: ['vitest', 'run', '--project', 'rules'], show: true },
  ],
  { name: 'build', command: ['node', 'tools/build.ts'] },
  { name: 'real processes', command: ['node', 'tools/realtests.ts', 'e2e'], env, show: true },
  // Apart from the others: beside real processes both fail for want of CPU, and what they find is then the machine's.
  { name: 'real servers', command: ['node', 'tools/realtests.ts', 'servers'], env, show: true },
]);

// Set by tools/run.mjs. Where everything must have been run, what could not be is a failure.
const missing = process.env['SOAK_MISSING'] ?? '';
if (missing !== '') console.log(`not everything was run: there is no ${missing.replaceAll(',', ', ')} here`);
process.exitCode = missing !== '' && process.env['CI'] === 'true' ? 1 : code;
