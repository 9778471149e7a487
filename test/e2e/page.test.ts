/** The page in a real browser: from disk, and served live. What it shows, what it never does, and whether everybody can use it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { LivePage } from '../../src/live.ts';
import { SILENT } from '../../src/log.ts';
import { reportPage } from '../../src/report/html.ts';
import type { Report } from '../../src/report/value.ts';
import { listen, type Listener } from '../../src/views/http.ts';
import { runRoutes } from '../../src/views/routes.ts';
import { HEADER, HOSTILE, night } from '../fixtures/report/night.ts';
import { fakeRun } from '../unit/views/run.ts';
import { installed } from './agent-under-test.ts';
import { InboundUnderTest } from './inboundlistener.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

function chromiumPath(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'chromium')).find((path) => existsSync(path)) ?? '/usr/bin/chromium';
}

/** What a browser shows, and everything that it complained of or asked for beside the page itself. */
interface Opened extends AsyncDisposable {
  readonly page: Page;
  readonly complaints: string[];
  readonly requests: string[];
}

describe.runIf(installed('chromium'))('the page', () => {
  let browser: Browser;
  let report: Report;
  let folder: string;
  let address: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'soak-page-'));
    report = night().report();
    writeFileSync(join(folder, 'night.html'), reportPage(report));
    address = pathToFileURL(join(folder, 'night.html')).href;
    browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function open(url = address, options: BrowserContextOptions = {}): Promise<Opened> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options });
    const [complaints, requests]: [string[], string[]] = [[], []];
    page.on('console', (message) => void complaints.push(message.text()));
    page.on('pageerror', (error) => void complaints.push(error.message));
    page.on('dialog', (dialog) => void complaints.push(dialog.message()));
    page.on('request', (request) => void requests.push(request.url()));
    await page.goto(url);
    await page.waitForFunction(() => ((globalThis as { soakDrawn?: () => number }).soakDrawn?.() ?? 0) > 0);
    return { page, complaints, requests, [Symbol.asyncDispose]: () => page.close() };
  }

  /** Everything that can be seen of the run without unfolding, in one string. */
  function headings(page: Page): Promise<string[]> {
    return page.locator('h1, h2, h3').allTextContents();
  }

  test('from disk: the verdict first, then what failed, then what is open; no complaint, and no request but for itself', async () => {
    await using opened = await open();
    const { page } = opened;
    const told = await headings(page);
    expect(told[0]).toBe(
      'Failed after 8h: api heap grows +20MB/h since 02:02; api memory.private reaches its limit of 512MB in 7h50m, and 1 more finding.',
    );
    expect(told.slice(1, 4)).toEqual(['Failed (2)', expect.stringContaining('api heap grows'), expect.stringContaining('traffic latency')]);
    expect(told).toContain('Inconclusive (3)');
    expect(told.findIndex((one) => one.startsWith('Inconclusive'))).toBeLessThan(told.findIndex((one) => one.startsWith('Passed')));
    // Scrolling draws what comes near.
    for (let y = 0; y < 8000; y += 800) await page.evaluate(`scrollTo(0, ${y})`);
    expect([opened.complaints, opened.requests]).toEqual([[], [address]]);
  });

  test('hostile names are text', async () => {
    await using opened = await open();
    const { page } = opened;
    expect(await page.locator('img, iframe, object, script[src]').count()).toBe(0);
    const shown = HOSTILE.slice(0, HOSTILE.indexOf('\u001B'));
    expect(await page.locator('body').textContent()).toContain(shown);
    expect((await page.locator('body').innerText()).replaceAll(/[\n\t]/g, '')).not.toMatch(/[\p{Cf}\p{Cc}]/u);
    expect(opened.complaints).toEqual([]);
  });

  test('zooms by dragging on any chart, for all of them, and back', async () => {
    await using opened = await open();
    const { page } = opened;
    const where = page.locator('.where');
    const before = await where.textContent();
    const box = (await page.locator('.u-over').first().boundingBox())!;
    await page.mouse.move(box.x + 100, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 60, { steps: 4 });
    await page.mouse.up();
    const selected = await page.evaluate<string[]>(`[...document.querySelectorAll('.u-select')].map(({ style }) => style.width)`);
    expect([selected.length > 1, new Set(selected)]).toEqual([true, new Set(['0px'])]);
    expect(await where.textContent()).toMatch(/^0[01]:\d\d.* · 2026-01-01 0[01]:\d\d:\d\d UTC to 0[3-5]:\d\d · 2026-01-01 0[3-5]:/);
    await page.getByRole('button', { name: 'Show the whole run' }).click();
    expect(await where.textContent()).toBe(before);
    // One cursor on all charts: each says its value there.
    await page.mouse.move(box.x + 300, box.y + 50);
    const readouts = (await page.locator('.readout').allTextContents()).filter((text) => text !== '');
    expect(readouts.length).toBeGreaterThan(1);
    expect(new Set(readouts.map((text) => text.slice(0, 4))).size).toBeLessThanOrEqual(2);
  });

  test('times below charts are apart and whole, however close one looks at the end', async () => {
    // Of this width they would be two pixels apart where 50 pixels are enough for each.
    await using opened = await open(address, { viewport: { width: 900, height: 900 } });
    const { page } = opened;
    await page.evaluate(`
      globalThis.drawn = [];
      const { fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const half = this.measureText(text).width / 2;
        if (/^\\d+:\\d\\d/.test(text)) drawn.push({ text, left: x - half, right: x + half, width: this.canvas.width });
        return fillText.call(this, text, x, y);
      }`);
    await page.keyboard.press('Tab');
    const texts = new Set<string>();
    for (let level = 0; level < 11; level++) {
      for (const key of ['+', 'ArrowRight']) await page.keyboard.press(key);
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      await page.evaluate('drawn.length = 0');
      await page.keyboard.press('ArrowRight'); // to the end of the run
      await page.waitForFunction('drawn.length > 1');
      const drawn = await page.evaluate<{ text: string; left: number; right: number; width: number }[]>('drawn');
      drawn.forEach(({ text, left, right, width }, i) => {
        texts.add(text);
        const next = drawn[i + 1];
        if (next !== undefined && next.left > left) expect(next.left - right).toBeGreaterThan(8);
        expect(right).toBeLessThanOrEqual(width);
      });
    }
    expect([...texts]).toEqual(expect.arrayContaining(['07:00', '08:00', '07:59:55', '08:00:00']));
  });

  test('says of a limit that is too far away to be drawn how high it is', async () => {
    const limitOf = async (value: number): Promise<string[]> => {
      const limits = [{ t: 0, value, from: 'rule' }];
      const signals = report.signals.map((signal) => (signal.id === 'api heap' ? { ...signal, limits } : signal));
      writeFileSync(join(folder, 'limited.html'), reportPage({ ...report, signals }));
      await using opened = await open(pathToFileURL(join(folder, 'limited.html')).href);
      const entries = await opened.page.locator('#leak-api-heap .legend span').allTextContents();
      return entries.filter((text) => text.startsWith('limit'));
    };
    expect([await limitOf(9e9), await limitOf(400e6)]).toEqual([['limit 9GB, above this chart'], ['limit']]);
  });

  test('by keyboard: zoom, move, fold and follow', async () => {
    await using opened = await open();
    const { page } = opened;
    const where = page.locator('.where');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(`document.activeElement.getAttribute('aria-label')`)).toBe('Show more time');
    await page.keyboard.press('+');
    const near = await where.textContent();
    expect(near).toMatch(/^02:00 .* to 06:00 /);
    await page.keyboard.press('ArrowRight');
    expect(await where.textContent()).toMatch(/^03:00 .* to 07:00 /);
    await page.keyboard.press('0');
    expect(await where.textContent()).toBe('drag on a chart to zoom');
    const passed = page.locator('#passed');
    expect(await passed.getAttribute('open')).toBeNull();
    await passed.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await passed.getAttribute('open')).toBe('');
    await passed.getByRole('link', { name: 'agent.memory' }).focus();
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#signal-self-agent\.memory$/);
    expect(await page.locator('#signal-self-agent\\.memory').isVisible()).toBe(true);
  });

  test('folds and unfolds everything, filters signals, and opens at an anchor in what is folded', async () => {
    await using broken = await open(`${address}#50%`); // points nowhere
    expect(await broken.page.locator('#signals').count()).toBe(1);
    await using opened = await open(`${address}#events`);
    const { page } = opened;
    expect(await page.locator('#events').getAttribute('open')).toBe('');
    await page.getByRole('button', { name: 'Fold everything', exact: true }).click();
    expect(await page.locator('details[open]').count()).toBe(0);
    await page.getByRole('button', { name: 'Unfold everything' }).click();
    expect(await page.locator('details:not([open])').count()).toBe(0);
    await page.getByLabel('Filter signals by name').fill('api MEMORY');
    expect(await page.locator('#signals figure:visible .title').allTextContents()).toEqual([expect.stringContaining('memory.private')]);
  });

  test('is dark where the system is or the reader wants it, and light again', async () => {
    await using opened = await open(address, { colorScheme: 'dark' });
    const { page } = opened;
    const paper = (): Promise<unknown> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await paper()).toBe('rgb(15, 19, 24)');
    await page.getByRole('button', { name: 'switch the colours' }).click();
    expect(await paper()).toBe('rgb(255, 255, 255)');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'switch the colours' }).click();
    expect(await paper()).toBe('rgb(15, 19, 24)');
  });

  test('prints in light colours with all its charts', async () => {
    await using opened = await open(address, { colorScheme: 'dark' });
    const { page } = opened;
    await page.getByRole('button', { name: 'Unfold everything' }).click();
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
    expect(await page.evaluate('[soakDrawn(), document.documentElement.dataset.theme]')).toEqual([
      await page.locator('figure').count(),
      'light',
    ]);
    expect(opened.complaints).toEqual([]);
  });

  test('gives the report as JSON', async () => {
    await using opened = await open();
    const { page } = opened;
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download this report' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('soak-report-k3x9.json');
    expect(JSON.parse(readFileSync(await download.path(), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
  });

  test.each(['light', 'dark'] as const)('has nothing that keeps anybody out: %s, unfolded', async (colorScheme) => {
    await using opened = await open(address, { colorScheme });
    const { page } = opened;
    await page.getByRole('button', { name: 'Unfold everything' }).click();
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'] })`);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200)).slice(0, 3)])).toEqual([]);
  });

  test('fits a narrow window', async () => {
    await using opened = await open(address, { viewport: { width: 380, height: 800 } });
    expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
  });

  describe('of a run that goes on', () => {
    interface Served extends AsyncDisposable {
      readonly listener: Listener;
      readonly inbound: InboundUnderTest;
      /** Folds the run up to a time, and pushes. */
      until(t: number): void;
      end(): void;
    }

    async function serve(t: number, token: string | null = null): Promise<Served> {
      const { simulation } = night(t);
      const inbound = await InboundUnderTest.open(token);
      let ended: number | null = null;
      const live = new LivePage({
        state: simulation.state,
        header: () => HEADER,
        end: () => ended,
        verdict: () => simulation.verdict(ended !== null),
        notes: () => ({ url: inbound.url, token: token !== null }),
      });
      const routes = runRoutes({ run: fakeRun().run, clock: new SimClock(), metrics: null, page: live.page }, live.routes());
      const listener = await listen({ host: '127.0.0.1', port: 0 }, routes, SILENT);
      inbound.pagePort = listener.port;
      return {
        listener,
        inbound,
        until: (to) => void simulation.run(to, () => live.tick()),
        end: () => {
          ended = HEADER.start + simulation.state.t;
          live.end();
        },
        [Symbol.asyncDispose]: async () => {
          await listener.close();
          await inbound[Symbol.asyncDispose]();
        },
      };
    }

    test('has the whole history at once, then what is new, then the last word', async () => {
      await using served = await serve(2 * 3600);
      await using opened = await open(served.listener.url);
      const { page } = opened;
      await page.locator('.state', { hasText: 'live' }).waitFor();
      expect((await headings(page))[0]).toMatch(/^Not settled yet after 2h: /);
      await page.locator('#passed summary').click();
      served.until(2 * 3600 + 240);
      await page.getByText(/^live: worker memory\.private \d+MB$/).waitFor(); // what is suspected comes first
      served.until(4 * 3600);
      await page.getByRole('heading', { level: 1, name: /^Failing so far after 4h: api heap grows/ }).waitFor();
      expect(await page.locator('#passed').getAttribute('open')).toBe(''); // what the reader has unfolded stays so
      served.end();
      await page.getByRole('heading', { level: 1, name: /^Failed after 4h: / }).waitFor();
      expect([opened.complaints, opened.requests.filter((url) => !url.startsWith(served.listener.url))]).toEqual([[], []]);
    });

    test.each([
      ['without a token', null],
      ['with one', 's3cret-enough'],
    ])('writes phases and marks through the inbound listener, %s', async (_, token) => {
      await using served = await serve(600, token);
      await using opened = await open(served.listener.url);
      const { page } = opened;
      if (token !== null) await page.getByLabel('Token of --inbound').fill(token);
      await page.getByLabel('Phase', { exact: true }).selectOption('fault');
      await page.getByRole('button', { name: 'begin phase' }).click();
      await page.getByText('noted').waitFor();
      await page.getByLabel('Text of the mark').fill('pulled the plug');
      await page.getByRole('button', { name: 'mark', exact: true }).click();
      await expect.poll(() => served.inbound.notes).toEqual(['phase fault null', 'mark pulled the plug']);
      expect(opened.complaints).toEqual([]);
    });
  });
});
