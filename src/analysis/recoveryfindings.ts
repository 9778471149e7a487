/** What is said of recoveries: of each disturbance what took how long to be back, and whether that broke a rule. */
import { formatDuration } from '../quantity.ts';
import { type Series, seriesLabel, type SeriesTable } from '../series.ts';
import type { Disturbance, Return } from './recovery.ts';
import { FAULT } from './recovery.ts';
import { type Rule, ruleApplies, violates } from './rules.ts';
import { clockTime } from './sentence.ts';

export interface RecoveryFinding {
  readonly name: string;
  readonly series: readonly Series[];
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly why: string;
  readonly from: number;
  readonly to: number | null;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

/** One for each disturbance that moved anything, and one for each rule that a recovery breaks or leaves open. */
export function recoveryFindings(
  disturbances: readonly Disturbance[],
  rules: readonly Rule[],
  { table, now, unfollowed }: { readonly table: SeriesTable; readonly now: number; readonly unfollowed: number },
): RecoveryFinding[] {
  const of = rules.filter(({ measure }) => measure.kind === 'recovery');
  return disturbances.flatMap((disturbance) => {
    const moved = disturbance.returns.filter(({ left }) => left);
    const told = moved.length === 0 ? [] : [measured(disturbance, moved, table, unfollowed)];
    return [...told, ...of.flatMap((rule) => demanded(rule, disturbance, moved, table, now))];
  });
}

function measured({ what, from, to }: Disturbance, moved: readonly Return[], table: SeriesTable, unfollowed: number): RecoveryFinding {
  const series = moved.map((one) => table.get(one.series));
  const parts = moved.map((one, i) => `${seriesLabel(series[i]!)} ${afterwards(one, to)}`);
  const longest = to === null || moved.some(({ back }) => back === null) ? null : Math.max(...moved.map(({ back }) => back! - to));
  return {
    name: `${what} ${clockTime(from)}`,
    series,
    outcome: 'pass',
    why: `${nameOf(what)} from ${clockTime(from)} ${to === null ? 'on' : `to ${clockTime(to)}`}: ${parts.join(', ')}${unfollowed === 0 ? '' : `; ${unfollowed} more signals are not followed`}`,
    from,
    to,
    evidence: { what, seconds: to === null ? null : to - from, recovery: longest },
  };
}

function nameOf(what: string): string {
  return what === FAULT ? 'the fault' : `the outage of ${what}`;
}

function afterwards({ back }: Return, to: number | null): string {
  if (back !== null && to !== null) return `was back ${back === to ? 'before its end' : `after ${formatDuration(back - to)}`}`;
  return to === null ? 'left what is normal' : 'has not been back since';
}

function demanded(rule: Rule, disturbance: Disturbance, moved: readonly Return[], table: SeriesTable, now: number): RecoveryFinding[] {
  const { what, from, to } = disturbance;
  return moved.flatMap((one): RecoveryFinding[] => {
    const series = table.get(one.series);
    if (!isAbout(rule, series)) return [];
    const taken = to === null ? null : (one.back ?? now) - to;
    const breaks = taken !== null && violates(rule, taken);
    if (one.back !== null && !breaks) return [];
    const outcome = breaks ? (rule.otherwise === 'warn' ? 'pass' : 'fail') : 'inconclusive';
    const lasted = taken === null ? 'is not over' : `took ${one.back === null ? 'at least ' : ''}${formatDuration(taken)}`;
    return [
      {
        name: `${rule.text} on ${seriesLabel(series)} ${clockTime(from)}`,
        series: [series],
        outcome,
        why: `${seriesLabel(series)}: the recovery from ${nameOf(what)} at ${clockTime(from)} ${lasted}${breaks ? ', which breaks' : '; open is'} the rule ${rule.text}`,
        from,
        to,
        evidence: { rule: rule.text, recovery: one.back === null ? null : taken, otherwise: rule.otherwise },
      },
    ];
  });
}

function isAbout(rule: Rule, series: Series): boolean {
  return ruleApplies(rule.metric === null ? { ...rule, metric: series.def.name } : rule, series);
}
