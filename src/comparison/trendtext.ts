/** A trend for people: a table in a terminal or in Markdown. */
import { clean, fit } from '../terminal/clean.ts';
import { sparkline } from '../views/sparkline.ts';
import { showValue, UNKNOWN } from '../views/quantities.ts';
import { table } from '../views/table.ts';
import { paint, type Screen } from '../views/terminal.ts';
import type { Compared } from './compare.ts';
import { changeOf, plainTable } from './text.ts';
import type { Trend, TrendSignal } from './trend.ts';

const ROWS_MAX = 100;
const NAME_MAX = 40;

/** Runs whose levels are columns: more are in the line of marks. */
const COLUMNS_MAX = 6;

export function trendText(trend: Trend, screen: Screen): string[] {
  const { titles, rows } = rowsOf(trend);
  const cells = rows.map(([name = '', ...rest]) => [fit(clean(name), NAME_MAX, 'middle'), ...rest]);
  const [head = '', ...lines] = table([titles.map((title) => fit(clean(title), 18)), ...cells], screen.columns);
  return [paint(screen, 'dim', head), ...lines, ...moreOf(trend)];
}

export function trendMarkdown(trend: Trend): string {
  const { titles, rows } = rowsOf(trend);
  const { outcome } = trend.previous;
  const mark = { pass: '✅', fail: '❌', inconclusive: '❔' }[outcome];
  return [`## ${mark} trend over ${trend.runs.length} runs`, '', ...plainTable(titles, rows), ...moreOf(trend), ''].join('\n');
}

/** A row for each signal, the first ones of many; the first cell is its name. */
export function rowsOf({ runs, signals }: Trend): { titles: string[]; rows: string[][] } {
  const shown = runs.length <= COLUMNS_MAX ? runs.map((_, i) => i) : [0, ...runs.map((_, i) => i).slice(1 - COLUMNS_MAX)];
  return {
    titles: ['signal', ...shown.map((i) => runs[i]!.label), '', 'since the previous', 'since the first'],
    rows: signals
      .slice(0, ROWS_MAX)
      .map((signal) => [
        signal.id,
        ...shown.map((i) => showValue(signal.points[i]?.value ?? null, signal.unit)),
        sparkline(signal.points.map((point) => point?.value ?? null)),
        calledOf(signal.previous),
        calledOf(signal.first),
      ]),
  };
}

function calledOf(compared: Compared | null): string {
  return compared === null || compared.change === null ? UNKNOWN : `${changeOf(compared.change.value, compared)} ${compared.call}`;
}

export function moreOf({ signals }: { readonly signals: readonly TrendSignal[] }): string[] {
  return signals.length > ROWS_MAX ? ['', `and ${signals.length - ROWS_MAX} more signals`] : [];
}
