/**
 * What the profiles of config/profiles can detect: for each, programs with different noise and leaks of different sizes, through the real state
 * and judge under the settings of the file. docs/ci.md has the table.
 *
 *   npm run bench:profiles [-- --runs 10]
 */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { buildConfig, loadSettings } from '../src/config/load.ts';
import type { Config } from '../src/config/config.ts';
import { Faults } from '../src/config/faults.ts';
import { emptyLayer } from '../src/config/settings.ts';
import { judgeOptions } from '../src/judging.ts';
import { CATALOG } from '../src/metrics.ts';
import { isJudgedPhase } from '../src/phases.ts';
import { MB, Simulation } from '../test/sim/run.ts';
import { M } from '../test/sim/metrics.ts';
import { constant, line, ou, poisson, rounded, sawtooth, type Signal, sum, white } from '../test/sim/series.ts';
import { ROOT } from '../tools/steps.ts';
import { percent, table } from './detector/table.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '10' } } });
const RUNS = Number(values.runs);

const PROGRAMS = {
  'steady memory, noise 0.2 %': (seed) => white(seed, 0.2 * MB),
  'wandering memory, 1 % over 5 min': (seed) => ou(seed, 300, MB),
  'collections that move 20 MB a minute': (seed) => sum(sawtooth(seed, 20 * MB, 60, 0.1), white(seed + 7, 0.2 * MB)),
} as const satisfies Record<string, (seed: number) => Signal>;

/** MB an hour. */
const LEAKS = [0, 1, 2.5, 5, 10, 20, 40, 80, 160, 320] as const;

async function configOf(profile: string): Promise<Config> {
  const faults = new Faults();
  const flags = emptyLayer();
  flags.values.set('config', [{ text: join(ROOT, 'config/profiles', `${profile}.yaml`), place: '--config' }]);
  flags.targets.push({ text: 'api=name:api', place: '--target', many: false, children: false });
  const settings = await loadSettings({ flags, env: {} }, faults);
  const config = buildConfig(settings, { command: null, catalog: CATALOG }, faults);
  faults.throwIfAny();
  return config;
}

function outcomeOf(config: Config, program: (seed: number) => Signal, leak: number, seed: number): string {
  const hours = config.duration! / 3600;
  let at = 0;
  const events = config.phases.map(({ name, seconds }) => {
    const event = { t: at, kind: 'phase' as const, target: null, data: { phase: name, judged: isJudgedPhase(name) } };
    at += seconds ?? 0;
    return event;
  });
  const interval = hours > 1 ? 10 : 1;
  const options = { ...judgeOptions(config), interval, required: [] };
  const series = [
    { def: M.memory, signal: sum(constant(100 * MB), program(seed), line(leak * MB)) },
    { def: M.fds, signal: constant(20) },
    { def: M.fdLimit, signal: constant(1024), period: 60 },
    { def: M.requests, signal: rounded(poisson(seed + 3, 180_000)) },
  ];
  return new Simulation({ hours, interval, series, events, options }).run().verdict().outcome;
}

for (const profile of ['pull-request', 'nightly']) {
  const config = await configOf(profile);
  const rows = Object.entries(PROGRAMS).map(([name, program], p) => {
    const cells = LEAKS.map((leak) => {
      const outcomes = Array.from({ length: RUNS }, (_, run) => outcomeOf(config, program, leak, 1000 * p + 17 * run + 1));
      const count = (outcome: string): number => outcomes.filter((one) => one === outcome).length;
      const [most] = ['fail', 'inconclusive', 'pass'].toSorted((a, b) => count(b) - count(a));
      return `${most === 'inconclusive' ? 'open' : most} ${percent(count(most!) / RUNS)}`;
    });
    return [name, ...cells];
  });
  console.log(`\n${profile}: the outcome of most of ${RUNS} runs (open is inconclusive), and their share\n`);
  console.log(table(['program', ...LEAKS.map((leak) => (leak === 0 ? 'healthy' : `${leak} MB/h`))], rows));
}
