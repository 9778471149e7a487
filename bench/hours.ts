/**
 * Memory of the agent over hours, which pass more quickly: the published bundle watches one idle process, with a scrape every 15 s and without
 * a listener, side by side, while `libfaketime` (Debian's `faketime`) lets its clock run so many times as fast. That leaves its
 * memory what it is (docs/decisions/0040-collected-sooner.md); CPU it does not, and so it is not printed. `1` is real time.
 *
 *   node bench/hours.ts [hours] [times as fast]        default 6 20
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { usage } from './usage.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [hours = 6, factor = 20] = process.argv.slice(2).map(Number);
const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
if (library === undefined) throw new Error('there is no libfaketime; on Debian: apt-get install faketime');

const SCRAPE_S = 15;
const MINUTES = [2, 10, 30, 60, 120, 180, 240, 300, 360, 480, 720, 1440].filter((minute) => minute <= hours * 60);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function startAgent(target: ChildProcess, out: string, listen: string): ChildProcess {
  const options = ['--target', `idle=${target.pid}`, '--out', out, '--listen', listen, '--no-live', '--duration', '48h'];
  const env = { ...process.env, LD_PRELOAD: library, FAKETIME: `+0 x${factor}` };
  return spawn(process.execPath, [join(ROOT, 'dist/soak-agent.js'), 'run', ...options], { stdio: 'ignore', env });
}

/** Scrapes until told to stop; an agent that is not ready yet is asked again. */
async function scrape(url: string, told: AbortSignal): Promise<void> {
  while (!told.aborted) {
    await delay((SCRAPE_S * 1000) / factor);
    await fetch(url)
      .then((response) => response.text())
      .catch(() => {});
  }
}

async function measure(isScraped: boolean): Promise<string[]> {
  const out = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  const address = isScraped ? `127.0.0.1:${await freePort()}` : 'off';
  const target = spawn('sleep', ['infinity'], { stdio: 'ignore' });
  const agent = startAgent(target, out, address);
  const from = performance.now();
  const over = new AbortController();
  const scraping = isScraped ? scrape(`http://${address}/metrics`, over.signal) : null;
  try {
    const cells: string[] = [];
    for (const minute of MINUTES) {
      await delay(from + (minute * 60_000) / factor - performance.now());
      const { private: own, rss } = usage(agent.pid ?? 0);
      cells.push(`${own.toFixed(1)}, ${rss.toFixed(1)}`);
    }
    return [isScraped ? `a scrape every ${SCRAPE_S} s` : 'no scrape, no listener', ...cells];
  } finally {
    over.abort();
    await scraping;
    agent.kill('SIGKILL');
    target.kill('SIGKILL');
    rmSync(out, { recursive: true, force: true });
  }
}

spawnSync(process.execPath, [join(ROOT, 'tools/build.ts')], { stdio: 'inherit' });
const rows = await Promise.all([false, true].map(measure));
console.log(`## Memory over ${hours} h, private and resident MB, by a clock that is ${factor} times as fast\n`);
console.log(`| minutes | ${MINUTES.join(' | ')} |\n|${'---|'.repeat(MINUTES.length + 1)}`);
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
