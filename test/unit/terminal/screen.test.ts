import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Verdict, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { cellsOf, clean, fit, pad } from '../../../src/terminal/clean.ts';
import { onScreen } from '../../../src/terminal/onscreen.ts';
import { type RunOnScreen, statusScreen } from '../../../src/terminal/screen.ts';
import { sparkline } from '../../../src/views/sparkline.ts';
import { summary } from '../../../src/views/terminal.ts';
import * as fc from '../../property.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, poisson, rounded, sum, white } from '../../sim/series.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/terminal', import.meta.url));

/** Six hours of eight: memory that leaks, descriptors that do not, and a restart. */
function simulated(): RunOnScreen {
  const rules = [parseRule('memory.private < 2GB', (name) => CATALOG.find(name))];
  const simulation = new Simulation({
    hours: 8,
    interval: 60,
    series: [
      { def: M.memory, signal: sum(constant(300 * MB), line(12 * MB), white(1, 2 * MB)) },
      { def: M.fds, signal: constant(24) },
      { def: M.fdLimit, signal: constant(1024), period: 60 },
      { def: M.threads, signal: rounded(sum(constant(8), white(3, 1))) },
      { def: M.latency, signal: sum(constant(0.08), white(2, 0.004)), labels: { 'soak.quantile': '0.95' } },
      { def: M.requests, signal: rounded(poisson(4, 36_000)) },
    ],
    events: [
      { t: 0, kind: 'phase', target: null, data: { phase: 'warmup', judged: false }, message: 'phase warmup' },
      { t: 600, kind: 'phase', target: null, data: { phase: 'steady', judged: true }, message: 'phase steady' },
      { t: 4 * HOUR, kind: 'mark', target: null, data: {}, message: 'broker killed' },
    ],
    options: { rules },
  }).run(6 * HOUR);
  const verdict = simulation.verdict(false);
  return { ...onScreen(simulation.state), verdict, standing: 'running', now: 6 * HOUR, plannedEnd: 8 * HOUR, against: '' };
}

const RUN = simulated();

/** What a terminal or a page obeys, or shows to nobody. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Every frame is within the window, and a terminal obeys nothing of it but our own colours. */
function expectFits(lines: readonly string[], { columns, rows }: { columns: number; rows: number }): void {
  expect(lines.length).toBeLessThan(rows);
  for (const text of lines) {
    // oxlint-disable-next-line no-control-regex -- our own colours
    const bare = text.replaceAll(/\u001B\[\d+m/g, '');
    expect([cellsOf(bare) <= columns, UNSAFE.exec(bare)]).toEqual([true, null]);
  }
}

describe('one screen of a run', () => {
  // `vitest -u` writes them anew: read the difference as somebody who wakes up and looks once.
  test.each([
    [80, 24],
    [200, 50],
  ])('of %i columns', async (columns, rows) => {
    const lines = statusScreen(RUN, { columns, rows, color: false });
    expectFits(lines, { columns, rows });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(GOLDEN, `status-${columns}.txt`));
  });

  test('of a finished run, in colour, with its comparison', async () => {
    const over = {
      ...RUN,
      standing: 'finished' as const,
      against: 'against the baseline: 1 regressed (api memory.private), 4 unchanged, 0 open',
    };
    const lines = statusScreen(over, { columns: 100, rows: 30, color: true });
    expectFits(lines, { columns: 100, rows: 30 });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(GOLDEN, 'status-finished-colour.txt'));
  });

  test('fits into any window, and a small one still says how it stands', () => {
    for (const columns of [1, 20, 40, 60, 79, 120, 300])
      for (const rows of [4, 10, 24]) {
        const lines = statusScreen(RUN, { columns, rows, color: true });
        expectFits(lines, { columns: Math.max(20, columns), rows });
        expect(lines[0]).toContain('fail so far');
      }
  });

  test('always says what could be certified, now and at 8 h', () => {
    for (let columns = 80; columns <= 200; columns++) {
      const text = statusScreen(RUN, { columns, rows: 40, color: false }).join('\n');
      expect(text.match(/rules out/g)).toHaveLength(1);
      expect(text.match(/at 8 h/)).not.toBeNull();
    }
    const wide = statusScreen(RUN, { columns: 112, rows: 40, color: false }).find((text) => text.startsWith('rules out'))!;
    expect(wide).toMatch(/^rules out growth above: api memory\.private \+\d+kB\/h \(\+\d+kB\/h at 8 h\); api threads \+/);
    const nothing = { ...RUN, certifiable: () => null, verdict: { ...RUN.verdict, series: RUN.verdict.series.slice(0, 1) } };
    nothing.verdict.series[0] = { ...nothing.verdict.series[0]!, smallestDetectablePerHour: null };
    expect(statusScreen(nothing, { columns: 80, rows: 40, color: false }).join('\n')).not.toContain('rules out');
  });

  test('a column is never narrower than its title', () => {
    for (let columns = 60; columns < 200; columns++) expect(statusScreen(RUN, { columns, rows: 40, color: false })[3]).not.toContain('…');
  });

  test('tells absent, unknown and zero apart', () => {
    const gone = { ...RUN, current: (id: string) => (id.endsWith('fds') ? 0 : null), history: () => [] };
    const lines = statusScreen(gone, { columns: 100, rows: 24, color: false });
    expect(lines.find((text) => text.startsWith('api fds'))).toMatch(/^api fds +0 /);
    expect(lines.find((text) => text.startsWith('api memory.private'))).toMatch(/^api memory\.private +– /);
    const nothing = { ...RUN, verdict: { ...RUN.verdict, series: [], reasons: [] }, plannedEnd: null };
    expect(statusScreen(nothing, { columns: 80, rows: 24, color: false }).join('\n')).toMatch(
      /until told to stop[^]*nothing is judged yet/,
    );
    expect(statusScreen({ ...RUN, standing: 'cut off' }, { columns: 80, rows: 24, color: false })[0]).toContain('its agent is gone');
  });
});

const HOSTILE = [
  '\u001B[2J\u001B]0;owned\u0007\u009B31m',
  'a\r\nPASS so far\n\u2028b\u0085c',
  '\u202Egnp.exe\u202C\u2066\u200F\u061C',
  'x'.repeat(10_000),
  `Z${'\u0301'.repeat(5000)}`,
  '日本語'.repeat(2000),
  '👩‍👩‍👧‍👦🇩🇪\u{E0041}\uD800\uFEFF\u200B',
  '<img src=x onerror=alert(1)> [a](javascript:b) `c` |d| @e #1 $x$',
];

function hostile(text: string): Verdict {
  const series = RUN.verdict.series.map((one): VerdictSeries => ({ ...one, id: `${text} ${one.metric}`, why: text }));
  return { ...RUN.verdict, run: { ...RUN.verdict.run, id: text, agent: text }, series, reasons: [text, `${text} again`] };
}

describe('hostile names are harmless', () => {
  test.each(HOSTILE.map((text) => [JSON.stringify(text).slice(0, 40), text]))('%s', (_, text) => {
    const run = { ...RUN, verdict: hostile(text), phase: text, against: text, events: [{ t: 5, message: text }] };
    for (const columns of [40, 80, 200]) expectFits(statusScreen(run, { columns, rows: 24, color: true }), { columns, rows: 24 });
    for (const one of summary(hostile(text), { columns: 80, rows: 24, color: false })) expect(one).not.toMatch(UNSAFE);
  });

  test('whatever the text is, what is shown of it is one line of the width that was asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 0, max: 60 }), (text, cells) => {
        const shown = fit(clean(text), cells);
        expect(cellsOf(shown)).toBeLessThanOrEqual(cells);
        expect(cellsOf(fit(clean(text), cells, 'middle'))).toBeLessThanOrEqual(cells);
        expect(cellsOf(pad(shown, cells))).toBe(cells);
        expect(clean(clean(text))).toBe(clean(text));
      }),
    );
  });
});

test('a sparkline is as wide as there is room, and a gap is a gap', () => {
  expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8])).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([1, null, 8])).toBe('▁ █');
  expect(sparkline([5, 5, 5])).toBe('▅▅▅');
  expect(sparkline([1000, 1001])).toBe('▄▅');
  expect(sparkline([0, 0])).toBe('▅▅');
  expect([sparkline([]), sparkline([null])]).toEqual(['', '']);
  expect(
    sparkline(
      Array.from({ length: 256 }, (_, i) => i),
      8,
    ),
  ).toBe('▁▂▃▄▅▆▇█');
});
