/** What a load generator shows of itself. */
import { expect, test } from 'vitest';
import { generatorFindings } from '../../../src/analysis/generator.ts';
import type { SeriesJudgement } from '../../../src/analysis/judgement.ts';

function judged(name: string, member: string | null, more: object = {}): SeriesJudgement {
  const series = { def: { name, alias: name }, target: 'load', member, labels: {} };
  return { series, grade: 'confirmed', outcome: 'fail', why: `${member ?? 'load'} ${name} grows`, ...more } as unknown as SeriesJudgement;
}

test('grows where its processes do, of which memory of their own is not added up', () => {
  const found = generatorFindings([judged('memory.private', 'load/1'), judged('cpu', null, { outcome: 'pass' })], ['load']);
  expect(found.map(({ why }) => why)).toEqual(['the load generator itself (load) grows: load/1 memory.private grows']);
});

test('is named once where the role tells it as well', () => {
  const found = generatorFindings([judged('fds', 'load/1'), judged('fds', null), judged('fds', 'load/2')], ['load']);
  expect(found.map(({ why }) => why)).toEqual(['the load generator itself (load) grows: load fds grows']);
});

test('is not meant by what others are', () => {
  expect(generatorFindings([judged('fds', null)], ['k6'])).toEqual([]);
});
