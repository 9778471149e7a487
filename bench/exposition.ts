/**
 * What reading a page of metrics costs: parsing 1,000 lines as a real program writes them, and the same with the signals of every preset
 * applied. Bound: 3 ms for 1,000 lines, once the code is warm; a page every 10 s is then 0.03 % of a core.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { SystemClock } from '../src/clock.ts';
import { readPage } from '../src/intake/exposition.ts';
import { PRESET_SIGNALS } from '../src/intake/presets.ts';
import { type Meanings, Signals } from '../src/intake/signals.ts';
import { MEANINGS } from '../src/intake/signals-spec.ts';
import { SeriesTable } from '../src/series.ts';
import { METRICS as RUNTIME } from '../src/sources/runtime.ts';

const LINES = 1000;
const ROUNDS = 300;

// As the agent runs (src/cli.ts).
setFlagsFromString('--max-old-space-size=64');
setFlagsFromString('--max-semi-space-size=1');
setFlagsFromString('--optimize-for-size');

const clock = new SystemClock();
const page = (name: string): string => readFileSync(new URL(`../test/fixtures/exposition/${name}`, import.meta.url), 'utf8');

/** Real lines, as often as it takes, each time under other names. */
function thousand(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '' && line !== '# EOF');
  return Array.from({ length: LINES }, (_, i) => {
    const round = Math.floor(i / lines.length);
    const line = lines[i % lines.length]!;
    return round === 0 ? line : line.replace(/^(# \w+ )?([a-z]\w*?)(_total|_bucket|_sum|_count)?(?=[ {])/, `$1$2_r${round}$3`);
  }).join('\n');
}

/** Of time, and the mean of CPU, which includes collections and no other program. */
function milliseconds(work: () => void): { median: number; cpu: number } {
  for (let i = 0; i < ROUNDS; i++) work();
  const before = clock.cpu();
  const times = Array.from({ length: ROUNDS }, () => {
    const from = clock.monotonic();
    work();
    return (clock.monotonic() - from) * 1000;
  }).toSorted((a, b) => a - b);
  return { median: times[ROUNDS / 2]!, cpu: ((clock.cpu() - before) / ROUNDS) * 1000 };
}

const heap = { source: 'runtime', def: RUNTIME.heap };
const meanings = Object.fromEntries(MEANINGS.map((as) => [as, heap])) as Meanings;

console.log(`## Pages of metrics (${LINES} lines)\n`);
console.log(
  '| page | kB | points | parsed, median ms | CPU ms each | with signals, median ms | CPU ms each |\n|---|---:|---:|---:|---:|---:|---:|',
);
for (const name of ['go-prometheus-2.42.txt', 'node-prom-client-15.1.txt', 'python-client-0.16.om']) {
  const text = thousand(page(name));
  const signals = new Signals(
    PRESET_SIGNALS.map((signal) => ({ ...signal, from: 'app', target: null })),
    { series: new SeriesTable(), meanings, began: clock.wall() },
  );
  const sink = { set: () => {}, event: () => {} };
  const bytes = Buffer.from(text);
  const parsed = readPage(bytes, null, () => {});
  const points = 'none' in parsed ? 0 : parsed.points;
  const alone = milliseconds(() => void readPage(bytes, null, () => {}));
  const whole = milliseconds(() => {
    readPage(bytes, null, (points) => void signals.take(points, { name: 'app', target: 'app' }));
    signals.flush('app', sink, { at: clock.monotonic(), period: 10 });
  });
  const figures = [alone.median, alone.cpu, whole.median, whole.cpu].map((value) => value.toFixed(2));
  console.log(`| ${name} | ${Math.round(text.length / 1000)} | ${points} | ${figures.join(' | ')} |`);
}
