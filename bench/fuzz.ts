/** Fuzzes the parsers of what others send: `node bench/fuzz.ts 100000`. Prints how each took it, and what is left in memory. */
import { Deltas } from '../src/intake/deltas.ts';
import { PARSERS } from '../test/parsersunderfuzz.ts';
import { mutated, numbers } from '../test/mutation.ts';
import { SystemClock } from '../src/clock.ts';

const TRIES = Number(process.argv[2] ?? 100_000);

const clock = new SystemClock();
console.log(
  '| parser | bodies | taken | in part | refused | CPU, us each | RSS before, MB | after |\n|---|---:|---:|---:|---:|---:|---:|---:|',
);
for (const parser of PARSERS) {
  const below = numbers(20_261_121);
  const deltas = new Deltas({ from: 0 });
  const counts = { taken: 0, 'in part': 0, refused: 0 };
  const rss = process.memoryUsage().rss;
  const cpu = clock.cpu();
  for (let i = 0; i < TRIES; i++) {
    const body = mutated(parser.bodies[i % parser.bodies.length]!, parser.bodies, below);
    counts[await parser.feed(body, deltas)]++;
  }
  const each = ((clock.cpu() - cpu) / TRIES) * 1e6;
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const cells = [
    parser.name,
    TRIES,
    counts.taken,
    counts['in part'],
    counts.refused,
    each.toFixed(0),
    mb(rss),
    mb(process.memoryUsage().rss),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
