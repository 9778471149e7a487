/** Memory that follows its load in several ways, by single runs of the benchmark of them (`bench/detector/follows.ts`). */
import { expect, test } from 'vitest';
import { outcomeOf } from '../../../bench/detector/following.ts';

test('what follows at once is told from what leaks under a load in stages', () => {
  expect(outcomeOf('1', 'stages', 'one lag', 0, 0)).toBe('pass');
  expect(outcomeOf('1', 'stages', 'one lag', 0, 8)).toBe('fail');
});

// Twice as many blocks show how it follows the flicker of the load: more than how it follows a stage. A leak beside it then looks like a fall.
test.each([90, 96])('a leak beside what first takes more than it keeps does not pass for the finer blocks of a last look (%d)', (run) => {
  expect(outcomeOf('1', 'stages', 'more at first', run, 1)).toBe('inconclusive');
});
