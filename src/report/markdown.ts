/** The report as Markdown, as a job summary takes it: GitHub's flavour, no pictures, and never longer than one may be. */
import { formatDuration } from '../quantity.ts';
import type { VerdictSeries } from '../analysis/verdict.ts';
import { showRange, showRate, showValue } from '../views/quantities.ts';
import { sparkline } from '../views/sparkline.ts';
import { markdownTable, markdownText as text } from './markdowntext.ts';
import type { Report, ReportedFinding } from './value.ts';

/** GitHub refuses a step's summary above 1 MiB, and a job may have other summaries in the same file: half of it, in bytes. */
export const MARKDOWN_MAX = 512 * 1024;

/** Findings told at length; the others are one line each. */
const AT_LENGTH = 20;

/** Rows of the table of what passed. */
const ROWS_MAX = 100;

/** Characters of a curve. */
const CURVE = 32;

const HEADS = { fail: '❌ Failed', inconclusive: '❔ Inconclusive', pass: '✅ Passed' } as const;

export function markdownOf(report: Report): string {
  const { run, verdict, findings } = report;
  const of = (outcome: ReportedFinding['outcome']): ReportedFinding[] => findings.filter((finding) => finding.outcome === outcome);
  const parts = [
    `## ${HEADS[verdict.outcome]}${run.state === 'running' ? ' so far' : ''}: soak run ${text(run.id)}\n`,
    `${text(report.sentence)}\n`,
    `${about(report)}\n`,
    ...of('fail').map((one, i) => findingText(one, i, report)),
    ...of('inconclusive').map((one, i) => findingText(one, i, report)),
    notes(of('pass')),
    passed(report),
    blind(report),
    ending(report),
  ];
  return within(
    parts.filter((part) => part !== ''),
    MARKDOWN_MAX,
  );
}

/** Whole parts only: half a table or an open fold would swallow what others write after it. */
function within(parts: readonly string[], most: number): string {
  const left = '\n_More does not fit here; the report of the run has it all._\n';
  let size = Buffer.byteLength(left);
  const kept: string[] = [];
  for (const part of parts) {
    size += Buffer.byteLength(part) + 1;
    if (size > most) return `${kept.join('\n')}${left}`;
    kept.push(part);
  }
  return kept.join('\n');
}

function about({ run, verdict, timeline }: Report): string {
  const coverage = verdict.coverage === null ? 'no sample' : `${Math.floor(verdict.coverage * 100)} % of the samples taken`;
  const gaps = timeline.gaps.length === 0 ? '' : `, ${timeline.gaps.length} ${timeline.gaps.length === 1 ? 'gap' : 'gaps'}`;
  const work = verdict.work.steady ? 'work went on to the end' : 'no steady work to the end';
  return `${formatDuration(run.t)} from ${text(verdict.run.start)}; ${coverage}${gaps}; ${work}.`;
}

function findingText(finding: ReportedFinding, index: number, report: Report): string {
  const head = finding.outcome === 'fail' ? '❌' : '❔';
  if (index >= AT_LENGTH) return `- ${head} ${text(finding.title)}\n`;
  const signal = report.signals[finding.signals[0] ?? -1];
  const judged = signal?.judged === null || signal === undefined ? null : (report.verdict.series[signal.judged] ?? null);
  const curve = signal ? `${code(sparkline(signal.chart.mean, CURVE))} ${code(signal.id)}\n` : '';
  return [
    `### ${head} ${text(finding.title)}\n`,
    curve,
    `${text(finding.why)}\n`,
    finding.settle === null ? '' : `**What would settle it:** ${text(finding.settle)}\n`,
    judged === null ? '' : `${figures(judged)}\n`,
    finding.outcome === 'inconclusive' || finding.steps.length === 0
      ? ''
      : `${finding.steps.map((step, i) => `${i + 1}. ${text(step)}`).join('\n')}\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function figures({ slope, perRequest, level, limit, unit }: VerdictSeries): string {
  const cells: (readonly [string, string])[] = [
    ['growth', slope === null ? '' : `${showRate(slope.perHour, unit)} (${showRange(slope.lo, slope.hi, unit)})`],
    ['per 1000 requests', perRequest === null || slope === null || slope.lo <= 0 ? '' : showValue(perRequest * 1000, unit)],
    ['level', level === null ? '' : showValue(level, unit)],
    ['limit', limit === null ? '' : `${showValue(limit.value, unit)} (${limit.from})`],
  ];
  const known = cells.filter(([, value]) => value !== '');
  return markdownTable(
    known.map(([name]) => name),
    [known.map(([, value]) => text(value))],
  ).join('\n');
}

function notes(findings: readonly ReportedFinding[]): string {
  return findings.length === 0 ? '' : fold(`Worth a word (${findings.length})`, findings.map(({ why }) => `- ${text(why)}`).join('\n'));
}

function passed({ verdict, signals }: Report): string {
  const good = verdict.series.filter(({ gated, outcome }) => gated && outcome === 'pass');
  if (good.length === 0) return '';
  const curves = new Map(signals.map(({ id, chart }) => [id, chart.mean]));
  const cells = good
    .slice(0, ROWS_MAX)
    .map(({ id, level, slope, unit }) => [
      code(id),
      showValue(level, unit),
      slope === null ? '' : `${showRate(slope.perHour, unit)} (${showRange(slope.lo, slope.hi, unit)})`,
      code(sparkline(curves.get(id) ?? [], CURVE)),
    ]);
  const more = good.length > ROWS_MAX ? `\nand ${good.length - ROWS_MAX} more` : '';
  return fold(`Passed (${good.length})`, `${markdownTable(['signal', 'level', 'growth', 'course'], cells).join('\n')}${more}`);
}

function blind({ verdict }: Report): string {
  if (verdict.blind.length === 0) return '';
  const groups = [...Map.groupBy(verdict.blind, ({ target, reason }) => JSON.stringify([target, reason])).values()];
  const lines = groups.map(
    (alike) => `- ${text(alike[0]!.target ?? 'host')}: ${alike.map(({ metric }) => text(metric)).join(', ')}: ${text(alike[0]!.reason)}`,
  );
  return fold(`Not readable (${verdict.blind.length})`, lines.join('\n'));
}

function ending({ reproduce, cost, run }: Report): string {
  const used = cost.map(({ name, value, unit }) => `${name} ${showValue(value, unit)}`).join(', ');
  const lines = [
    ...(used === '' ? [] : [`What watching cost: ${text(used)}.`]),
    ...run.notes.map((note) => `${text(note)}.`),
    'The same verdict again:',
    ...reproduce.map((line) => `    ${line}`),
  ];
  return `${lines.slice(0, -reproduce.length).join('\n\n')}\n\n${lines.slice(-reproduce.length).join('\n')}\n`;
}

function fold(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>\n`;
}

/** A name as it is, in the letters of a machine. */
function code(name: string): string {
  return name === '' ? '' : `<code>${text(name)}</code>`;
}
