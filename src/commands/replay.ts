/** `soak-agent replay RUN`: judges a stored run again through the same code, by other rules if they are given. The record is only read. */
import { Judge } from '../analysis/judge.ts';
import { rfc3339 } from '../clock.ts';
import type { JudgeOverrides } from '../config/config.ts';
import { judgeOptions, storedJudging } from '../judging.ts';
import { CATALOG } from '../metrics.ts';
import type { ExitCode } from '../problem.ts';
import { RecordReader } from '../record/reader.ts';
import { replay as replayRecord } from '../record/replay.ts';
import { RunState } from '../runstate.ts';
import { summary } from '../views/terminal.ts';
import type { Io } from './io.ts';
import { exitCodeOf } from './run.ts';
import { screenOf } from './view.ts';

export function replay(folder: string, overrides: JudgeOverrides, io: Io): ExitCode {
  const reader = RecordReader.open(folder);
  try {
    const { header, sealed } = reader;
    const judging = { ...storedJudging(header.config, CATALOG), ...overrides };
    const state = new RunState(new Judge(judgeOptions(judging)));
    const { exact } = replayRecord(reader, state, {
      find: (name) => CATALOG.find(name),
      ...(isAsRecorded(overrides) ? {} : { from: 'start' }),
    });
    const end = sealed?.end ?? reader.last()?.wall ?? null;
    const verdict = state.judge.verdict(
      { id: header.id, start: header.start, end, planned: header.planned, agent: header.agent, configHash: header.configHash },
      state,
    );
    if (!exact) io.stderr.write('the record was thinned to keep its size: other rules see only the samples that are left\n');
    if (sealed === null) io.stderr.write(`the run is not finished: judged on what was recorded up to ${rfc3339(end) ?? 'its start'}\n`);
    io.stdout.write(`${summary(verdict, screenOf(io)).join('\n')}\n`);
    return exitCodeOf(verdict.outcome);
  } finally {
    reader.close();
  }
}

function isAsRecorded(overrides: JudgeOverrides): boolean {
  return Object.keys(overrides).length === 0;
}
