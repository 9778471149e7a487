/** A trend as a page: what the last run has changed, the charts, and the table. */
import { escaped } from '../report/markup.ts';
import { plainName } from '../report/plain.ts';
import { certainty } from './comparisonpage.ts';
import { banner, document, type Html, name, runTable, section, sentence, table, verdictSentence } from './pageframe.ts';
import { LEGEND, signalSections } from './signaltable.ts';
import type { Trend, TrendSignal } from './trend.ts';
import { CHART, chartedOf, chartOf } from './trendchart.ts';
import { moreOf, rowsOf } from './trendtext.ts';

export function trendPage(trend: Trend): Html {
  const { runs, previous, first, signals } = trend;
  const { outcome, reasons } = previous;
  const [last, before, oldest] = [runs.at(-1)!.label, runs.at(-2)!.label, runs[0]!.label].map((label) => plainName(label));
  const about = [`The head is ${last}, the base ${before}.`, ...(runs.length > 2 ? [`Since ${oldest}: ${verdictSentence(first)}`] : [])];
  const { titles, rows } = rowsOf(trend);
  const lines = rows.map(
    ([id = '', ...cells]) => `<tr><th scope="row">${name(id)}</th>${cells.map((cell) => `<td>${name(cell)}</td>`).join('')}</tr>`,
  );
  const sections = signalSections(previous, ['regressed', 'cannot tell', 'improved']);
  return document(`soak trend over ${runs.length} runs: ${outcome}`, [
    banner({ outcome, sentence: verdictSentence(previous), about, reasons }),
    ...(sections.length === 0 ? [] : [LEGEND, ...sections]),
    section('Charts', [
      `<div class="charts">\n${chartedOf(trend)
        .map((signal) => chart(signal, trend))
        .join('\n')}\n</div>`,
      leftOf(trend),
    ]),
    section(`All signals (${signals.length})`, [
      table(
        titles.map((title) => (title === '' ? 'course' : title)),
        lines,
      ),
      ...moreOf(trend).map((line) => (line === '' ? '' : `<p>${sentence(line)}</p>`)),
    ]),
    runTable(runs.map((run) => ({ as: run.label, run }))),
    certainty(previous),
  ]);
}

function chart(signal: TrendSignal, trend: Trend): Html {
  const label = escaped(plainName(`Levels of ${signal.id} by run; they are in the table`));
  return `<figure><svg viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label="${label}">${chartOf(signal, trend)}</svg></figure>`;
}

function leftOf(trend: Trend): Html {
  const left = trend.signals.length - chartedOf(trend).length;
  return left > 0 ? `<p class="dim">${left} more ${left === 1 ? 'signal is' : 'signals are'} only in the table.</p>` : '';
}
