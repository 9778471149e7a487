/**
 * An application with a connection pool, to be watched:
 *
 *   app.ts SCENARIO --postgres URL --redis URL [--scale 1] [--seed 1] [--max N] [--fragile]
 *
 * `--scale` multiplies every time of the scenario, `--max` replaces the size of its pool, and with `--fragile` nobody listens for errors of
 * idle connections. It prints a line of JSON when it is ready, whenever what it holds has changed, and every second: see `Said`.
 */
import { parseArgs } from 'node:util';
import { App } from './service.ts';
import { SCENARIOS } from './scenarios.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    postgres: { type: 'string' },
    redis: { type: 'string' },
    scale: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    max: { type: 'string' },
    fragile: { type: 'boolean', default: false },
  },
});
const scenario = SCENARIOS[positionals[0] ?? ''];
if (scenario === undefined) throw new Error(`the scenarios are ${Object.keys(SCENARIOS).join(', ')}, not ${positionals[0]}`);
if (values.postgres === undefined) throw new Error('there is no --postgres');

const app = new App({
  name: positionals[0]!,
  postgres: values.postgres,
  redis: values.redis ?? null,
  scale: Number(values.scale),
  seed: Number(values.seed),
  max: values.max === undefined ? null : Number(values.max),
  fragile: values.fragile,
});
process.once('SIGTERM', () => process.exit(0));
await scenario.start(app);
app.report();
