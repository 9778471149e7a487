/** What data does not hold is never a pass. */
import { expect, test } from 'vitest';
import { analyze, Folder } from './data.ts';

const START = 1_760_000_000;

/** Eight hours, a row a minute, with load; a cell of each column by its number of the row. */
function hours(columns: Readonly<Record<string, (i: number) => number | string>>, rows = 480): string {
  const cells = (i: number): string => Object.values(columns).map((cell) => `,${cell(i)}`).join(''); // prettier-ignore
  return [
    `time,rps${Object.keys(columns)
      .map((name) => `,${name}`)
      .join('')}`,
    ...Array.from({ length: rows }, (_, i) => `${START + 60 * i},${50 + noise(i)}${cells(i)}`),
    '',
  ].join('\n');
}

/** Without a period: the golden angle in turns. */
function noise(i: number): number {
  return ((i * 0.618_033_988_75) % 1) - 0.5;
}

const memory = (i: number): number => 50 + 0.2 * noise(i);
const latency = (i: number): number => 100 + noise(i);

async function told(content: string, args: readonly string[] = [], name = 'data.csv'): Promise<{ code: number; out: string }> {
  using folder = new Folder();
  const { code, out } = await analyze([folder.file(name, content), ...args]);
  // Lines are wrapped where they are told.
  return { code, out: out.replaceAll(/\n {4}(?=\S)/g, ' ') };
}

test('a judged column without a value is no pass, alone or beside another', async () => {
  expect(await told(hours({ rss_mb: memory }))).toMatchObject({ code: 0 });
  const alone = await told(hours({ rss_mb: () => 'NaN' }));
  expect(alone.code).toBe(11);
  expect(alone.out).toContain('rss_mb has no value in 480 rows; if it is not to be judged, name those that are with --only');
  const beside = hours({ rss_mb: () => '', latency_ms: latency });
  expect(await told(beside)).toMatchObject({ code: 11, out: expect.stringContaining('rss_mb has no value in 480 rows') as string });
  expect((await told(beside, ['--only', 'latency_ms', '--load', 'rps'])).code).toBe(0);
});

test('a column that ends, begins late or has a hole while others go on is no pass, and no longer run would settle it', async () => {
  const ended = await told(hours({ rss_mb: (i) => (i < 160 ? memory(i) : ''), latency_ms: latency }));
  expect(ended.code).toBe(11);
  expect(ended.out).toMatch(
    /rss_mb has values for only 33 % of the time of the data, and 90 % are needed; its last value, [\d.]+ MB, is of 2025-10-09 11:32\n/,
  );
  expect(ended.out).toMatch(/\nopen {2}rss_mb .*\npass {2}latency_ms /);
  expect(ended.out).not.toContain('would settle it');
  const late = await told(hours({ rss_mb: (i) => (i >= 320 ? memory(i) : '') }));
  expect([late.code, late.out.includes('rss_mb has values for only 33 %')]).toEqual([11, true]);
  const hole = await told(hours({ rss_mb: (i) => (i < 60 || i > 420 ? memory(i) : '') }));
  expect([hole.code, hole.out.includes('rss_mb has values for only 24 %')]).toEqual([11, true]);
  const lateHole = await told(hours({ rss_mb: (i) => (i < 260 || i > 420 ? memory(i) : '') }));
  expect([lateHole.code, lateHole.out.includes('rss_mb has values for only 66 %')]).toEqual([11, true]);
});

test('a column that is measured more seldom than the rows, or misses single cells, is whole', async () => {
  expect((await told(hours({ rss_mb: (i) => (i % 5 === 0 ? memory(i) : ''), latency_ms: latency }, 1440))).code).toBe(0);
  expect((await told(hours({ rss_mb: (i) => (i % 7 === 3 ? '' : memory(i)) }))).code).toBe(0);
});

test('a leak in a column that ends fails all the same', async () => {
  const { code } = await told(hours({ rss_mb: (i) => (i < 240 ? memory(i) + i / 20 : ''), latency_ms: latency }));
  expect(code).toBe(10);
});

test('pods come and go: together they cover the time, and which of them was there when is a note', async () => {
  const pod = (name: string, from: number, to: number): object => ({
    metric: { __name__: 'process_resident_memory_bytes', pod: name },
    values: Array.from({ length: to - from }, (_, i) => [START + 60 * (from + i), String(1e6 * memory(from + i))]),
  });
  const rps = { metric: { __name__: 'rps' }, values: Array.from({ length: 960 }, (_, i) => [START + 60 * i, String(50 + noise(i))]) };
  const answer = (...result: object[]): string =>
    JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [...result, rps] } });
  const together = await told(answer(pod('a', 0, 480), pod('b', 480, 960)), [], 'answer.json');
  expect(together.code).toBe(0);
  expect(together.out).toMatch(/\{pod="a"\} has values from 2025-10-09 08:53 to 2025-10-09 16:52 only \(\d+ %\); other series of its metric cover the rest/); // prettier-ignore
  const gone = await told(answer(pod('a', 0, 480), pod('b', 0, 520)), [], 'answer.json');
  expect(gone.code).toBe(11);
  expect(gone.out).toContain('process_resident_memory_bytes has values for only 54 % of the time of the data');
});

test('a counter that goes back more often than a process can begin is told, and nothing passes on its word', async () => {
  const columns = { rss_mb: memory, cpu_seconds_total: (i: number) => (i * 7) % 40, worker: (i: number) => (i < 400 ? 1 : 2) };
  const { code, out } = await told(hours(columns));
  expect(code).toBe(11);
  expect(out).toMatch(/cpu_seconds_total went back \d+ times, and only the first 64 count as restarts: name what tells of restarts with --restarts /); // prettier-ignore
  expect(out).toMatch(/\n {2}64 restarts: .*\n {2}cpu_seconds_total went back \d+ times, .* \(--restarts\)/);
  const said = await told(hours(columns), ['--restarts', 'worker']);
  expect([said.out.includes('went back'), said.out.includes('\n  1 restart: ')]).toEqual([false, true]);
});

test('a load that is a total tells of restarts, and so does a counter by its name; a level by that name does not', async () => {
  const twice = (i: number): number => 60 * (i % 240) + 5;
  const columns = { rss_mb: memory, calls: twice };
  expect((await told(hours(columns), ['--load', 'calls', '--load-is', 'total'])).out).toContain('\n  1 restart: ');
  expect((await told(hours({ rss_mb: memory, calls_total: twice }))).out).toContain('\n  1 restart: ');
  expect((await told(hours({ rss_mb: memory, heap_total: (i) => 100 + (i % 10) }))).out).not.toContain('restart');
  expect((await told(hours({ rss_mb: memory, calls_count: twice }))).out).not.toContain('restart');
});

test('a gap that is longer than the data is told, and a single row beyond it with its line', async () => {
  const rows = hours({ rss_mb: memory }).trim().split('\n');
  const later = rows.map((row, i) => (i > 240 ? row.replace(/^\d+/, (time) => String(Number(time) + 30 * 86_400)) : row));
  const { code, out } = await told(later.join('\n'));
  expect(code).toBe(11);
  expect(out).toMatch(/^INCONCLUSIVE .*\n {2}there is 1 gap of 30d, from 2025-10-09 12:52 to 2025-11-08 12:53, which is longer than the data; analyse the parts before and after it separately\n\n/); // prettier-ignore
  const few = [...rows.slice(0, 8), ...later.slice(400, 407)];
  expect((await told(few.join('\n'))).out).toContain('there is 1 gap of 30d');
  const zero = rows.map((row, i) => (i === 7 ? row.replace(/^\d+/, '0') : row));
  expect((await told(zero.join('\n'))).out).toContain('(line 8 alone is beyond it: is its time right?)');
});

test('memory of which nobody says the unit is no pass where its figures are no bytes', async () => {
  // Of 200 MB, which leak 6 MB an hour: as ps, a panel and the kernel write them.
  const leaky = (unit: number) => (i: number) => Math.round((200e6 + 1e5 * i + 2e6 * noise(i)) / unit);
  for (const [unit, word] of [
    [1024, 'kB'],
    [1e6, 'MB'],
  ] as const) {
    const text = hours({ rss: leaky(unit) });
    const unsaid = await told(text);
    expect([unsaid.code, unsaid.out]).toEqual([11, expect.stringContaining('the unit of rss is not known: as bytes its highest figure would be ') as string]); // prettier-ignore
    expect((await told(text, ['--unit', `rss=${word}`])).code).toBe(10);
    expect((await told(hours({ [`rss_${word}`]: leaky(unit) }))).code).toBe(10);
  }
  expect((await told(hours({ rss: leaky(1) }))).code).toBe(10);
});

test('memory, counts and latencies below zero are no pass: -1 often stands for no value', async () => {
  for (const [name, cell] of [
    ['rss_mb', memory],
    ['fds', () => 0],
    ['p99_ms', latency],
  ] as const) {
    const holed = hours({ [name]: (i) => (i % 96 === 5 ? -1 : cell(i)) });
    const { code, out } = await told(holed);
    expect([code, out]).toEqual([11, expect.stringContaining(`${name} is below zero in 5 of 480 rows: leave such cells empty`) as string]);
    expect((await told(holed.replaceAll(/-1$/gm, ''))).out).not.toContain('below zero');
  }
  expect((await told(hours({ temperature: () => -3 }))).code).toBe(0);
});

test('large figures in kB are told from small ones in bytes by the pages that the kernel counts', async () => {
  const flat = (size: number, page: number) => (i: number) => Math.round((size * (1 + 0.002 * noise(i))) / page) * page;
  expect((await told(hours({ rss: flat(5e6, 4) }))).code).toBe(11);
  expect((await told(hours({ rss: flat(5e6, 4096) }))).code).toBe(0);
  expect((await told(hours({ heapUsed: flat(5e6, 4) }))).code).toBe(0);
  expect((await told(hours({ swap: () => 0, heapUsed: flat(5e6, 4) }))).code).toBe(0);
});

test('a leak is no smaller for what it has grown to: it fails after a month as it did after days', async () => {
  // 1.5 MB an hour are 0.3 %/h of 500 MB, and 0.1 %/h of what they become.
  const month = hours({ rss_mb: (i) => 500 + 1.5 * i + 3 * noise(i) }, 720).replaceAll(/^(\d+)/gm, (time) =>
    String(START + (Number(time) - START) * 60),
  );
  const { code, out } = await told(month);
  expect([code, out]).toEqual([10, expect.stringMatching(/rss_mb grows 1\.5 MB\/h .* now 1\.58 GB; no limit is known/) as string]);
});
