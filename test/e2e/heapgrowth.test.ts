import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const MODULE = new URL('../../src/heapgrowth.ts', import.meta.url).href;

/** Keeps some 8 MB and replaces them piece by piece, old for new: garbage that only a full collection takes. */
const CHURN = `
  const { HeapGrowth } = await import(${JSON.stringify(MODULE)});
  const piece = (i) => Array.from({ length: 2000 }, (_, k) => ({ i, k }));
  const kept = Array.from({ length: 100 }, (_, i) => piece(i));
  new HeapGrowth().tick(Number(process.argv[1]));
  for (let i = 0; i < 4000; i++) kept[i % 100] = piece(i);`;

function fullCollections(series: number): number {
  const flags = ['--trace-gc', '--max-old-space-size=64', '--max-semi-space-size=1', '--efficiency-mode', '--no-memory-reducer'];
  const out = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', CHURN, String(series)], { encoding: 'utf8' });
  return out.split('\n').filter((line) => line.includes('Mark-Compact')).length;
}

describe('the heap of a run', () => {
  test('of many series is collected less often', () => {
    const [few, many] = [fullCollections(499), fullCollections(500)];
    expect(few - many).toBeGreaterThan(1); // 16 and 12
  });
});
