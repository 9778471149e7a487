/** Times of sentences in the times of the data. */
import { expect, test } from 'vitest';
import { whenOf } from '../../../src/views/analysed.ts';
import { dated } from '../../../src/views/dated.ts';

const START = Date.parse('2026-10-01T13:37:00Z') / 1000;

test('the first of a day has the date, and the first of the next', () => {
  const when = whenOf('wall', START, 86_400);
  expect(dated('grows since 06:00 (between 05:58 and 06:02)', when)).toBe('grows since 2026-10-01 19:37 (between 19:35 and 19:39)');
  expect(dated('from 00:01:30 on, to 12:00 and 30:23', when)).toBe('from 2026-10-01 13:38 on, to 2026-10-02 01:37 and 20:00');
});

test('of data without a date they count as its column does', () => {
  expect(dated('judged from 00:14 on', whenOf('elapsed', 3600, 86_400))).toBe('judged from 1:14 on');
});

test('what is no time of the run stays as it is', () => {
  const when = whenOf('wall', START, 86_400);
  for (const text of [
    'api 10.0.0.1:80 fds',
    'port=80:12:34:56',
    'a ratio of 10:1',
    'a gap from 2026-10-01 20:00 on',
    '11h59m',
    'pod-12:30',
  ])
    expect(dated(text, when)).toBe(text);
});
