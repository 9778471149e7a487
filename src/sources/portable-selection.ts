/** Which process a target is where there is no /proc: only pids and pid files can be followed, nothing can be searched. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Env } from '../config/environment.ts';
import { type Detail, errno, Problem } from '../problem.ts';
import { placeOf } from '../place.ts';
import { type Target, type Targets, twins } from '../targets.ts';
import { isSuccessor, released, type Usage, usageOf } from './portable.ts';
import { type Absence, PORTABLE_REMEDIES, withRemedies } from '../absence.ts';
import type { Sink, Source, SourceContext } from './source.ts';

const PERIOD_S = 10;

interface Found {
  readonly pid: number;
  readonly usage: Usage;
}

export function portableSelection(ctx: SourceContext): Source {
  return new PortableSelection(ctx);
}

class PortableSelection implements Source {
  readonly name = 'selection';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  /** Of the last process bound to each role. */
  readonly #known = new Map<string, { readonly pid: number; readonly began: Usage['began'] }>();

  constructor(ctx: SourceContext) {
    this.#ctx = ctx;
  }

  open(): void {
    refuseUnfit(this.#ctx.targets);
  }

  wants(): boolean {
    return this.#ctx.targets.stale;
  }

  async read(sink: Sink): Promise<void> {
    const { targets, clock } = this.#ctx;
    targets.stale = false;
    const pids = new Map(targets.all().map((target) => [target, runningPid(target)]));
    const usages = await usageOf(clock, [...pids.values()].filter(isPid));
    for (const [target, pid] of pids) {
      const usage = pid === null ? undefined : usages.get(pid);
      this.#settle(sink, target, usage && pid !== null ? { pid, usage } : null);
    }
  }

  async close(): Promise<void> {
    await released(this.#ctx.clock);
  }

  #settle(sink: Sink, target: Target, found: Found | null): void {
    const { role } = target;
    const known = this.#known.get(role);
    const isSame = found !== null && found.pid === known?.pid && !isSuccessor(found.usage, known.began);
    // A pid names one process: when it ends, and even when another one gets its number, the target is gone.
    const isOver = found === null || (target.spec.selector.kind === 'pid' && known !== undefined && !isSame);
    if (isOver) {
      if (target.procs.length === 0 || known === undefined) return;
      this.#ctx.targets.bind(target, [], sink.now());
      const data = { pid: known.pid, comm: '' };
      sink.event('target_gone', `${role} is gone: process ${known.pid} has ended`, { target: role, data });
      return;
    }
    if (isSame && target.procs.length > 0) return;
    this.#bind(sink, target, found, known?.pid ?? null);
  }

  #bind(sink: Sink, target: Target, found: Found, before: number | null): void {
    const { clock, targets } = this.#ctx;
    const { pid, usage } = found;
    // Not of the kernel, but as good: hundredths of a second, and another for every process of this pid.
    const startTime = Math.round((clock.wall() - (clock.monotonic() - usage.began.to)) * 100);
    this.#known.set(target.role, { pid, began: usage.began });
    targets.bind(target, [{ pid, startTime, comm: '', member: null }], sink.now());
    const about = { target: target.role, data: { pid, startTime, comm: '' } };
    if (before === null) return sink.event('target_found', `${target.role} is process ${pid}`, about);
    const data = { ...about.data, previousPid: before, reason: 'replaced' };
    sink.event('restart', `${target.role} has restarted: process ${pid} follows process ${before}`, { ...about, data });
  }
}

/** Seconds between two looks while waiting for a target. */
const WAIT_STEP_S = 0.5;

/**
 * Before anything starts: returns when every target is there, with what the user should know of them; at most `config.wait` seconds are waited for those that are not.
 * @throws {Problem} with all that is wrong
 */
export async function findTargetsPortably(
  targets: Targets,
  config: { readonly wait: number; readonly env?: Env },
  clock: Clock,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  refuseUnfit(targets);
  const until = clock.monotonic() + config.wait;
  for (;;) {
    const pids = new Map(targets.all().map((target) => [target, runningPid(target)]));
    const usages = await usageOf(clock, [...pids.values()].filter(isPid));
    const missing = [...pids].flatMap(([target, pid]) => (pid !== null && usages.has(pid) ? [] : [target]));
    if (missing.length === 0) return twins([...pids].map(([{ role }, pid]) => [role, [pid].filter(isPid)]));
    if (clock.monotonic() >= until) {
      const place = placeOf(config.env ?? {}, existsSync);
      throw new Problem('NO_TARGET', withRemedies(missing.map(absence), config.wait, place, PORTABLE_REMEDIES));
    }
    await clock.sleepUntil(Math.min(until, clock.monotonic() + WAIT_STEP_S), signal);
  }
}

function absence({ role, spec: { selector } }: Target): Absence {
  const why = selector.kind === 'pid' ? `no process has the pid ${selector.pid}` : 'the pid file is missing or names no running process';
  return { kind: selector.kind, detail: { place: `target ${role}`, message: why } };
}

function refuseUnfit(targets: Targets): void {
  const details = targets.all().flatMap(({ spec }) => unfit(spec));
  if (details.length > 0) throw new Problem('SELECTOR', details);
}

function isPid(pid: number | null): pid is number {
  return pid !== null;
}

function unfit({ role, selector, children }: Target['spec']): Detail[] {
  const place = `target ${role}`;
  const details: Detail[] = [];
  if (selector.kind !== 'pid' && selector.kind !== 'pidfile') {
    details.push({ place, message: `${selector.kind}: needs /proc to search; without it name the process by its pid or by pidfile:` });
  }
  if (children) details.push({ place, message: 'the children of a process are only found in /proc' });
  return details;
}

/** Null when there is no such process. One that this user may not signal exists nevertheless. */
function runningPid({ spec }: Target): number | null {
  const { selector } = spec;
  const pid = selector.kind === 'pid' ? selector.pid : selector.kind === 'pidfile' ? pidOf(selector.path) : null;
  if (pid === null) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return errno(error) === 'EPERM' ? pid : null;
  }
}

/** A pid has at most 7 digits on Linux and 10 anywhere; some servers write more lines after it. */
const PIDFILE_BYTES = 64;

/** The pid on the first line of a pid file; null when there is none, or no such file. */
function pidOf(path: string): number | null {
  const bytes = Buffer.alloc(PIDFILE_BYTES);
  try {
    const fd = openSync(path, 'r');
    try {
      return parsePidfile(bytes.toString('latin1', 0, readSync(fd, bytes, 0, PIDFILE_BYTES, 0)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

export function parsePidfile(text: string): number | null {
  const pid = Number(/^\s*(\d{1,10})\s*(?:\n|$)/.exec(text)?.[1] ?? NaN);
  return pid > 0 ? pid : null;
}
