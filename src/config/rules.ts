/** Rules as they are configured: a line, or a map as k6 has its thresholds, where `http_req_duration: p(95)<500` is one without quotes. */
import type { Rule } from '../analysis/rules.ts';
import { parseRule } from '../analysis/ruleparser.ts';
import type { Catalog, MetricDef } from '../catalog.ts';
import { findMetric, gaugeName } from '../gauges.ts';
import { PRESET_SIGNALS } from '../intake/presets.ts';
import { signalName } from '../intake/signals-metric.ts';
import type { SignalSpec } from '../intake/signals-spec.ts';
import type { ServerSpec } from '../servers.ts';
import { signalRules } from './signals.ts';
import type { Faults, Given } from './faults.ts';
import { Problem } from '../problem.ts';
import { didYouMean, nearest } from './nearest.ts';
import { gaugeRules } from './servers.ts';
import type { Settings } from './settings.ts';
import { presetRules, PRESETS } from './presets.ts';

/** Whom a rule can be about. */
export interface Watched {
  /** Of roles, servers and pages. */
  readonly names: readonly string[];
  readonly servers: readonly ServerSpec[];
  readonly signals: readonly SignalSpec[];
}

/** Keys of a threshold of k6 that is a map. */
export const THRESHOLD_KEYS = ['threshold', 'abortOnFail', 'delayAbortEval'] as const;

/** @param watched null when only the stored run knows */
export function buildRules(settings: Settings, catalog: Pick<Catalog, 'find' | 'all'>, faults: Faults, watched: Watched | null): Rule[] {
  const find = findMetric(catalog, watched?.signals);
  const parse = (text: string): Rule => parseRule(text, find);
  const given = settings
    .list('rule')
    .flatMap(lines)
    .flatMap((one) => {
      const rule = faults.attempt(one, (text) => parseGiven(text, find, catalog));
      if (rule && watched) checkRule(rule, one, watched, faults);
      return rule ?? [];
    });
  const ready = settings
    .list('preset')
    .flatMap((one) => presetOf(one, faults))
    .map(parse);
  const declared = signalRules(settings, watched?.signals ?? [], parse, faults);
  return [...given, ...ready, ...gaugeRules(watched?.servers ?? [], parse), ...declared];
}

/** The language knows no list of metrics; where somebody wrote a name that there is not, the nearest one is told. */
function parseGiven(text: string, find: ReturnType<typeof findMetric>, catalog: Pick<Catalog, 'all'>): Rule {
  const unknown: string[] = [];
  const asked: typeof find = (name) => {
    const def = find(name);
    if (def === undefined) unknown.push(name);
    return def;
  };
  try {
    return parseRule(text, asked);
  } catch (error) {
    const meant = nearest(unknown[0] ?? '', catalog.all().flatMap(writtenAs));
    if (!(error instanceof Problem) || meant === null || meant === unknown[0]) throw error;
    const details = error.details.map(({ place, message }) => ({ place, message: `${message}; did you mean ${meant}?` }));
    throw new Problem(error.code, details, { cause: error });
  }
}

function writtenAs({ alias, name, limit }: MetricDef): string[] {
  const short = alias ?? name;
  return limit === undefined ? [short] : [short, `${short}.utilization`];
}

function presetOf(given: Given, faults: Faults): readonly string[] {
  const rules = presetRules(given.text);
  if (rules !== null) return rules;
  const names = Object.keys(PRESETS);
  faults.addGiven(
    'CONFIG',
    given,
    `there is no preset "${given.text}"${didYouMean(given.text, names) || `; there are ${names.join(', ')}`}`,
  );
  return [];
}

/** Each rule as a line; an entry may be a map of several. */
function lines(given: Given): Given[] {
  return given.beside === undefined
    ? [given]
    : Object.entries(given.beside).flatMap(([subject, expressions]) => under(subject, expressions));
}

function under(subject: string, expressions: Given | readonly Given[]): Given[] {
  if (Array.isArray(expressions)) return (expressions as readonly Given[]).flatMap((one) => under(subject, one));
  const { text, place, beside } = expressions as Given;
  return [{ text: `${subject}: ${beside === undefined ? text : thresholdText(beside)}`, place }];
}

function thresholdText(beside: NonNullable<Given['beside']>): string {
  const [threshold, abort, delay] = THRESHOLD_KEYS.map((key) => (beside[key] as Given | undefined)?.text);
  const aborts = abort === 'true' ? ` abort${delay === undefined ? '' : ` after ${delay}`}` : '';
  return `${threshold ?? ''}${aborts}`;
}

function checkRule({ role, metric, text }: Rule, given: Given, { names, servers, signals }: Watched, faults: Faults): void {
  if (role !== null && !names.includes(role)) {
    const meant = didYouMean(role, names) || `; the roles are ${names.join(', ')}`;
    faults.addMissing('RULE', given, `"${text}": no target has the role ${role}${meant}`, 'roles', 'servers', 'pages');
  }
  const signal = signalName(metric ?? '');
  const declared = [...signals, ...PRESET_SIGNALS].map(({ name }) => name);
  if (signal !== null && !declared.includes(signal))
    faults.addMissing(
      'RULE',
      given,
      `"${text}": there is no signal ${signal}${didYouMean(signal, declared) || '; signals: declares them'}`,
      'signals',
    );
  const gauge = gaugeName(metric ?? '');
  const gauges = servers.flatMap((server) => server.gauges.map(({ name }) => name));
  if (gauge === null || gauges.includes(gauge)) return;
  faults.addMissing('RULE', given, `"${text}": no server has a gauge ${gauge}${didYouMean(gauge, gauges)}`, 'servers');
}
