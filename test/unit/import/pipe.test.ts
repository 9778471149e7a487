/** Data from a pipe, which can be read once only: `<(zcat october.csv.gz)`, a FIFO, and what `curl` sends to standard input. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { analyze, day, Folder } from './data.ts';

const ANSWER = JSON.stringify({
  status: 'success',
  data: {
    resultType: 'matrix',
    result: [{ metric: { __name__: 'mem_bytes' }, values: Array.from({ length: 300 }, (_, i) => [1_760_000_000 + i * 60, '4e8']) }],
  },
});

test.each([
  ['a table', day(), [], /^PASS .*: 288 rows/],
  [
    'NDJSON',
    day()
      .replaceAll(/^(\d+),(\d+),.*$/gm, '{"time":$1,"rss_kb":$2}')
      .replace(/^time.*\n/, ''),
    ['--assume-work'],
    /^PASS .*: 288 rows/,
  ],
  ['a saved answer', ANSWER, ['--assume-work'], /^PASS .*: 300 rows/],
  ['a page of HTML', '<!DOCTYPE html><p>login</p>', [], /it is a page of HTML or XML/],
  ['nothing', '', [], /there is nothing in it/],
  ['blanks that may never end', ' '.repeat(5_000_000) + day(), [], /there is nothing in it/],
])('%s', async (_, text, options, expected) => {
  using folder = new Folder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const writer = spawn('cp', [folder.file('data', text), pipe]);
  const { out, err } = await analyze([pipe, ...options]);
  writer.kill();
  expect(out || err).toMatch(expected);
});
