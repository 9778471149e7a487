/** Rules on what the judgement says of a series: how fast it grows by the hour or by the request, and how long until its limit. */
import type { SeriesJudgement } from './judgement.ts';
import { type Rule, ruleApplies, violates } from './rules.ts';
import type { Work } from './work.ts';

export interface JudgedRule {
  readonly rule: Rule;
  readonly judged: SeriesJudgement;
  /** `fail`: all of what it may be breaks the rule. `inconclusive`: some of it does, or nothing is known. */
  readonly outcome: 'fail' | 'inconclusive';
  /** What it may be, in the unit of the rule; null: nothing is known, and why. */
  readonly range: { readonly lo: number; readonly hi: number } | null;
  readonly unknown: string;
}

/** Those that do not hold for certain. */
export function judgedRules(rules: readonly Rule[], series: readonly SeriesJudgement[], work: ReadonlyMap<string, Work>): JudgedRule[] {
  return rules.filter(isOfJudgement).flatMap((rule) =>
    series.flatMap((judged): JudgedRule[] => {
      if (!ruleApplies(rule, judged.series)) return [];
      const range = rangeOf(rule, judged, work);
      if (typeof range === 'string') return [{ rule, judged, outcome: 'inconclusive', range: null, unknown: range }];
      const broken = [range.lo, range.hi].filter((value) => violates(rule, value)).length;
      return broken === 0 ? [] : [{ rule, judged, outcome: broken === 2 ? 'fail' : 'inconclusive', range, unknown: '' }];
    }),
  );
}

export function isOfJudgement({ measure: { kind } }: Rule): boolean {
  return kind === 'slope' || kind === 'slope_per_request' || kind === 'exhaustion';
}

/** What the measure may be, or why that is not known. */
function rangeOf({ measure }: Rule, judged: SeriesJudgement, work: ReadonlyMap<string, Work>): { lo: number; hi: number } | string {
  const { slope, limit, exhaustion, judged: span, series } = judged;
  if (slope === null) return 'too little has been seen of it';
  if (measure.kind === 'slope') return slope;
  if (measure.kind === 'slope_per_request') {
    const requests = series.target === null ? null : (work.get(series.target)?.requestsPerHour ?? null);
    return requests === null ? 'requests to it are not counted' : { lo: slope.lo / requests, hi: slope.hi / requests };
  }
  if (limit === null) return 'no limit of it is known';
  if (exhaustion === null || span === null) return { lo: Infinity, hi: Infinity };
  return { lo: Math.max(0, exhaustion.lo - span.to), hi: exhaustion.hi === null ? Infinity : Math.max(0, exhaustion.hi - span.to) };
}
