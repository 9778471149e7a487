/**
 * The verdict on foreign data. What a run must show by itself (its own samples, memory and descriptors of every process) is not asked of a
 * file: the judged columns are all there is. That the program worked must be seen here as well, or vouched for.
 */
import { GATED_MAX } from '../analysis/gates.ts';
import type { Finding, Verdict, VerdictSeries } from '../analysis/verdict.ts';
import type { Column } from './columns.ts';
import { coverageOf, COVERAGE_MIN } from './coverage.ts';
import type { Dataset } from './dataset.ts';
import { type Doubt, doubtsOf } from './doubts.ts';
import type { Fed } from './feed.ts';

interface Given {
  readonly dataset: Pick<Dataset, 'axis' | 'ends'>;
  /** That the program worked is the user's word. */
  readonly vouched: boolean;
}

export function outcomeOfData(given: Verdict, fed: Fed, { dataset, vouched }: Given): Verdict {
  const coverage = coverageOf(fed);
  const doubts = doubtsOf(fed, dataset);
  // Work across such a gap is not steady, which says nothing of the program.
  const isTorn = doubts.some(({ about, kind }) => kind === 'coverage' && about === 'data');
  const own = given.findings.filter((finding) => isOfData(finding) && !(isTorn && finding.kind === 'work'));
  const verdict = doubted({ ...given, findings: own }, doubts);
  const findings = [
    ...verdict.findings.map(withHint),
    ...(isTorn ? [] : uncovered(coverage)),
    ...unjudged(given, fed),
    ...beyond(verdict, fed),
    ...unsaid(verdict, fed),
  ];
  const outcome = (['fail', 'inconclusive'] as const).find((one) => findings.some((finding) => finding.outcome === one)) ?? 'pass';
  const reasons = findings.filter((finding) => finding.outcome === outcome).map(({ why }) => why);
  const judged = verdict.series.filter((series) => series.gated && series.outcome === 'pass').length;
  const verb = judged === 1 ? 'does' : 'do';
  const work = vouched ? 'that the program worked is your word' : 'and the work went on';
  if (outcome === 'pass') reasons.push(`${judged} judged series ${verb} not grow by as much as matters${vouched ? '; ' : ', '}${work}`);
  const left = fed.columns.filter(({ use }) => use === 'judged').length - GATED_MAX;
  if (left > 0) reasons.push(`${left} more series are advisory: at most ${GATED_MAX} decide; choose them with --only`);
  return { ...verdict, outcome, reasons, coverage, findings };
}

/** A series in doubt does not pass, and its doubt takes the place of what else was open: a longer run would not settle it. What fails still fails. */
function doubted(verdict: Verdict, doubts: readonly Doubt[]): Verdict {
  const why = new Map(doubts.flatMap((doubt) => doubt.columns.map(({ field }) => [keyOf(field), doubt.why] as const)));
  const series = verdict.series.map((one): Verdict['series'][number] => {
    const doubt = why.get(keyOf(one));
    if (doubt === undefined || one.outcome === 'fail' || !one.gated) return one;
    return { ...one, outcome: 'inconclusive', hoursToSettle: null, why: doubt };
  });
  const held = new Set(verdict.series.flatMap((one) => (why.has(keyOf(one)) ? [one.id] : [])));
  const isOpen = ({ kind, outcome, series: own }: Finding): boolean =>
    kind === 'leak' && outcome === 'inconclusive' && own.length > 0 && own.every((id) => held.has(id));
  const found = doubts.map((doubt): Finding => {
    const keys = new Set(doubt.columns.map(({ field }) => keyOf(field)));
    const own = verdict.series.filter((one) => keys.has(keyOf(one))).map(({ id }) => id);
    return { ...bare(doubt.kind, doubt.why, doubt.evidence), id: `${doubt.kind}:${doubt.about}`, series: own };
  });
  return { ...verdict, series, findings: [...verdict.findings.filter((finding) => !isOpen(finding)), ...found] };
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

/** A series of the verdict and its column in one word. */
function keyOf({ metric, labels }: Pick<VerdictSeries, 'metric' | 'labels'>): string {
  return JSON.stringify([metric, labels]);
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
  const own = new Set(columns.filter(isOne).map(({ field }) => keyOf(field)));
  return series.filter((s) => !s.gated && s.outcome === 'fail' && own.has(keyOf(s))).map(({ id }) => id);
}

function open(id: string, why: string): Finding {
  return { ...bare('leak', why), id: `leak:${id}`, series: [id] };
}

function unjudged({ series }: Verdict, { columns, last }: Fed): Finding[] {
  const judged = columns.filter(({ use }) => use === 'judged');
  // Each without a value has a finding of its own.
  const empty = columns.some(({ use }, i) => use === 'judged' && Number.isNaN(last[i]!));
  if (judged.length > 0 && (empty || series.some(({ gated }) => gated))) return [];
  return [
    bare(
      'leak',
      judged.length > 0
        ? 'no series was judged'
        : 'no column is one whose growth would be a leak; say what a column is with --kind COLUMN=memory, count, latency, gauge or counter',
    ),
  ];
}
