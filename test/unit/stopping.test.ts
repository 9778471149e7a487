import { expect, test } from 'vitest';
import { STEP_S } from '../../src/agent.ts';
import { SimClock } from '../../src/clock.ts';
import { SILENT, suppressRepeats } from '../../src/log.ts';
import { stopInOrder } from '../../src/stopping.ts';

test('every step runs in order, whatever the ones before did', async () => {
  const done: string[] = [];
  const errors = await stopInOrder(
    [
      { name: 'fails', seconds: 1, run: () => Promise.reject(new Error('a')) },
      {
        name: 'throws',
        seconds: 1,
        run: () => {
          throw new Error('b');
        },
      },
      { name: 'hangs', seconds: 0.01, run: () => new Promise(() => {}) },
      { name: 'works', seconds: 1, run: () => void done.push('works') },
    ],
    SILENT,
  );
  expect(done).toEqual(['works']);
  expect(errors.map(String)).toEqual(['Error: a', 'Error: b']);
});

test('a message that repeats is written once a minute with the number held back, and memory stays bounded', () => {
  const clock = new SimClock();
  const lines: string[] = [];
  const log = suppressRepeats(clock, (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`));
  for (let i = 0; i < 125; i++, clock.advance(1)) log.warn('down');
  expect(lines).toEqual(['warn down {}', 'warn down {"repeated":59}', 'warn down {"repeated":59}']);
  for (let i = 0; i < 2000; i++) log.info(`message ${i}`);
  log.warn('down');
  expect(lines.at(-1)).toBe('warn down {}');
});

test('a whole stop takes less than 8 s, whatever hangs', () => {
  expect(Object.values(STEP_S).reduce((sum, seconds) => sum + seconds, 0)).toBeLessThan(8);
});
