/** `npm run fuzz`: the properties of the unit tests with new draws and forty times as many, minutes long. What fails prints its seed. */
import { runSteps } from './steps.ts';

process.exitCode = await runSteps([
  {
    name: 'properties, new draws',
    command: ['vitest', 'run', '--project', 'unit', '--project', 'long', '--testTimeout', '600000'],
    env: { SOAK_SEED: 'random', SOAK_TRIES: '40' },
    show: true,
  },
]);
