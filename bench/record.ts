/**
 * What recording costs: bytes and CPU per sample, memory, checkpoints, and reading it all again. Each size runs in a process of its own,
 * under the limits of the agent. Bounds: 5 bytes a sample in chunks, and 1 microsecond of CPU a sample from 200 series on; one tick in five waits for the disk, as at 1 Hz.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { serialize } from 'node:v8';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { defineMetrics } from '../src/catalog.ts';
import { SystemClock } from '../src/clock.ts';
import { RecordReader } from '../src/record/reader.ts';
import { RecordWriter } from '../src/record/writer.ts';
import { SeriesTable } from '../src/series.ts';
import { Store } from '../src/store.ts';
import { Batch, type Tick } from '../src/tick.ts';

const TICKS = 8640;
const PER_PROCESS = 20;
const SIZES = [20, 200, 1000];

const clock = new SystemClock();

/** Deterministic, so that two runs record the same. */
let seed = 1;
function random(): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
}

const METRICS = defineMetrics({
  bytes: { name: 'bench.bytes', unit: 'By', kind: 'gauge', help: 'x', growth: 'leak', labels: { of: { max: 10_000 } } },
  count: { name: 'bench.count', unit: '{thing}', kind: 'gauge', help: 'x', growth: 'leak', labels: { of: { max: 10_000 } } },
  seconds: { name: 'bench.seconds', unit: 's', kind: 'counter', help: 'x', growth: 'load', labels: { of: { max: 10_000 } } },
  total: { name: 'bench.total', unit: 'By', kind: 'counter', help: 'x', growth: 'load', labels: { of: { max: 10_000 } } },
  share: { name: 'bench.share', unit: '1', kind: 'gauge', help: 'x', growth: 'drift', labels: { of: { max: 10_000 } } },
});

/** The next value of each kind of series, from the one before; `i` tells the series of a process apart. */
const KINDS = [
  { def: METRICS.bytes, next: (v: number): number => (v || 4096 * 20_000) + 4096 * Math.floor((random() - 0.49) * 60) }, // memory, in pages
  { def: METRICS.count, next: (v: number): number => (v || 40) + (random() < 0.1 ? (random() < 0.5 ? 1 : -1) : 0) }, // descriptors, threads
  { def: METRICS.seconds, next: (v: number): number => Math.round(v * 100 + random() * 40) / 100 }, // CPU time, in clock ticks
  { def: METRICS.total, next: (v: number): number => v + Math.floor(random() * 50_000) }, // bytes read and written
  { def: METRICS.bytes, next: (): number => 2 ** 31 }, // a limit
  { def: METRICS.share, next: (): number => 0.3 + random() / 10 }, // a measured ratio: all its bits are noise
  { def: METRICS.count, next: (v: number): number => v + (random() < 0.3 ? Math.ceil(random() * 9) : 0) }, // faults, switches
  { def: METRICS.bytes, next: (v: number): number => v || 4096 * 9000 }, // file pages, a peak
];

/** Processes of 20 series read at 1 Hz with a stamp each; a tenth of the series every 5 s, as of host and control groups. */
class Workload {
  readonly table = new SeriesTable();
  readonly #batch = new Batch();
  readonly #ids: number[];
  readonly #values: Float64Array;

  constructor(series: number) {
    const owner = { source: 'process', target: 'bench', member: null, period: 1 };
    this.#ids = Array.from({ length: series }, (_, i) => this.table.open(owner, KINDS[i % KINDS.length]!.def, { of: String(i) }));
    this.#values = new Float64Array(series);
  }

  tick(n: number): Tick {
    let at = n;
    for (const [i, id] of this.#ids.entries()) {
      if (i % PER_PROCESS === 0) at = n + 1e-4 * (i / PER_PROCESS) + random() * 5e-5;
      if (i % 10 === 9 && n % 5 !== 0) continue;
      this.#values[i] = KINDS[i % KINDS.length]!.next(this.#values[i]!);
      this.#batch.set(id, this.#values[i]!, at);
    }
    return this.#batch.close(n, at + 2e-4, 1.8e9 + at);
  }
}

/** CPU seconds of all ticks under `use`, and how many samples they had. */
function through(workload: Workload, use: (tick: Tick) => void): { cpu: number; samples: number } {
  const before = clock.cpu();
  let samples = 0;
  for (let n = 0; n < TICKS; n++) {
    const tick = workload.tick(n);
    samples += tick.samples.length;
    use(tick);
  }
  return { cpu: clock.cpu() - before, samples };
}

function measured(work: () => void): number {
  const before = clock.cpu();
  work();
  return (clock.cpu() - before) * 1000;
}

function rss(): number {
  gc!();
  return process.memoryUsage().rss / 1e6;
}

/** One row of the table. */
function measure(series: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  try {
    seed = 1;
    const { cpu: idle } = through(new Workload(series), () => {});
    seed = 1;
    const workload = new Workload(series);
    const header = { id: '0', start: 0, agent: '0', configHash: '0', config: {}, bootId: null, interval: 1, planned: null, host: {} };
    const before = rss();
    const writer = RecordWriter.create(folder, header, { maxBytes: 2 ** 29 });
    let most = 0;
    const { cpu, samples } = through(workload, (tick) => {
      writer.append(tick, workload.table);
      if (tick.n % 100 === 0) most = Math.max(most, process.memoryUsage.rss());
    });
    const after = rss();
    const state = fullState(workload);
    const checkpoint = measured(() => writer.checkpoint(TICKS - 1, state));
    writer.seal(0, '{}');
    writer.close();
    const { chunks, kept, rollups } = sizes(folder);
    const read = measured(() => {
      const reader = RecordReader.open(folder);
      let count = 0;
      for (const tick of reader.ticks()) count += tick.samples.length;
      if (count !== samples) throw new Error(`${count} samples read, ${samples} recorded`);
      reader.close();
    });
    const each = ((cpu - idle) * 1e6) / samples;
    return `| ${series} | ${(chunks / samples).toFixed(2)} | ${(rollups / samples).toFixed(2)} | ${each.toFixed(2)} | ${((each * samples) / TICKS / 1000).toFixed(2)} | ${(after - before).toFixed(0)} | ${(most / 1e6 - before).toFixed(0)} | ${checkpoint.toFixed(0)} | ${(kept / 1000).toFixed(0)} of ${(state.length / 1000).toFixed(0)} | ${read.toFixed(0)} |`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The bins of all series, as the state of a run has them. */
function fullState(workload: Workload): Uint8Array {
  const store = new Store();
  for (const series of workload.table.all()) store.add(series);
  seed = 1;
  through(new Workload(workload.table.size), (tick) => store.fold(tick.samples));
  return serialize(store.snapshot());
}

function sizes(folder: string): { chunks: number; kept: number; rollups: number } {
  const path = join(folder, 'record.sqlite');
  const db = new DatabaseSync(path, { readOnly: true });
  const one = (sql: string): number => Number(Object.values(db.prepare(sql).get()!)[0]);
  const chunks = one('SELECT sum(length(data)) FROM chunk');
  const kept = one('SELECT sum(length(state)) FROM checkpoint');
  const free = one('PRAGMA freelist_count') * 4096;
  db.close();
  return { chunks, kept, rollups: statSync(path).size - free - chunks - kept };
}

const size = process.argv[2];
if (size !== undefined) {
  // As the agent runs (src/cli.ts).
  setFlagsFromString('--max-old-space-size=64');
  setFlagsFromString('--max-semi-space-size=1');
  setFlagsFromString('--optimize-for-size');
  console.log(measure(Number(size)));
} else {
  console.log(
    `## Record\n\n${TICKS} ticks of processes with ${PER_PROCESS} series each, one in five waits for the disk; \`node bench/record.ts\`.\n`,
  );
  console.log(
    '| series | bytes/sample in chunks | in roll-ups and the rest | CPU us/sample | CPU ms/tick | RSS MB, after | RSS MB, at most | CPU ms/checkpoint | kB/checkpoint | CPU ms to read all |',
  );
  console.log('|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
  for (const series of SIZES) {
    const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), String(series)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
    console.log(stdout.trim());
    if (status !== 0) process.exitCode = 1;
  }
}
