/**
 * What no code of ours can go below, each once a second for some minutes, side by side: Node with our flags that does nothing, the same with
 * the whole bundle loaded, a row of SQLite that is synced, and a C program that reads processes by kept descriptors.
 *
 *   node bench/floors.ts [seconds]        default 300
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [seconds = 300] = process.argv.slice(2).map(Number);

/** Start-up is no steady state. */
const SETTLE_S = 30;

/** As src/cli.ts gives them. */
const HEAP = ['--max-old-space-size=64', '--max-semi-space-size=1'];
const SOONER = ['--invocation-count-for-maglev=100', '--minimum-invocations-after-ic-update=100'];
const FLAGS = [...HEAP, ...SOONER, '--no-flush-bytecode', '--efficiency-mode', '--no-memory-reducer', '--input-type=module'];

/** Bytes of a tick of one target and of 100. */
const ROWS = [600, 22_000];

const TARGETS = [1, 100];

const IDLE = 'setInterval(() => {}, 1000);';

const BUNDLE = `import { readdirSync } from 'node:fs';
for (const name of readdirSync('dist')) if (/^(main|chunk-.*)\\.js$/.test(name)) await import('${ROOT}dist/' + name);
${IDLE}`;

/** As src/record/writer.ts does it, with a window of 120 rows; but that one waits for the disk at every fifth only. */
const row = (path: string, bytes: number): string => `import { DatabaseSync } from 'node:sqlite';
const db = new DatabaseSync('${path}');
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE hot (n INTEGER PRIMARY KEY, data BLOB NOT NULL)');
const insert = db.prepare('INSERT INTO hot (n, data) VALUES (?, ?)');
const data = crypto.getRandomValues(new Uint8Array(${bytes}));
let n = 0;
setInterval(() => {
  db.exec('BEGIN IMMEDIATE');
  if (n % 120 === 0) db.exec('DELETE FROM hot');
  insert.run(n++, data);
  db.exec('COMMIT');
}, 1000);`;

/** Milliseconds of CPU of all threads that live. */
function cpuOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const ns = readdirSync(tasks).map((task) => Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]));
  return ns.reduce((sum, one) => sum + one, 0) / 1e6;
}

const folder = mkdtempSync(join(tmpdir(), 'soak-bench-'));
const sleepers = Array.from({ length: Math.max(...TARGETS) }, () => spawn('sleep', [String(seconds + 120)], { stdio: 'ignore' }));
const started: (readonly [string, ChildProcess])[] = [];
try {
  const binary = join(folder, 'sampling-floor');
  execFileSync('gcc', ['-O2', '-pthread', '-o', binary, join(ROOT, 'bench/sampling-floor.c')]);
  const node = (code: string): ChildProcess => spawn(process.execPath, [...FLAGS, '--eval', code], { cwd: ROOT, stdio: 'inherit' });
  const pids = sleepers.map(({ pid }) => String(pid));
  started.push(['idle', node(IDLE)], ['idle, with the whole bundle loaded', node(BUNDLE)]);
  for (const bytes of ROWS) started.push([`a synced row of ${bytes} bytes`, node(row(join(folder, `${bytes}.sqlite`), bytes))]);
  for (const n of TARGETS) started.push([`C, processes read: ${n}`, spawn(binary, ['every', '1', ...pids.slice(0, n)])]);
  await delay(SETTLE_S * 1000);
  const before = started.map(([, { pid }]) => cpuOf(pid!));
  await delay(seconds * 1000);
  console.log(`| once a second, ${seconds} s | CPU of one core |\n|---|---:|`);
  for (const [i, [name, { pid }]] of started.entries()) {
    console.log(`| ${name} | ${((cpuOf(pid!) - before[i]!) / seconds / 10).toFixed(3)} % |`);
  }
} finally {
  for (const child of [...started.map(([, child]) => child), ...sleepers]) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
