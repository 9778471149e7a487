/** One bound process: its last reading, and when what is read. */
import type { SeriesTable } from '../series.ts';
import type { Proc } from '../targets.ts';
import { ProcessDetails } from './process-details.ts';
import type { Figures, Signal } from './process-signals.ts';
import { type DescriptorBudget, type Outcome, ProcReader } from './proc-reader.ts';
import { TICKS_PER_S } from './procfs.ts';

/** What all roles of a source share. */
export interface Setting {
  readonly series: SeriesTable;
  readonly proc: string;
  readonly period: number;
  /** Ticks between two reads of the details of a process. */
  readonly detailsEvery: number;
  readonly budget: DescriptorBudget;
  readonly countsDescriptors: boolean;
  /** Bytes of a page of memory, or NaN. */
  readonly page: number;
  readonly countDeleted: boolean;
  readonly fast: readonly Signal[];
  readonly slow: readonly Signal[];
}

/** What one read of all processes has in common. */
export interface Round {
  readonly tick: number;
  /** Seconds since boot, read when the first of them asks. */
  readonly uptime: () => number;
  /** Bytes of a page where nothing can be swapped out, else NaN. */
  readonly page: number;
}

/** One bound process. */
export class Sampled implements Figures {
  readonly reader: ProcReader;
  readonly details: ProcessDetails;
  readonly fast: Float64Array;
  readonly slow: Float64Array;
  cores = NaN;
  uptime = NaN;
  ended = false;
  /** The tick, modulo `detailsEvery`, at which its details are read: they are spread so that no tick reads all of them. */
  readonly phase: number;
  readonly #setting: Setting;
  #ticks = NaN;
  #at = NaN;
  #detailed = false;

  constructor(setting: Setting, proc: Proc) {
    this.#setting = setting;
    this.reader = new ProcReader(setting.proc, proc, setting.budget, setting.countsDescriptors);
    this.details = new ProcessDetails(setting.proc, proc.pid, { countDeleted: setting.countDeleted });
    this.fast = new Float64Array(setting.fast.length).fill(NaN);
    this.slow = new Float64Array(setting.slow.length).fill(NaN);
    this.phase = proc.pid % setting.detailsEvery;
  }

  /** @param now run time */
  read(now: number, { tick, uptime, page }: Round): Outcome {
    const detailed = this.#wantsDetails(tick);
    const outcome = this.reader.read(detailed ? NaN : page, detailed);
    if (outcome !== 'ok') return outcome;
    const { stat } = this.reader;
    const ticks = stat.utime + stat.stime;
    if (detailed) this.uptime = uptime() - stat.startTime / TICKS_PER_S;
    const first = Number.isNaN(this.#at);
    const used = (first ? ticks : ticks - this.#ticks) / TICKS_PER_S;
    this.cores = first ? youngCores(used, this.uptime) : used / (now - this.#at);
    this.#ticks = ticks;
    this.#at = now;
    return outcome;
  }

  /** After `read`: whether the details were read too, which happens at the first tick and then when it is its turn. */
  readDetails(tick: number): boolean {
    const { countsDescriptors, slow } = this.#setting;
    if (!this.#wantsDetails(tick)) return false;
    this.#detailed = true;
    this.details.read(this.reader);
    if (!countsDescriptors) this.reader.listDescriptors();
    for (let i = 0; i < slow.length; i++) this.slow[i] = slow[i]!.value(this);
    return true;
  }

  #wantsDetails(tick: number): boolean {
    return !this.#detailed || tick % this.#setting.detailsEvery === this.phase;
  }

  takeFast(): void {
    const { fast } = this.#setting;
    for (let i = 0; i < fast.length; i++) this.fast[i] = fast[i]!.value(this);
  }
}

/**
 * A process that was found just after it started has a first value, too: what it used since then. Else the sum over a role whose
 * workers come and go would be unknown at every change.
 */
function youngCores(used: number, uptime: number): number {
  return uptime < YOUNG_S ? used / uptime : NaN;
}

/** Selection finds a new process within 10 s. */
const YOUNG_S = 10;
