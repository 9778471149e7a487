/** What the judge is told, from the configuration of a run that begins or from the record of one that is judged again. */
import { isDeepStrictEqual } from 'node:util';
import type { JudgeOptions } from './analysis/judgement.ts';
import { parseRule } from './analysis/ruleparser.ts';
import type { Catalog } from './catalog.ts';
import type { Config, JudgeOverrides } from './config/config.ts';
import { type DeclaredGauges, findMetric, gaugeLimits } from './gauges.ts';
import { type Declared, type DeclaredLimit, signalLimits } from './intake/signals-metric.ts';

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

/** Of what a stored run is to be judged by, what it was not judged by already. */
export function unlikeRecorded(overrides: JudgeOverrides, config: unknown): JudgeOverrides {
  const stored = config as StoredLimits & Readonly<Record<keyof JudgeOverrides, unknown>>;
  const declared = declaredLimits(stored);
  const isOther = ([name, value]: [string, unknown]): boolean => {
    if (name !== 'rules') return !isDeepStrictEqual(value, stored[name as keyof JudgeOverrides]);
    const given = (value as Config['rules']).map(({ text }) => text);
    // Options name the rules of a run without the limits that its gauges and signals declare.
    return ![stored.rules, stored.rules.filter((text) => !declared.has(text))].some((rules) => isDeepStrictEqual(given, rules));
  };
  return Object.fromEntries(Object.entries(overrides).filter(isOther));
}

interface StoredLimits {
  readonly rules: readonly string[];
  readonly servers?: readonly DeclaredGauges[];
  readonly signals?: readonly DeclaredLimit[];
}

function declaredLimits({ servers = [], signals = [] }: StoredLimits): Set<string> {
  return new Set([...servers.flatMap(gaugeLimits), ...signals.flatMap(signalLimits)]);
}
