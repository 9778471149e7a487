/** What the judge is told, from the configuration of a run that begins or from the record of one that is judged again. */
import type { JudgeOptions } from './analysis/judgement.ts';
import { parseRule } from './analysis/ruleparser.ts';
import type { Catalog } from './catalog.ts';
import type { Config } from './config/config.ts';
import { findMetric } from './gauges.ts';
import type { Declared } from './intake/signals-metric.ts';

type Judging = Pick<Config, 'mustLive' | 'duration' | 'warmup' | 'rules' | 'required' | 'interval'> & {
  readonly targets: readonly { readonly role: string; readonly load?: boolean }[];
};

export function judgeOptions({ mustLive, duration, warmup, rules, required, interval, targets }: Judging): JudgeOptions {
  const generators = targets.filter(({ load }) => load === true).map(({ role }) => role);
  return { generators, requiredLifetime: mustLive, plannedEnd: duration, warmup, rules, required, interval };
}

/** What the run was judged by: `redactedConfig` of the configuration, in which a rule is its text. Throws `RULE` for a rule of another version. */
export function storedJudging(config: unknown, catalog: Catalog): Judging {
  // Records of before there were signals have none.
  const stored = config as Omit<Judging, 'rules'> & { readonly rules: readonly string[]; readonly signals?: readonly Declared[] };
  return { ...stored, rules: stored.rules.map((text) => parseRule(text, findMetric(catalog, stored.signals))) };
}
