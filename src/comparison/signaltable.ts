/** Signals of a comparison as tables of a page, by their calls: what is worse, what cannot be told, what is better, and the rest folded. */
import { anchorOf } from '../report/plain.ts';
import { showRange, showRate, showValue } from '../views/quantities.ts';
import type { Call, Compared, Comparison } from './compare.ts';
import { intervalBar, limitText } from './intervalbar.ts';
import { type Html, name, section, sentence } from './pageframe.ts';
import { changeOf, wordOf } from './text.ts';

/** A row takes 2 kB: a page stays below 1.2 MB. */
const ROWS_MAX = 500;

const TITLES: Readonly<Record<Call, string>> = {
  regressed: 'Regressed',
  'cannot tell': 'Cannot tell',
  improved: 'Improved',
  'no change': 'No change',
};

const BADGES = { regressed: 'regressed', 'cannot tell': 'open', improved: 'improved' } as const;

/** Calls in the order of what one has to know. Empty sections are left out. */
export function signalSections({ signals }: Pick<Comparison, 'signals'>, calls: readonly Call[]): Html[] {
  let left = ROWS_MAX;
  return calls.flatMap((call) => {
    const of = signals.filter((one) => one.call === call);
    const shown = of.slice(0, left);
    left -= shown.length;
    if (of.length === 0) return [];
    const more = of.length > shown.length ? `<p>and ${of.length - shown.length} more</p>` : '';
    return [section(`${TITLES[call]} (${of.length})`, [signalTable(shown, TITLES[call]), more], call === 'no change')];
  });
}

/** What the bars of the tables mean, once for all of them. */
export const LEGEND: Html = [
  '<p class="legend">',
  '<span><svg class="bar" viewBox="0 0 26 12" aria-hidden="true"><line class="interval" x1="0" x2="26" y1="6" y2="6"/><circle class="dot" cx="13" cy="6" r="4"/></svg>change and its 95 % interval</span>',
  '<span><svg class="bar" viewBox="0 0 26 12" aria-hidden="true"><line class="axis" x1="13" x2="13" y1="0" y2="12"/></svg>no change</span>',
  '<span><svg class="bar" viewBox="0 0 26 12" aria-hidden="true"><rect class="warn" width="26" height="12"/></svg>worse by what warns</span>',
  '<span><svg class="bar" viewBox="0 0 26 12" aria-hidden="true"><rect class="fail" width="26" height="12"/></svg>worse by what fails</span>',
  '<span>an arrow: further than the bar shows</span>',
  '</p>',
].join('\n');

const COLUMNS = [
  ['name', 'Signal'],
  ['figure', 'Base'],
  ['figure', 'Head'],
  ['change', 'Change, its 95 % interval, and the limits'],
  ['growth', 'More growth than the base'],
  ['why', 'Why'],
] as const;

/** Roles are said because a narrow window shows rows as cards, and browsers then forget that they are rows. */
function signalTable(signals: readonly Compared[], title: string): Html {
  return [
    `<table class="signals" role="table" aria-label="${title}">`,
    `<colgroup>${COLUMNS.map(([column]) => `<col class="${column}">`).join('')}</colgroup>`,
    `<thead role="rowgroup"><tr role="row">${COLUMNS.map(([, head]) => `<th scope="col" role="columnheader">${head}</th>`).join('')}</tr></thead>`,
    '<tbody role="rowgroup">',
    ...signals.map((one) => row(one)),
    '</tbody></table>',
  ].join('\n');
}

function row(one: Compared): Html {
  const { id, unit, base, head, call } = one;
  const badge = call === 'no change' ? '' : `<span class="badge ${BADGES[call]}">${wordOf(one)}</span>`;
  const cells = [
    ['figure', sentence(showValue(base, unit))],
    ['figure', sentence(showValue(head, unit))],
    ['change', changeCell(one)],
    ['growth', growthCell(one)],
    ['why', whyCell(one)],
  ] as const;
  return [
    `<tr role="row" id="${anchorOf(id)}">`,
    `<th scope="row" role="rowheader">${name(id)}<span class="dim">${sentence(unitText(one))}</span>${badge}</th>`,
    ...cells.map(([column, cell], i) => `<td role="cell" class="${column}" data-title="${COLUMNS[i + 1]![1]}">${cell}</td>`),
    '</tr>',
  ].join('');
}

const UNITS: Readonly<Record<string, string>> = { By: 'bytes', s: 'seconds', '1': 'share' };

/** `{connection}` of UCUM is a connection; counters are told per second. */
function unitText({ unit, kind }: Compared): string {
  const text = UNITS[unit] ?? unit.replaceAll(/[{}]/g, '');
  return kind === 'rate' || kind === 'requests' ? `${text} per second` : text;
}

function changeCell(one: Compared): Html {
  const { change } = one;
  const { warn, fail } = limitText(one);
  const limits = `<span class="dim">warns from ${warn}, fails from ${fail}</span>`;
  if (change === null) return `not known${limits}`;
  const interval = `${changeOf(change.lo, one)} to ${changeOf(change.hi, one)}`;
  return `<b>${changeOf(change.value, one)}</b> (${interval})${intervalBar(one)}${limits}`;
}

function growthCell({ slope, unit }: Compared): Html {
  if (slope === null) return '';
  const { call, value, lo, hi, matters } = slope;
  const isCalled = call === 'regressed' || call === 'improved';
  const figure = sentence(showRate(value, unit));
  return `${isCalled ? `<b>${figure}</b>` : figure}<span class="dim">${sentence(`${showRange(lo, hi, unit)}; ${call}; matters from ${showRate(matters, unit)} on`)}</span>`;
}

function whyCell(one: Compared): Html {
  const settle = one.settle === '' ? '' : `<span class="settle"><b>What would settle it:</b> ${sentence(one.settle)}</span>`;
  return `${sentence(whyOf(one))}${settle}`;
}

/** Of what is called, the limit that it has to do with. */
export function whyOf(one: Compared): string {
  const { call, why, change, slope, unit, limits } = one;
  if (call === 'cannot tell' || change === null) return why;
  const { warn, fail } = limitText(one);
  const isWorse = change.value > 0 === (limits.worse === 'higher');
  const grows = slope?.call === 'regressed' ? `it grows by ${showRate(slope.value, unit)} more than the base does` : '';
  if (call === 'improved') return unsigned(`better with certainty, by ${warn} at least`);
  if (call === 'no change') return unsigned(`below ${warn} as measured, and a change of ${fail} either way is ruled out`);
  if (grows !== '' && (!isWorse || Math.abs(change.value) < limits.warn)) return grows;
  const level =
    Math.abs(change.value) >= limits.fail
      ? `worse with certainty, by more than ${fail}`
      : `worse with certainty, by more than ${warn}, less than ${fail}`;
  return grows === '' ? level : `${level}; ${grows}`;
}

function unsigned(text: string): string {
  return text.replaceAll(/[+-](?=\d)/g, '');
}
