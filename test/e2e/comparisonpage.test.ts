/** The pages of a comparison and a trend in a real browser, from disk: they need nothing, keep nobody out, and fit. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare } from '../../src/comparison/compare.ts';
import { comparisonPage } from '../../src/comparison/comparisonpage.ts';
import { trendOf } from '../../src/comparison/trend.ts';
import { trendPage } from '../../src/comparison/trendpage.ts';
import { runsOf } from '../sim/builds.ts';
import { installed } from './agent-under-test.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const OPTIONS = { between: null, strict: false };

describe.runIf(installed('chromium'))('a page that compares', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'soak-compare-page-'));
    const [base, head] = [runsOf(1, 1, 1), runsOf(1, 1, 2, { memory: 1.35, cpu: 0.6, latency: 1.2, leak: 90 })];
    writeFileSync(join(folder, 'comparison.html'), comparisonPage(compare(base, head, OPTIONS)));
    writeFileSync(join(folder, 'trend.html'), trendPage(trendOf([...base, ...runsOf(1, 1, 3), ...head], ['v1', 'v2', 'v3'], OPTIONS)));
    const path = (process.env['PATH'] ?? '').split(delimiter).map((one) => join(one, 'chromium'));
    const executablePath = path.find((one) => existsSync(one)) ?? '/usr/bin/chromium';
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test.each(['comparison', 'trend'])('keeps nobody out, asks for nothing and fits: %s', async (name) => {
    const page = await browser.newPage({ colorScheme: 'light' });
    const [complaints, requests]: [string[], string[]] = [[], []];
    page.on('console', (message) => void complaints.push(message.text()));
    page.on('request', (request) => void requests.push(request.url()));
    const address = pathToFileURL(join(folder, `${name}.html`)).href;
    await page.goto(address);
    const paper = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const violations = async (what: string): Promise<unknown> => {
      const found = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'], ${what} })`);
      return found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200)).slice(0, 3)]);
    };
    await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true; })`);
    await page.evaluate(AXE);
    expect(await violations('')).toEqual([]);
    // A style sheet that the policy refuses would leave the page in the colours of the browser.
    await page.emulateMedia({ colorScheme: 'dark' });
    expect([await paper(), await violations(`runOnly: ['color-contrast']`)]).toEqual(['rgb(15, 19, 24)', []]);
    await page.setViewportSize({ width: 360, height: 800 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await page.emulateMedia({ media: 'print' });
    expect(await paper()).toBe('rgb(255, 255, 255)');
    expect([complaints, requests]).toEqual([[], [address]]);
    await page.close();
  });
});
