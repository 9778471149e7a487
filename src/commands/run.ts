/** `soak-agent run`: watches until the run ends, shows how it stands, and ends with the verdict's code. */
import { Agent, type Ended } from '../agent.ts';
import type { Outcome } from '../analysis/judgement.ts';
import type { Config } from '../config/config.ts';
import { comparisonText } from '../comparison/text.ts';
import type { Ending } from '../ending.ts';
import { type Finished, finishedRun, markPlace, serve } from '../finished.ts';
import { Leaving } from '../leaving.ts';
import { EXIT, type ExitCode, messageOf, Problem } from '../problem.ts';
import { comparedIn } from '../record/files.ts';
import { writeCrash } from '../runs.ts';
import { TerminationLog } from '../terminationlog.ts';
import { summary } from '../views/terminal.ts';
import type { Against } from './against.ts';
import type { Io } from './io.ts';
import { openView, screenOf } from './view.ts';
import { worse } from './verdict.ts';

/** Longer than any run: `--hold` serves until it is told to stop. */
const FOR_EVER_S = 1e9;

export async function run(config: Config, io: Io): Promise<ExitCode> {
  const against = config.baseline === null ? null : (await import('./against.ts')).Against.of(config);
  const told = io.stopSignal();
  const agent = new Agent(config, io);
  const log = TerminationLog.find(config.terminationLog);
  const finished = config.once ? finishedRun(agent.config) : null;
  if (finished !== null) return lenient(await showFinished(finished, { config, log, io, told }), config, io);
  const messages = await started(agent, told, io);
  if (messages === null) {
    io.stderr.write('told to stop before the run began: nothing was recorded\n');
    return EXIT.inconclusive;
  }
  for (const message of messages) io.stderr.write(`${message}\n`);
  io.stderr.write(`watching ${watchedBy(agent).join(', ')}, recording to ${agent.folder}\n`);
  if (agent.url !== null) io.stderr.write(`metrics, health and verdict at ${agent.url}\n`);
  if (agent.inboundUrl !== null) io.stderr.write(`points, phases and marks taken at ${agent.inboundUrl}\n`);
  io.hasBegun(agent.folder);
  const forget = noteCrashes(agent.folder, io);
  const complain = complainTo(io);
  if (config.once) markPlace(agent.folder, complain);
  const view = openView(config, io, agent, against);
  const leaving = new Leaving({ folder: agent.folder, log, complain }, agent.now());
  const { over, failure } = await watch(agent, told, () => {
    view.tick();
    leaving.tick(agent.now(), () => agent.verdict());
  });
  const ended = await agent.stop(over);
  leaving.end(ended.verdict);
  forget();
  view.close();
  const broken = failure ?? ended.errors[0];
  tell(ended, broken, agent, io);
  const compared = against === null ? 'pass' : toldAgainst(against, agent, io);
  if (failure === null && !told.aborted) await hold(config, agent, io, told);
  await agent.release();
  if (broken !== undefined) throw broken;
  return lenient(exitCodeOf(worse(ended.verdict.outcome, compared)), config, io);
}

function toldAgainst(against: Against, agent: Agent, { stdout, env }: Io): Outcome {
  const comparison = against.final(agent);
  stdout.write(`\n${comparisonText(comparison, screenOf({ stdout, env })).join('\n')}\n`);
  return comparison.outcome;
}

/** What is not blocking is said all the same. */
function lenient(code: ExitCode, { nonBlocking }: Config, { stderr }: Io): ExitCode {
  if (!nonBlocking || code === EXIT.pass) return code;
  stderr.write(`not blocking: the exit code is 0 instead of ${code}\n`);
  return EXIT.pass;
}

/** Roles; pages of metrics where no process is watched. */
function watchedBy({ targets, config }: Agent): string[] {
  const roles = targets.all().map(({ role }) => role);
  return roles.length > 0 ? roles : config.scrapes.map(({ name }) => name);
}

export function exitCodeOf(outcome: Outcome): ExitCode {
  return EXIT[outcome];
}

/** What the user should know, or null when they no longer wanted to wait for a target. @throws {Problem} with all that keeps the run from starting */
async function started(agent: Agent, told: AbortSignal, io: Io): Promise<readonly string[] | null> {
  try {
    return await agent.start(told);
  } catch (error) {
    if (told.aborted && !(error instanceof Problem)) return null;
    if (!(error instanceof Problem)) throw error;
    const { withOtherRefusals } = await import('./refused.ts');
    throw await withOtherRefusals(error, agent.config, io);
  }
}

/** A run that cannot go on (the disk is full) is still ended in order and judged on what was seen. */
async function watch(agent: Agent, told: AbortSignal, afterTick: () => void): Promise<{ over: Ending; failure: unknown }> {
  try {
    return { over: await agent.watch(told, afterTick), failure: null };
  } catch (failure) {
    return { over: { kind: 'failed', message: messageOf(failure) }, failure };
  }
}

/** Writes down why, when a defect ends the process: the next start reports it. Returns how to stop. */
function noteCrashes(folder: string, { clock }: Io): () => void {
  const note = (error: unknown): void => writeCrash(folder, messageOf(error), clock.wall());
  process.on('uncaughtExceptionMonitor', note).prependListener('unhandledRejection', note);
  return () => void process.off('uncaughtExceptionMonitor', note).off('unhandledRejection', note);
}

/** @param broken what ends the program, which says it itself; undefined when nothing does */
function tell({ verdict, ending, ticksLost, errors }: Ended, broken: unknown, agent: Agent, io: Io): void {
  const lost = ticksLost === 0 ? '' : `, without ${ticksLost} ticks during which another program held it; they are judged all the same`;
  io.stdout.write(`\n${ending.message}\n${summary(verdict, screenOf(io)).join('\n')}\n\nrecord in ${agent.folder}${lost}\n`);
  const more = new Set(errors.map(messageOf));
  if (broken !== undefined) more.delete(messageOf(broken)); // a full disk fails every step in the same words
  for (const message of more) io.stderr.write(`soak-agent: ${message}\n`);
}

async function hold(config: Config, agent: Agent, io: Io, told: AbortSignal): Promise<void> {
  const seconds = secondsToHold(config);
  if (seconds === 0 || agent.url === null) return;
  sayHeld(agent.url, config, io);
  await agent.hold(seconds, told);
}

function complainTo(io: Io): (message: string) => void {
  return (message) => void io.stderr.write(`soak-agent: ${message}\n`);
}

function secondsToHold({ hold, linger }: Config): number {
  return hold ? FOR_EVER_S : linger;
}

function sayHeld(url: string, { hold }: Config, io: Io): void {
  io.stderr.write(`serving the final state at ${url}${hold ? ' until told to stop' : ''}\n`);
}

interface Start {
  readonly config: Config;
  readonly log: TerminationLog | null;
  readonly io: Io;
  readonly told: AbortSignal;
}

/** In place of a second run: the verdict of the first, in every way that it leaves by. */
async function showFinished(finished: Finished, { config, log, io, told }: Start): Promise<ExitCode> {
  const { folder, verdict } = finished;
  io.stderr.write(`${folder} is finished, and a finished run is not repeated here: --no-once begins another one\n`);
  io.stdout.write(`${summary(verdict, screenOf(io)).join('\n')}\n\nrecord in ${folder}\n`);
  if (log !== null) new Leaving({ folder, log, complain: complainTo(io) }, 0).end(verdict);
  const seconds = secondsToHold(config);
  const serving = seconds === 0 ? null : await serve(finished, config, io);
  if (serving !== null) {
    sayHeld(serving.url, config, io);
    await io.clock.sleepUntil(io.clock.monotonic() + seconds, told).catch(() => {}); // told to stop
    await serving.close();
  }
  const compared = config.baseline === null ? 'pass' : (comparedIn(folder) ?? 'inconclusive');
  return exitCodeOf(worse(verdict.outcome, compared));
}
