/**
 * CPU time per process-sample (stat + status + io + descriptor count) in a tight loop, beside the C floor and pidusage, all in one run on
 * the same sleepers. `node bench/sampling.ts` prints a Markdown table; figures move with the machine, the ratios hardly.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pidusage from 'pidusage';
import { SystemClock } from '../src/clock.ts';
import { SILENT } from '../src/log.ts';
import { SeriesTable } from '../src/series.ts';
import { processSource } from '../src/sources/process.ts';
import { DescriptorBudget, kernelCountsDescriptors, ProcReader } from '../src/sources/proc-reader.ts';
import { parseStat, Stat } from '../src/sources/procfs.ts';
import { readProcFile } from '../src/sources/proc-reader.ts';
import type { Sink, SourceContext } from '../src/sources/source.ts';
import { type Proc, Targets } from '../src/targets.ts';
import { Servers } from '../src/servers.ts';
import { Batch } from '../src/tick.ts';

const SIZES = [1, 10, 100, 1000];

/** CPU time spent on each figure after a warm-up of a quarter of it: at 10 us a sample 100,000 samples. */
const BUDGET_MS = 1000;

interface Row {
  readonly n: number;
  readonly floorKept: number;
  readonly floorOpened: number;
  readonly reader: number;
  readonly readerOpened: number;
  readonly source: number;
  readonly pidusage: number;
}

export async function sampling(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  const binary = join(folder, 'sampling-floor');
  try {
    execFileSync('gcc', ['-O2', '-pthread', '-o', binary, fileURLToPath(new URL('sampling-floor.c', import.meta.url))]);
    const sleepers = await startSleepers(binary, Math.max(...SIZES));
    try {
      const rows: Row[] = [];
      for (const n of SIZES) rows.push(await measureAll(binary, sleepers.procs.slice(0, n)));
      return table(rows);
    } finally {
      await sleepers.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function startSleepers(binary: string, n: number): Promise<{ procs: Proc[]; stop(): Promise<void> }> {
  const child = spawn(binary, ['sleepers', String(n)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const procs: Proc[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    procs.push(procOf(Number(line)));
    if (procs.length === n) break;
  }
  const stop = (): Promise<void> => {
    child.stdin.end();
    return ended;
  };
  return { procs, stop };
}

function procOf(pid: number): Proc {
  const stat = new Stat();
  const { bytes, length } = readProcFile(`/proc/${pid}/stat`);
  if (!parseStat(bytes, length, stat)) throw new Error(`no stat of ${pid}`);
  return { pid, startTime: stat.startTime, comm: 'sampling-floor', member: null };
}

async function measureAll(binary: string, procs: readonly Proc[]): Promise<Row> {
  const pids = procs.map(({ pid }) => pid);
  const floor = execFileSync(binary, ['floor', String(BUDGET_MS), ...pids.map(String)], { encoding: 'utf8' })
    .split(' ')
    .map(Number);
  return {
    n: procs.length,
    floorKept: floor[0] ?? NaN,
    floorOpened: floor[1] ?? NaN,
    reader: measureReaders(procs, new DescriptorBudget()),
    readerOpened: measureReaders(procs, new DescriptorBudget(0)),
    source: measureSource(procs),
    pidusage: await measureLoop(procs.length, () => pidusage(pids)),
  };
}

function measureReaders(procs: readonly Proc[], budget: DescriptorBudget): number {
  const counts = kernelCountsDescriptors('/proc');
  const readers = procs.map((proc) => new ProcReader('/proc', proc, budget, counts));
  const each = measureSync(procs.length, () => {
    for (const reader of readers) if (reader.read(NaN) !== 'ok') throw new Error(`${reader.pid} cannot be read`);
  });
  for (const reader of readers) reader.close();
  return each;
}

/** The whole source as the agent runs it: details every tenth tick, series, and a batch that takes the samples. */
function measureSource(procs: readonly Proc[]): number {
  const specs = procs.map(({ pid }) => ({ role: `p${pid}`, selector: { kind: 'pid', pid } as const, many: false, children: false }));
  const targets = new Targets(specs);
  targets.all().forEach((target, i) => targets.bind(target, [procs[i]!], 0));
  const clock = new SystemClock();
  const ctx: SourceContext = {
    series: new SeriesTable(),
    targets,
    servers: new Servers([]),
    clock,
    log: SILENT,
    roots: { proc: '/proc', sys: '/sys' },
  };
  const batch = new Batch();
  const sink: Sink = {
    now: () => clock.monotonic(),
    set: (series, value, at = 0) => batch.set(series, value, at),
    event: () => {},
  };
  const source = processSource(ctx, { period: 1 });
  void source.open(sink);
  let n = 0;
  const each = measureSync(procs.length, () => {
    void source.read(sink, AbortSignal.abort());
    batch.close(n++, 0, 0);
  });
  void source.close();
  return each;
}

function measureSync(n: number, pass: () => void): number {
  const run = (ms: number): number => {
    const from = cpuMs();
    let passes = 0;
    while (cpuMs() - from < ms) {
      pass();
      passes++;
    }
    return ((cpuMs() - from) * 1000) / passes / n;
  };
  run(BUDGET_MS / 4);
  return run(BUDGET_MS);
}

async function measureLoop(n: number, pass: () => Promise<unknown>): Promise<number> {
  const run = async (ms: number): Promise<number> => {
    const from = cpuMs();
    let passes = 0;
    while (cpuMs() - from < ms) {
      await pass();
      passes++;
    }
    return ((cpuMs() - from) * 1000) / passes / n;
  };
  await run(BUDGET_MS / 4);
  return run(BUDGET_MS);
}

/** CPU time of this process, all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function cells(values: readonly string[]): string {
  return `| ${values.join(' | ')} |`;
}

function us(value: number, floor: number): string {
  return `${value.toFixed(1)} (${(value / floor).toFixed(1)}x)`;
}

function table(rows: readonly Row[]): string {
  const columns: [string, (row: Row) => string][] = [
    ['processes', ({ n }) => String(n)],
    ['C, kept descriptors', ({ floorKept }) => floorKept.toFixed(1)],
    ['C, open/read/close', (row) => us(row.floorOpened, row.floorKept)],
    ['soak-agent, kept descriptors', (row) => us(row.reader, row.floorKept)],
    ['soak-agent, open/read/close', (row) => us(row.readerOpened, row.floorKept)],
    ['soak-agent, whole source', (row) => us(row.source, row.floorKept)],
    ['pidusage (CPU and RSS only)', (row) => us(row.pidusage, row.floorKept)],
  ];
  return [
    `CPU microseconds per process-sample, tight loop (multiple of the C floor); Node ${process.version}, Linux ${release()}, ${cpus().length} CPUs`,
    '',
    cells(columns.map(([title]) => title)),
    cells(columns.map(() => '---:')),
    ...rows.map((row) => cells(columns.map(([, cell]) => cell(row)))),
  ].join('\n');
}

if (import.meta.main) console.log(await sampling());
