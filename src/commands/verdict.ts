/** `soak-agent verdict RUN`: the verdict of a stored run, for people and programs (`report` writes it for job summaries); the exit code is its own. */
import type { Outcome } from '../analysis/judgement.ts';
import type { Verdict } from '../analysis/verdict.ts';
import { EXIT, type ExitCode, Problem } from '../problem.ts';
import { findRun } from '../record/find.ts';
import { standingOf } from '../record/standing.ts';
import { finalVerdict, openStored } from '../stored.ts';
import { clean } from '../terminal/clean.ts';
import { summary } from '../views/terminal.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { screenOf } from './view.ts';

export function verdict(given: Given, io: Io): ExitCode {
  given.faults.throwIfAny();
  const folder = findRun(given.operands[0] ?? null, given.out());
  const final = finalVerdict(folder);
  const { verdict: told, state } = final === null ? openStored(folder) : { verdict: final, state: null };
  const isFinal = told.run.end !== null; // it may have ended between the two looks
  const soFar = isFinal ? null : (state?.t ?? null);
  if (!isFinal) io.stderr.write(`${unfinished(folder, io)}\n`);
  io.stdout.write(given.has('json') ? `${JSON.stringify(told, null, 2)}\n` : textOf(told, soFar, io));
  return codeOf(told.outcome, isFinal, given.has('non-blocking'));
}

/** What is not finished has passed nothing; what has failed already is told. */
export function codeOf(outcome: Outcome, isFinal: boolean, nonBlocking: boolean): ExitCode {
  if (nonBlocking) return EXIT.pass;
  return EXIT[isFinal || outcome === 'fail' ? outcome : 'inconclusive'];
}

/** What fails in one of them has failed. */
export function worse(a: Outcome, b: Outcome): Outcome {
  if (a === 'fail' || b === 'fail') return 'fail';
  return a === 'inconclusive' ? a : b;
}

function unfinished(folder: string, { clock }: Io): string {
  const standing = standingOf(folder, clock);
  return standing.kind === 'running'
    ? `${folder} is still being recorded: this is the verdict so far`
    : `${folder} ended without a verdict: this is what its record says; a start with the same settings goes on with it`;
}

function textOf(told: Verdict, soFar: number | null, io: Io): string {
  // Colours are of the screen; what is within the lines is of others and was shown as it is.
  const screen = screenOf(io);
  const lines = summary(told, { ...screen, color: false }, soFar);
  return `${lines.map((line) => clean(line)).join('\n')}\n`;
}

/** A run without a verdict whose agent is gone will never have one by waiting. */
export function goneProblem(folder: string): Problem {
  const message =
    'ended without a verdict: its agent was killed, or the machine went down. soak-agent replay judges what was recorded; a start with the same settings goes on with it';
  return new Problem('GONE', { place: folder, message });
}
