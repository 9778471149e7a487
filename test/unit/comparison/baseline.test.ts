import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findBaseline, loadBaseline, saveBaseline } from '../../../src/comparison/baseline.ts';
import { problemOf } from '../../fixtures/record/ticks.ts';
import * as fc from '../../property.ts';
import { runOf } from '../../sim/builds.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'soak-baseline-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a baseline is found by its name or its file, and is what was measured', () => {
  const at = join(folder(), 'new/baselines');
  const runs = [runOf(1, 1), runOf(1, 2)];
  const path = saveBaseline('main', at, runs);
  expect(loadBaseline(path)).toEqual(runs);
  expect([findBaseline('main', at), findBaseline(path, 'elsewhere'), findBaseline('other', at), findBaseline('../main', at)]).toEqual([
    path,
    path,
    null,
    null,
  ]);
  expect(saveBaseline('main', at, [runs[0]!])).toBe(path);
  expect(loadBaseline(path)).toHaveLength(1);
  expect(readFileSync(path, 'utf8').split('\n').length).toBeGreaterThan(20);
});

test('names and files that are none are refused with their place', () => {
  const at = folder();
  expect(problemOf(() => saveBaseline('../x', at, []))).toMatch(/^USAGE: \.\.\/x: the name of a baseline/);
  const run = runOf(1, 1);
  expect(
    problemOf(() =>
      saveBaseline(
        'a',
        at,
        Array.from({ length: 11 }, () => run),
      ),
    ),
  ).toMatch(/^USAGE: --save: .* at most 10 runs/);
  expect(problemOf(() => saveBaseline('a', '/proc/nowhere', [run]))).toMatch(/^OUT: /);
  const path = saveBaseline('a', at, [run]);
  const whole = JSON.parse(readFileSync(path, 'utf8')) as { runs: { run: object; signals: object[] }[] };
  const [first] = whole.runs;
  const signal = first!.signals[0]!;
  const altered: [unknown, RegExp][] = [
    ['{', /RECORD: .*no readable baseline/],
    [[], /it is another file/],
    [{ ...whole, kind: 'x' }, /it is another file/],
    [{ ...whole, schema: 2 }, /^RECORD_VERSION: .*newer/],
    [{ ...whole, runs: [] }, /it has 0 runs/],
    [{ ...whole, runs: [{ run: { ...first!.run, id: 5 }, signals: [] }] }, /run 1: id is no text/],
    [{ ...whole, runs: [{ run: { ...first!.run, until: null }, signals: [] }] }, /run 1: until is no number/],
    [{ ...whole, runs: [{ ...first, signals: [{ ...signal, kind: 'x' }] }] }, /run 1: signal 1: its kind is not known/],
    [{ ...whole, runs: [{ ...first, signals: [{ ...signal, width: 0 }] }] }, /signal 1: its grid is none/],
    [{ ...whole, runs: [{ ...first, signals: [{ ...signal, means: ['1'] }] }] }, /signal 1: its means are no numbers/],
    [{ ...whole, runs: [{ ...first, signals: [null] }] }, /signal 1: its name/],
  ];
  for (const [data, message] of altered) {
    writeFileSync(path, typeof data === 'string' ? data : JSON.stringify(data));
    expect(problemOf(() => loadBaseline(path))).toMatch(message);
  }
});

test('whatever a file holds, it is a baseline or a problem', () => {
  const path = join(folder(), 'x.json');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .record({ schema: fc.constant(1), kind: fc.constant('soak-agent baseline'), runs: fc.array(fc.jsonValue()) })
          .map((v) => JSON.stringify(v)),
      ),
      (text) => {
        writeFileSync(path, text);
        expect(problemOf(() => loadBaseline(path))).toMatch(/^RECORD/);
      },
    ),
  );
});
