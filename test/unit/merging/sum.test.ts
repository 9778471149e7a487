/** A figure of several replicas together: what is counted, and when there is nothing to tell. */
import { describe, expect, test } from 'vitest';
import type { Replica } from '../../../src/merging/replicas.ts';
import { Sum } from '../../../src/merging/sum.ts';

function replica(more: Partial<Replica> = {}): Replica {
  return { from: 0, to: 100, until: Infinity, slot: null, ...more } as Replica;
}

const gauge = { stale: 3, isCounter: false };
const counter = { stale: 3, isCounter: true };

describe('a gauge', () => {
  test('is told once for what was sampled, and not before all were', () => {
    const [a, b] = [replica(), replica()];
    const sum = new Sum([a, b], gauge);
    sum.note(a, 5, 10);
    expect(sum.due(10)).toBeNull();
    sum.note(b, 7, 11);
    expect(sum.due(11)).toBe(12);
    expect(sum.due(12)).toBeNull();
  });

  test('is not told with what one of them was long ago', () => {
    const [a, b] = [replica(), replica()];
    const sum = new Sum([a, b], gauge);
    sum.note(a, 5, 10);
    sum.note(b, 7, 14);
    expect(sum.due(14)).toBeNull();
  });

  test('is of those that are there: neither of who is yet to come, nor of who was followed by another', () => {
    const [old, heir, late] = [replica({ until: 50 }), replica({ from: 50 }), replica({ from: 90 })];
    const sum = new Sum([old, heir, late], gauge);
    sum.note(old, 5, 50);
    sum.note(heir, 1, 50);
    expect(sum.due(50)).toBe(1);
  });

  test('of nobody is nothing, and not zero', () => {
    const gone = replica({ to: 20 });
    const sum = new Sum([gone], gauge);
    sum.note(gone, 5, 20);
    expect(sum.due(21)).toBeNull();
  });
});

describe('a counter', () => {
  test('counts what was added since each was first seen, and keeps that of who is gone', () => {
    const [a, b] = [replica({ to: 20 }), replica()];
    const sum = new Sum([a, b], counter);
    sum.note(a, 1000, 10);
    sum.note(b, 50, 10);
    expect(sum.due(10)).toBe(0);
    sum.note(a, 1010, 20);
    sum.note(b, 51, 20);
    expect(sum.due(20)).toBe(11);
    sum.note(b, 53, 30);
    expect(sum.due(30)).toBe(13);
  });

  test('that went back began again from zero', () => {
    const a = replica();
    const sum = new Sum([a], counter);
    sum.note(a, 100, 1);
    sum.note(a, 104, 2);
    sum.note(a, 3, 3);
    expect(sum.due(3)).toBe(7);
  });
});
