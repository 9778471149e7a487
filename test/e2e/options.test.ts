/** Options that change what is read or how it is told, from the command line to what the run leaves. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { installed, reading, type Result, Stage } from './agent-under-test.ts';

/** A program with children and an open file that has been deleted. */
const HOLDER = `open(my $file, '>', $ARGV[0]); unlink $ARGV[0]; fork for 1..2; $| = 1; print "ready\\n"; sleep 600`;

async function watched(stage: Stage, ...options: string[]): Promise<Result> {
  const holder = await stage.program('perl', '-e', HOLDER, join(stage.folder, 'gone'));
  const agent = stage.agent(['--target', `app=${holder.pid}`, '--children', '--interval', '0.5', '--duration', '3s', ...options]);
  return agent.result();
}

function names({ folder }: Result): Set<string> {
  return new Set(reading(folder, (reader) => reader.series().map(({ def }) => def.alias ?? def.name)));
}

describe.runIf(installed('perl')).concurrent('a run', () => {
  test('counts descriptors of deleted files, and reads shares, as it is told', async () => {
    await using stage = new Stage();
    const plain = names(await watched(stage));
    expect([plain.has('fds.deleted'), plain.has('memory.proportional')]).toEqual([false, true]);
    const told = await watched(stage, '--deleted-descriptors', '--shares', 'off');
    expect([names(told).has('fds.deleted'), names(told).has('memory.proportional')]).toEqual([true, false]);
    const last = reading(told.folder, (reader) => {
      const ids = new Set(
        reader
          .series()
          .filter(({ def, member }) => def.alias === 'fds.deleted' && member === null)
          .map(({ id }) => id),
      );
      return [...reader.ticks()]
        .flatMap(({ samples: { length, series, values } }) => [...values.subarray(0, length)].filter((_, i) => ids.has(series[i]!)))
        .at(-1);
    });
    expect(last).toBe(4); // two forks make four processes
  });

  test('is told again as JSON, in the shape of verdict.json', async () => {
    await using stage = new Stage();
    const { folder, verdict, code } = await watched(stage);
    const again = await stage.command('replay', folder, '--json');
    expect([again.code, again.err]).toEqual([code, '']);
    const told = JSON.parse(again.out) as Verdict;
    expect(Object.keys(told)).toEqual(Object.keys(verdict));
    expect([told.schema, told.run, told.outcome, told.events]).toEqual([1, verdict.run, verdict.outcome, verdict.events]);
    expect(told.series.map(({ id }) => id)).toEqual(verdict.series.map(({ id }) => id));
    const stricter = await stage.command('replay', folder, '--json', '--rule', 'threads < 1');
    expect(stricter.code).toBe(10);
    expect((JSON.parse(stricter.out) as Verdict).outcome).toBe('fail');
  });
});
