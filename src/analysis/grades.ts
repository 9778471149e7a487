/**
 * Grades of growth over the looks of a run. `suspected` is what one look can say;
 * `confirmed` needs the evidence to hold for a while and over a good part of the run; `retracted` says that it was growth that ended.
 */
import type { Grade } from './judgement.ts';

/** What one look found. */
export interface Evidence {
  /** P(slope <= floor) of the straight line: what is suspected. */
  readonly p: number;
  /** P(slope at the end <= floor), if it goes on growing. */
  readonly end: number;
  /** ln of the odds that it grows above the floor now and goes on. */
  readonly score: number;
  /** Bounded shapes were tried, on enough points to confirm anything. */
  readonly examined: boolean;
  /** Its lives have points enough that growth which is not found has ended. Absent is true. */
  readonly tellsEnds?: boolean;
  /** Growth counts by the time to a limit, not by itself. */
  readonly limited: boolean;
  /** Run times between which it grew, in seconds. */
  readonly growthFrom: number;
  readonly growthTo: number;
}

export interface GradeBook {
  readonly grade: Grade;
  /** Run time since when the evidence has held at every look; null when it does not. */
  readonly held: number | null;
  readonly history: readonly { readonly grade: Grade; readonly at: number }[];
  /** Run time of the look that this comes from; -1 before the first. */
  readonly at: number;
  /** Of what is confirmed: the growth per hour that mattered when it came to be, which does not rise with what has grown since. */
  readonly floor?: number;
}

export const NEW_BOOK: GradeBook = { grade: 'none', held: null, history: [], at: -1 };

/** A suspicion is dropped when chance explains it again, and retracted when growth that ended explains it (odds 9:1). */
const DROP_P = 0.01;
export const ENDED_SCORE = -2.2;

/** Odds 20:1 against everything that is bounded. */
export const CONFIRM_SCORE = 3;

/**
 * Growth as such, whatever its shape, by this probability of none: slow noise passes at twice as much in one run of a hundred, and is
 * suspected there.
 */
const CONFIRM_P = 5e-4;
export const GROWS_P = 1e-3;

/**
 * A straight line by itself, whatever bounded shape may explain it as well. Looks of a day add up to 4 and 10 % of runs of correlated
 * noise (docs/decisions/0034-suspected-sooner.md).
 */
const SUSPECT_P = 2e-3;

/**
 * At the end of the run no later look will tell: it is more likely than not that it goes on, with growth as such certain to 5 %. What was
 * confirmed is retracted below. (A run fails for it at FAIL_SCORE only.)
 */
const END_SCORE = 0;
const END_P = 0.05;

/** The evidence must hold this share of the time at which it began to, at least three minutes: the next look is so far away (round.ts). */
const HOLD_SHARE = 0.025;
const HOLD_MIN_S = 180;

/** Growth must span this share of the planned run, or of the day that most soaks are, and this share of what was judged. */
const SPAN_PLANNED = 0.15;
const SPAN_UNPLANNED_S = 3600;
const SPAN_JUDGED = 0.25;
/** At the end of the run. */
const SPAN_FINAL = 0.1;
/** Without a limit any growth counts, so the first minutes of a program, and less than a cycle of its collector, must not. */
export const SPAN_UNLIMITED_S = 1800;

/**
 * In a shorter run the last look may not say more than those before it: what a healthy program fills (its caches, compiled code, what its
 * collector has not taken back yet) reaches into the second hour (docs/decisions/0035-the-first-two-hours.md).
 */
const SHORT_S = 7200;

/** A suspicion needs this share of the planned run: before, a cycle or a warm-up that has just begun looks like anything. */
const SUSPECT_PLANNED = 0.02;
/** Ten minutes, of which the last sample may come so much before their end. */
const SUSPECT_UNPLANNED_S = 590;

/** Changes of grade that are kept: the first and the latest ones. */
const HISTORY_MAX = 16;

export interface Look {
  /** Run time. */
  readonly now: number;
  readonly plannedEnd: number | null;
  readonly final: boolean;
}

/** @param floor growth per hour that mattered in this look */
export function nextBook(book: GradeBook, evidence: Evidence, look: Look, floor: number): GradeBook {
  const held = growsBy(CONFIRM_P, evidence) ? (book.held ?? look.now) : null;
  const next = { ...regraded(book, nextGrade(book.grade, evidence, look, held), look.now), held };
  return next.grade === 'confirmed' ? { ...next, floor } : next;
}

/** With the grade of a look, and what it was before. */
export function regraded(book: GradeBook, grade: Grade, at: number): GradeBook {
  return { grade, held: null, history: grade === book.grade ? book.history : kept([...book.history, { grade, at }]), at };
}

function growsBy(p: number, evidence: Evidence): boolean {
  return evidence.examined && evidence.score > CONFIRM_SCORE && Math.min(evidence.p, evidence.end) < p;
}

function nextGrade(grade: Grade, evidence: Evidence, look: Look, held: number | null): Grade {
  if (grade === 'confirmed') return evidence.score < END_SCORE && evidence.tellsEnds !== false ? 'retracted' : 'confirmed';
  if (confirms(evidence, held, look) || (look.final && confirmsAtEnd(evidence, look))) return 'confirmed';
  if (!isEarly(look) && (growsBy(GROWS_P, evidence) || (evidence.p < SUSPECT_P && evidence.score > ENDED_SCORE))) return 'suspected';
  if (grade !== 'suspected') return grade;
  if (evidence.score < ENDED_SCORE && evidence.tellsEnds !== false) return 'retracted';
  return evidence.p > DROP_P ? 'none' : 'suspected';
}

/**
 * Before that nothing can be suspected, nor does evidence that has held since count for a confirmation: it must hold, and growth span, for
 * so much longer that it could as well begin then.
 */
export function isEarly({ now, plannedEnd }: Pick<Look, 'now' | 'plannedEnd'>): boolean {
  return now < (plannedEnd === null ? SUSPECT_UNPLANNED_S : SUSPECT_PLANNED * plannedEnd);
}

function confirms(evidence: Evidence, held: number | null, look: Look): boolean {
  if (held === null || look.now - held < Math.max(HOLD_MIN_S, HOLD_SHARE * held)) return false;
  const planned = look.plannedEnd === null ? SPAN_UNPLANNED_S : SPAN_PLANNED * look.plannedEnd;
  return spans(evidence, Math.max(planned, SPAN_JUDGED * evidence.growthTo));
}

function confirmsAtEnd(evidence: Evidence, look: Look): boolean {
  const short = look.now < SHORT_S;
  const [score, p, span] = short ? [CONFIRM_SCORE, GROWS_P, SPAN_JUDGED] : [END_SCORE, END_P, SPAN_FINAL];
  const sure = evidence.score > score && Math.min(evidence.p, evidence.end) < p;
  return evidence.examined && sure && spans(evidence, span * look.now);
}

/** With a limit, the time to it counts and not the time so far. */
function spans(evidence: Evidence, seconds: number): boolean {
  return evidence.growthTo - evidence.growthFrom >= (evidence.limited ? seconds : Math.max(SPAN_UNLIMITED_S, seconds));
}

function kept(history: GradeBook['history']): GradeBook['history'] {
  return history.length <= HISTORY_MAX ? history : [history[0]!, ...history.slice(history.length - HISTORY_MAX + 1)];
}
