/** One target followed through the processes that serve it: what the selector finds, the tree below it, and the slots of all of them. */
import { CHILDREN_MAX, PROCESSES_MAX, type Proc, type Target } from '../targets.ts';
import { type Change, type Found, Members } from './members.ts';
import type { Exec } from './selection-exec.ts';
import { Finder } from './selection-find.ts';
import type { ProcessInfo, ProcessTable } from './selection-table.ts';

/**
 * A newcomer to a role that has others already gets a slot when it is this old. Programs that a script runs for a moment would otherwise
 * fill the record with lives of no length; their CPU time is in that of their parent's children.
 */
const MEMBER_AGE_S = 1;

export interface Look {
  readonly changes: readonly Change[];
  /** A newcomer was too young. */
  readonly pending: boolean;
  /** The cap beyond which there are processes that are not watched, such as `256 children`. */
  readonly cap: string | null;
}

type Identity = Pick<Found, 'pid' | 'startTime'>;

const NOBODY: Identity = { pid: 0, startTime: 0 };

function isSame(a: Identity, b: Identity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime;
}

export class Followed {
  readonly target: Target;
  readonly members: Members;
  /** The program of an `exec:` target once it is started. */
  exec: Exec | null = null;
  readonly #several: boolean;
  readonly #finder: Finder;
  /** What the selector itself found and still lives. */
  #roots: readonly Identity[] = [];
  /** A pid selector means the process that had the pid first, and no later one. */
  #meant: Identity | null = null;

  constructor(target: Target) {
    const { selector, many, children } = target.spec;
    this.target = target;
    this.#several = many || children;
    this.#finder = new Finder(selector);
    this.members = new Members(this.#several);
  }

  /** Nothing is bound, but something was or may be. */
  get missing(): boolean {
    return this.target.procs.length === 0 && this.target.spec.selector.kind !== 'exec';
  }

  /** It is one process, which is bound: until it ends there is nobody to look for. */
  get settled(): boolean {
    return !this.#several && this.target.procs.length > 0;
  }

  /**
   * @param thorough search again for what more matches, and walk all threads; else only what is bound and the tree below it
   * @param allowance how many processes this role may have
   * @param over bound processes that have ended, whoever has their pid by now
   */
  look(table: ProcessTable, thorough: boolean, allowance: number, over: ReadonlySet<Proc>): Look {
    this.#forget(over);
    const roots = this.#findRoots(table, thorough);
    const tree = this.target.spec.children ? this.#tree(table, roots, thorough, over) : roots;
    const bound = new Set(this.members.procs.map(({ pid }) => pid));
    const grown = tree.filter(({ pid, age }) => bound.size === 0 || bound.has(pid) || !(age < MEMBER_AGE_S));
    const treeLimit = this.target.spec.children ? roots.length + CHILDREN_MAX : Infinity;
    const limit = Math.min(allowance, treeLimit);
    const taken = grown.length <= limit ? grown : grown.toSorted((a, b) => rank(a, bound) - rank(b, bound)).slice(0, limit);
    const cap = limit === treeLimit ? `${CHILDREN_MAX} children` : `${PROCESSES_MAX} processes`;
    return { changes: this.members.update(taken, over), pending: grown.length < tree.length, cap: taken === grown ? null : cap };
  }

  /** A pid that is over is over, even when its successor began within the same clock tick. */
  #forget(over: ReadonlySet<Proc>): void {
    const ended = this.members.procs.filter((proc) => over.has(proc));
    this.#roots = this.#roots.filter((root) => !ended.some((proc) => isSame(proc, root)));
    if (this.#meant && ended.some((proc) => isSame(proc, this.#meant!))) this.#meant = NOBODY;
  }

  #findRoots(table: ProcessTable, thorough: boolean): ProcessInfo[] {
    const living = this.#roots.flatMap((root) => alive(table, root) ?? []);
    const search = living.length === 0 || (this.#several && thorough);
    const found = search ? this.#find(table).filter(({ pid }) => living.every((root) => root.pid !== pid)) : [];
    const roots = this.#several ? [...living, ...found] : [...living, ...found.toSorted(byStart)].slice(0, 1);
    this.#roots = roots.map(({ pid, startTime }) => ({ pid, startTime }));
    return roots;
  }

  #find(table: ProcessTable): readonly ProcessInfo[] {
    const { found } = this.#finder.find(table, this.exec && this.exec.end === null ? this.exec.pid : this.target.started);
    const [first] = found;
    if (this.target.spec.selector.kind !== 'pid' || !first) return found;
    this.#meant ??= first;
    return isSame(first, this.#meant) ? found : [];
  }

  /**
   * The roots, all below them, and what was below them once: a process whose parent ends is handed to init, and goes on doing its work.
   * Without a root there is no tree.
   */
  #tree(table: ProcessTable, roots: readonly ProcessInfo[], thorough: boolean, over: ReadonlySet<Proc>): ProcessInfo[] {
    if (roots.length === 0) return [];
    const tree = new Map(roots.map((root) => [root.pid, root]));
    for (const proc of this.members.procs) {
      const living = over.has(proc) ? null : alive(table, proc);
      if (living) tree.set(living.pid, living);
    }
    // A Map visits what is added while it is walked. Twice the cap is enough to see that there is more.
    for (const process of tree.values()) {
      if (tree.size > 2 * CHILDREN_MAX + roots.length) break;
      for (const child of childrenOf(table, process, thorough)) tree.set(child.pid, child);
    }
    return [...tree.values()];
  }
}

function childrenOf(table: ProcessTable, process: ProcessInfo, thorough: boolean): readonly ProcessInfo[] {
  const children = table.children(process, thorough);
  if (children !== null) return children;
  return thorough ? table.all().filter(({ ppid, ended }) => ppid === process.pid && !ended) : [];
}

function alive(table: ProcessTable, of: Identity): ProcessInfo | null {
  const process = table.get(of.pid);
  return process !== null && isSame(process, of) && !process.ended ? process : null;
}

function byStart(a: ProcessInfo, b: ProcessInfo): number {
  return a.startTime - b.startTime || a.pid - b.pid;
}

/** What is bound stays bound, then who started first. Start times are below 2^53 / 2 by a wide margin. */
function rank(process: ProcessInfo, bound: ReadonlySet<number>): number {
  return process.startTime - (bound.has(process.pid) ? Number.MAX_SAFE_INTEGER / 2 : 0);
}
