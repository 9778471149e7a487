/**
 * Targets that have ended and did not come back. What is not there any more cannot grow, and would pass for that: a program that crashes
 * fails its run, and of one of which nobody knows why it ended the rest of the plan was not seen (contracts: the work stopped).
 */
import { formatDuration } from '../quantity.ts';
import type { RunEvent } from '../tick.ts';
import type { JudgeOptions, Outcome } from './judgement.ts';
import { clockTime } from './sentence.ts';

/** An ordered stop of everything ends the target a moment before the agent, and a restart takes as long. */
const GRACE_S = 30;

/** Share of the plan after which an end is in time. */
const IN_TIME = 0.99;

/** How somebody tells a program to end. */
const TOLD = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

export interface TargetEnd {
  readonly role: string;
  /** Run time. */
  readonly at: number;
  /** Only of a program that the agent started: null for others, and when it was ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface TargetEndsSnapshot {
  readonly ends: readonly TargetEnd[];
  readonly isWhy: boolean;
}

export class TargetEnds {
  /** By role. */
  readonly #ends = new Map<string, TargetEnd>();
  /** The run has ended because of it. */
  #isWhy = false;

  watch(events: readonly RunEvent[]): void {
    for (const { kind, t, target, data } of events) {
      if (kind === 'run_end') this.#isWhy = data['kind'] === 'target';
      if (target === null) continue;
      if (kind === 'target_found' || kind === 'restart') this.#ends.delete(target);
      if (kind === 'target_gone') this.#ends.set(target, { role: target, at: t, exitCode: numberIn(data), signal: textIn(data) });
    }
  }

  /** Those that matter at this time. @param now run time */
  all(now: number): readonly TargetEnd[] {
    return [...this.#ends.values()].filter(({ at }) => this.#isWhy || now - at >= GRACE_S);
  }

  snapshot(): TargetEndsSnapshot {
    return { ends: [...this.#ends.values()], isWhy: this.#isWhy };
  }

  restore({ ends, isWhy }: TargetEndsSnapshot): void {
    for (const end of ends) this.#ends.set(end.role, end);
    this.#isWhy = isWhy;
  }
}

function numberIn({ exitCode }: RunEvent['data']): number | null {
  return typeof exitCode === 'number' ? exitCode : null;
}

function textIn({ signal }: RunEvent['data']): string | null {
  return typeof signal === 'string' ? signal : null;
}

export interface TargetEndFinding extends TargetEnd {
  readonly outcome: Outcome;
  readonly why: string;
}

/** The generator is no target of the judgement; how it ended is told of the load. */
export function targetEndFindings(ends: readonly TargetEnd[], { generators = [], plannedEnd }: JudgeOptions): TargetEndFinding[] {
  return ends.flatMap((end) => {
    const outcome = generators.includes(end.role) ? null : outcomeOf(end, plannedEnd);
    return outcome === null ? [] : [{ ...end, outcome, why: whyOf(end, outcome, plannedEnd) }];
  });
}

function outcomeOf({ at, exitCode, signal }: TargetEnd, plannedEnd: number | null): Outcome | null {
  if (signal === null ? exitCode !== null && exitCode !== 0 : !TOLD.has(signal)) return 'fail';
  if (plannedEnd !== null) return at < IN_TIME * plannedEnd ? 'inconclusive' : null;
  return exitCode === 0 ? null : 'inconclusive';
}

function whyOf({ role, at, exitCode, signal }: TargetEnd, outcome: Outcome, plannedEnd: number | null): string {
  const how = signal !== null ? ` by ${signal}` : exitCode !== null ? ` with exit code ${exitCode}` : '';
  const seen = `${formatDuration(at)}${plannedEnd === null ? '' : ` of the planned ${formatDuration(plannedEnd)}`} judged`;
  const known = outcome === 'fail' || how !== '' ? '' : '; why is not known: end the run before the target, or start it with exec:';
  return `${role} ${outcome === 'fail' ? 'crashed: it ended' : 'has ended'}${how} at ${clockTime(at)} and did not come back, ${seen}${known}`;
}
