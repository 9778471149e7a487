/** Tables as spreadsheets, dashboards and the tools of Linux write them: read, or refused with what would help. */
import { describe, expect, test } from 'vitest';
import { openSheet } from '../../../src/import/sheet.ts';
import { textOf } from '../../../src/import/text.ts';
import { Folder } from './data.ts';

const T = 1_760_000_000; // 2025-10-09T08:53:20Z
const OPTIONS = { time: null, units: new Map<string, string>(), restarts: null, keeps: () => true };

interface Read {
  readonly fields: readonly string[];
  readonly times: readonly number[];
  readonly values: readonly (readonly number[])[];
}

async function read(text: string, units = OPTIONS.units): Promise<Read> {
  using folder = new Folder();
  const path = folder.file('x.csv', text);
  const sheet = await openSheet(path, textOf(path), { ...OPTIONS, units });
  const rows = [];
  for await (const batch of sheet.rows()) rows.push(...batch);
  return {
    fields: sheet.fields.map(({ name }) => name),
    times: rows.map(({ time }) => time),
    values: rows.map(({ values }) => values),
  };
}

describe('read', () => {
  test.each<[string, string, readonly string[], readonly number[]]>([
    ['Excel with points', 'Datum;RSS (MB)\r\n09.10.2025 08:53:20;1,5\r\n9.10.2025 8:54:20;2,5\r\n', ['RSS (MB)'], [T, 1.5]],
    ['German dates with a comma', 'Datum;RSS (MB)\n9.10.2025, 08:53:20;1,5\n9.10.2025, 08:54:20;2,5\n', ['RSS (MB)'], [T, 1.5]],
    ['German dates with a comma, in quotes', 'time,a\n"9.10.2025, 08:53:20",1\n"9.10.2025, 08:54:20",2\n', ['a'], [T, 1]],
    ['what a browser in America writes', 'time,a\n"10/9/2025, 8:53:20\u202FAM",1\n"10/13/2025, 8:54:20\u202FAM",2\n', ['a'], [T, 1]],
    ['a sheet whose dates are numbers with commas', 'Zeit;rss_mb\n45939,370370370;1,5\n45939,371064815;2\n', ['rss_mb'], [T, 1.5]],
    ['Excel that names its separator', 'sep=;\nDate;a\n2025-10-09 08:53:20;1\n2025-10-09 08:54:20;2\n', ['a'], [T, 1]],
    ['months first', 'Date,a\n10/9/2025 8:53:20 AM,1\n10/13/2025 8:53:20 PM,2\n', ['a'], [T, 1]],
    ['years first with slashes', 'Date,a\n2025/10/09 08:53:20,1\n2025/10/09 08:54:20,2\n', ['a'], [T, 1]],
    ['the date in a column of its own', 'date,time,a\n2025-10-09,08:53:20,1\n2025-10-09,08:54:20,2\n', ['a'], [T, 1]],
    ['the time of a day', 'time,a\n8:53:20,1\n8:54:20,2\n', ['a'], [32_000, 1]],
    ['a comma at the end of every row', `time,a\n${T},1,\n${T + 60},2,\n`, ['a'], [T, 1]],
    ['shares', `time,a\n${T},12.5%\n${T + 60},13 %\n`, ['a'], [T, 0.125]],
    [
      'psrecord',
      '# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n       1.000        0.5       5.25      900\n       2.000        1.5       6        900\n',
      ['CPU (%)', 'Real (MB)', 'Virtual (MB)'],
      [1, 0.5, 5.25, 900],
    ],
    [
      'pidstat -h, which writes its names again',
      `Linux 6.1.0 (web) \t10/09/25 \t_x86_64_\t(2 CPU)\n\n${[0, 60].map((at) => `# Time        UID       PID     RSS   %MEM  Command\n${T + at}  1000  4242 900  1.2  api\n\n`).join('')}`,
      ['UID', 'PID', 'RSS', '%MEM', 'Command'],
      [T, 1000, 4242, 900, 1.2, NaN],
    ],
    [
      'docker stats',
      `time,MemUsage,NetIO,PIDs\n${T},198.5MiB / 2GiB,1kB / 2kB,23\n${T + 60},199MiB / 2GiB,2kB / 2kB,23\n`,
      ['MemUsage', 'NetIO', 'PIDs'],
      [T, 198.5 * 1024 ** 2, 1000, 23],
    ],
    ['jstat -t', 'Timestamp   S0C    S1C\n  1.5 1024.0 0.5\n  2.5 1024.0 0.5\n', ['S0C', 'S1C'], [1.5, 1024, 0.5]],
    [
      'sadf -d',
      '# hostname;interval;timestamp;kbmemused;%memused\nweb;60;2025-10-09 08:53:20 UTC;5;1.5\nweb;60;2025-10-09 08:54:20 UTC;6;1.6\n',
      ['hostname', 'interval', 'kbmemused', '%memused'],
      [T, NaN, 60, 5, 1.5],
    ],
  ])('%s', async (_, text, fields, [first, ...values]) => {
    const found = await read(text);
    expect(found.fields).toEqual(fields);
    expect(found.times[0]).toBe(first);
    expect(found.times).toHaveLength(2);
    expect(found.values[0]).toEqual(values);
  });

  test('a unit for the time column, whether it was named or found', async () => {
    expect((await read('time,a\n0,1\n500,2\n', new Map([['time', 'ms']]))).times).toEqual([0, 0.5]);
    expect((await read(`ts,a\n${T}000,1\n`, new Map([['ts', 'ms']]))).times).toEqual([T]);
    await expect(read('time,a\n0,1\n', new Map([['time', 'MB']]))).rejects.toThrow('MB is no unit of a time');
  });

  test('a column of text that begins with digits is left out where nothing by its name would be judged', async () => {
    expect((await read('time,version,a\n1,1.2.3,5\n2,1.2.3,6\n')).fields).toEqual(['version', 'a']);
    expect((await read('time,pod,a\n1,web-1,5\n2,web-1,6\n3,web-2,6\n4,web-3,6\n5,web-4,6\n')).fields).toEqual(['pod', 'a']);
  });
});

/** Rows of two sources that take turns, so many seconds apart. */
function turns(column: string, apart: number, [a, b]: readonly [string, string]): string {
  return `time,${column},rss_kb\n${Array.from({ length: 20 }, (_, i) => `${T + 60 * i},${a},5\n${T + 60 * i + apart},${b},9\n`).join('')}`;
}

describe('refused', () => {
  test.each([
    [
      'rows of two containers',
      turns('name', 7, ['api', 'db']),
      /api and db take turns in column name: it seems to have a row for each name/,
    ],
    ['rows of two processes', turns('pid', 7, ['11', '22']), /11 and 22 take turns in column pid/],
    ['two processes at one time', turns('pid', 0, ['11', '22']), /several rows share a time: it seems to have a row for each pid/],
    [
      'dates of which nobody knows the month',
      'Date,a\n10/9/2025 8:53,1\n10/9/2025 8:54,2\n',
      /the day from the month in dates such as "10\/9\/2025 8:53" in column Date/,
    ],
    ['a figure and a word', `time,mem\n${T},198.6MiB / all\n`, /x\.csv:2:12: "198\.6MiB \/ all" in column mem is not a number/],
    ['thousands with commas', `time,rss_kb\n${T},"200,123"\n`, /x\.csv:2:12: "200,123" in column rss_kb is not a number/],
    [
      'several processes of pidstat',
      `# Time UID PID RSS\n${[0, 0, 60, 60].map((at, i) => `${T + at} 0 ${i % 2} 5\n`).join('')}`,
      /several rows share a time: it seems to have a row for each PID/,
    ],
    ['vmstat', 'procs ---memory---\n r b swpd\n 1 0 5\n 1 0 5\n', /its columns seem to be separated by blanks/],
    [
      'pidstat',
      '08:53:20 UID PID RSS\n08:54:20 0 1 5\n\n08:54:20 UID PID RSS\n08:55:20 0 1 5\n',
      /its columns seem to be separated by blanks/,
    ],
    ['a row without names before it', '2025-10-09 08:53:20,web,5\n2025-10-09 08:54:20,web,6\n', /there is no line with the names/],
  ])('%s', async (_, text, message) => {
    await expect(read(text)).rejects.toMatchObject({ details: [{ message: expect.anything() as unknown }] });
    const { details } = (await read(text).catch((error: unknown) => error)) as { details: readonly { place: string; message: string }[] };
    expect(details.map(({ place, message: told }) => `${place}: ${told}`).join()).toMatch(message);
  });
});
