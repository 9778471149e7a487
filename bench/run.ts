/**
 * `npm run bench [name ...]`: every measurement in this folder, one after the other, written to bench/latest.md with the machine. Figures of
 * different runs on a shared machine do not compare; the ratios within one run do. What they mean is said in docs/benchmarks.md, by hand.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOT_MEASUREMENTS = new Set([
  'run.ts',
  'hours.ts',
  'usage.ts',
  'pool-scenarios.ts',
  'leakbench.ts',
  'leakbench-adapter.ts',
  'leakbench-open.ts',
  'inbound-bodies.ts',
]);

const wanted = process.argv.slice(2);
const names = readdirSync(join(ROOT, 'bench'))
  .filter((name) => name.endsWith('.ts') && !NOT_MEASUREMENTS.has(name))
  .filter((name) => wanted.length === 0 || wanted.includes(name.replace(/\.ts$/, '')));

spawnSync(process.execPath, [join(ROOT, 'tools/build.ts')], { stdio: 'inherit' });
const cpu = cpus();
const machine = `${cpu.length} x ${cpu[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 1e9)} GB, Linux ${release()}, Node ${process.version}`;
const parts = [`# Latest measurements\n\nMachine: ${machine}.\n`];
for (const name of names) {
  console.error(`bench/${name} ...`);
  const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', join(ROOT, 'bench', name)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  console.log(stdout);
  if (status !== 0) process.exitCode = 1;
  parts.push(stdout.trim());
}
if (wanted.length === 0) writeFileSync(join(ROOT, 'bench/latest.md'), `${parts.join('\n\n')}\n`);
