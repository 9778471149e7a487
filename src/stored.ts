/** A stored run as it stands, finished or not: its state and its verdict, without folding again what a checkpoint holds. */
import { Judge } from './analysis/judge.ts';
import type { Verdict } from './analysis/verdict.ts';
import { judgeOptions, storedJudging } from './judging.ts';
import { CATALOG } from './metrics.ts';
import { Problem } from './problem.ts';
import { RecordReader, type RunHeader } from './record/reader.ts';
import { replay } from './record/replay.ts';
import { RunState } from './runstate.ts';

export interface StoredRun {
  readonly folder: string;
  readonly header: RunHeader;
  readonly state: RunState;
  /** The final one, or the one so far (without an end). */
  readonly verdict: Verdict;
}

/** @throws {Problem} RECORD, RECORD_VERSION, RULE for a rule that this version does not know */
export function openStored(folder: string): StoredRun {
  const reader = RecordReader.open(folder);
  try {
    const { header, sealed } = reader;
    const state = stateOf(reader);
    const stored = sealed === null ? null : reader.verdict();
    const verdict = stored === null ? verdictSoFar(header, state) : (JSON.parse(stored) as Verdict);
    return { folder, header, state, verdict };
  } finally {
    reader.close();
  }
}

/** The final verdict as it was stored, which is all that a finished run is asked for mostly; null while it is not finished. */
export function finalVerdict(folder: string): Verdict | null {
  const reader = RecordReader.open(folder);
  try {
    const text = reader.sealed === null ? null : reader.verdict();
    return text === null ? null : (JSON.parse(text) as Verdict);
  } finally {
    reader.close();
  }
}

/** A checkpoint of another version cannot be read; the ticks always can. */
function stateOf(reader: RecordReader): RunState {
  const make = (): RunState => new RunState(new Judge(judgeOptions(storedJudging(reader.header.config, CATALOG))));
  const find = (name: string): ReturnType<typeof CATALOG.find> => CATALOG.find(name);
  const state = make();
  try {
    replay(reader, state, { find, from: 'checkpoint' });
    return state;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'RECORD') throw error;
    const whole = make();
    replay(reader, whole, { find, from: 'start' });
    return whole;
  }
}

function verdictSoFar({ id, start, planned, agent, configHash }: RunHeader, state: RunState): Verdict {
  return state.judge.verdict({ id, start, end: null, planned, agent, configHash }, state);
}
