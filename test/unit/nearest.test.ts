import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/config/nearest.ts';

const WORDS = ['interval', 'duration', 'gone_after', 'otlp', 'run'];

test.each([
  ['intervall', 'interval'],
  ['intreval', 'interval'],
  ['goneAfter', 'gone_after'],
  ['gone-after', 'gone_after'],
  ['DURATION', 'duration'],
  ['rnu', 'run'],
  ['oltp', 'otlp'],
  ['dura', 'duration'],
])('%s is near to %s', (word, meant) => {
  expect(nearest(word, WORDS)).toBe(meant);
});

test.each(['', 'x', 'go', 'rxy', 'colour', 'intermezzo', 'a'.repeat(10_000)])('%s is near to nothing', (word) => {
  expect(nearest(word, WORDS)).toBeNull();
  expect(didYouMean(word, WORDS)).toBe('');
});

test('the nearest of several wins', () => {
  expect(nearest('memory.privat', ['memory.shared', 'memory.private', 'memory.private.max'])).toBe('memory.private');
});
