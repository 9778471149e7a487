import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const MODULE = new URL('../../src/heapgrowth.ts', import.meta.url).href;
const FLAGS = ['--trace-gc', '--max-old-space-size=64', '--max-semi-space-size=1', '--efficiency-mode', '--no-memory-reducer'];

/** Full collections of a program that has a `heap`, up to each line that it prints. */
function fullCollections(program: string, flags: readonly string[] = []): number[] {
  const script = `const { HeapGrowth } = await import(${JSON.stringify(MODULE)}); const heap = new HeapGrowth(); ${program}`;
  const out = execFileSync(process.execPath, [...FLAGS, ...flags, '--input-type=module', '-e', script], { encoding: 'utf8' });
  return out.split('here\n').map((part) => part.split('\n').filter((line) => line.includes('Mark-Compact')).length);
}

/** Keeps some 8 MB and replaces them piece by piece, old for new: garbage that only a full collection takes. */
function churn(series: number): string {
  return `
    const piece = (i) => Array.from({ length: 2000 }, (_, k) => ({ i, k }));
    const kept = Array.from({ length: 100 }, (_, i) => piece(i));
    heap.tick(${series}, 0);
    for (let i = 0; i < 4000; i++) kept[i % 100] = piece(i);`;
}

describe('the heap of a run', () => {
  test('of many series is collected less often', () => {
    const [[few], [many]] = [fullCollections(churn(499)), fullCollections(churn(500))] as [[number], [number]];
    expect(few - many).toBeGreaterThan(1); // 16 and 12
  });

  // Buffers of 6 MB, for which V8 does not collect.
  const gathering = `
    let kept = [];
    const gather = () => { kept = Array.from({ length: 60 }, () => new Float64Array(12_500)); };
    const tick = (t) => { heap.tick(10, t); console.log('here'); };
    tick(0); gather(); tick(299); tick(300); tick(600); gather(); tick(601); gather(); tick(900); tick(901);`;

  test('of few series is collected when some megabytes have come together, every five minutes at most', () => {
    const [, ...collected] = fullCollections(gathering, ['--expose-gc']).map((count) => count > 0); // the first is of Node's own start
    expect(collected.slice(0, 6)).toEqual([false, true, false, true, false, true]);
  });

  test('is left to V8 where it cannot be told to collect', () => {
    expect(Math.max(...fullCollections(gathering).slice(1, 6))).toBe(0);
  });
});
