/** The command as a user has it: what is good is judged, what is bad is told with its place, and nothing crashes. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { analyze, day, Folder } from './data.ts';

const MB = 1_000_000;

describe('outcomes', () => {
  test('a leak fails, with its size, and JSON has the shape of verdict.json', async () => {
    using folder = new Folder();
    const path = folder.file('day.csv', day({ leakPerHour: 4 * MB }));
    const { code, out, err } = await analyze([path]);
    expect([code, err]).toEqual([10, '']);
    expect(out).toMatch(
      /^FAIL .*day\.csv: 288 rows, one each 5m, 2025-10-09 08:53 to 2025-10-10 08:48 \(23h55m\)\n {2}rss_kb grows (?:4|3\.9\d*) MB\/h /,
    );
    const json = JSON.parse((await analyze([path, '--json'])).out) as {
      outcome: string;
      schema: number;
      series: { id: string; evidence: { points: number } }[];
    };
    expect(json).toMatchObject({ schema: 1, outcome: 'fail', work: { steady: true }, series: [{ id: 'data rss_kb', outcome: 'fail', grade: 'confirmed', unit: 'By' }, { id: 'data fds', outcome: 'pass' }] }); // prettier-ignore
    expect(json.series[0]!.evidence.points).toBeGreaterThan(20);
  });

  test('what does not grow passes with proof of work, and only with it', async () => {
    using folder = new Folder();
    const worked = folder.file('worked.csv', day());
    const unknown = folder.file('unknown.csv', day({ columns: false }));
    expect((await analyze([worked])).code).toBe(0);
    const open = await analyze([unknown]);
    expect(open.code).toBe(11);
    expect(open.out).toMatch(/nothing in the data shows that the program worked.*--load.*--assume-work/s);
    const vouched = await analyze([unknown, '--assume-work']);
    expect([vouched.code, vouched.out.includes('that the program worked is your word')]).toEqual([0, true]);
  });

  test('the same data gives the same verdict in every form', async () => {
    using folder = new Folder();
    const text = day({ leakPerHour: 4 * MB });
    const rows = text.trim().split('\n').slice(1);
    const objects = rows.map((row) => row.split(',')).map(([time, rss, fds, rps]) => ({ time, m: { rss_kb: Number(rss) }, fds, rps }));
    const files = [
      folder.file('plain.csv', text),
      folder.file('crlf.csv', `\uFEFF# comment\r\n${text.replaceAll('\n', '\r\n')}`),
      folder.file('cr.csv', text.replaceAll('\n', '\r')),
      folder.file('tabs.csv', text.replaceAll(',', '\t')),
      folder.file('semicolons.csv', text.replaceAll(',', ';').replaceAll('.', ',')),
      folder.file('quoted.csv', text.replaceAll(/[^,\n]+/g, '"$&"')),
      folder.file('packed.csv.gz', gzipSync(text)),
      folder.file('reversed.csv', `${text.split('\n', 1)[0]}\n${rows.toReversed().join('\n')}\n`),
      folder.file('twice.csv', `${text}${rows.slice(50, 60).join('\n')}\n`),
      folder.file('lines.ndjson', objects.map((object) => `${JSON.stringify(object)}\n`).join('')),
    ];
    const verdicts = [];
    for (const file of files) {
      const { code, out, err } = await analyze([file, '--json']);
      expect([file, code, err]).toEqual([file, 10, '']);
      const { series } = JSON.parse(out) as { series: { metric: string; level: number; slope: unknown }[] };
      verdicts.push(series.map(({ metric, level, slope }) => ({ metric: metric.replace('m.', ''), level, slope })));
    }
    for (const verdict of verdicts) expect(verdict).toEqual(verdicts[0]);
  });

  test('a step that stays passes, and is told with the times of the data', async () => {
    using folder = new Folder();
    const [names, ...rows] = day().trim().split('\n');
    const stepped = rows.map((row, i) => row.replace(/,(\d+),/, (_, kb: string) => `,${Number(kb) + (i > 60 ? 100_000 : 0)},`));
    const { code, out } = await analyze([folder.file('step.csv', [names, ...stepped].join('\n'))]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /\nWhy\n {2}rss_kb does not grow .* judged from\s+2025-10-09\s+1[3-5]:\d\d on,\s+until\s+when\s+it\s+went\s+from\s/s,
    );
  });

  test('a limit that would be reached in time fails, and one that was reached breaks its rule', async () => {
    using folder = new Folder();
    const path = folder.file('day.csv', day({ leakPerHour: MB }));
    expect((await analyze([path, '--limit', 'rss_kb=400MB'])).code).toBe(10);
    expect((await analyze([path, '--limit', 'rss_kb=2GB'])).code).toBe(0);
    const broken = await analyze([path, '--rule', 'fds < 42']);
    expect([broken.code, broken.out.includes('breaks the rule fds < 42')]).toEqual([10, true]);
  });

  test('restarts cut the series: memory that begins anew with each pid leaks all the same', async () => {
    using folder = new Folder();
    const rows = Array.from({ length: 1440 }, (_, i) => {
      const memory = 300_000 + ((i * 0.618) % 1) * 300 + (i % 360) * 65;
      return `${i * 60},${Math.round(memory)},app-${Math.floor(i / 360)},100`;
    });
    const path = folder.file('lives.csv', ['t,rss_kb,container_id,rps', ...rows].join('\n'));
    const { code, out } = await analyze([path]);
    expect([code, out]).toEqual([10, expect.stringContaining('3 restarts') as string]);
    expect(out).toMatch(/over 4 lives/);
  });

  test('a load is the same as a rate and as a total, and a leak is told per request', async () => {
    using folder = new Folder();
    const rows = day({ leakPerHour: 4 * MB })
      .trim()
      .split('\n')
      .slice(1);
    const counted = rows.map((row, i) => `${row.replace(/,[^,]*$/, '')},${i * 300 * 100}`);
    const files = [
      [folder.file('rate.csv', ['time,rss_kb,fds,rps', ...rows.map((row) => row.replace(/[^,]*$/, '100'))].join('\n'))],
      [folder.file('total.csv', ['time,rss_kb,fds,hits', ...counted].join('\n')), '--load', 'hits', '--load-is', 'total'],
      [folder.file('named.csv', ['time,rss_kb,fds,hits_total', ...counted].join('\n')), '--load', 'hits_total'],
    ];
    for (const args of files) {
      const { series } = JSON.parse((await analyze([...args, '--json'])).out) as { series: { perRequest: number }[] };
      expect(series[0]!.perRequest * 360_000).toBeGreaterThan(3.7 * MB);
      expect(series[0]!.perRequest * 360_000).toBeLessThan(4.3 * MB);
    }
  });

  test('a leak beyond the 30 that decide is no failure and no pass', async () => {
    using folder = new Folder();
    const rows = Array.from({ length: 288 }, (_, i) =>
      [i * 300, ...Array.from({ length: 40 }, (_, c) => 1e6 + (((i + c) * 0.618) % 1) * 500 + (c === 35 ? i * 400 : 0)), i].join(),
    );
    const head = ['t', ...Array.from({ length: 40 }, (_, c) => `pod${c}_rss_kb`), 'cpu_seconds_total'].join();
    const path = folder.file('pods.csv', [head, ...rows].join('\n'));
    const all = await analyze([path]);
    expect([all.code, all.out]).toEqual([
      11,
      expect.stringContaining('pod35_rss_kb grows and is beyond the 30 series that decide; choose it with --only') as string,
    ]);
    expect(all.out).toMatch(/10 more series are advisory/);
    expect((await analyze([path, '--only', 'pod35*'])).code).toBe(10);
  });

  test('what cannot be known is inconclusive: a row, two rows, a hole that is longer than the data', async () => {
    using folder = new Folder();
    const rows = day().split('\n');
    const files = [rows.slice(0, 2), rows.slice(0, 3), [...rows.slice(0, 10), ...rows.slice(270, 280)]];
    for (const lines of files) {
      const { code, out, err } = await analyze([folder.file('few.csv', lines.join('\n'))]);
      expect([code, err]).toEqual([11, '']);
      expect(out).toMatch(/^INCONCLUSIVE/);
    }
  });

  test('errors that grow fail as a rate and as a total, and are open where the name says neither', async () => {
    using folder = new Folder();
    const judged = async (name: string, value: (i: number) => number, ...args: string[]): Promise<number> => {
      const [head, ...rows] = day().trim().split('\n');
      const text = [`${head},${name}`, ...rows.map((row, i) => `${row},${value(i)}`), ''].join('\n');
      return (await analyze([folder.file('errors.csv', text), ...args])).code;
    };
    const noise = (i: number): number => ((i * 0.618_033_988_75) % 1) / 10;
    expect(await judged('error_rate', (i) => 0.1 + i * 0.05 + noise(i))).toBe(10);
    expect(await judged('error_rate', (i) => 0.1 + noise(i))).toBe(0);
    expect(await judged('errors_total', (i) => i * i)).toBe(10);
    expect(await judged('errors_total', (i) => 40 * i)).toBe(0);
    expect(await judged('http_5xx', (i) => 40 * i)).toBe(11);
    expect(await judged('http_5xx', (i) => 40 * i, '--kind', 'http_5xx=counter')).toBe(0);
    expect(await judged('http_5xx', (i) => i % 3)).toBe(0);
  });

  test('a pattern that is recognised stands under the reasons', async () => {
    using folder = new Folder();
    const [head, ...rows] = day({ leakPerHour: 4 * MB })
      .trim()
      .split('\n');
    const text = [`${head},p99_ms`, ...rows.map((row, i) => `${row},${100 + i + (i % 3)}`), ''].join('\n');
    const { out } = await analyze([folder.file('slow.csv', text)]);
    const above = out.slice(0, out.indexOf('\n\n')).replaceAll(/\s+/g, ' ');
    expect(above).toContain('gradual latency increase: p99_ms climbs over time; likely a memory leak: rss_kb grows too');
  });

  test('one series is one', async () => {
    using folder = new Folder();
    const { out } = await analyze([folder.file('one.csv', day()), '--only', 'rss_kb', '--assume-work']);
    expect(out).toContain('1 judged series does not grow by as much as matters');
  });

  test('a warm-up that leaves nothing is refused, and what one leaves out is told', async () => {
    using folder = new Folder();
    const path = folder.file('day.csv', day());
    expect(await analyze([path, '--warmup', '25h'])).toMatchObject({
      code: 64,
      err: '--warmup: 1d1h leave nothing to judge: the data are of 23h55m\nsoak-agent: 1 problem [USAGE]\n',
    });
    expect((await analyze([path, '--warmup', '23h55m'])).code).toBe(64);
    expect((await analyze([path, '--warmup', '23h50m'])).out).toContain('the first 23h50m of each life are left out (--warmup), of 23h55m');
    for (const warmup of ['0', 'auto']) expect((await analyze([path, '--warmup', warmup])).out).not.toContain('left out');
  });

  test('a recording of an hour is told with its date', async () => {
    using folder = new Folder();
    const { out } = await analyze([folder.file('hour.csv', day().split('\n').slice(0, 14).join('\n'))]);
    expect(out).toMatch(/^INCONCLUSIVE.*: 13 rows, one each 5m, 2025-10-09 08:53:20 to\s+09:53:20 \(1h\)\n/);
  });

  test('a constant series passes', async () => {
    using folder = new Folder();
    const rows = Array.from({ length: 1440 }, (_, i) => `${i * 60},1000,20,${i}`);
    expect((await analyze([folder.file('still.csv', ['t,rss_kb,fds,cpu_seconds_total', ...rows].join('\n'))])).code).toBe(0);
  });

  test('of cells with two figures the first is taken, and that is told', async () => {
    using folder = new Folder();
    const rows = Array.from({ length: 300 }, (_, i) => `${60 * i},${(200 + i * 0.5).toFixed(1)}MiB / 2GiB,${10 + i}MB / ${20 + i}MB`);
    const { out } = await analyze([folder.file('stats.csv', `time,MemUsage,NetIO\n${rows.join('\n')}\n`), '--json']);
    const { series, analysed } = JSON.parse(out) as { series: { id: string; outcome: string }[]; analysed: { notes: string[] } };
    expect(series.map(({ id, outcome }) => [id, outcome])).toEqual([['data MemUsage', 'fail']]);
    expect(analysed.notes).toContain('of cells with two figures (used / limit, in / out) the first is taken: MemUsage, NetIO');
  });

  test('cells without a value are gaps and are counted, never zeros', async () => {
    using folder = new Folder();
    const text = day().replaceAll(/^(17600(?:0|1)\d*),\d+,/gm, '$1,NaN,');
    const { out } = await analyze([folder.file('gaps.csv', text), '--json']);
    const { series, analysed } = JSON.parse(out) as { series: { level: number }[]; analysed: { notes: string[] } };
    expect(series[0]!.level).toBeGreaterThan(300e6);
    expect(analysed.notes.join()).toMatch(/cells without a value, out of 288: rss_kb \d+/);
  });
});

describe('bad input', () => {
  const HEAD = 'time,rss_kb,fds\n';
  test.each([
    ['no time column', 'a,b\n1,2\n3,4\n', /no column is a time; say which with --time COLUMN \(the columns are a, b\)/],
    ['no rows', HEAD, /it has names of columns and no rows/],
    ['nothing', '', /there is nothing in it/],
    ['comments', '# a\n\n# b\n', /there is nothing in it/],
    ['no names', '1,2\n2,3\n', /:1: there is no line with the names/],
    [
      'a time that cannot be read',
      'time,a\nOct 09 08:53:20,1\nOct 09 08:54:20,2\n',
      /"Oct 09 08:53:20" in column time is no time that can be read; write it as/,
    ],
    [
      'a log of top',
      'top - 08:53:20 up 10 days, 3:11,  1 user,  load average: 0.1, 0.2, 0.3\nTasks: 100 total\n',
      /it is a log of top, which has a screen for each moment/,
    ],
    ['a page of metrics', '# HELP a b\n# TYPE a gauge\na 1\n', /it is a page of metrics, which is of one moment/],
    ['a document', '{"Values":[1,2]}\n', /it is JSON without figures of its own in any line/],
    ['one name twice', 'time,a,b,a\n1,2,3,4\n', /:1:10: two columns are called a/],
    [
      'text in numbers',
      `${HEAD}1,2,3\n2,abc,4\n3,5,x y\n`,
      /:3:3: "abc" in column rss_kb is not a number\n.*:4:5: "x y" in column fds is not a number\n/,
    ],
    [
      'a bad time',
      `${HEAD}1,2,3\n2,2,3\nsoon,2,3\n`,
      /:4:1: "soon" is no time like those before it \(seconds from the start in column time\)/,
    ],
    ['a missing cell', `${HEAD}1,2,3\n2,2\n3,4,5\n`, /:3:1: this line has 2 cells, and there are 3 columns/],
    ['mixed units', 'time,rss\n1,512MB\n2,600\n3,5s\n', /:3:3: "600" has no unit.*\n.*:4:3: "5s" has a unit, and other cells/],
    ['an open quote', 'time,a\n1,"2\n3,4\n', /:2: a quote that is opened in this line is never closed/],
    ['binary', Uint8Array.from([0, 1, 2, 3]), /not text/],
    ['UTF-16', Buffer.from('\uFEFFtime,a\n1,2\n', 'utf16le'), /UTF-16; save it as UTF-8/],
    ['Latin-1', Uint8Array.from(Buffer.from('time,\xe9\n1,2\n', 'latin1')), /not UTF-8/],
    ['cut gzip', gzipSync(day()).subarray(0, 500), /the gzip data ends too early/],
    [
      'damaged gzip',
      Uint8Array.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255, 255, 255]),
      /the gzip data is (?:damaged|cut)|ends too early/,
    ],
    [
      'a row per series',
      `time,name,value\n${Array.from({ length: 9 }, (_, i) => `${Math.floor(i / 3)},s${i % 3},1\n`).join('')}`,
      /several rows share a time: it seems to have a row for each name/,
    ],
    [
      'many columns',
      `time,${Array.from({ length: 100_000 }, (_, i) => `c${i}`).join(',')}\n1${',1'.repeat(100_000)}\n`,
      /it has 100000 columns, and at most 1000 are analysed at once; choose with --only/,
    ],
    ['a line without end', `time,a\n1,${'9'.repeat(5_000_000)}`, /this line is longer than 4 MB/],
    ['NDJSON that is none', '{"time":1}\nhello\n', /:2: this line is no JSON object/],
    [
      'NDJSON with several bad lines',
      '{"time":1,"a":1}\nhello\n[1]\n{"time":3,"a":2}\n',
      /:2: this line is no JSON object.*\n.*:3: this line is no JSON object/,
    ],
    ['NDJSON whose first line is bad', '{"time":1,\n{"time":2,"a":1}\n{"time":3,"a":"x"}\n', /:1: this line is no JSON object/],
    ['a figure like the largest double', 'time,a\n1,1\n2,1.7976931348623157e308\n3,1\n', /:3:3: .*larger than anything that is measured/],
    ['a JSON array', '[{"time":1}]', /it is a JSON array; NDJSON has an object a line/],
    ['a saved error', '{"status":"error","error":"parse error: x"}', /Prometheus answered with an error: parse error: x/],
    ['an instant answer', '{"status":"success","data":{"resultType":"vector","result":[]}}', /an answer of kind vector/],
    ['an empty answer', '{"status":"success","data":{"resultType":"matrix","result":[]}}', /the query found nothing/],
    [
      'an empty answer with a warning',
      '{"status":"success","data":{"resultType":"matrix","result":[]},"infos":["metric might not be a counter"]}',
      /the query found nothing \(Prometheus warned: metric might not be a counter\)/,
    ],
    [
      'a verdict',
      JSON.stringify({ schema: 1, run: { id: 'r' }, outcome: 'pass', reasons: [] }, null, 2),
      /it is a verdict of soak-agent .*; give the folder of the run, or the data/,
    ],
    [
      'half an answer',
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]',
      /not a whole JSON text/,
    ],
  ])('%s', async (_, content, message) => {
    using folder = new Folder();
    const { code, out, err } = await analyze([folder.file('data', content)]);
    expect([code, out]).toEqual([64, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/\nsoak-agent: \d+ problems? \[DATA\]\n$/);
  });

  test('all mistakes at once, up to a cap', async () => {
    using folder = new Folder();
    const { err } = await analyze([folder.file('data', `time,a\n1,1\n2,2\n${'3,x\n'.repeat(1000)}`)]);
    expect(err.split('\n').filter((line) => line.includes('is not a number'))).toHaveLength(50);
    expect(err).toMatch(/and more\nsoak-agent: 51 problems/);
  });

  test('what is not there, and folders', async () => {
    using folder = new Folder();
    expect(await analyze([`${folder.path}/none.csv`])).toMatchObject({ code: 64, err: expect.stringContaining('no such file') as string });
    expect(await analyze([folder.path])).toMatchObject({ code: 64, err: expect.stringContaining('not one of a run') as string });
  });

  test('a line that is being written is left out, and said so', async () => {
    using folder = new Folder();
    const { out } = await analyze([folder.file('open.csv', `${day()}1760086400,3`), '--json']);
    expect((JSON.parse(out) as { analysed: { rows: number; notes: string[] } }).analysed).toMatchObject({
      rows: 288,
      notes: ['the last line is cut off and was left out'],
    });
  });

  test('options that do not fit, each with what would', async () => {
    using folder = new Folder();
    const path = folder.file('day.csv', day());
    const columns = await analyze([path, '--load', 'rbs', '--kind', 'fd=count', '--unit', 'rss=kB']);
    expect(columns.err).toMatch(
      /--load: .* has no column rbs; did you mean rps\?\n--kind: .* no column fd; it has rss_kb, fds, rps\n--unit: .* no column rss/,
    );
    const values = await analyze([
      path,
      '--kind',
      'fds=leak',
      '--unit',
      'fds=parsec',
      '--limit',
      'fds',
      '--must-live',
      'x',
      '--query',
      'up',
      '--load-is',
      'often',
    ]);
    expect([values.code, values.err.match(/^--/gm)?.length]).toEqual([64, 6]);
    expect((await analyze([path, '--limit', 'fdss=3', '--rule', 'rsskb < 3MB'])).err).toMatch(
      /--limit: no judged column is called fdss; did you mean fds\?\n--rule: .*did you mean rss_kb\?/,
    );
    expect((await analyze([path, '--explain', 'heap'])).err).toMatch(/--explain: no judged series is called heap; there are rss_kb, fds/);
    expect((await analyze([path, '--time', 'when'])).err).toMatch(/--time: .* has no column when/);
    expect((await analyze([])).err).toMatch(/what is to be analysed\?/);
  });

  test('a record has meanings of its own: what would give it others is refused, all at once', async () => {
    using folder = new Folder();
    folder.file('record.sqlite', '');
    const columns = ['--time', '--unit', '--kind', '--only', '--load', '--load-is', '--restarts', '--assume-work', '--max-series'];
    const given = ['--time', 't', '--unit', 'a=kB', '--kind', 'a=count', '--only', 'a', '--load', 'a', '--load-is', 'rate'];
    const { code, err } = await analyze([
      folder.path,
      ...given,
      '--restarts',
      'a',
      '--assume-work',
      '--max-series',
      '9',
      '--must-live',
      '3d',
    ]);
    expect([code, err]).toEqual([
      64,
      `${columns.map((name) => `${name}: is for data; the record of a run has meanings of its own\n`).join('')}soak-agent: 9 problems [USAGE]\n`,
    ]);
    expect((await analyze([folder.path, '--must-live', '3d', '--warmup', '1h', '--limit', 'a=1', '--json'])).err).not.toContain(
      'is for data',
    );
  });
});
