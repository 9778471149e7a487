/** A comparison and a trend as pages: what is on them, in which order, and that nothing from outside becomes part of them. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compare, type Compared, type Comparison } from '../../../src/comparison/compare.ts';
import { comparisonPage } from '../../../src/comparison/comparisonpage.ts';
import { intervalBar } from '../../../src/comparison/intervalbar.ts';
import { settleOf } from '../../../src/comparison/settle.ts';
import { type Trend, trendOf } from '../../../src/comparison/trend.ts';
import { trendPage } from '../../../src/comparison/trendpage.ts';
import * as fc from '../../property.ts';
import { runsOf } from '../../sim/builds.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/comparison', import.meta.url));
const OPTIONS = { between: null, strict: false };

const [base, head] = [runsOf(1, 1, 1), runsOf(1, 1, 2, { memory: 1.35, cpu: 0.6, latency: 1.2, leak: 90 })];
const comparison = compare(base, head, OPTIONS);
const trend = trendOf([...base, ...runsOf(1, 1, 3), ...head], ['v1.0', 'v1.1', 'v2.0'], OPTIONS);

/** What stands in every place that others fill. */
function hostile(text: string): { comparison: Comparison; trend: Trend } {
  const runs = <T extends object>(of: readonly T[]): T[] => of.map((run) => ({ ...run, id: text, start: text, agent: text, label: text }));
  const signals = <T extends object>(of: readonly T[]): T[] => of.map((one) => ({ ...one, id: text, unit: text, why: text, target: text }));
  const compared = (of: Comparison): Comparison => ({
    ...of,
    base: runs(of.base),
    head: runs(of.head),
    reasons: [text],
    load: [{ target: text, change: 0.2 }],
    only: { base: [text], head: [text] },
    signals: signals(of.signals),
  });
  const { previous, first } = trend;
  return {
    comparison: compared(comparison),
    trend: { ...trend, runs: runs(trend.runs), signals: signals(trend.signals), previous: compared(previous), first: compared(first) },
  };
}

/** Elements and the names of their attributes, in order: what a text from outside must not change. */
function structure(page: string): string {
  return [...page.matchAll(/<\/?[a-z!][^\s>]*(?:\s[^>]*)?>/gi)].map(([tag]) => tag.replaceAll(/="[^"]*"/g, '')).join('\n');
}

describe.each([
  ['comparison', () => comparisonPage(comparison), (text: string) => comparisonPage(hostile(text).comparison)],
  ['trend', () => trendPage(trend), (text: string) => trendPage(hostile(text).trend)],
] as const)('the page of a %s', (name, made, madeOf) => {
  test('is as it was', async () => {
    await expect(made()).toMatchFileSnapshot(join(GOLDEN, `${name}.html`));
  });

  test('has one style sheet, which its policy knows, no script, and nothing from elsewhere', () => {
    const page = made();
    const [, style = ''] = /<style>([^]*?)<\/style>/.exec(page) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll('&#39;', "'");
    expect(policy).toBe(`default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`);
    expect(page.match(/<style/g)).toHaveLength(1);
    expect(page).not.toMatch(/https?:|\bsrc=|url\(|@import|<script|\sstyle=|\son\w+=|javascript:/i);
    expect([...page.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)).toEqual(['data:,']);
  });

  test('stays of the same elements whatever names hold', () => {
    const expected = structure(madeOf('plain'));
    const parts = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      '&lt;',
      '</style>',
      '<script>',
      '-->',
      '<!--',
      '\u202E',
      '\u001B[2J',
      '\0',
      'אב',
      'x',
    );
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(parts, { maxLength: 8 }).map((some) => some.join('')),
    );
    fc.assert(
      fc.property(names, (text) => {
        const page = madeOf(`a${text}`);
        expect(structure(page)).toBe(expected);
        expect(page.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: fc.tries(60) },
    );
  });

  test('stays small whatever the length of names', () => {
    expect(madeOf('x'.repeat(10_000)).length).toBeLessThan(20 * made().length);
    expect(madeOf('x'.repeat(10_000))).not.toContain('x'.repeat(2000));
  });
});

describe('what a comparison says', () => {
  test('the verdict first, then what is worse, what is open, what is better; the rest is folded', () => {
    const page = comparisonPage(comparison);
    const heads = [...page.matchAll(/<(h1|h2)>([^<]*)</g)].map(([, level, text]) => `${level} ${text}`);
    expect(heads[0]).toMatch(/^h1 The head is worse: \d of 26 signals regressed; /);
    expect(heads.slice(1).map((text) => text.replace(/\d+(?=\))/, 'N'))).toEqual([
      'h2 Regressed (N)',
      'h2 Cannot tell (N)',
      'h2 Improved (N)',
      'h2 No change (N)',
      'h2 Runs',
    ]);
    expect(page).toMatch(/<details><summary><h2>No change/);
    expect(page.match(/<details/g)).toHaveLength(1);
    expect(page.match(/<tr role="row" id=/g)).toHaveLength(comparison.signals.length);
    expect(page.match(/What would settle it/g)).toHaveLength(comparison.signals.filter(({ call }) => call === 'cannot tell').length);
  });

  test('runs are named with their lengths', () => {
    const { id, until, steadyFrom } = comparison.head[0]!;
    expect([until, steadyFrom]).toEqual([head[0]!.until, head[0]!.steadyFrom]);
    expect(comparisonPage(comparison)).toContain(
      `<th scope="row"><bdi>head</bdi></th><td><bdi>${id}</bdi></td><td>2026-01-01 00:00 UTC</td><td>1h</td>`,
    );
  });

  test('what is not compared makes no bar, and no page without a sentence', () => {
    const empty = { ...comparison, signals: [], common: null, tests: 0, outcome: 'inconclusive' as const, reasons: [] };
    expect(comparisonPage(empty)).toContain('<h1>Nothing can be told: the runs have no steady part in common.</h1>');
    const unknown = { ...comparison.signals[0]!, change: null, call: 'cannot tell' as const, base: null, head: null, slope: null };
    const page = comparisonPage({ ...comparison, signals: [unknown] });
    expect(page).toContain('not known');
    expect(page).toContain('data-title="Base">–</td>');
    expect(page).not.toContain('NaN');
  });

  test('limits are those that the call was made with, on the side that is worse', () => {
    const of = (id: string): Compared => comparison.signals.find((one) => one.id === id)!;
    expect(of('api memory.private').limits).toEqual({ warn: 0.2, fail: 0.5, worse: 'higher' });
    // Two of some twenty sockets are the least that is a change, and less than a fifth of them would be.
    expect(of('api zombies').limits.warn).toBeGreaterThan(0);
    expect(comparisonPage(comparison)).toContain('warns from -10 %, fails from -50 %');
  });

  test('many signals are cut off, and counted', () => {
    const signals = Array.from({ length: 520 }, (_, i) => ({ ...comparison.signals[0]!, id: `api s${i}` }));
    const page = comparisonPage({ ...comparison, signals });
    expect(page.match(/<tr role="row" id=/g)).toHaveLength(500);
    expect(page).toContain('<p>and 20 more</p>');
    expect(page.length).toBeLessThan(1_200_000);
  });
});

describe('the bar', () => {
  const of = (lo: number, value: number, hi: number, worse: 'higher' | 'lower' = 'higher'): string =>
    intervalBar({ change: { lo, value, hi }, limits: { warn: 0.1, fail: 0.2, worse }, as: 'share' });

  test('has the interval and the limits at the scale of what fails', () => {
    const bar = of(0.05, 0.1, 0.2);
    expect(bar).toContain('aria-label="Change +10.0%, 95 % interval +5.0% to +20.0%; warning from +10 %, fails from +20 %"');
    expect(bar).toContain('<line class="interval" x1="213.8" x2="285"');
    expect(bar).toContain('<rect class="warn" x="237.5" y="4" width="47.5"');
    expect(bar).toContain('<rect class="fail" x="285" y="4" width="95"');
    expect(bar).toContain('<circle class="dot" cx="237.5"');
    expect(bar).not.toContain('beyond');
  });

  test('has the limits on the other side of what should be more', () => {
    expect(of(0, 0, 0, 'lower')).toContain('<rect class="fail" x="0" y="4" width="95"');
    expect(of(0, 0, 0, 'lower')).toContain('fails from -20 %');
  });

  test('says by an arrow what is beyond it', () => {
    expect(of(0.3, 4, 9).match(/<path class="beyond" d="M380 /g)).toHaveLength(1);
    expect(of(0.3, 4, 9)).not.toContain('circle');
    expect(of(-0.9, -0.3, 0.9).match(/class="beyond"/g)).toHaveLength(2);
  });
});

test('what would settle it is told by what leaves it open', () => {
  const noise = { reason: 'noise', smallest: 0.921, fail: 0.2, as: 'share', pairs: 1 } as const;
  expect(settleOf({ reason: 'load' })).toBe('runs under the same load');
  expect(settleOf(noise)).toBe(
    'three runs of each build, or longer ones: as it is, only a change of 92 % would show for certain, and one of 20 % fails',
  );
  expect(settleOf({ ...noise, smallest: 0.15 })).toContain('near a limit');
  expect(settleOf({ ...noise, pairs: 3, as: 'absolute' })).toMatch(/^more runs of each build, .* a change of 92 points /);
  for (const { call, settle } of comparison.signals) expect([call, settle !== '']).toEqual([call, call === 'cannot tell']);
});
