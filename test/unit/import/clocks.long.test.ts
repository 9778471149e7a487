/** Clocks and times that people's data really has: nothing of it is misjudged silently. */
import { describe, expect, test } from 'vitest';
import { analyze, Folder } from './data.ts';
import type { Printed } from '../../commandline.ts';

const T = 1_760_000_000; // 2025-10-09T08:53:20Z
const MB = 1_000_000;

interface Sample {
  /** Seconds of the run. */
  readonly at: number;
  readonly time: string;
}

/** Memory that leaks 5 MB an hour, and the load; a row of it for each time. */
function table(samples: readonly Sample[]): string {
  const rows = samples.map(({ at, time }, i) => `${time},${Math.round(100 * MB + (5 * MB * at) / 3600 + ((i * 0.618) % 1) * MB)},50`);
  return ['time,rss_bytes,rps', ...rows, ''].join('\n');
}

/** A row a minute for eight hours; the clock tells the time. */
function eightHours(clock: (at: number, i: number) => string): Sample[] {
  return Array.from({ length: 480 }, (_, i) => ({ at: i * 60, time: clock(i * 60, i) }));
}

const local = (seconds: number): string => new Date((T + seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');

async function told(text: string, args: readonly string[] = []): Promise<Printed> {
  using folder = new Folder();
  const { out, err, ...rest } = await analyze([folder.file('x.csv', text), ...args]);
  return { ...rest, out: out.replaceAll(/\n {4}/g, ' '), err };
}

async function growth(text: string): Promise<{ perHour: number; lo: number; hi: number }> {
  const { out } = await told(text, ['--json']);
  return (JSON.parse(out) as { series: { slope: { perHour: number; lo: number; hi: number } }[] }).series[0]!.slope;
}

describe('a clock that steps back', () => {
  test('where daylight saving ends, rows run on, and the leak is what it is on a clock that does not step', async () => {
    const steady = table(eightHours((at) => local(at)));
    const stepped = table(eightHours((at, i) => local(i >= 240 ? at - 3600 : at)));
    const { code, out } = await told(stepped);
    expect([code, out]).toEqual([10, expect.stringContaining('\n  line 242: the clock steps back 1h, from 2025-10-09 12:52:20 to 2025-10-09 11:53:20, as where daylight saving ends; the rows run on, so that all times from there on are 1h later here than in the file') as string]); // prettier-ignore
    expect(out).not.toContain('sorted');
    expect(out).not.toContain('the time of another');
    expect(await growth(stepped)).toEqual(await growth(steady));
  });

  test('with a row an hour daylight saving ends with an hour that comes twice', async () => {
    const sunday = Date.UTC(2025, 9, 26) / 1000;
    const days = (behind: (hour: number) => number): string =>
      table(Array.from({ length: 24 * 12 }, (_, i) => ({ at: i * 3600, time: new Date((sunday + (i - 144 - behind(i)) * 3600) * 1000).toISOString().slice(0, 16) }))); // prettier-ignore
    const stepped = days((hour) => (hour > 146 ? 1 : 0));
    const { out } = await told(stepped);
    expect(out).toContain('line 149: 2025-10-26 02:00:00 comes twice, as where daylight saving ends; the rows run on, so that all times');
    expect(out).not.toContain('the time of another');
    expect(await growth(stepped)).toEqual(await growth(days(() => 0)));
    // Neither is a row that is corrected on a Wednesday, nor one that stands there twice.
    const lines = days(() => 0).split('\n');
    for (const [at, line] of [
      [80, `${lines[80]!.slice(0, -1)}1`],
      [147, lines[147]!],
    ] as const)
      expect((await told(lines.toSpliced(at + 1, 0, line).join('\n'))).out).toContain('1 row has the time of another');
  });

  test('five minutes of NTP are told with line and size, and are no daylight saving', async () => {
    const { out } = await told(table(eightHours((at, i) => String(T + (i >= 240 ? at - 300 : at)))));
    expect(out).toContain('line 242: the clock steps back 5m, from 2025-10-09 12:52:20 to 2025-10-09 12:48:20; the rows run on');
    expect((await told(table(eightHours((at, i) => String(T + (i >= 240 ? at - 3600 : at)))))).out).not.toContain('daylight');
  });

  test('several times, by several sizes: each is told, and what follows is later by all of them', async () => {
    const behind = (i: number): number => (i < 120 ? 0 : i < 300 ? 300 : 1500);
    const stepped = table(eightHours((at, i) => String(T + at - behind(i))));
    const { out } = await told(stepped);
    expect(out).toContain('line 122: the clock steps back 5m,');
    expect(out).toContain('line 302: the clock steps back 20m,');
    expect(await growth(stepped)).toEqual(await growth(table(eightHours((at) => String(T + at)))));
  });

  test('rows that are late, newest first or repeated are no step, and the first is told', async () => {
    const rows = eightHours((at) => String(T + at));
    const late = [...rows.slice(0, 100), rows[101]!, rows[100]!, ...rows.slice(102)];
    expect((await told(table(late))).out).toContain('the rows were not in order of time (line 103 goes back 1m); they were sorted');
    expect((await told(table(rows.toReversed()))).out).toContain('(479 go back, line 3 the first, by 1m); they were sorted');
    const lines = table(rows).trimEnd().split('\n');
    const twice = await told([...lines, ...lines.slice(-60), ''].join('\n'));
    expect(twice.out).toContain('60 rows have the time of another');
    expect(twice.out).not.toContain('steps back');
  });

  test('what begins anew or has two clocks is refused with its line', async () => {
    const twice = eightHours((at, i) => local(i >= 300 ? at - 300 * 60 : at));
    const anew = await told(table(twice));
    expect([anew.code, anew.err]).toEqual([64, expect.stringMatching(/x\.csv:302: the time goes back 4h59m here, from 2025-10-09 13:52:20 to 2025-10-09 08:53:20, and the rows run on .* analyse the parts .* with their zone\n/)]); // prettier-ignore
    const both = await told(table(eightHours((at, i) => String(T + (i % 2 === 1 ? at - 500 : at)))));
    expect([both.code, both.err]).toEqual([64, expect.stringMatching(/x\.csv:3: the time goes back 7m20s here, and the rows of several clocks take turns from here on: 240 of 480 are behind/)]); // prettier-ignore
  });

  test('two programs that log other things with clocks of their own are one recording', async () => {
    using folder = new Folder();
    const rows = eightHours(() => '').map(({ at }, i) =>
      JSON.stringify(i % 2 === 0 ? { t: T + at, rps: 50 } : { t: T + at - 500, rss_mb: 100 + (at / 3600) * 5 + ((i * 0.618) % 1) }),
    );
    const { code, out } = await analyze([folder.file('x.ndjson', rows.join('\n'))]);
    expect([code, out]).toEqual([10, expect.stringContaining('they were sorted') as string]);
  });
});

describe('times of another kind', () => {
  test('epoch seconds that become milliseconds are refused where they do, wherever that is', async () => {
    for (const from of [3, 90, 300]) {
      const { code, err } = await told(table(eightHours((at, i) => String(i >= from ? (T + at) * 1000 : T + at))));
      const [wrong, right] = from < 100 ? ['seconds', 'milliseconds'] : ['milliseconds', 'seconds'];
      expect([code, err]).toEqual([64, expect.stringContaining(` is in epoch ${wrong}, and the times before it are in epoch ${right}: give all of them one unit`)]); // prettier-ignore
    }
    const { err } = await told(table(eightHours((at, i) => String(i === 300 ? (T + at) * 1000 : T + at))));
    expect(err).toContain('x.csv:302:1: "1760018000000" is in epoch milliseconds');
  });

  test('a zone that some dates have is refused where it is', async () => {
    const { code, err } = await told(table(eightHours((at, i) => (i >= 300 ? `${local(at)}+02:00` : local(at)))));
    expect([code, err]).toEqual([64, expect.stringContaining('x.csv:302:1: "2025-10-09 13:53:20+02:00" has a zone, and the times before it have none')]); // prettier-ignore
  });

  test('a gap is told with its line and times, and an hour of it as daylight saving in dates without a zone', async () => {
    const { out } = await told(table(eightHours((at, i) => local(i >= 240 ? at + 3600 : at))));
    expect(out).toContain('1 gap in the data, of 1h1m before line 242, from 2025-10-09 12:52:20 to 2025-10-09 13:53:20, an hour as where daylight saving begins; the data covers 88 % of its time'); // prettier-ignore
    const longer = await told(table(eightHours((at, i) => local(i >= 240 ? at + 4000 : i >= 100 ? at + 600 : at))));
    expect(longer.out).toMatch(/2 gaps in the data, the longest of 57m40s before line 242, from \S+ \S+ to \S+ \S+; the data/);
  });
});
