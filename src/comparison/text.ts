/** A comparison for people: as text for a terminal, and as Markdown for the summary of a job. */
import { formatDuration } from '../quantity.ts';
import { clean, fit } from '../terminal/clean.ts';
import { markdownTable, markdownText } from '../report/markdowntext.ts';
import { showRate, showValue, UNKNOWN } from '../views/quantities.ts';
import { table } from '../views/table.ts';
import { paint, type Screen } from '../views/terminal.ts';
import type { Call, Change, Compared, Comparison } from './compare.ts';

/** Rows that fit into a summary; those that have not changed come last. */
const ROWS_MAX = 100;
const REASONS_MAX = 20;
const NAME_MAX = 48;

/** Of a narrow window the name takes this share. */
const NAME_SHARE = 0.4;

const MARKS = { regressed: '❌', 'cannot tell': '❔', improved: '⬇️', 'no change': '✅' } as const satisfies Record<Call, string>;
/** From the most to the least worth knowing: a narrow window cuts the last ones. */
const TITLES = ['signal', 'call', 'change', '95 % interval', 'base', 'head', 'more growth'] as const;
const COLORS = { regressed: 'fail', 'cannot tell': 'inconclusive', improved: 'pass', 'no change': 'dim' } as const;

export function comparisonText(comparison: Comparison, screen: Screen): string[] {
  const { outcome, signals } = comparison;
  const shown = signals.slice(0, ROWS_MAX);
  const rows = shown.map((one) => [
    fit(clean(one.id), Math.min(NAME_MAX, Math.floor(NAME_SHARE * screen.columns)), 'middle'),
    ...cellsOf(one),
  ]);
  const [head = '', ...lines] = table([[...TITLES], ...rows], screen.columns, new Set([2, 4, 5]));
  return [
    paint(screen, outcome, outcome.toUpperCase()) + fit(clean(`  ${headline(comparison)}`), screen.columns - outcome.length),
    ...reasonsOf(comparison).map((reason) => fit(clean(`  ${reason}`), screen.columns)),
    ...(shown.length === 0 ? [] : ['', paint(screen, 'dim', head)]),
    ...lines.map((line, i) => paint(screen, COLORS[shown[i]!.call], line)),
    ...footOf(comparison).map((line) => fit(clean(line), screen.columns)),
  ];
}

export function comparisonMarkdown(comparison: Comparison): string {
  const { outcome, signals } = comparison;
  const shown = signals.slice(0, ROWS_MAX);
  const mark = { pass: '✅', fail: '❌', inconclusive: '❔' }[outcome];
  const rows = shown.map((one) => [one.id, `${MARKS[one.call]} ${wordOf(one)}`, ...cellsOf(one).slice(1)]);
  return [
    `## ${mark} comparison: ${outcome}`,
    '',
    plain(headline(comparison), 600),
    '',
    ...reasonsOf(comparison).map((reason) => `- ${plain(reason, 400)}`),
    ...(shown.length === 0 ? [] : ['', ...plainTable(TITLES, rows)]),
    ...footOf(comparison).map((line) => plain(line, 600)),
    '',
  ].join('\n');
}

/** Letters of a cell: what is longer is a name. */
const CELL_MAX = 120;

/** Text of others in Markdown: on one line, and no markup. */
function plain(text: string, most: number): string {
  return markdownText(fit(clean(text), most, 'middle'));
}

export function plainTable(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = (row: readonly string[]): string[] => row.map((cell) => plain(cell, CELL_MAX));
  return markdownTable(cells(titles), rows.map(cells));
}

export function headline({ base, head, common }: Comparison): string {
  const side = (runs: Comparison['base']): string =>
    runs.length === 1 ? `run ${runs[0]!.id} of ${runs[0]!.start.slice(0, 16)}` : `${runs.length} runs up to ${lastOf(runs)}`;
  const over = common === null ? '' : `, over ${formatDuration(common.to - common.from)} of steady phase`;
  return `${side(head)} against ${side(base)}${over}`;
}

function lastOf(runs: Comparison['base']): string {
  return runs
    .map(({ start }) => start.slice(0, 16))
    .toSorted()
    .at(-1)!;
}

function reasonsOf({ reasons }: Comparison): string[] {
  const more = reasons.length - REASONS_MAX;
  return [...reasons.slice(0, REASONS_MAX), ...(more > 0 ? [`and ${more} more`] : [])];
}

function cellsOf(one: Compared): string[] {
  const { base, head, unit, change, slope } = one;
  return [
    wordOf(one),
    change === null ? UNKNOWN : changeOf(change.value, one),
    change === null ? UNKNOWN : `${changeOf(change.lo, one)} to ${changeOf(change.hi, one)}`,
    showValue(base, unit),
    showValue(head, unit),
    slope === null ? '' : growthOf(slope, unit),
  ];
}

export function wordOf({ call, severity }: Pick<Compared, 'call' | 'severity'>): string {
  return severity === 'warn' ? `${call} (warning)` : call;
}

/** Growth is told where it differs; that it cannot be told from none is the rule. */
function growthOf(slope: Change & { readonly call: Call }, unit: string): string {
  return slope.call === 'regressed' || slope.call === 'improved' ? showRate(slope.value, unit) : '';
}

/** `+12.3%`; of shares the difference in percentage points. */
export function changeOf(value: number, { as }: Pick<Compared, 'as'>): string {
  const text = (Math.abs(value) * 100).toFixed(as === 'share' ? 1 : 3);
  const sign = Number(text) === 0 ? '' : value < 0 ? '-' : '+';
  return `${sign}${text}${as === 'share' ? '%' : ' points'}`;
}

function footOf({ signals, only, tests, falseCalls }: Comparison): string[] {
  const most = signals.length - ROWS_MAX;
  return [
    ...(most > 0 ? ['', `and ${most} more signals`] : []),
    ...(only.base.length > 0 ? ['', `only in the base: ${named(only.base)}`] : []),
    ...(only.head.length > 0 ? ['', `only in the head: ${named(only.head)}`] : []),
    ...(tests > 0
      ? ['', `A call needs certainty over all ${tests} tests together: of runs of one build at most ${falseCalls * 100} % have any.`]
      : []),
  ];
}

function named(ids: readonly string[]): string {
  return ids.length > 6 ? `${ids.slice(0, 6).join(', ')} and ${ids.length - 6} more` : ids.join(', ');
}
