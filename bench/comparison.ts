/**
 * How often two runs of the same build are called different, and what changes are called: runs of two services with a dozen signals each, whose
 * noise is like that of real ones, measured and compared by the code of `soak-agent compare`. docs/compare.md has the tables.
 *
 *   npm run bench:comparison [-- --pairs 1000 --hours 8 --at-most 10]
 *
 *   --pairs N      of runs of the same build, for each kind of pair (default 1000)
 *   --hours LIST   lengths of the runs (default 1,8)
 *   --at-most K    exit 1 when more comparisons of a build with itself call anything
 *   --changes N    pairs for each size of a change (default 100; 0 leaves them out)
 */
import { parseArgs } from 'node:util';
import { compare } from '../src/comparison/compare.ts';
import { type Build, runsOf } from '../test/sim/builds.ts';
import { percent, table } from './detector/table.ts';

const { values: given } = parseArgs({
  options: {
    pairs: { type: 'string', default: '1000' },
    hours: { type: 'string', default: '1,8' },
    'at-most': { type: 'string' },
    changes: { type: 'string', default: '100' },
  },
});

const OPTIONS = { between: null, strict: false };

const PAIRS = Number(given.pairs);
let worst = 0;

/** Several runs of a side are several times the work, and fewer pairs. */
function sameBuild(hours: number, runs: number): (string | number)[] {
  const pairs = Math.ceil(PAIRS / runs);
  const [called, calls, open, tests] = [new Set<number>(), new Map<string, number>(), new Set<number>(), new Set<number>()];
  for (let pair = 0; pair < pairs; pair++) {
    const result = compare(runsOf(runs, hours, 2 * pair + 1), runsOf(runs, hours, 2 * pair + 2), OPTIONS);
    tests.add(result.tests);
    if (result.outcome === 'inconclusive') open.add(pair);
    for (const { id, call, slope } of result.signals) {
      if (call !== 'regressed' && call !== 'improved' && slope?.call !== 'regressed' && slope?.call !== 'improved') continue;
      called.add(pair);
      calls.set(id, (calls.get(id) ?? 0) + 1);
    }
  }
  worst = Math.max(worst, called.size);
  const which = [...calls].map(([id, count]) => `${id} ${count}`).join(', ') || 'none';
  return [
    `${hours} h`,
    `${runs} + ${runs}`,
    [...tests].join('/'),
    pairs,
    `${called.size} (${percent(called.size / pairs, 1)})`,
    percent(open.size / pairs),
    which,
  ];
}

interface Changed {
  readonly name: string;
  readonly id: string;
  readonly sizes: readonly number[];
  readonly build: (size: number) => Build;
  readonly text: (size: number) => string;
}

const share = (size: number): string => `+${Math.round(size * 100)} %`;

const CHANGES: readonly Changed[] = [
  {
    name: 'mean latency',
    id: 'api latency.mean',
    sizes: [0.05, 0.1, 0.15, 0.2, 0.3],
    build: (size) => ({ latency: 1 + size }),
    text: share,
  },
  {
    name: 'p95',
    id: 'api latency{soak.quantile="0.95"}',
    sizes: [0.1, 0.15, 0.2, 0.25, 0.35],
    build: (size) => ({ latency: 1 + size }),
    text: share,
  },
  { name: 'CPU', id: 'api cpu', sizes: [0.05, 0.1, 0.15, 0.2, 0.3], build: (size) => ({ cpu: 1 + size }), text: share },
  { name: 'memory', id: 'api memory.private', sizes: [0.2, 0.25, 0.3, 0.4, 0.5], build: (size) => ({ memory: 1 + size }), text: share },
  {
    name: 'leak (slope of memory)',
    id: 'api memory.private',
    sizes: [0.5, 1, 2, 5, 10, 20],
    build: (leak) => ({ leak }),
    text: (size) => `+${size} MB/h`,
  },
  { name: 'errors (of 0.02 %)', id: 'api errors', sizes: [3, 6, 11, 51], build: (errors) => ({ errors }), text: (size) => `x${size}` },
];

function changed({ name, id, sizes, build, text }: Changed, hours: number, runs: number): string[] {
  const count = Number(given.changes);
  const cells = sizes.map((size, s) => {
    let called = 0;
    for (let pair = 0; pair < count; pair++) {
      const seed = 50_000 + 7 * pair + 1000 * s;
      const result = compare(runsOf(runs, hours, seed), runsOf(runs, hours, seed + 1, build(size)), OPTIONS);
      if (result.signals.some((one) => one.id === id && one.call === 'regressed')) called++;
    }
    return `${text(size)}: ${percent(called / count)}`;
  });
  return [name, `${hours} h`, `${runs} + ${runs}`, cells.join(', ')];
}

const lengths = given.hours.split(',').map(Number);
console.log(`\nThe same build: comparisons of which any signal is called different\n`);
const rows = lengths.flatMap((hours) => [sameBuild(hours, 1), ...(hours === lengths.at(-1) ? [sameBuild(hours, 3)] : [])]);
console.log(table(['length', 'runs', 'tests', 'pairs', 'called different', 'inconclusive', 'signals'], rows));
if (Number(given.changes) > 0) {
  console.log(`\nOne of two services changed: share of ${given.changes} comparisons that call it\n`);
  const all = CHANGES.flatMap((one) => lengths.flatMap((hours) => [1, 3].map((runs) => changed(one, hours, runs))));
  console.log(table(['change', 'length', 'runs', 'called regressed'], all));
}
if (given['at-most'] !== undefined && worst > Number(given['at-most'])) process.exitCode = 1;
