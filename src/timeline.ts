/**
 * What happened in a run, folded from its events into bounded lists: lives of each member, gaps, phases. Analysis cuts series into
 * segments along it.
 */
import type { RunEvent } from './tick.ts';

/** Lives kept per member, and of the agent; prefork workers may have thousands. The first and the latest ones are kept, the rest counted. */
export const LIVES_MAX = 64;

const GAPS_MAX = 256;

const PHASES_MAX = 256;

export interface Span {
  readonly from: number;
  to: number;
}

export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly judged: boolean;
}

export interface Lives {
  readonly target: string;
  readonly member: string | null;
  /** Run times at which a life began, ascending. */
  starts: number[];
  /** Lives that began but are no longer in `starts`. */
  dropped: number;
}

/** Of a merged run: between two agents nobody watched this target, or any (null). */
interface Unwatched extends Span {
  readonly target: string | null;
}

export interface TimelineSnapshot {
  readonly lives: readonly Lives[];
  readonly gaps: readonly Span[];
  readonly gapSeconds: number;
  readonly phases: readonly Phase[];
  readonly restarts: number;
  readonly resumes: readonly number[];
  /** Start of the process that each member was last seen as, in ticks since boot. */
  readonly started: readonly (readonly [string, number])[];
  /** Absent in checkpoints of before. */
  readonly gapCount?: number;
  readonly restartsOf?: readonly (readonly [target: string, restarts: number])[];
  readonly unwatched?: readonly Unwatched[];
  readonly boot?: string | null;
}

export class Timeline {
  readonly #lives = new Map<string, Lives>();
  gaps: Span[] = [];
  /** All gaps, also those no longer listed. */
  gapSeconds = 0;
  gapCount = 0;
  #unwatched: Unwatched[] = [];
  phases: Phase[] = [];
  restarts = 0;
  readonly #restartsOf = new Map<string, number>();
  #resumes: number[] = [];
  /** Start of the process that each member was last seen as; as many as there are lists of lives. */
  readonly #started = new Map<string, number>();
  /** Members that this start of the agent has not seen yet. */
  #unseen = new Set<string>();
  /** Of the machine, when this start of the agent began: start times of processes are of one boot. Null where it is not known. */
  #boot: string | null = null;
  #isSameBoot: boolean | null = null;

  fold(event: RunEvent): void {
    if (event.kind === 'run_start' || event.kind === 'run_resume') this.#begin(event);
    if (event.kind === 'restart' || event.kind === 'member_start' || event.kind === 'target_found') this.#life(event);
    if (event.kind === 'restart') this.#restart(event.target);
    if (event.kind === 'gap') this.#gap(event);
    if (event.kind === 'phase') this.#phase({ name: String(event.data['phase']), from: event.t, judged: event.data['judged'] !== false });
  }

  /** Run times at which a life of this member began; of no target (null), at which one of the agent itself did after its first. */
  lives(target: string | null, member: string | null): readonly number[] {
    return target === null ? this.#resumes : (this.#lives.get(JSON.stringify([target, member]))?.starts ?? []);
  }

  /** Between two agents of a merged run: when nobody watched a target. A gap of one agent is none of them. */
  unwatched(target: string): readonly Span[] {
    return this.#unwatched.filter((gap) => gap.target === null || gap.target === target);
  }

  /** Of a target and its members. */
  restartsOf(target: string): number {
    return this.#restartsOf.get(target) ?? 0;
  }

  snapshot(): TimelineSnapshot {
    return {
      lives: [...this.#lives.values()],
      gaps: this.gaps,
      gapSeconds: this.gapSeconds,
      phases: this.phases,
      restarts: this.restarts,
      resumes: this.#resumes,
      started: [...this.#started],
      gapCount: this.gapCount,
      restartsOf: [...this.#restartsOf],
      unwatched: this.#unwatched,
      boot: this.#boot,
    };
  }

  restore(snapshot: TimelineSnapshot): void {
    for (const lives of snapshot.lives) this.#lives.set(JSON.stringify([lives.target, lives.member]), lives);
    this.gaps = [...snapshot.gaps];
    this.gapSeconds = snapshot.gapSeconds;
    this.phases = [...snapshot.phases];
    this.restarts = snapshot.restarts;
    this.#resumes = [...snapshot.resumes];
    for (const [key, started] of snapshot.started) this.#started.set(key, started);
    this.gapCount = snapshot.gapCount ?? snapshot.gaps.length;
    this.#unwatched = [...(snapshot.unwatched ?? [])];
    this.#boot = snapshot.boot ?? null;
    for (const [target, restarts] of snapshot.restartsOf ?? []) this.#restartsOf.set(target, restarts);
  }

  /** Targets are bounded by the configuration. */
  #restart(target: string | null): void {
    this.restarts++;
    if (target !== null) this.#restartsOf.set(target, this.restartsOf(target) + 1);
  }

  #life(event: RunEvent): void {
    if (event.target === null) return;
    const key = JSON.stringify([event.target, event.member]);
    const lives = this.#lives.get(key) ?? { target: event.target, member: event.member, starts: [], dropped: 0 };
    this.#lives.set(key, lives);
    if (this.#goesOn(key, event)) return;
    lives.starts.push(event.t);
    if (lives.starts.length <= LIVES_MAX) return;
    lives.starts.splice(1, 1); // the first life tells the level after start, the latest ones what is going on
    lives.dropped++;
  }

  /**
   * Whether what is found first after a resumption is the process that was there before: its life goes on. Another one is a successor, after
   * a restart while the agent was not there, as when the pid namespace that both are in ends with the target.
   */
  #goesOn(key: string, { kind, data, target }: RunEvent): boolean {
    const started = data['startTime'];
    if (typeof started !== 'number') return false;
    const isFirst = this.#unseen.delete(key);
    const mayBeSame = isFirst && this.#isSameBoot !== false && this.#started.get(key) === started;
    if (kind === 'target_found' && isFirst && !mayBeSame) this.#restart(target);
    this.#started.set(key, started);
    return mayBeSame && this.#isSameBoot === true;
  }

  /** Each start of the agent says in which boot of the machine it is. */
  #begin({ kind, t, data }: RunEvent): void {
    const boot = typeof data['boot'] === 'string' ? data['boot'] : null;
    this.#isSameBoot = boot === null || this.#boot === null ? null : boot === this.#boot;
    this.#boot = boot;
    if (kind === 'run_start') return;
    this.#resumes.push(t);
    this.#unseen = new Set(this.#started.keys());
    if (this.#resumes.length > LIVES_MAX) this.#resumes.splice(1, 1);
  }

  #gap({ t, target, data }: RunEvent): void {
    const gap = { from: Number(data['from']), to: t };
    if (!(gap.to > gap.from)) return;
    if ('agents' in data) {
      this.#unwatched.push({ ...gap, target });
      if (this.#unwatched.length > GAPS_MAX) this.#unwatched.shift();
    }
    if (target !== null) return;
    this.gapCount++;
    this.gapSeconds += gap.to - gap.from;
    this.gaps.push(gap);
    if (this.gaps.length > GAPS_MAX) this.gaps.shift();
  }

  #phase(phase: Phase): void {
    this.phases.push(phase);
    if (this.phases.length > PHASES_MAX) this.phases.splice(1, 1);
  }
}
