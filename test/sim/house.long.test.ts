/** Whole runs in simulated time through the real schedule, loop, record and run folder: only the clock and the source are ours. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import type { JudgeOptions } from '../../src/analysis/judgement.ts';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { SimClock } from '../../src/clock.ts';
import { Loop, RunTime } from '../../src/loop.ts';
import { RecordReader } from '../../src/record/reader.ts';
import { replay } from '../../src/record/replay.ts';
import { type OpenedRun, openRun } from '../../src/runs.ts';
import { RunState } from '../../src/runstate.ts';
import type { SeriesTable } from '../../src/series.ts';
import type { Sink, Source } from '../../src/sources/source.ts';
import { M } from './metrics.ts';
import { HOUR, MB } from './run.ts';
import { line, ou, type Signal, sum, constant } from './series.ts';

let out = '';
/** Every tick is synced to the disk: in memory a day of them takes seconds. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
beforeEach(() => (out = mkdtempSync(join(FOLDER, 'soak-sim-'))));
afterEach(() => rmSync(out, { recursive: true, force: true }));

const INTERVAL = 10;
const options: JudgeOptions = {
  requiredLifetime: 14 * 86_400,
  plannedEnd: 8 * HOUR,
  warmup: null,
  rules: [],
  required: [],
  interval: INTERVAL,
};

/** A target that is busy with 5 % of a core and whose memory follows the signal. */
function target(series: SeriesTable, memory: Signal): Source {
  const owner = { source: 'process', target: 'api', member: null, period: INTERVAL };
  return {
    name: 'process',
    period: INTERVAL,
    open() {},
    read(sink: Sink) {
      const t = sink.now();
      sink.set(series.open(owner, M.memory), Math.round(memory(t)), t);
      sink.set(series.open(owner, M.fds), 20, t);
      sink.set(series.open(owner, M.fdLimit), 1024, t);
      sink.set(series.open(owner, M.cpu), t * 0.05, t);
    },
    close() {},
  };
}

interface Session {
  readonly opened: OpenedRun;
  readonly state: RunState;
  readonly loop: Loop;
}

function session(clock: SimClock, memory: Signal): Session {
  const state = new RunState(new Judge(options));
  const header = { agent: '0', configHash: 'abc', config: {}, interval: INTERVAL, planned: 8 * HOUR, host: {} };
  const opened = openRun({ out, keep: null, maxBytes: 64 * MB, clock, header, state });
  const time = new RunTime(clock, opened.resumed ?? undefined);
  const loop = new Loop({ clock, time, sources: [target(state.series, memory)], state, record: opened.record, interval: INTERVAL });
  if (opened.resumed) loop.event('gap', 'the agent was not running', { data: { from: opened.resumed.last.t } });
  return { opened, state, loop };
}

async function runFor({ loop }: Session, hours: number): Promise<void> {
  const stop = new AbortController();
  await loop.run(stop.signal, () => {
    if (loop.now() >= hours * HOUR) stop.abort();
  });
}

function verdictOf(state: RunState, { id, start }: { readonly id: string; readonly start: number }): Verdict {
  return state.judge.verdict({ id, start, end: start + state.t, planned: 8 * HOUR, agent: '0', configHash: 'abc' }, state);
}

/** The verdict that the record alone gives. */
function replayed(folder: string): Verdict {
  const reader = RecordReader.open(folder);
  try {
    const state = new RunState(new Judge(options));
    expect(replay(reader, state).exact).toBe(true);
    return verdictOf(state, reader.header);
  } finally {
    reader.close();
  }
}

const leak = (): Signal => sum(constant(300 * MB), line(4 * MB), ou(7, 600, 1 * MB));
const steady = (): Signal => sum(constant(300 * MB), ou(7, 60, 0.3 * MB));

describe('eight hours through the house', () => {
  test.each([
    ['a leak fails', leak, 'fail'],
    ['a steady program does not', steady, 'pass'],
  ] as const)('%s, and the record alone says the same, bit for bit', async (_, signal, expected) => {
    const run = session(new SimClock(), signal());
    await runFor(run, 8);
    const verdict = verdictOf(run.state, run.opened);
    expect(verdict.outcome, verdict.reasons.join('; ')).toBe(expected);
    run.opened.seal(run.opened.start + run.state.t, verdict);
    expect(JSON.stringify(replayed(run.opened.folder))).toBe(JSON.stringify(verdict));
  });

  test('a run that is cut off goes on after a gap, and live, resumed and replayed agree', async () => {
    const clock = new SimClock();
    const memory = leak();
    const first = session(clock, memory);
    await runFor(first, 3);
    first.opened.abandon(); // as after a kill: no verdict, no seal
    clock.advance(600);
    const second = session(clock, memory);
    expect(second.opened.folder).toBe(first.opened.folder);
    await runFor(second, 8);
    const verdict = verdictOf(second.state, second.opened);
    expect(second.state.timeline.gapSeconds).toBeGreaterThan(590);
    expect(second.state.series.size).toBe(4);
    expect(verdict.outcome).toBe('fail');
    second.opened.seal(second.opened.start + second.state.t, verdict);
    expect(JSON.stringify(replayed(second.opened.folder))).toBe(JSON.stringify(verdict));
    const third = session(clock, memory);
    expect(third.opened.folder).not.toBe(first.opened.folder);
    expect(readdirSync(out)).toHaveLength(2);
    third.opened.abandon();
  });

  test('a program that holds the record costs ticks: told twice, judged all the same, and in the record when it lets go', async () => {
    const run = session(new SimClock(), steady());
    await runFor(run, 0.5);
    const other = new DatabaseSync(join(run.opened.folder, 'record.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    await runFor(run, 0.505);
    other.exec('ROLLBACK');
    other.close();
    await runFor(run, 1);
    const { losses } = run.loop;
    expect(losses.ticks).toBeGreaterThan(0);
    expect(run.state.store.at(0)).toBeGreaterThan(0.99 * HOUR);
    const reader = RecordReader.open(run.opened.folder);
    const told = [...reader.events()].filter(({ kind }) => kind.startsWith('record_'));
    expect(told.map(({ kind, data }) => [kind, data['what'], data['count']])).toEqual([
      ['record_lost', 'ticks', undefined],
      ['record_recovered', 'ticks', losses.ticks],
    ]);
    expect(run.state.events.filter(({ kind }) => kind.startsWith('record_'))).toHaveLength(2);
    reader.close();
    run.opened.abandon();
  });

  test('a step of wall time is an event, not a hole in the data', async () => {
    const clock = new SimClock();
    const run = session(clock, steady());
    await runFor(run, 4);
    clock.stepWall(-7200);
    await runFor(run, 8);
    expect(run.state.events.filter((event) => event.kind === 'clock_step')).toHaveLength(1);
    expect(run.state.timeline.gapSeconds).toBe(0);
    expect(verdictOf(run.state, run.opened).outcome).toBe('pass');
    run.opened.abandon();
  });
});
