/** `compare`, `trend`, `status`, `verdict` and `wait` on runs as they are on the disk, by their exit codes and what they print. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Comparison } from '../../../src/comparison/compare.ts';
import { compare } from '../../../src/comparison/compare.ts';
import { comparisonMarkdown, comparisonText } from '../../../src/comparison/text.ts';
import { trendOf } from '../../../src/comparison/trend.ts';
import { trendSvg } from '../../../src/comparison/trendchart.ts';
import { trendMarkdown, trendText } from '../../../src/comparison/trendtext.ts';
import { cellsOf } from '../../../src/terminal/clean.ts';
import { commandLine, type Printed } from '../../commandline.ts';
import { temporaryFolder } from '../../fixtures/record/ticks.ts';
import { recordRun } from '../../recorded.ts';
import { runsOf } from '../../sim/builds.ts';
import { M } from '../../sim/metrics.ts';
import { MB, START } from '../../sim/run.ts';
import { constant, line, poisson, rounded, sum, white } from '../../sim/series.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/comparison', import.meta.url));
const OPTIONS = { between: null, strict: false };

const soakAgent = (...argv: string[]): Promise<Printed> => commandLine(argv);

/** Four hours of an api, on a day of its own. */
function recordDay(out: string, day: number, { latency = 0.08, leak = 0, config = {} } = {}): string {
  const seed = 100 * day + 1;
  const series = [
    { def: M.memory, signal: sum(constant(200 * MB), line(leak * MB), white(seed, 0.5 * MB)) },
    { def: M.fds, signal: constant(24) },
    { def: M.fdLimit, signal: constant(1024), period: 60 },
    { def: M.latency, signal: sum(constant(latency), white(seed + 1, 0.004)), labels: { 'soak.quantile': '0.95' } },
    { def: M.requests, signal: rounded(poisson(seed + 2, 7200)) },
  ];
  return recordRun({ hours: 4, interval: 60, series }, { out, start: START + day * 86_400, config }).folder;
}

describe('on the command line', () => {
  test('runs are compared by folder, id and baseline, and followed over releases', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'runs');
    const [first, second, slow] = [recordDay(out, 0), recordDay(out, 1), recordDay(out, 2, { latency: 0.13, leak: 20 })];
    const at = ['--out', out, '--baselines', join(folder, 'baselines')];
    expect(await soakAgent('compare', first, second, ...at)).toMatchObject({ code: 0, err: '' });
    const worse = await soakAgent('compare', first, slow.slice(-8), '--json', ...at);
    const comparison = JSON.parse(worse.out) as Comparison;
    expect([worse.code, comparison.outcome, comparison.schema]).toEqual([10, 'fail', 1]);
    const called = comparison.signals.filter(({ call }) => call === 'regressed').map(({ id }) => id);
    expect(called.toSorted()).toEqual(['api latency{soak.quantile="0.95"}', 'api memory.private']);
    expect(await soakAgent('compare', first, slow, '--non-blocking', ...at)).toMatchObject({ code: 0 });
    const saved = await soakAgent('compare', '--save', 'v1', first, second, ...at);
    expect([saved.code, existsSync(saved.out.trim())]).toEqual([0, true]);
    // Without an operand for it, the folder of the runs is its newest run.
    const against = await soakAgent('compare', 'v1', out, ...at);
    expect([against.code, /2 runs up to/.test(against.out)]).toEqual([10, true]);
    const svg = join(folder, 'trend.svg');
    const trend = await soakAgent('trend', `v3=${slow}`, `v1.1=${second}`, first, '--svg', svg, ...at);
    expect(trend.code).toBe(10);
    expect(trend.out.split('\n')[0]).toMatch(/^signal +2026-01-01 +v1\.1 +v3 +since the previous/);
    expect(readFileSync(svg, 'utf8')).toContain('v1.1');
    const html = join(folder, 'compare.html');
    const both = await soakAgent('compare', first, slow, '--html', html, '--format', 'markdown', ...at);
    expect([both.code, both.out.split('\n')[0]]).toEqual([10, '## ❌ comparison: fail']);
    expect(await soakAgent('compare', first, slow, '--html', '-', ...at)).toEqual({ code: 10, out: readFileSync(html, 'utf8'), err: '' });
    const alone = await soakAgent('trend', first, second, '--html', '-', ...at);
    expect([alone.code, /^<!doctype html>[^]*<h2>Charts<[^]*<\/html>\n$/.test(alone.out)]).toEqual([0, true]);
  });

  test('mistakes are told with their place', async () => {
    const out = join(temporaryFolder(), 'runs');
    const run = recordRun({ hours: 0.1, interval: 60, series: [{ def: M.memory, signal: constant(1) }] }, { out }).folder;
    const err = async (...argv: string[]): Promise<string> => {
      const result = await soakAgent(...argv, '--out', out);
      expect([argv, result.code]).toEqual([argv, 64]);
      return result.err;
    };
    expect(await err('compare', run)).toContain('compare: two runs are to be compared');
    expect(await err('compare', run, 'nowhere')).toContain('no such folder, and no run of that name');
    expect(await err('compare', run, run, '--between', '5')).toContain('--between: "5" should be a percentage');
    expect(await err('compare', run, run, '--format', 'xml')).toContain('--format: "xml" should be text, json or markdown');
    expect(await err('compare', run, run, '--html', join(out, 'no', 'x'))).toContain('--html: ');
    expect(await err('compare', run, run, '--html', '-', '--json')).toContain('--html: "-" and --json would both be on standard output');
    expect(await err('trend', run, run, '--html', '-', '--svg', '-')).toContain('--html: "-" and --svg would both be');
    expect(await err('compare', run, '--save', 'x', '--html', 'x')).toContain('--html: nothing is compared with --save');
    expect(await err('compare', run, '--save', '../x')).toContain('the name of a baseline');
    expect(await err('trend', run)).toContain('a trend is of two runs at least');
    expect(await err('wait', '--timeout', 'soon')).toContain('--timeout: "soon" should be a duration');
    expect(await err('verdict', 'zz')).toContain('no such folder');
    expect(await soakAgent('wait', '--out', join(out, 'x'))).toMatchObject({ code: 64 });
    expect(await soakAgent('verdict', run)).toMatchObject({ code: 11, err: '' });
    expect((await soakAgent('status', run)).out).toMatch(/^INCONCLUSIVE +run /);
    const data = JSON.parse((await soakAgent('status', run, '--json')).out) as { standing: { kind: string } };
    expect(data.standing.kind).toBe('finished');
  });

  test('the end of a run with a baseline is the worse of its verdict and its comparison', async () => {
    const run = recordDay(join(temporaryFolder(), 'runs'), 0, { config: { baseline: { called: 'main', folder: '.' } } });
    const compared = (outcome: string): void => writeFileSync(join(run, 'comparison.json'), JSON.stringify({ outcome }));
    expect((await soakAgent('verdict', run)).code).toBe(0);
    expect((await soakAgent('wait', run)).code).toBe(11); // it was not compared
    compared('fail');
    for (const command of ['wait', 'stop']) {
      const { code, out } = await soakAgent(command, run);
      expect([code, /^against its baseline: fail; see .*comparison\.json$/m.test(out)]).toEqual([10, true]);
    }
    compared('pass');
    expect((await soakAgent('wait', run)).code).toBe(0);
  });

  test('a run that was cut off is waited for in vain, says so, and shows what it was', async () => {
    const out = join(temporaryFolder(), 'runs');
    const { folder } = recordRun({ hours: 1, interval: 60, series: [{ def: M.memory, signal: constant(MB) }] }, { out, cutOffAt: 1800 });
    expect(await soakAgent('wait', folder)).toMatchObject({ code: 70 });
    expect((await soakAgent('status', folder)).out).toContain('its agent is gone, without a verdict');
    expect(await soakAgent('verdict', folder)).toMatchObject({
      code: 11,
      out: expect.stringMatching(/^INCONCLUSIVE so far, after 30m/) as string,
    });
  });
});

describe('views', () => {
  const [base, head] = [runsOf(1, 1, 1), runsOf(1, 1, 2, { memory: 1.6, cpu: 0.6 })];
  const comparison = compare(base, head, OPTIONS);
  const trend = trendOf([...base, ...runsOf(1, 1, 3), ...head], ['v1.0', 'v1.1', 'v2.0'], OPTIONS);

  test.each([80, 200])('as text of %i columns', async (columns) => {
    const screen = { columns, rows: 50, color: false };
    for (const [name, lines] of [
      ['comparison', comparisonText(comparison, screen)],
      ['trend', trendText(trend, screen)],
    ] as const) {
      expect(Math.max(...lines.map((text) => cellsOf(text)))).toBeLessThanOrEqual(columns);
      await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(GOLDEN, `${name}-${columns}.txt`));
    }
  });

  test('as Markdown and as a chart', async () => {
    await expect(comparisonMarkdown(comparison)).toMatchFileSnapshot(join(GOLDEN, 'comparison.md'));
    await expect(trendMarkdown(trend)).toMatchFileSnapshot(join(GOLDEN, 'trend.md'));
    await expect(trendSvg(trend)).toMatchFileSnapshot(join(GOLDEN, 'trend.svg'));
  });

  test.each(['</svg><script>alert(1)</script>', '\u001B[2J\n\u202E', 'x'.repeat(10_000), '"\'&<'])('hostile names are harmless', (text) => {
    const named = <T extends { readonly signals: readonly { readonly id: string }[] }>(of: T): T => ({
      ...of,
      signals: of.signals.map((one) => ({ ...one, id: `${text}${one.id}` })),
    });
    const svg = trendSvg({ ...named(trend), runs: trend.runs.map((run) => ({ ...run, label: text })) });
    expect(svg).not.toMatch(/<script/);
    expect(svg.length).toBeLessThan(200_000);
    expect(svg.match(/<svg/g)).toHaveLength(1);
    for (const page of [comparisonMarkdown(named(comparison)), trendMarkdown(named(trend))]) {
      expect(page).not.toMatch(/(?<!\\)<script/);
      for (const row of page.split('\n')) expect(row).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }
    for (const row of comparisonText(named(comparison), { columns: 80, rows: 50, color: false }))
      expect(cellsOf(row)).toBeLessThanOrEqual(80);
  });
});
