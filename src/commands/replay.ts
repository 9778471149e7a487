/** `soak-agent replay RUN`: judges a stored run again through the same code, by other rules if they are given. The record is only read. */
import { Judge } from '../analysis/judge.ts';
import type { Verdict } from '../analysis/verdict.ts';
import { rfc3339 } from '../clock.ts';
import type { JudgeOverrides } from '../config/config.ts';
import { judgeOptions, storedJudging, unlikeRecorded } from '../judging.ts';
import { CATALOG } from '../metrics.ts';
import type { ExitCode } from '../problem.ts';
import { RecordReader, type RunHeader } from '../record/reader.ts';
import { type ReplayOptions, replay as replayRecord } from '../record/replay.ts';
import { RunState } from '../runstate.ts';
import type { Series } from '../series.ts';
import { VERSION } from '../version.ts';
import { summary } from '../views/terminal.ts';
import type { Io } from './io.ts';
import { exitCodeOf } from './run.ts';
import { screenOf } from './view.ts';

export interface ReplayRequest {
  /** Empty: judged as it was. */
  readonly overrides: JudgeOverrides;
  /** The verdict as `verdict.json` has it, instead of the summary. */
  readonly json: boolean;
}

export function replay(folder: string, { overrides, json }: ReplayRequest, io: Io): ExitCode {
  const { verdict, notes } = judgeRecord(folder, () => overrides);
  for (const note of notes) io.stderr.write(`${note}\n`);
  io.stdout.write(json ? `${JSON.stringify(verdict, null, 2)}\n` : `${summary(verdict, screenOf(io)).join('\n')}\n`);
  return exitCodeOf(verdict.outcome);
}

export interface JudgedRecord {
  readonly state: RunState;
  readonly verdict: Verdict;
  readonly header: RunHeader;
  /** What it was judged by that the run was not; empty: judged as it was. */
  readonly others: JudgeOverrides;
  /** False: the run ended without a verdict, or goes on. */
  readonly finished: boolean;
  /** Seconds since the Unix epoch. */
  readonly start: number;
  readonly notes: string[];
}

/**
 * A stored run judged again, with what the user should know of it.
 * @param overridesOf by the series of the record
 * @param from `checkpoint`: what its latest checkpoint knows is not folded again, if this version wrote it and the rules are those of the run
 */
export function judgeRecord(
  folder: string,
  overridesOf: (series: readonly Series[]) => JudgeOverrides,
  from: 'start' | 'checkpoint' = 'start',
): JudgedRecord {
  const reader = RecordReader.open(folder);
  try {
    const { header, sealed } = reader;
    const others = unlikeRecorded(overridesOf(reader.series((name) => CATALOG.find(name))), header.config);
    const judging = { ...storedJudging(header.config, CATALOG), ...others };
    const state = new RunState(new Judge(judgeOptions(judging)));
    const { exact } = replayRecord(reader, state, {
      find: (name) => CATALOG.find(name),
      ...startOf(others, from === 'checkpoint' && header.agent === VERSION),
    });
    const end = sealed?.end ?? reader.last()?.wall ?? null;
    const verdict = state.judge.verdict(
      { id: header.id, start: header.start, end, planned: header.planned, agent: header.agent, configHash: header.configHash },
      state,
    );
    const thinned =
      'ticks are missing from the record (its cap, or another program held it): other rules see only the samples that are left';
    const unfinished = `the run is not finished: judged on what was recorded up to ${rfc3339(end) ?? 'its start'}`;
    return {
      state,
      verdict,
      header,
      others,
      finished: sealed !== null,
      start: header.start,
      notes: [...(exact ? [] : [thinned]), ...(sealed === null ? [unfinished] : [])],
    };
  } finally {
    reader.close();
  }
}

function startOf(others: JudgeOverrides, isKnown: boolean): Pick<ReplayOptions, 'from'> {
  if (Object.keys(others).length > 0) return { from: 'start' };
  return isKnown ? { from: 'checkpoint' } : {};
}
