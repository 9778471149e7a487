/** Which figure of a process goes to which series, and which of them may be added up over the processes of a role. */
import type { MetricDef } from '../catalog.ts';
import type { LabelsOf } from '../catalog.ts';
import type { Owner, SeriesTable } from '../series.ts';
import { METRICS } from './process-metrics.ts';
import type { ProcessDetails } from './process-details.ts';
import type { ProcReader } from './proc-reader.ts';
import { TICKS_PER_S } from './procfs.ts';
import type { Sink } from './source.ts';

/** One process, as it was last read. */
export interface Figures {
  readonly reader: ProcReader;
  readonly details: ProcessDetails;
  /** Cores used since the read before; NaN at the first. */
  readonly cores: number;
  /** Seconds since it started. */
  readonly uptime: number;
}

/**
 * `role`: the sum over all processes is a fact about the role, and over those beyond the last slot one about `other`. `other`: only
 * the latter is reported, because a role's sum of memory would count what processes share many times. `never`: no sum means anything.
 */
type Summed = 'role' | 'other' | 'never';

export interface Signal {
  readonly def: MetricDef;
  readonly summed: Summed;
  /** NaN when unknown. */
  readonly value: (of: Figures) => number;
  readonly open: (table: SeriesTable, owner: Owner) => number;
}

function signal<const D extends MetricDef>(
  def: D,
  summed: Summed,
  value: (of: Figures) => number,
  ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]
): Signal {
  return { def, summed, value, open: (table, owner) => table.open(owner, def, ...labels) };
}

const kind = (name: 'anonymous' | 'file' | 'shmem') => ({ 'soak.memory.kind': name }) as const;
const mode = (name: 'user' | 'system') => ({ 'cpu.mode': name }) as const;
const fault = (name: 'minor' | 'major') => ({ 'process.paging.fault_type': name }) as const;
const direction = (name: 'read' | 'write') => ({ 'disk.io.direction': name }) as const;
const switched = (name: 'voluntary' | 'involuntary') => ({ 'process.context_switch.type': name }) as const;

const DESCRIPTORS: Signal = signal(METRICS.descriptors, 'role', ({ reader }) => reader.descriptors);

/** What is judged, and what its cause is told by. */
const EVERY_TICK: readonly Signal[] = [
  signal(METRICS.cpuTime, 'role', ({ reader }) => reader.stat.utime / TICKS_PER_S, mode('user')),
  signal(METRICS.cpuTime, 'role', ({ reader }) => reader.stat.stime / TICKS_PER_S, mode('system')),
  signal(METRICS.cpuUtilization, 'role', ({ cores }) => cores),
  signal(METRICS.memoryUsage, 'never', ({ reader }) => reader.status.rss),
  signal(METRICS.memoryPrivate, 'other', ({ reader }) => reader.status.anonymous + reader.status.swap),
  signal(METRICS.threads, 'role', ({ reader }) => reader.stat.threads),
];

/**
 * What is only shown, or moves slowly: at every tick it would be more than half of all samples of a fleet, and of what folding, recording
 * and judging them costs.
 */
const EVERY_10_S: readonly Signal[] = [
  signal(METRICS.childrenCpuTime, 'role', ({ reader }) => reader.stat.cutime / TICKS_PER_S, mode('user')),
  signal(METRICS.childrenCpuTime, 'role', ({ reader }) => reader.stat.cstime / TICKS_PER_S, mode('system')),
  signal(METRICS.memoryVirtual, 'never', ({ reader }) => reader.stat.vsize),
  signal(METRICS.memoryResident, 'never', ({ reader }) => reader.status.anonymous, kind('anonymous')),
  signal(METRICS.memoryResident, 'never', ({ reader }) => reader.status.file, kind('file')),
  signal(METRICS.memoryResident, 'never', ({ reader }) => reader.status.shmem, kind('shmem')),
  signal(METRICS.memorySwap, 'other', ({ reader }) => reader.status.swap),
  signal(METRICS.memoryPeak, 'never', ({ reader }) => reader.status.peak),
  signal(METRICS.pagingFaults, 'role', ({ reader }) => reader.stat.minflt, fault('minor')),
  signal(METRICS.pagingFaults, 'role', ({ reader }) => reader.stat.majflt, fault('major')),
  signal(METRICS.uptime, 'never', ({ uptime }) => uptime),
  signal(METRICS.descriptorLimit, 'never', ({ details }) => details.descriptorLimit),
  // Infinity is no limit, and of no limit there is no share: neither is a sample.
  signal(METRICS.descriptorUtilization, 'never', ({ reader, details }) =>
    details.descriptorLimit === Infinity ? NaN : reader.descriptors / details.descriptorLimit,
  ),
  signal(METRICS.descriptorsDeleted, 'role', ({ details }) => details.deleted),
  signal(METRICS.children, 'role', ({ details }) => details.children),
  signal(METRICS.zombies, 'role', ({ details }) => details.zombies),
  signal(METRICS.diskIo, 'role', ({ reader }) => reader.io.read, direction('read')),
  signal(METRICS.diskIo, 'role', ({ reader }) => reader.io.written, direction('write')),
  signal(METRICS.contextSwitches, 'role', ({ details }) => details.voluntary, switched('voluntary')),
  signal(METRICS.contextSwitches, 'role', ({ details }) => details.involuntary, switched('involuntary')),
];

/** Counting descriptors by listing them costs more, the more there are: then it is done with the slow figures. */
export function signals(countsDescriptors: boolean): { readonly fast: readonly Signal[]; readonly slow: readonly Signal[] } {
  return countsDescriptors
    ? { fast: [...EVERY_TICK, DESCRIPTORS], slow: EVERY_10_S }
    : { fast: EVERY_TICK, slow: [...EVERY_10_S, DESCRIPTORS] };
}

const UNOPENED = -2;

/** The series of one owner, each opened with its first value: what is never known is not in the table at all. */
export class SeriesSet {
  readonly #table: SeriesTable;
  readonly #owner: Owner;
  readonly #signals: readonly Signal[];
  readonly #ids: Int32Array;

  constructor(table: SeriesTable, owner: Owner, signals: readonly Signal[]) {
    this.#table = table;
    this.#owner = owner;
    this.#signals = signals;
    this.#ids = new Int32Array(signals.length).fill(UNOPENED);
  }

  /** Values in the order of the signals; NaN and infinities are not set. */
  set(sink: Sink, values: Float64Array, at: number): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) continue;
      let id = this.#ids[i]!;
      if (id === UNOPENED) id = this.#ids[i] = this.#signals[i]!.open(this.#table, this.#owner);
      sink.set(id, value, at);
    }
  }
}

/**
 * Sums of signals over processes that come and go. Counters of processes that have ended stay in, so that a sum of counters never falls;
 * a sum of which one part is unknown is unknown.
 */
export class Sum {
  readonly values: Float64Array;
  readonly #retired: Float64Array;
  readonly #factor: Float64Array;
  readonly #counter: boolean[];
  readonly #seconds: boolean[];
  count = 0;

  constructor(signals: readonly Signal[], which: readonly Summed[]) {
    this.values = new Float64Array(signals.length);
    this.#retired = new Float64Array(signals.length);
    // What is not summed is NaN from the start, and whatever is added to it.
    this.#factor = Float64Array.from(signals, ({ summed }) => (which.includes(summed) ? 0 : NaN));
    this.#counter = signals.map(({ def }) => def.kind === 'counter');
    this.#seconds = signals.map(({ def }, i) => this.#counter[i]! && def.unit === 's');
  }

  start(): void {
    this.count = 0;
    for (let i = 0; i < this.values.length; i++) this.values[i] = this.#factor[i]! + this.#retired[i]!;
  }

  add(values: Float64Array): void {
    this.count++;
    for (let i = 0; i < values.length; i++) this.values[i]! += values[i]!;
  }

  /** One of the processes could not be read: what they are together is unknown this time. */
  spoil(): void {
    this.values.fill(NaN);
  }

  /** A process has ended with these values: its counters count from now on without it. */
  retire(values: Float64Array): void {
    for (let i = 0; i < values.length; i++) {
      if (!this.#counter[i] || !Number.isFinite(values[i])) continue;
      this.#retired[i]! += values[i]!;
      this.values[i]! += values[i]!;
    }
  }

  set(series: SeriesSet, sink: Sink, at: number): void {
    if (this.count === 0) return;
    this.#round();
    series.set(sink, this.values, at);
  }

  /**
   * Hundredths are no binary fractions: who ends is added before the others, and the same sum may be an ulp less, which is a counter that began
   * anew. Of microseconds it is the same again.
   */
  #round(): void {
    for (let i = 0; i < this.values.length; i++) if (this.#seconds[i]) this.values[i] = Math.round(this.values[i]! * 1e6) / 1e6;
  }
}
