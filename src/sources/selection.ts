/**
 * Binds processes to the roles and slots of the targets: at start, every 10 s, and at once when a process has ended. A bound process stays
 * bound until it ends, whatever it is called by then; its command line is never read again.
 */
import { messageOf, Problem } from '../problem.ts';
import { type Proc, PROCESSES_MAX, SLOTS_MAX, type Target } from '../targets.ts';
import type { RunEvent } from '../tick.ts';
import type { Change } from './members.ts';
import { type Exec, startExec } from './selection-exec.ts';
import { lastPid, printable, ProcessTable } from './selection-table.ts';
import { Followed } from './selection-target.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { findTargets, resolveAll, withAdvice } from './selection-start.ts';
export { startExec };

const PERIOD_S = 10;

/** After a process has ended its successor is looked for every second, for this long; then every 10 s. */
const EAGER_S = 30;
const EAGER_PERIOD_S = 1;

/** Of a process that is bound alone the source that reads it says when it has ended. It is looked at with every so many full looks all the same. */
const SETTLED_LOOKS = 6;

/** A look that is due a moment before its time is not put off to the next wake-up. */
const EARLY_S = 0.05;

export function selectionSource(ctx: SourceContext): Source {
  return new Selection(ctx);
}

class Selection implements Source {
  readonly name = 'selection';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #followed: readonly Followed[];
  readonly #trees: boolean;
  readonly #capped = new Set<string>();
  #execs: Exec[] = [];
  #nextFull = -Infinity;
  #fullLooks = 0;
  #eagerUntil = -Infinity;
  /** Somebody new is too young for a slot. */
  #pending = false;
  /** Look every second instead of every ten. */
  #eager = false;
  #lastPid: number | null = null;

  constructor(ctx: SourceContext) {
    this.#ctx = ctx;
    this.#followed = ctx.targets.all().map((target) => new Followed(target));
    this.#trees = ctx.targets.all().some(({ spec }) => spec.children);
  }

  /** Starts the programs of `exec:` targets. */
  async open(): Promise<void> {
    for (const followed of this.#followed) {
      const { selector, role, command } = followed.target.spec;
      if (selector.kind !== 'exec' || command) continue;
      try {
        followed.exec = await startExec(selector.command, () => (this.#ctx.targets.stale = true));
        this.#execs.push(followed.exec);
      } catch (error) {
        throw new Problem('NO_TARGET', { place: `target ${role}`, message: `the program cannot be started: ${messageOf(error)}` });
      }
    }
  }

  wants(): boolean {
    return this.#ctx.targets.stale || this.#trees || this.#eager;
  }

  read(sink: Sink): void {
    const { targets, roots } = this.#ctx;
    const now = sink.now();
    const ended = targets.stale;
    const thorough = ended || now >= this.#nextFull - EARLY_S;
    if (!thorough && !this.#trees) return;
    const table = new ProcessTable(roots.proc, new Set(this.#execs.map(({ pid }) => pid)));
    if (!this.#somethingStarted(table) && !thorough && !this.#pending) return;
    targets.stale = false;
    if (ended) this.#eagerUntil = now + EAGER_S;
    this.#pending = false;
    const everybody = ended || (thorough && this.#fullLooks++ % SETTLED_LOOKS === 0);
    for (const followed of this.#followed)
      if (everybody || (thorough && !followed.settled) || followed.target.spec.children) this.#look(sink, followed, table, thorough, ended);
    targets.ended.clear();
    this.#eager = this.#pending || (now < this.#eagerUntil && this.#followed.some(({ target, missing }) => missing || target.spec.many));
    if (thorough) this.#nextFull = now + (this.#eager ? EAGER_PERIOD_S : PERIOD_S);
  }

  async close(): Promise<void> {
    await Promise.all(this.#execs.map((exec) => exec.stop()));
    this.#execs = [];
  }

  /** Whether anybody can have a new child since the last look. */
  #somethingStarted(table: ProcessTable): boolean {
    const last = table.ownNamespace ? lastPid(table.proc) : null;
    const same = last !== null && last === this.#lastPid;
    this.#lastPid = last;
    return !same;
  }

  #allowance(followed: Followed): number {
    const others = this.#ctx.targets.all().reduce((sum, target) => sum + (target === followed.target ? 0 : target.procs.length), 0);
    return Math.max(0, PROCESSES_MAX - others);
  }

  #look(sink: Sink, followed: Followed, table: ProcessTable, thorough: boolean, ended: boolean): void {
    const { target, members } = followed;
    const before = members.procs;
    const look = followed.look(table, thorough, this.#allowance(followed), this.#ctx.targets.ended);
    this.#pending ||= look.pending;
    // When something has ended everybody is told to look again, whether or not it was bound here.
    if (ended || !sameProcs(before, members.procs)) this.#ctx.targets.bind(target, members.procs, sink.now());
    for (const change of look.changes) sink.event(...eventOf(target, change, followed.exec));
    if (look.cap !== null) this.#cap(sink, target.role, `there are more than ${look.cap} of ${target.role}: those beyond are not watched`);
    if (members.overflows)
      this.#cap(sink, target.role, `${target.role} has more than ${SLOTS_MAX} members: the others are added up as "other"`);
  }

  /** Each cap of a role is told once. */
  #cap(sink: Sink, role: string, message: string): void {
    if (this.#capped.has(message)) return;
    this.#capped.add(message);
    sink.event('cap', message, { target: role });
  }
}

function sameProcs(a: readonly Proc[], b: readonly Proc[]): boolean {
  return a.length === b.length && a.every((proc, i) => proc === b[i]);
}

type EventOf = [RunEvent['kind'], string, Pick<RunEvent, 'target' | 'member' | 'data'>];

const KINDS = { found: 'target_found', gone: 'target_gone', start: 'member_start', end: 'member_end', restart: 'restart' } as const;

function eventOf({ role, spec }: Target, change: Change, exec: Exec | null): EventOf {
  const proc = change.kind === 'gone' ? change.last : change.proc;
  const whole = change.kind === 'found' || change.kind === 'gone';
  const who = proc.member === null || whole ? role : `${role}/${proc.member}`;
  const { pid, startTime } = proc;
  const more = change.kind === 'restart' ? { previousPid: change.previous.pid, reason: change.reason } : {};
  const end = change.kind === 'gone' && exec?.end ? { exitCode: exec.end.code, signal: exec.end.signal } : {};
  const about = { target: role, member: whole ? null : proc.member, data: { pid, startTime, comm: printable(proc.comm), ...more, ...end } };
  return [KINDS[change.kind], sentence(who, change, spec.children, exec), about];
}

function sentence(who: string, change: Change, tree: boolean, exec: Exec | null): string {
  switch (change.kind) {
    case 'found':
      return `${who} is ${named(change.proc)}${tree ? ' and what it starts' : ''}`;
    case 'start':
      return `${who} is ${named(change.proc)}`;
    case 'end':
      return `${who} has ended: ${named(change.proc)}`;
    case 'gone':
      return `${who} is gone: ${named(change.last)} has ended${exitOf(exec)}`;
    case 'restart':
      return change.reason === 'exec'
        ? `${who} has called exec: ${named(change.proc)} was ${printable(change.previous.comm)} before`
        : `${who} has restarted: ${named(change.proc)} follows ${named(change.previous)}`;
    default:
      return change satisfies never;
  }
}

function named({ pid, comm }: Proc): string {
  return `process ${pid} (${printable(comm)})`;
}

function exitOf(exec: Exec | null): string {
  if (!exec?.end) return '';
  return exec.end.signal === null ? ` with exit code ${exec.end.code}` : ` by ${exec.end.signal}`;
}
