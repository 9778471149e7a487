/** What was found: what failed, what is open and what would settle it, notes, and what passed, folded. */
import type { VerdictSeries } from '../analysis/verdict.ts';
import type { Report, ReportedFinding, Signal } from '../report/value.ts';
import { clockTime } from '../analysis/sentence.ts';
import { showValue } from '../views/quantities.ts';
import { type Child, facts, h, table } from './dom.ts';
import { isLimitNear } from './extent.ts';
import { figureOf } from './figures.ts';
import { signalPlot } from './plot.ts';
import { secondsOf } from './instants.ts';
import { exhaustionOf, growthOf, labelOf, limitOf, OUTCOMES, perRequestOf } from './words.ts';

/** Pixels. */
const LEAD = 260;
const OTHER = 110;

export type Now = () => Report;

export function findingSections(now: Now): HTMLElement[] {
  const { findings } = now();
  const of = (outcome: ReportedFinding['outcome']): ReportedFinding[] => findings.filter((finding) => finding.outcome === outcome);
  return [
    section('failed', 'Failed', of('fail'), now),
    section('inconclusive', 'Inconclusive', of('inconclusive'), now),
    notes(of('pass'), now),
    passed(now),
    leftOut(now().left.findings),
  ].filter((one) => one !== null);
}

/** The least of them: findings come in the order of their weight. */
function leftOut(count: number): HTMLElement | null {
  return count === 0 ? null : h('p', { class: 'dim' }, `and ${count} more findings, which have no room here; verdict.json has them all`);
}

function section(id: string, title: string, findings: readonly ReportedFinding[], now: Now): HTMLElement | null {
  if (findings.length === 0) return null;
  return h(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, `${title} (${findings.length})`),
    ...findings.map((finding) => article(finding, now)),
  );
}

function notes(findings: readonly ReportedFinding[], now: Now): HTMLElement | null {
  if (findings.length === 0) return null;
  return h(
    'details',
    { id: 'notes', class: 'fold' },
    h('summary', {}, h('h2', {}, `Worth a word (${findings.length})`)),
    ...findings.map((one) => article(one, now)),
  );
}

function article(finding: ReportedFinding, now: Now): HTMLElement {
  const report = now();
  const signals = finding.signals.flatMap((index) => report.signals[index] ?? []);
  const [lead, ...others] = signals;
  const judged = lead === undefined ? null : judgedOf(lead, report);
  return h(
    'article',
    { id: finding.anchor, class: `finding ${finding.outcome}` },
    h(
      'h3',
      {},
      h('span', { class: `badge ${finding.outcome}` }, finding.outcome === 'pass' ? 'note' : OUTCOMES[finding.outcome]),
      ' ',
      finding.title,
      ' ',
      h('a', { class: 'anchor', href: `#${finding.anchor}`, 'aria-label': `Link to: ${finding.title}` }, '#'),
    ),
    lead ? figureOf(`${lead.id}: ${lead.help}`, labelOf(lead, judged), LEAD, () => signalPlot(now, lead.anchor, true)) : null,
    lead ? legend(lead) : null,
    h('p', { class: 'why' }, finding.why),
    finding.settle === null ? null : h('p', { class: 'settle' }, h('strong', {}, 'What would settle it: '), finding.settle),
    steps(finding),
    judged ? judgedFacts(judged, lead!, report) : null,
    evidence(finding),
    moving(lead, others, now),
  );
}

function judgedOf(signal: Signal, { verdict }: Report): VerdictSeries | null {
  return signal.judged === null ? null : (verdict.series[signal.judged] ?? null);
}

function steps({ steps: list, outcome }: ReportedFinding): Child {
  if (list.length === 0 || outcome === 'inconclusive') return null;
  return h('div', { class: 'steps' }, h('strong', {}, 'Next'), h('ol', {}, ...list.map((step) => h('li', {}, step))));
}

/** What the judgement looks at: of a sawtooth what is never given back. */
const STREAMS: Readonly<Record<string, string>> = { floor: 'lowest values', lows: 'lowest values', cycles: 'means of cycles' };

/** Only what is drawn. */
function legend(signal: Signal): HTMLElement {
  const { chart, fit, restarts } = signal;
  const entry = (kind: string, text: string): Child => h('span', { class: `key ${kind}` }, text);
  return h(
    'p',
    { class: 'legend' },
    entry('line', 'mean'),
    chart.min === null ? null : entry('band', 'lowest to highest'),
    fit ? entry('fit', `fit of the ${STREAMS[fit.stream] ?? 'means'}, with where 95 % of them lie`) : null,
    fit?.forecast ? entry('forecast', 'forecast with the interval of the slope') : null,
    limitEntry(signal),
    fit?.onset ? entry('onset', 'onset') : null,
    restarts.length > 0 ? entry('restart', 'restart') : null,
    fit && fit.from > 0 ? entry('shade', 'warm-up and phases that are not judged') : null,
  );
}

/** Where a limit is too far away to be drawn, it is said. */
function limitEntry(signal: Signal): Child {
  const limit = signal.limits.at(-1)?.value;
  if (limit === undefined) return null;
  if (isLimitNear(signal, true)) return h('span', { class: 'key limit' }, 'limit');
  return h('span', {}, `limit ${showValue(limit, signal.unit)}, above this chart`);
}

function judgedFacts(judged: VerdictSeries, { fit }: Signal, report: Report): Child {
  const since = judged.onset === null ? '' : clockTime(secondsOf(judged.onset.at) - report.run.start);
  return facts([
    ['Growth', growthOf(judged)],
    ['Per request', perRequestOf(judged)],
    ['Level', judged.level === null ? '' : showValue(judged.level, judged.unit)],
    ['Since', since],
    ['Limit', limitOf(judged)],
    ['Limit reached', exhaustionOf(judged, report)],
    [
      'Grade',
      judged.gradeHistory.length === 0
        ? judged.grade
        : judged.gradeHistory.map(({ grade, at }) => `${grade} ${clockTime(secondsOf(at) - report.run.start)}`).join(', '),
    ],
    ['What leaks', judged.class ?? ''],
    [
      'Judged on',
      fit === null
        ? ''
        : `${fit.points} points from ${clockTime(fit.from)} to ${clockTime(fit.to)}${fit.lives > 1 ? `, over ${fit.lives} lives` : ''}`,
    ],
    ['Shapes', fit === null ? '' : fit.shapes.map(({ kind, weight }) => `${kind} ${Math.round(weight * 100)} %`).join(', ')],
  ]);
}

function evidence({ evidence: known }: ReportedFinding): Child {
  const rows = Object.entries(known).filter(([, value]) => value !== null);
  if (rows.length === 0) return null;
  return h('details', {}, h('summary', {}, 'Evidence'), facts(rows.map(([name, value]) => [name, String(value)] as const)));
}

function moving(lead: Signal | undefined, others: readonly Signal[], now: Now): Child {
  if (lead === undefined || others.length === 0) return null;
  return h(
    'div',
    { class: 'moving' },
    h('h4', {}, `Grows with it (${others.length}); ${lead.id} leads`),
    h(
      'div',
      { class: 'grid wide' },
      ...others.map((one) => figureOf(one.id, labelOf(one, judgedOf(one, now())), OTHER, () => signalPlot(now, one.anchor, false))),
    ),
  );
}

/** Folded, because nobody needs to act on it. */
function passed(now: Now): HTMLElement | null {
  const report = now();
  const good = report.verdict.series.filter((one) => one.gated && one.outcome === 'pass');
  const open = report.verdict.series.filter((one) => one.gated && one.outcome === 'inconclusive');
  const row = (one: VerdictSeries): Child[] => {
    const signal = report.signals.find(({ judged }) => judged !== null && report.verdict.series[judged] === one);
    const name = signal ? h('a', { href: `#signal-${signal.anchor}` }, one.id) : one.id;
    return [name, one.level === null ? '' : showValue(one.level, one.unit), growthOf(one), one.outcome, one.why];
  };
  const titles = ['signal', 'level', 'growth', 'outcome', 'why'];
  if (good.length + open.length === 0) return null;
  return h(
    'details',
    { id: 'passed', class: 'fold' },
    h('summary', {}, h('h2', {}, `Passed (${good.length})${open.length > 0 ? `, and gated signals that stay open (${open.length})` : ''}`)),
    table('Gated signals that passed or stay open', titles, [...good, ...open].map(row)),
  );
}
