import { expect, test } from 'vitest';
import { gatesOf } from '../../../src/analysis/gates.ts';
import { Round } from '../../../src/analysis/round.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { SeriesTable } from '../../../src/series.ts';
import { METRICS } from '../../../src/sources/self-metrics.ts';
import { Store } from '../../../src/store.ts';
import { Batch } from '../../../src/tick.ts';

const HOUR = 3600;

function gateAfter(hours: number, rules: readonly string[] = []): string | undefined {
  const table = new SeriesTable();
  const id = table.open({ source: 'self', target: null, member: null, period: 1 }, METRICS.memoryPrivate);
  const store = new Store();
  store.add(table.get(id));
  const batch = new Batch();
  batch.set(id, 5e7, hours * HOUR);
  store.fold(batch.close(0, hours * HOUR, 0).samples);
  const options = { rules: rules.map((text) => parseRule(text, () => METRICS.memoryPrivate)), required: [], plannedEnd: null };
  return gatesOf(table.all(), store, options, [], hours * HOUR).gates.get(id);
}

test('the memory of the agent fails no run in which its own caches may still fill', () => {
  expect(gateAfter(5.9)).toBeUndefined();
  expect(gateAfter(6.1)).toBe('gated');
});

test('a rule on it holds from the beginning', () => expect(gateAfter(1, ['agent.memory < 100MB'])).toBe('gated'));

test('a round of an older record, which does not tell what is beyond the cap, goes on', () => {
  const round = Round.restore({ size: 1, due: [0], gates: [[0, 'gated']], noPass: [], work: [] });
  expect(round.gates.left.size).toBe(0);
  expect(Round.restore(round.snapshot()).gates).toEqual(round.gates);
});
