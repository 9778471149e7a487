/** Findings as people read them: a title, what stands behind it, what to do next, and an address that stays the same. */
import type { Finding, Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { clockTime } from '../analysis/sentence.ts';
import { parseRfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import { showRate, showValue } from '../views/quantities.ts';
import { anchorOf, plainData, plainSentence } from './plain.ts';
import { settleOf, stepsOf } from './steps.ts';
import type { Report, ReportedFinding } from './value.ts';

/** More than anybody reads; each blind signal and each broken rule is one. */
const FINDINGS_MAX = 200;

/** Signals drawn with a finding. */
const SIGNALS_MAX = 12;

const ORDER = { fail: 0, inconclusive: 1, pass: 2 } as const;

/** Seconds since the Unix epoch: when the run began, and how far it is known. */
export interface Span {
  readonly start: number;
  readonly now: number;
}

/** @param indexOf index of a series in the signals of the report, by its id in the verdict */
export function reportedFindings(
  { findings, series, run }: Verdict,
  indexOf: ReadonlyMap<string, number>,
  span: Span,
): { list: ReportedFinding[]; left: number } {
  const byId = new Map(series.map((one) => [one.id, one]));
  const ordered = inOrder(findings);
  const list = ordered.slice(0, FINDINGS_MAX).map((finding): ReportedFinding => {
    const own = finding.series.flatMap((id) => byId.get(id) ?? []);
    const lead = finding.series[0] === own[0]?.id ? (own[0] ?? null) : null;
    const settle = settleOf(finding, lead, run.planned);
    return {
      ...plainData(finding),
      anchor: anchorOf(finding.id),
      title: plainSentence(titleOf(finding, lead, own, span)),
      signals: finding.series.flatMap((id) => indexOf.get(id) ?? []).slice(0, SIGNALS_MAX),
      settle: settle === null ? null : plainSentence(settle),
      steps: stepsOf(finding, lead),
    };
  });
  return { list, left: ordered.length - list.length };
}

/** What failed first: it must not be what is left out. */
export function inOrder(findings: Verdict['findings']): Finding[] {
  return findings.toSorted((a, b) => ORDER[a.outcome] - ORDER[b.outcome]);
}

/** What, how fast, since when, and for how long it can go on: the chart and the sentence beside it have the rest. */
function titleOf({ kind, outcome, why }: Finding, lead: VerdictSeries | null, own: readonly VerdictSeries[], span: Span): string {
  if (kind !== 'leak' || lead === null) return why.split('; ')[0] ?? why;
  const { id, slope, grade, unit, onset } = lead;
  if (slope !== null && outcome === 'fail') {
    const since = onset === null ? '' : ` since ${clockTime(secondsOf(onset.at) - span.start)}`;
    return `${id} grows ${showRate(slope.perHour, unit)}${since}${reachOf(lead, own, span)}`;
  }
  if (slope !== null && slope.lo > 0 && grade === 'suspected')
    return `${id} may be leaking ${showRate(slope.perHour, unit)}, which is not confirmed yet`;
  return outcome === 'inconclusive' ? `${id}: whether it grows cannot be told yet` : (why.split('; ')[0] ?? why);
}

/** The limit that is reached first, of whatever grows together. */
function reachOf(lead: VerdictSeries, own: readonly VerdictSeries[], { now }: Span): string {
  const away = ({ level, limit, exhaustion }: VerdictSeries): number => {
    if (limit !== null && level !== null && level >= limit.value) return 0;
    return exhaustion === null ? Infinity : Math.max(0, secondsOf(exhaustion.at) - now);
  };
  const first = own.toSorted((a, b) => away(a) - away(b))[0];
  if (first === undefined || first.limit === null || away(first) === Infinity) return '';
  const who = first === lead ? 'it' : first.id;
  const limit = `its limit of ${showValue(first.limit.value, first.unit)}`;
  return away(first) === 0 ? `; ${who} has reached ${limit}` : `; ${who} reaches ${limit} in ${formatDuration(away(first))}`;
}

/** The verdict in one sentence. */
export function sentenceOf(
  outcome: Verdict['outcome'],
  reasons: readonly string[],
  findings: readonly ReportedFinding[],
  run: Report['run'],
): string {
  const own = findings.filter((finding) => finding.outcome === outcome && outcome !== 'pass');
  const after = run.t > 0 ? ` after ${formatDuration(run.t)}` : '';
  const first = own[0]?.title ?? reasons[0] ?? 'nothing was judged yet';
  const more = own.length > 1 ? `, and ${own.length - 1} more ${own.length === 2 ? 'finding' : 'findings'}` : '';
  return `${WORDS[outcome][run.state === 'running' ? 'soFar' : 'final']}${after}: ${plainSentence(first)}${more}.`;
}

const WORDS = {
  fail: { final: 'Failed', soFar: 'Failing so far' },
  inconclusive: { final: 'Inconclusive', soFar: 'Not settled yet' },
  pass: { final: 'Passed', soFar: 'Good so far' },
} as const;

function secondsOf(at: string): number {
  return parseRfc3339(at) ?? NaN;
}
