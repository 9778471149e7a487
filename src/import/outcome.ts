/**
 * The verdict on foreign data. What a run must show by itself (its own samples, memory and descriptors of every process) is not asked of a
 * file: the judged columns are all there is. That the program worked must be seen here as well, or vouched for.
 */
import { GATED_MAX } from '../analysis/gates.ts';
import type { Finding, Verdict } from '../analysis/verdict.ts';
import type { Column } from './columns.ts';
import type { Fed } from './feed.ts';

/** As for a run (contracts, "Outcome of a run"). */
const COVERAGE_MIN = 0.9;

/** Share of the time that the data covers, 0 to 1; null for a single row. */
export function coverageOf({ from, to, gapSeconds }: Fed): number | null {
  return to > from ? Math.max(0, 1 - gapSeconds / (to - from)) : null;
}

export function outcomeOfData(verdict: Verdict, fed: Fed, vouched: boolean): Verdict {
  const coverage = coverageOf(fed);
  const findings = [
    ...verdict.findings.filter(isOfData).map(withHint),
    ...uncovered(coverage),
    ...unjudged(fed),
    ...beyond(verdict, fed),
    ...unsaid(verdict, fed),
  ];
  const outcome = (['fail', 'inconclusive'] as const).find((one) => findings.some((finding) => finding.outcome === one)) ?? 'pass';
  const reasons = findings.filter((finding) => finding.outcome === outcome).map(({ why }) => why);
  const judged = verdict.series.filter((series) => series.gated && series.outcome === 'pass').length;
  const work = vouched ? 'that the program worked is your word' : 'and the work went on';
  if (outcome === 'pass') reasons.push(`${judged} judged series do not grow by as much as matters${vouched ? '; ' : ', '}${work}`);
  const left = fed.columns.filter(({ use }) => use === 'judged').length - GATED_MAX;
  if (left > 0) reasons.push(`${left} more series are advisory: at most ${GATED_MAX} decide; choose them with --only`);
  return { ...verdict, outcome, reasons, coverage, findings };
}

/** Findings of kind `target` are about what a run must sample, and `coverage` about its own samples. */
function isOfData({ kind }: Finding): boolean {
  return kind !== 'target' && kind !== 'coverage';
}

function withHint(finding: Finding): Finding {
  if (finding.kind !== 'work' || finding.evidence['signal'] !== null) return finding;
  const why =
    'nothing in the data shows that the program worked, and an idle program passes everything; name its load with --load, or vouch for it with --assume-work';
  return { ...finding, why };
}

function bare(kind: Finding['kind'], why: string, evidence: Finding['evidence'] = {}): Finding {
  return { id: `${kind}:data`, kind, outcome: 'inconclusive', target: null, series: [], from: null, to: null, why, evidence };
}

function uncovered(coverage: number | null): Finding[] {
  if (coverage === null || coverage >= COVERAGE_MIN) return [];
  const percent = Math.floor(coverage * 100);
  return [bare('coverage', `the data covers only ${percent} % of its time, and 90 % are needed`, { coverage })];
}

/** Growth in a column that would decide if fewer did: not a failure by the rules of a run, but no pass either. */
function beyond(verdict: Verdict, fed: Fed): Finding[] {
  const why = (name: string): string => `${name} grows and is beyond the ${GATED_MAX} series that decide; choose it with --only`;
  return growing(verdict, fed, ({ use }) => use === 'judged').map((id) => open(id, why(id)));
}

/** Growth in a count of errors of which nobody has said whether it is of a row or of all so far. */
function unsaid(verdict: Verdict, fed: Fed): Finding[] {
  const why = (name: string): string =>
    `${name} grows, and whether it counts the errors of each row or all so far is not said; say --kind COLUMN=gauge or --kind COLUMN=counter`;
  return growing(verdict, fed, ({ use, def }) => use === 'advisory' && def?.resource === 'errors').map((id) => open(id, why(id)));
}

/** Ids of the series that do not decide, would fail if they did, and are of such columns. */
function growing({ series }: Verdict, { columns }: Fed, isOne: (column: Column) => boolean): string[] {
  const own = new Set(columns.filter(isOne).map(({ field }) => JSON.stringify([field.metric, field.labels])));
  return series.filter((s) => !s.gated && s.outcome === 'fail' && own.has(JSON.stringify([s.metric, s.labels]))).map(({ id }) => id);
}

function open(id: string, why: string): Finding {
  return { ...bare('leak', why), id: `leak:${id}`, series: [id] };
}

function unjudged({ columns }: Fed): Finding[] {
  if (columns.some(({ use }) => use === 'judged')) return [];
  return [
    bare(
      'leak',
      'no column is one whose growth would be a leak; say what a column is with --kind COLUMN=memory, count, latency, gauge or counter',
    ),
  ];
}
