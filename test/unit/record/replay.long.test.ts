import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deserialize } from 'node:v8';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Judge } from '../../../src/analysis/judge.ts';
import { RecordReader } from '../../../src/record/reader.ts';
import { replay } from '../../../src/record/replay.ts';
import { RecordWriter } from '../../../src/record/writer.ts';
import { RunState } from '../../../src/runstate.ts';
import { HEADER, openSeries, problemOf, Program, temporaryFolder } from '../../fixtures/record/ticks.ts';

const OPTIONS = { requiredLifetime: 86_400, plannedEnd: 3600, warmup: null, rules: [], required: [], interval: 1 };

function newState(program?: Program): RunState {
  return new RunState(new Judge(OPTIONS), program?.table);
}

/** Records and folds a run as the loop does, with a checkpoint every minute, and a series that appears only at half time. */
function live(folder: string, ticks: number, maxBytes: number, series = 6): RunState {
  const program = new Program(series);
  const state = newState(program);
  const writer = RecordWriter.create(folder, HEADER, { maxBytes });
  for (let n = 0; n < ticks; n++) {
    if (n === ticks / 2) openSeries(program.table, 'late');
    const tick = program.tick(n);
    writer.append(tick, program.table);
    state.fold(tick);
    if (n % 60 === 59) writer.checkpoint(n, state.snapshot());
  }
  writer.close();
  return state;
}

function open(folder: string): RecordReader {
  const reader = RecordReader.open(folder);
  onTestFinished(() => reader.close());
  return reader;
}

function verdictOf(state: RunState): string {
  return JSON.stringify(state.judge.verdict({ id: '0', start: 0, end: null, planned: null, agent: '0', configHash: '0' }, state));
}

/** What a checkpoint of the state would hold, bit for bit, and its series. */
function contents(state: RunState): unknown {
  return [deserialize(state.snapshot()), state.series.all().map(({ id, labels }) => [id, labels])];
}

describe('a replay', () => {
  test.each(['start', 'checkpoint'] as const)('from the %s ends with the state of the live run', (from) => {
    const folder = temporaryFolder();
    const state = live(folder, 400, 2 ** 29);
    const again = newState();
    expect(replay(open(folder), again, { from })).toEqual({ ticks: from === 'start' ? 400 : 40, exact: true });
    expect(contents(again)).toStrictEqual(contents(state));
    expect(verdictOf(again)).toBe(verdictOf(state));
  });

  test('shows every tick the series that the live run had seen by then, and no later ones', () => {
    const folder = temporaryFolder();
    live(folder, 100, 2 ** 29);
    const sizes: number[] = [];
    const state = newState();
    const watched = { series: state.series, restore: () => {}, fold: () => void sizes.push(state.series.size) };
    replay(open(folder), watched);
    expect(sizes).toEqual(Array.from({ length: 100 }, (_, n) => (n < 50 ? 9 : 10)));
  });

  test('of a thinned record starts from the latest checkpoint, unless all ticks are asked for', () => {
    const folder = temporaryFolder();
    const state = live(folder, 6000, 2 ** 20, 30);
    const reader = open(folder);
    expect(reader.thinned).toBe(true);
    const again = newState();
    expect(replay(reader, again)).toEqual({ ticks: 0, exact: true });
    expect(contents(again)).toStrictEqual(contents(state));

    const rough = newState();
    const { ticks, exact } = replay(reader, rough, { from: 'start' });
    expect(exact).toBe(false);
    expect(ticks).toBeLessThan(6000);
    expect(rough.store.value(0)).toBe(state.store.value(0));
    expect(rough.series.size).toBe(state.series.size);
  });

  test('goes on from the record alone as if nothing had happened', () => {
    const folder = temporaryFolder();
    live(folder, 250, 2 ** 29);
    const state = newState();
    replay(open(folder), state, { from: 'checkpoint' });
    const writer = RecordWriter.resume(folder, { maxBytes: 2 ** 29 });
    const program = new Program(6);
    openSeries(program.table, 'late');
    for (let n = 0; n < 300; n++) {
      const tick = program.tick(n);
      if (n < 250) continue;
      writer.append(tick, state.series);
      state.fold(tick);
    }
    writer.close();
    const again = newState();
    replay(open(folder), again, { from: 'start' });
    expect(contents(again)).toStrictEqual(contents(state));
  });

  test('says so when the checkpoint is not one of this version', () => {
    const folder = temporaryFolder();
    const program = new Program(1);
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: 2 ** 20 });
    writer.append(program.tick(0), program.table);
    writer.checkpoint(0, Buffer.from('of another time'));
    writer.close();
    expect(problemOf(() => replay(open(folder), newState(), { from: 'checkpoint' }))).toMatch(
      /^RECORD: .*checkpoint is not one of this version/,
    );
  });

  test('says so when two series are the same', () => {
    const folder = temporaryFolder();
    live(folder, 10, 2 ** 29);
    const db = new DatabaseSync(join(folder, 'record.sqlite'));
    db.exec(
      'UPDATE series SET labels = (SELECT labels FROM series WHERE id = 0), metric = (SELECT metric FROM series WHERE id = 0) WHERE id = 1',
    );
    db.close();
    expect(problemOf(() => replay(open(folder), newState()))).toMatch(/^RECORD: .*series 1 came back as 0/);
  });
});
