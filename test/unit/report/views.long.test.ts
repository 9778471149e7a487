/** What a report becomes: goldens of each form, held against their schemas, and hostile names in all of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import { beforeAll, describe, expect, test } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { reportPage } from '../../../src/report/html.ts';
import { junitOf } from '../../../src/report/junit.ts';
import { MARKDOWN_MAX, markdownOf } from '../../../src/report/markdown.ts';
import { REPORT } from '../../../src/report/schema.ts';
import type { Report } from '../../../src/report/value.ts';
import { HOSTILE, night } from '../../fixtures/report/night.ts';
import * as fc from '../../property.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const XSD = readFileSync(join(ROOT, 'test/fixtures/report/junit.xsd'), 'utf8');

/** `vitest -u` writes them anew: read the difference. */
function golden(name: string): string {
  return join(ROOT, 'test/golden/report', name);
}

let report: Report;
beforeAll(() => {
  report = night().report();
}, 60_000);

/** The report with a text in the place of every name and sentence that comes from outside. */
function told(name: string): Report {
  const [first, ...rest] = report.findings;
  const series = report.verdict.series.map((one) => ({ ...one, id: name, why: name, limit: { value: 1, from: name } }));
  const blind = [{ target: name, metric: name, reason: name }];
  return {
    ...report,
    sentence: name,
    run: { ...report.run, id: name, notes: [name], agent: name },
    verdict: { ...report.verdict, reasons: [name], series, blind },
    findings: [{ ...first!, title: name, why: name, steps: [name], settle: name, target: name, series: [] }, ...rest],
    signals: report.signals.map((signal) => ({ ...signal, id: name })),
    reproduce: [],
  };
}

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        '<',
        '>',
        '"',
        "'",
        '&',
        '`',
        '|',
        '*',
        '_',
        '[',
        ']',
        '(',
        ')',
        '@',
        '#',
        '~',
        '$',
        '\\',
        '://',
        'www.',
        'https',
        'a',
        ' ',
        ']]>',
        '-->',
        '{',
        '!',
        '+',
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join('')),
);

describe('Markdown', () => {
  test('is as it was', async () => {
    await expect(markdownOf(report)).toMatchFileSnapshot(golden('night.md'));
  });

  const OURS = /^<\/?(?:h[23]|p|code|pre|table|thead|tbody|tr|th|td|ol|ul|li|strong|em|details|summary|br ?\/?)>$/;

  test('no text from outside becomes anything but text', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const html = micromark(markdownOf(told(name)), { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
        const tags = html.match(/<[^>]*>/g) ?? [];
        expect(tags.filter((tag) => !OURS.test(tag))).toEqual([]);
      }),
    );
  });

  test('is cut between its parts, and says so', () => {
    const finding = { ...report.findings[0]!, why: 'x'.repeat(60_000) };
    const text = markdownOf({ ...report, findings: Array.from({ length: 20 }, () => finding) });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MARKDOWN_MAX);
    expect(text).toMatch(/\n_More does not fit here; the report of the run has it all._\n$/);
    expect(text.match(/^### /gm)!.length).toBe(8);
  });
});

describe('JUnit XML', () => {
  async function faults(xml: string): Promise<readonly string[]> {
    const { errors } = await validateXML({ xml: { fileName: 'junit.xml', contents: xml }, schema: XSD });
    return errors.map(({ message }) => message);
  }

  test.each(['skip', 'fail'] as const)('is as it was, and valid: inconclusive as %s', async (undecided) => {
    const xml = junitOf(report, undecided);
    expect(await faults(xml)).toEqual([]);
    await expect(xml).toMatchFileSnapshot(golden(`night-${undecided}.xml`));
  });

  test('counts what it holds', () => {
    for (const undecided of ['skip', 'fail'] as const) {
      const xml = junitOf(report, undecided);
      const counted = (pattern: RegExp): number => xml.match(pattern)?.length ?? 0;
      const [, tests, failures, skipped] = /<testsuites .*tests="(\d+)" failures="(\d+)" errors="0" skipped="(\d+)"/.exec(xml)!.map(Number);
      expect([tests, failures, skipped]).toEqual([counted(/<testcase /g), counted(/<failure /g), counted(/<skipped /g)]);
    }
    expect(junitOf(report, 'fail')).not.toContain('<skipped');
  });

  test('what fails is the run, its leaks and their signals, and no advisory signal', () => {
    const failed = [...junitOf(report, 'skip').matchAll(/<testcase classname="[^"]*" name="([^"]*)"[^>]*>\n\s*<failure/g)].map(
      ([, name]) => name,
    );
    expect(failed).toEqual(['verdict', 'traffic latency{soak.quantile=&quot;0.95&quot;}', 'api memory.private', 'api heap']);
  });

  test('growth that the verdict leaves open, as for a sick load generator, fails no case', () => {
    const findings = report.findings.map((one) => (one.outcome === 'fail' ? { ...one, outcome: 'inconclusive' as const } : one));
    const xml = junitOf({ ...report, findings, verdict: { ...report.verdict, outcome: 'inconclusive' } }, 'skip');
    expect(xml).not.toContain('<failure');
    expect(xml).toContain('skipped message="inconclusive: api heap grows');
  });

  test('is valid whatever names there are', async () => {
    const names = fc.sample(anyName, { numRuns: 12, seed: 7 });
    for (const name of [HOSTILE, '\u0000\uFFFF\uD800', ...names].filter((one) => one.trim() !== ''))
      expect(await faults(junitOf(told(name), 'skip'))).toEqual([]);
  });
});

describe('JSON', () => {
  test('is as it was, and as its schema says', async () => {
    REPORT.parse(JSON.parse(JSON.stringify(report)));
    const shortened = {
      ...report,
      signals: report.signals.map(({ chart, fit, ...rest }) => ({ ...rest, bins: chart.mean.length, fitted: fit?.points ?? null })),
    };
    await expect(`${JSON.stringify(shortened, null, 1)}\n`).toMatchFileSnapshot(golden('night.json'));
  });

  test('of a run that has not begun to be judged is one, too', () => {
    REPORT.parse(JSON.parse(JSON.stringify(night(30).report('running'))));
  });
});

describe('the page', () => {
  test('holds the report, and nothing that leads out of it', () => {
    const html = reportPage(report);
    const [, data] = /<script type="application\/gzip" id="data">([A-Za-z0-9+/=]+)<\/script>/.exec(html)!;
    expect(JSON.parse(gunzipSync(Buffer.from(data!, 'base64')).toString())).toEqual(JSON.parse(JSON.stringify(report)));
    expect(html.match(/<script/g)!.length).toBe(2);
    expect(html).not.toMatch(/<(?:link|img|iframe|object|form)[^>]*(?:src|href|action)="(?!data:,")/);
    expect(html).not.toContain('onerror=alert');
    expect(html).toContain('content="default-src &#39;none&#39;; script-src &#39;sha256-');
  });

  test('a name in its title and its notice is text', () => {
    const html = reportPage(told('</title><script>alert(1)</script>'));
    expect(html).not.toContain('<script>alert');
  });
});
