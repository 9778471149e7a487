/**
 * The processes of each role, right now. Selection binds processes to roles and slots; sources read what is bound. Nobody but
 * selection (`sources/selection.ts`) changes a binding.
 */
import type { Selector } from './selector.ts';

export const SLOTS_MAX = 32;

/** Contracts, "Caps". */
export const PROCESSES_MAX = 1000;
export const CHILDREN_MAX = 256;

/** One `--target`, as configured. */
export interface TargetSpec {
  readonly role: string;
  readonly selector: Selector;
  /** All matches of the selector are members. */
  readonly many: boolean;
  /** The process and its descendants are members. */
  readonly children: boolean;
  /** Who makes the load is watched like a target, but it is not what the run is about. */
  readonly load?: true;
  /** It is the command after `--`, which somebody else starts. */
  readonly command?: true;
}

/** One bound process. Its slot is its identity in series; pid and start time are for events and `soak_target_info`. */
export interface Proc {
  readonly pid: number;
  /** Clock ticks since boot, from `stat` field 22: with the pid, the identity of the process. */
  readonly startTime: number;
  readonly comm: string;
  /** Null for a role with one process; `1`..`32`, or `other` for those beyond. */
  readonly member: string | null;
}

export interface Target {
  readonly spec: TargetSpec;
  readonly role: string;
  procs: readonly Proc[];
  /** Of the command after `--`, while it runs: whoever started it says so, and its tree is followed from there. */
  started: number | null;
  /** Run time since which nothing is bound; null while something is, and before the first binding. */
  goneSince: number | null;
}

export class Targets {
  readonly #targets: readonly Target[];
  /** Changes with every binding: a source that keeps something per process compares it once per read. */
  version = 0;
  /** Set by whoever saw a process end: selection then runs at once instead of within 10 s. */
  stale = true;
  /**
   * Processes that were seen to have ended. Who keeps a descriptor of a process knows that better than selection, which goes by pid and
   * start time: within one clock tick both may come again. Selection takes them out.
   */
  readonly ended = new Set<Proc>();

  constructor(specs: readonly TargetSpec[]) {
    this.#targets = specs.map((spec) => ({ spec, role: spec.role, procs: [], started: null, goneSince: null }));
  }

  all(): readonly Target[] {
    return this.#targets;
  }

  /** The command after `--` was started, or has ended (null). */
  load(pid: number | null): void {
    for (const target of this.#targets) if (target.spec.command) target.started = pid;
    this.stale = true;
  }

  bind(target: Target, procs: readonly Proc[], now: number): void {
    if (procs.length === 0 && target.procs.length > 0) target.goneSince = now;
    if (procs.length > 0) target.goneSince = null;
    target.procs = procs;
    this.version++;
  }
}

/** One process as two targets is a slip, but nothing that a run could not bear. */
export function twins(roles: readonly (readonly [role: string, pids: readonly number[]])[]): string[] {
  const roleOf = new Map<number, string>();
  return roles.flatMap(([role, pids]) => {
    const shared = pids.find((pid) => roleOf.has(pid));
    const told =
      shared === undefined ? [] : [`${roleOf.get(shared)} and ${role} are the same process ${shared}: it is watched and judged twice`];
    for (const pid of pids) roleOf.set(pid, role);
    return told;
  });
}
