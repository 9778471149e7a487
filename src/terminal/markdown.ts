/** A verdict as Markdown for the summary of a CI job: the outcome, why, and what was judged, within the size that such pages take. */
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { parseRfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import { showRange, showRate, showValue, UNKNOWN } from '../views/quantities.ts';
import { clean, fit } from './clean.ts';

/** A job summary of GitHub takes 1 MiB, a note of GitLab 1,000,000 letters: 60 rows of at most 700 letters are 42 kB. */
const ROWS_MAX = 60;
const LINES_MAX = 20;
const CELL_MAX = 120;
const SENTENCE_MAX = 600;

const MARKS = { pass: '✅', fail: '❌', inconclusive: '❔' } as const;

export function verdictMarkdown(verdict: Verdict): string {
  const judged = verdict.series.filter(({ gated, outcome }) => gated || outcome === 'fail');
  const told = new Set(verdict.reasons);
  const findings = verdict.findings.filter(({ why, outcome }) => outcome !== 'pass' && !told.has(why)).map(({ why }) => why);
  return [
    `## ${MARKS[verdict.outcome]} soak: ${verdict.outcome}${lengthOf(verdict)}`,
    '',
    ...listOf(verdict.reasons),
    ...(judged.length === 0 ? [] : ['', ...tableOf(judged)]),
    ...(findings.length === 0 ? [] : ['', '### Findings', '', ...listOf(findings)]),
    '',
    `run ${plain(verdict.run.id, CELL_MAX)}, soak-agent ${plain(verdict.run.agent, CELL_MAX)}${coverageOf(verdict)}`,
    '',
  ].join('\n');
}

function lengthOf({ run }: Verdict): string {
  const seconds = (parseRfc3339(run.end ?? '') ?? Number.NaN) - (parseRfc3339(run.start) ?? Number.NaN);
  return Number.isFinite(seconds) ? ` after ${formatDuration(Math.max(0, seconds))}` : ' so far';
}

function coverageOf({ coverage }: Verdict): string {
  return coverage === null ? '' : `, ${Math.floor(coverage * 100)} % of the samples taken`;
}

function listOf(sentences: readonly string[]): string[] {
  const more = sentences.length - LINES_MAX;
  return [...sentences.slice(0, LINES_MAX).map((text) => `- ${plain(text, SENTENCE_MAX)}`), ...(more > 0 ? [`- and ${more} more`] : [])];
}

function tableOf(series: readonly VerdictSeries[]): string[] {
  const rank = { fail: 0, inconclusive: 1, pass: 2 } as const;
  const ordered = series.toSorted((a, b) => rank[a.outcome] - rank[b.outcome]);
  const rows = ordered
    .slice(0, ROWS_MAX)
    .map((s) => [
      `${MARKS[s.outcome]} ${s.outcome}`,
      s.id,
      showValue(s.level, s.unit),
      s.slope === null ? UNKNOWN : showRate(s.slope.perHour, s.unit),
      s.slope === null ? UNKNOWN : showRange(s.slope.lo, s.slope.hi, s.unit),
      s.limit === null ? '' : showValue(s.limit.value, s.unit),
    ]);
  const more = ordered.length - rows.length;
  return [
    ...markdownTable([['', 'signal', 'level', 'growth', '95 % interval', 'limit'], ...rows]),
    ...(more > 0 ? ['', `and ${more} more`] : []),
  ];
}

/** The first row is the head. */
export function markdownTable(rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => plain(cell, CELL_MAX)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...body.map((cells) => line(cells))];
}

/** Letters that Markdown, the HTML within it, or a mention of somebody could be made of. */
const MEANT = /[\\`*_{}[\]<>#+!|~&@$]/g;

/** Text of others: what could be markup is shown as it is, on one line. */
export function plain(text: string, most: number): string {
  return fit(clean(text), most, 'middle').replaceAll(MEANT, (letter) => `\\${letter}`);
}
