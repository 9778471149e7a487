/**
 * A finished run that a start finds in place of the one it was going to begin (`once`): a container that is started again has done its
 * run, and what is wanted of it is the verdict. Its final state is taken from the record, which is only read.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { Judge } from './analysis/judge.ts';
import type { Verdict } from './analysis/verdict.ts';
import type { Clock } from './clock.ts';
import { type Config, configHash } from './config/config.ts';
import type { Env } from './config/environment.ts';
import { exportedRun } from './exported.ts';
import { judgeOptions, storedJudging } from './judging.ts';
import { createLogger } from './log.ts';
import { CATALOG } from './metrics.ts';
import { containerIn, readOwnMounts } from './ownmounts.ts';
import { errno, messageOf } from './problem.ts';
import { listRuns, look } from './record/folders.ts';
import { RecordReader } from './record/reader.ts';
import { replay } from './record/replay.ts';
import { RunState } from './runstate.ts';
import { stopInOrder } from './stopping.ts';
import { Targets } from './targets.ts';
import { listen } from './views/http.ts';
import { MetricsPage } from './views/metricspage.ts';
import { type Otel, startOtel } from './views/otel.ts';
import { runRoutes } from './views/routes.ts';

export interface Finished {
  readonly folder: string;
  readonly verdict: Verdict;
}

const PLACE_FILE = 'place';

/**
 * The run of another container is no reason not to begin one's own, though it may lie in the same volume. Where we are is kept as a digest,
 * with the name of the run in it: a record names no machine.
 */
function placeOf(folder: string): string {
  const place = containerIn(readOwnMounts()) ?? hostname();
  return createHash('sha256')
    .update(`${basename(folder)}\n${place}`)
    .digest('hex')
    .slice(0, 12);
}

/** Beside the record: where this run is made. Without it a start begins another run, so that it cannot be written is worth a word. */
export function markPlace(folder: string, complain: (message: string) => void): void {
  try {
    writeFileSync(join(folder, PLACE_FILE), `${placeOf(folder)}\n`);
  } catch (error) {
    complain(`that the run is not to be repeated cannot be written: ${messageOf(error)}`);
  }
}

function isOfThisPlace(folder: string): boolean {
  try {
    return readFileSync(join(folder, PLACE_FILE), 'utf8').trim() === placeOf(folder);
  } catch {
    return false;
  }
}

/** The newest run that was made here, if it is finished and has the same settings; null where a run is to begin or to go on. */
export function finishedRun(config: Config): Finished | null {
  const run = runsIn(config.out).findLast(({ folder }) => isOfThisPlace(folder));
  if (run === undefined) return null;
  try {
    const found = look(run);
    if (!found.isFinished || found.configHash !== configHash(config)) return null;
    return { folder: run.folder, verdict: verdictOf(run.folder) };
  } catch {
    return null; // a damaged record is told of by the run that begins
  }
}

function runsIn(out: string): ReturnType<typeof listRuns> {
  try {
    return listRuns(out);
  } catch (error) {
    if (errno(error) !== null) return []; // there is no such folder yet, or it is told of by the run that begins
    throw error;
  }
}

/** As it was sealed, whatever a later version would say. */
function verdictOf(folder: string): Verdict {
  const reader = RecordReader.open(folder);
  try {
    return JSON.parse(reader.verdict() ?? '') as Verdict;
  } finally {
    reader.close();
  }
}

export interface Serving {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The pages of the run as they were when it ended. Nothing is pushed: the receiver has had it.
 * @returns null without a listener
 * @throws {Problem} LISTEN when the address cannot be listened on
 */
export async function serve(
  { folder, verdict }: Finished,
  config: Config,
  { clock, env }: { clock: Clock; env: Env },
): Promise<Serving | null> {
  if (config.listen === null) return null;
  const log = createLogger(clock, config.logLevel);
  const { state, run, end } = finalState(folder);
  const exported = exportedRun({
    config,
    state,
    targets: new Targets(config.targets),
    run: () => run,
    end: () => end,
    verdict: () => verdict,
  });
  let otel: Otel | null = null;
  const metrics = new MetricsPage(() => otel?.collect(), state, clock);
  const listener = await listen(config.listen, runRoutes({ run: exported, clock, metrics }), log);
  otel = await startOtel({ run: exported, readers: { prometheus: true, otlp: null }, clock, log, env });
  const close = async (): Promise<void> => {
    await stopInOrder(
      [
        { name: 'listener', seconds: 1.5, run: () => listener.close() },
        { name: 'export', seconds: 1, run: () => otel?.shutdown() },
      ],
      log,
    );
  };
  return { url: listener.url, close };
}

function finalState(folder: string): { state: RunState; run: { id: string; start: number }; end: number } {
  const reader = RecordReader.open(folder);
  try {
    const { header, sealed } = reader;
    const state = new RunState(new Judge(judgeOptions(storedJudging(header.config, CATALOG))));
    replay(reader, state, { find: (name) => CATALOG.find(name), from: 'checkpoint' });
    return { state, run: { id: header.id, start: header.start }, end: sealed?.end ?? header.start };
  } finally {
    reader.close();
  }
}
