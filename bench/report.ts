/**
 * What reports cost: a day of 200 series at 1 Hz as a page, Markdown, JUnit and JSON; the page in a browser; and a live page over a day.
 *
 *   node --expose-gc bench/report.ts [files] [exports] [page] [live]        default: all
 *
 * Bounds: a report in 3 s and 300 MB, a page below 1.5 MB that is drawn in 2 s, and a live page that ends a day as large as it was.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type CDPSession, chromium } from 'playwright-core';
import { Judge } from '../src/analysis/judge.ts';
import { SimClock, SystemClock } from '../src/clock.ts';
import { LivePage } from '../src/live.ts';
import { SILENT } from '../src/log.ts';
import { CATALOG } from '../src/metrics.ts';
import { RecordWriter } from '../src/record/writer.ts';
import { RunState } from '../src/runstate.ts';
import { Batch, type RunEvent } from '../src/tick.ts';
import { VERSION } from '../src/version.ts';
import { listen } from '../src/views/http.ts';
import { runRoutes } from '../src/views/routes.ts';
import { fakeRun } from '../test/unit/views/run.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DAY = 86_400;
const TARGETS = 10;
const PER_TARGET = 20;
const START = 1_794_000_000;
/** Seconds between samples of the day that is watched live. */
const LIVE_S = 30;
/** A series has 128 to 256 bins by turns, and what a page holds goes up and down with it: looked at whenever there are 192, up to 25.6 h. */
const LIVE_LOOKS = [1, 2, 4, 8, 16].map((width) => 192 * width);
const clock = new SystemClock();

/** Deterministic, so that two runs are the same. */
let seed = 1;
function random(): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
}

/** What a process and its runtime tell, of the real catalog: 20 metrics without labels, memory and descriptors among them. */
const NAMES = CATALOG.all()
  .filter(
    ({ labels, name }) =>
      labels === undefined && /^(?:process|soak\.process|soak\.runtime|soak\.container|soak\.target|container)\./.test(name),
  )
  .toSorted((a, b) => (a.gate === undefined ? 1 : 0) - (b.gate === undefined ? 1 : 0))
  .slice(0, PER_TARGET);

interface Drawn {
  readonly id: number;
  value: number;
  readonly next: (value: number, t: number) => number;
}

/** Ten programs, of which the first leaks memory and the second descriptors. */
class Day {
  readonly state: RunState;
  readonly interval: number;
  readonly #batch = new Batch();
  readonly #series: Drawn[] = [];
  #n = 0;

  constructor(interval: number) {
    const judging = { requiredLifetime: 14 * DAY, plannedEnd: DAY, warmup: null, rules: [], required: [], interval };
    this.interval = interval;
    this.state = new RunState(new Judge(judging));
    for (let target = 0; target < TARGETS; target++) {
      for (const def of NAMES) this.#open(`service-${target}`, def, target);
    }
  }

  #open(target: string, def: (typeof NAMES)[number], at: number): void {
    const id = this.state.series.open({ source: 'process', target, member: null, period: this.interval }, def);
    const { interval } = this;
    if (def.kind === 'counter') return void this.#series.push({ id, value: 0, next: (v) => v + interval * random() });
    const level = def.unit === 'By' ? 200e6 : 60;
    const grows = (at === 0 && def.name === 'soak.process.memory.private') || (at === 1 && def.alias === 'fds');
    const slope = grows ? (def.unit === 'By' ? 4e6 : 2) / 3600 : 0;
    const wave = def.unit === 'By' ? 4e6 : 4;
    this.#series.push({ id, value: level, next: (_, t) => Math.round(level + slope * t + wave * (random() - 0.5)) });
  }

  tick(): ReturnType<Batch['close']> {
    const n = this.#n++;
    const t = n * this.interval;
    const event: RunEvent = { t, kind: 'run_start', target: null, member: null, message: 'began', data: {} };
    if (n === 0) this.#batch.event(event);
    for (const one of this.#series) {
      one.value = one.next(one.value, t);
      this.#batch.set(one.id, one.value, t);
    }
    return this.#batch.close(n, t, START + t);
  }
}

const HEADER = { id: 'bench', start: START, agent: VERSION, configHash: '0', interval: 1, planned: DAY, host: {} };
const CONFIG = { mustLive: 14 * DAY, duration: DAY, warmup: null, rules: [], required: [], interval: 1, targets: [] };

function recordDay(folder: string): number {
  const day = new Day(1);
  const writer = RecordWriter.create(folder, { ...HEADER, config: CONFIG, bootId: null }, { maxBytes: 2 ** 29 });
  for (let n = 0; n <= DAY; n++) {
    const tick = day.tick();
    writer.append(tick, day.state.series);
    day.state.fold(tick);
    if (n % 60 === 0) writer.checkpoint(n, day.state.snapshot());
  }
  const verdict = day.state.judge.verdict({ ...HEADER, end: START + DAY }, day.state);
  writer.seal(START + DAY, JSON.stringify(verdict));
  writer.close();
  return writer.size();
}

/** Seconds, CPU seconds and peak MB of the published program. */
async function cost(args: readonly string[]): Promise<{ seconds: number; cpu: number; mb: number }> {
  const from = clock.monotonic();
  const child = spawn(process.execPath, [join(ROOT, 'dist/soak-agent.js'), ...args], { stdio: 'ignore' });
  let [mb, cpu] = [0, 0];
  const ended = once(child, 'exit').then(() => true);
  while (!(await Promise.race([ended, delay(20, false)]))) {
    const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : '';
    const stat = status === '' ? '' : readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpu = Math.max(cpu, (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100);
    mb = Math.max(mb, (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024) / 1e6);
  }
  return { seconds: clock.monotonic() - from, cpu, mb };
}

async function heap(session: CDPSession): Promise<number> {
  for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN) / 1e6;
}

/** In the browser: a text would be evaluated there, which the policy of the page forbids. */
const drawn = (): number => (globalThis as { soakDrawn?: () => number }).soakDrawn?.() ?? 0;

const wanted = process.argv.slice(2);
const isWanted = (part: string): boolean => wanted.length === 0 || wanted.includes(part);

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const folder = mkdtempSync(join(tmpdir(), 'soak-bench-'));
const file = join(folder, 'page.html');
try {
  console.log(`## Reports: a day of ${TARGETS * NAMES.length} series\n`);
  if (isWanted('files') || isWanted('exports') || isWanted('page')) recordDay(folder);
  if (isWanted('files')) await writeFiles();
  if (isWanted('exports')) await writeExports();
  if (isWanted('page')) await drawPage();
  if (isWanted('live')) await watchDay();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

async function writeFiles(): Promise<void> {
  const size = statSync(join(folder, 'record.sqlite')).size;
  console.log(
    `From a record at 1 Hz of ${(size / 1e6).toFixed(0)} MB, by the published bundle. Bounds: 3 s and 300 MB for a report of the run as it was judged, 1.5 MB for the page.\n`,
  );
  console.log('| | seconds | CPU s | peak MB | written kB |\n|---|---:|---:|---:|---:|');
  const at = (name: string): string => join(folder, name);
  const forms: [string, string[], string][] = [
    ['page', ['--html', file], file],
    ['Markdown, JUnit and JSON', ['--markdown', at('r.md'), '--junit', at('r.xml'), '--json', at('r.json')], at('r.json')],
    ['page, judged again by another rule', ['--html', at('again.html'), '--rule', 'fds < 50'], at('again.html')],
  ];
  for (const [name, args, written] of forms) {
    const { seconds, cpu, mb } = await cost(['report', folder, ...args]);
    console.log(
      `| ${name} | ${seconds.toFixed(2)} | ${cpu.toFixed(2)} | ${mb.toFixed(0)} | ${(statSync(written).size / 1e3).toFixed(0)} |`,
    );
  }
}

async function writeExports(): Promise<void> {
  console.log('\nThe same record exported, 17 million samples:\n\n| | seconds | CPU s | peak MB |\n|---|---:|---:|---:|');
  for (const format of ['csv', 'openmetrics']) {
    const { seconds, cpu, mb } = await cost(['export', folder, '--format', format]);
    console.log(`| ${format} | ${seconds.toFixed(1)} | ${cpu.toFixed(1)} | ${mb.toFixed(0)} |`);
  }
}

async function drawPage(): Promise<void> {
  if (!existsSync(file)) await cost(['report', folder, '--html', file]);
  const seconds: number[] = [];
  let mb = 0;
  let all = 0;
  for (let i = 0; i < 5; i++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const from = clock.monotonic();
    await page.goto(pathToFileURL(file).href);
    await page.waitForFunction(drawn);
    seconds.push(clock.monotonic() - from);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    mb = await heap(session);
    const before = clock.monotonic();
    await page.evaluate(
      `dispatchEvent(new Event('beforeprint')); document.querySelectorAll('details').forEach((one) => { one.open = true; })`,
    );
    while ((await page.evaluate<number>('soakDrawn()')) < 100) await delay(5);
    all = clock.monotonic() - before;
    await page.close();
  }
  const median = seconds.toSorted((a, b) => a - b)[2]!;
  console.log(
    `\nThe page in headless Chromium: opened and drawn in ${median.toFixed(2)} s (median of 5, bound 2 s), ${mb.toFixed(0)} MB of JavaScript heap; all charts at once, as for a printer, ${all.toFixed(1)} s more.`,
  );
}

/** A day in some minutes: the run state is fed as fast as it goes, and everything is pushed as in real life. */
async function watchDay(): Promise<void> {
  const day = new Day(LIVE_S);
  const live = new LivePage({
    state: day.state,
    header: () => ({ ...HEADER, config: CONFIG }),
    end: () => null,
    verdict: () => day.state.judge.verdict({ ...HEADER, end: null }, day.state),
    notes: () => null,
  });
  const routes = runRoutes({ run: fakeRun().run, clock: new SimClock(), metrics: null, page: live.page }, live.routes());
  const listener = await listen({ host: '127.0.0.1', port: 0 }, routes, SILENT);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const rows: string[] = [];
  for (let n = 0; n <= LIVE_LOOKS.at(-1)!; n++) {
    day.state.fold(day.tick());
    live.tick();
    if (n * LIVE_S === 120) await page.goto(listener.url);
    await delay(10);
    if (!LIVE_LOOKS.includes(n)) continue;
    await delay(5000); // until the last report has come and the one before it is let go
    const hours = (n * LIVE_S) / 3600;
    const nodes = await page.evaluate<number>('document.querySelectorAll("*").length');
    gc!();
    rows.push(`| ${hours} | ${(await heap(session)).toFixed(1)} | ${nodes} | ${(process.memoryUsage().heapUsed / 1e6).toFixed(0)} |`);
  }
  console.log(`\nA live page over an accelerated day, the same series at ${LIVE_S} s, new values and a report a minute pushed:\n`);
  console.log('| hours | page: heap MB | elements | server: heap MB |\n|---:|---:|---:|---:|');
  console.log(rows.join('\n'));
  await page.close();
  await listener.close();
}
