/**
 * What the processes of a tree or group take together: the sum of their proportional shares (Pss + SwapPss of `smaps_rollup`), in which
 * a page that four processes share counts a quarter in each. A plain sum of RSS would count it four times.
 *
 * Reading it walks all pages of the process and holds its memory map lock: 7 ms/GB warm, and every mmap and page fault of the target waits
 * meanwhile (158 ms were measured at 4 GB). So by default it is read once when the role is first bound and once at the end of the run, in
 * libuv's threads because the target may hold that lock for as long as it likes, and never of processes above 1 GB unless that is forced.
 */
import { readFile } from 'node:fs/promises';
import { within } from '../clock.ts';
import { errno } from '../problem.ts';
import type { Proc, Target } from '../targets.ts';
import { closedTo } from './proc-access.ts';
import { METRICS } from './process-metrics.ts';
import { KeyedFile } from './procfs.ts';
import type { Sink, Source, SourceContext } from './source.ts';

/** Seconds between two looks at who is due, and the shortest time between two reads of a role. */
const PERIOD_S = 60;

/** Seconds after the first binding at which a role is first read: a program that was just started has not started its workers yet. */
const START_AFTER_S = 10;

/** Reads may take 0.01 % of the time of the run: the next one waits this many times as long as the last one took. */
const DUTY = 10_000;

/** Larger processes are not read unless it is forced. */
const RESIDENT_MAX = 1024 ** 3;

/** A read that takes longer waits for the target's lock. It cannot be called back, so it ends all reading of that role. */
const READ_S = 5;

/** At the ends of the run, also in between (at most once a minute and 0.01 % of the time), and then also processes above 1 GB. */
type When = 'ends' | 'periodic' | 'forced';

export function processSharesSource(ctx: SourceContext, { when }: { readonly when: When }): Source {
  return new ProcessShares(ctx, when);
}

interface Plan {
  readonly target: Target;
  /** Run time of the next read; NaN before the first binding, Infinity when there is none before the end of the run. */
  next: number;
  started: boolean;
  blind: boolean;
}

class ProcessShares implements Source {
  readonly name = 'process-shares';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #when: When;
  readonly #plans: readonly Plan[];

  constructor(ctx: SourceContext, when: When) {
    this.#ctx = ctx;
    this.#when = when;
    this.#plans = ctx.targets
      .all()
      .filter(({ spec }) => spec.many || spec.children)
      .map((target) => ({ target, next: NaN, started: false, blind: false }));
  }

  open(): void {}

  wants(): boolean {
    return this.#plans.some(({ target, started }) => !started && target.procs.length > 0);
  }

  async read(sink: Sink): Promise<void> {
    for (const plan of this.#plans) {
      if (plan.target.procs.length === 0) continue;
      if (Number.isNaN(plan.next)) plan.next = sink.now() + START_AFTER_S;
      if (sink.now() < plan.next) continue;
      plan.started = true;
      plan.next = Infinity;
      const seconds = await this.#readRole(sink, plan);
      if (this.#when !== 'ends') plan.next = sink.now() + Math.max(PERIOD_S, seconds * DUTY);
    }
  }

  async finish(sink: Sink): Promise<void> {
    for (const plan of this.#plans) if (plan.target.procs.length > 0) await this.#readRole(sink, plan);
  }

  close(): void {}

  /** Seconds that it took. The total is set only when every process could be read. */
  async #readRole(sink: Sink, plan: Plan): Promise<number> {
    if (plan.blind) return 0;
    const from = this.#ctx.clock.monotonic();
    let total = 0;
    let others = 0;
    for (const proc of plan.target.procs) {
      const share = await this.#readOne(proc);
      if (typeof share === 'string') {
        if (share !== GONE) this.#blind(sink, plan, share);
        total = NaN; // of a process that has just ended nothing is known, and of the whole neither
        others = proc.member === OTHER ? NaN : others;
        if (plan.blind) break;
        continue;
      }
      total += share;
      if (proc.member === OTHER) others += share;
      else this.#set(sink, plan.target, proc.member, share);
    }
    if (others > 0) this.#set(sink, plan.target, OTHER, others);
    this.#set(sink, plan.target, null, total);
    return this.#ctx.clock.monotonic() - from;
  }

  /** Bytes, or why there are none. */
  async #readOne({ pid }: Proc): Promise<number | string> {
    const folder = `${this.#ctx.roots.proc}/${pid}`;
    try {
      const [resident] = parse(residentFile, await readFile(`${folder}/status`));
      if (Number.isNaN(resident)) return GONE;
      if (resident! > RESIDENT_MAX && this.#when !== 'forced') return 'reading it would stall a process of more than 1 GB';
      const read = readFile(`${folder}/smaps_rollup`);
      read.catch(() => {}); // when it answers after the deadline
      if (!(await within(read, READ_S))) return 'the process holds the lock on its memory map';
      const [share, swapped] = parse(sharesFile, await read);
      return Number.isNaN(share) ? GONE : share! + (Number.isNaN(swapped) ? 0 : swapped!);
    } catch (error) {
      const code = errno(error);
      if (code === 'ENOENT' || code === 'ESRCH') return GONE;
      return `${closedTo(this.#ctx.roots.proc, pid, 'read', 'CAP_SYS_PTRACE')} (${code ?? 'unknown error'})`;
    }
  }

  #set(sink: Sink, { role }: Target, member: string | null, bytes: number): void {
    const owner = { source: 'process', target: role, member, period: PERIOD_S };
    if (Number.isFinite(bytes)) sink.set(this.#ctx.series.open(owner, METRICS.memoryProportional), bytes);
  }

  #blind(sink: Sink, plan: Plan, reason: string): void {
    plan.blind = true;
    const metric = METRICS.memoryProportional.name;
    const { role } = plan.target;
    sink.event('blind', `${metric} of ${role} cannot be read, because ${reason}`, { target: role, data: { metric, reason } });
  }
}

const OTHER = 'other';

/** The process has ended: a fact, not a failure. */
const GONE = 'gone';

const residentFile = new KeyedFile('VmRSS');
const sharesFile = new KeyedFile('Pss', 'SwapPss');

/** Values in bytes. */
function parse(file: KeyedFile, bytes: Uint8Array): number[] {
  file.parse(bytes, bytes.length);
  return Array.from(file.values, (kilobytes) => kilobytes * 1024);
}
