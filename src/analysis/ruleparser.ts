/**
 * One-line rules, and the thresholds of k6 as they are:
 *
 *   memory.private < 2GB                         api: fds.utilization < 80% for 5m
 *   disk.used < 90GB {mountpoint="/data"}        latency p(95) < 500ms for 5m
 *   memory.private slope < 1MB/h                 latency worst_window(10m) p(95) < 800ms
 *   memory.private vs_baseline < +20% warn       requests rate drop < 50%
 *   errors rate < 1% over 2m abort after 5m      http_req_duration: p(95)<500
 *
 *   rule    = [ role ":" ] ( subject | k6 | "worst_window(" duration ")" "p(" percent ")" ) op value { word }
 *   subject = metric [ labels ] [ "worst_window(" duration ")" ] [ measure ] [ "vs_baseline" | "drop" ]   |   "recovery"
 *   k6      = k6 metric [ "{" tag ":" value "}" ] [ ":" ] measure
 *   op      = "<" | "<=" | ">" | ">=" | "==" | "===" | "!="      what must hold
 *   word    = "for" duration | "over" ( duration | "run" ) | "in" phase | "warn" | "abort" [ "after" duration ] | "optional" | labels
 *
 * A metric is named by alias or OpenTelemetry name; `.utilization` after one that has a limit is its share of it.
 */
import type { MetricDef } from '../catalog.ts';
import { DURATION_HINT, parseDuration } from '../quantity.ts';
import { operationName, taggedOperation } from '../series.ts';
import { type Measure, type Operator, PLAIN, type Rule } from './rules.ts';
import { RuleText } from './ruletext.ts';
import { readerOf } from './rulevalue.ts';
import { hasQuantiles, K6_EXPRESSION, K6_HINT, K6_METRICS, K6_TAG_HINT, MEASURE_HINT, measureOf, SHARES } from './rulewords.ts';

type Find = (name: string) => MetricDef | undefined;

/** @throws Problem RULE, whose place is the column and whose message says what is allowed there */
export function parseRule(text: string, find: Find): Rule {
  return new RuleParser(text, find).rule();
}

const NAME = /[a-zA-Z][\w.]*/y;
const ROLE = /([a-z][a-z0-9_-]*)\s*:/y;
const WINDOW = /worst_window\s*\(([^)]*)\)/y;
const MEASURE = /p\([\d.]+\)|[a-z_]+\d*(?:\.\d+)?/y;
const OPERATOR = /<=|>=|<|>|===?|!=/y;
const VALUE = /[+-]?[\d.]+\s*(?:(?!(?:for|over|in|warn|abort|optional)\b)[a-zA-Z%]+)?(?:\/[a-z]+)?/y;
const DURATION = /[\d.]+[\w.]*/y;
const WORD = /(?:for|over|in|warn|abort|optional)\b/y;
const LABELS = /\{([^}]*)\}/y;
const LABEL = /^\s*([a-zA-Z_][\w.]*)\s*=\s*"([^"]*)"\s*$/;
const TAG = /^\s*(\w+)\s*:\s*["']?(.+?)["']?\s*$/;
/** What stands between a metric of k6 and its expression. */
const TAGGED = /\{[^}=]*:|:/y;
/** Values of tags are labels here. */
const TAG_MAX = 100;
const QUANTILE = /p\([\d.]+\)/y;

type Draft = { -readonly [K in keyof Rule]: Rule[K] };

class RuleParser {
  readonly #text: RuleText;
  readonly #whole: string;
  readonly #find: Find;
  /** Seconds of a plain number, for durations of k6. */
  #plainSeconds: number | null = null;

  constructor(text: string, find: Find) {
    this.#whole = text.trim();
    this.#text = new RuleText(text);
    this.#find = find;
  }

  rule(): Rule {
    const draft: Draft = { ...PLAIN, text: this.#whole, role: this.#role(), metric: null, op: '<', value: NaN };
    const def = this.#subject(draft);
    const drops = this.#against(draft, def);
    this.#comparison(draft, def, drops);
    while (!this.#text.isOver) this.#word(draft, def);
    return draft;
  }

  /** A word and a colon, unless it is the metric of a k6 threshold. */
  #role(): string | null {
    const { at } = this.#text;
    const role = this.#text.take(ROLE)?.[1] ?? null;
    if (role === null) return null;
    if (!Object.hasOwn(K6_METRICS, role)) {
      if (this.#text.sees(K6_EXPRESSION)) this.#text.fail(unknownToK6(role), at);
      return role;
    }
    this.#text.back(at);
    return null;
  }

  /** What is compared; null for a recovery of anything. */
  #subject(draft: Draft): MetricDef | null {
    this.#window(draft);
    const { at } = this.#text;
    if (draft.over !== null && this.#text.sees(QUANTILE)) return this.#k6(draft, 'http_req_duration', at);
    const name = this.#text.take(NAME)?.[0];
    if (name === undefined) this.#text.fail('expected a metric, such as memory.private, fds or threads');
    if (name === 'recovery') {
      draft.measure = { kind: 'recovery' };
      return null;
    }
    if (Object.hasOwn(K6_METRICS, name)) return this.#k6(draft, name, at);
    const def = this.#metric(draft, name, at);
    draft.metric = def.name;
    this.#labels(draft, def);
    this.#window(draft);
    this.#measure(draft, def);
    return def;
  }

  #k6(draft: Draft, name: string, at: number): MetricDef {
    const { alias, ofOperation, rate, scale } = K6_METRICS[name]!;
    const tagAt = this.#text.at;
    const tag = this.#text.take(LABELS)?.[1];
    const operation = tag === undefined ? undefined : this.#operation(tag, name, ofOperation, tagAt);
    const ours = operation === undefined ? alias : ofOperation!;
    const def = this.#find(ours);
    if (def === undefined) this.#text.fail(`${name} is not recorded: a rule on it could never be compared with anything`, at);
    draft.metric = def.name;
    if (operation !== undefined) draft.labels = { 'soak.operation': operation };
    this.#text.take(/:/y);
    this.#window(draft);
    this.#measure(draft, def);
    if (draft.measure.kind === 'rate' || draft.measure.kind === 'share') draft.measure = { kind: rate };
    if (scale !== 1) this.#plainSeconds = scale;
    return def;
  }

  /** As the traffic has it: of a URL the path; of another tag than the name the requests that have it. */
  #operation(tag: string, name: string, ofOperation: string | undefined, at: number): string {
    if (ofOperation === undefined) this.#text.fail(`${name} is not told by tag`, at);
    const [, key, value = ''] = TAG.exec(tag) ?? [];
    if (key === undefined || /[,}]/.test(value) || value.length > TAG_MAX) this.#text.fail(K6_TAG_HINT, at);
    const operation = key === 'name' ? operationName(value) : taggedOperation(key, value);
    return operation ?? this.#text.fail(K6_TAG_HINT, at);
  }

  #metric(draft: Draft, name: string, at: number): MetricDef {
    const def = this.#find(name);
    if (def !== undefined) return def;
    if (this.#text.sees(TAGGED)) this.#text.fail(unknownToK6(name), at);
    const whole = name.endsWith('.utilization') ? this.#find(name.slice(0, -'.utilization'.length)) : undefined;
    if (whole === undefined) this.#text.fail(`there is no metric ${name}; "soak-agent metrics" lists them with their short names`, at);
    if (whole.limit === undefined) this.#text.fail(`${name}: this metric has no limit that it could be a share of`, at);
    draft.measure = { kind: 'utilization' };
    return whole;
  }

  #window(draft: Draft): void {
    const { at } = this.#text;
    const inner = this.#text.take(WINDOW)?.[1];
    if (inner !== undefined) draft.over = this.#seconds(inner, 'in worst_window', at);
  }

  #measure(draft: Draft, def: MetricDef): void {
    const { at } = this.#text;
    const word = this.#text.take(MEASURE)?.[0];
    if (word === undefined || ['vs_baseline', 'drop'].includes(word)) return this.#text.back(at);
    const measure = measureOf(word);
    if (measure === null) this.#text.fail(`expected <, <=, > or >= after the metric, or one of ${MEASURE_HINT}`, at);
    const fit = fitting(measure, def) ?? this.#text.fail(unfit(word, measure, def), at);
    if (fit.kind === 'quantile' && !isTold(fit.q, def)) this.#text.fail(untold(word, def), at);
    draft.measure = fit;
    if (draft.measure.kind === 'mean' && hasQuantiles(def)) draft.metric = def.name.replace(/quantile$/, 'mean');
  }

  /** `vs_baseline`, or `drop`, which is a fall against it. */
  #against(draft: Draft, def: MetricDef | null): boolean {
    const { at } = this.#text;
    const word = this.#text.take(/vs_baseline\b|drop\b/y)?.[0];
    if (word === undefined) return false;
    const { kind } = draft.measure;
    if (['slope', 'slope_per_request', 'exhaustion', 'recovery', 'count', 'utilization'].includes(kind))
      this.#text.fail(`${kind} has no baseline; what a level, a mean, a quantile or a rate was after the warm-up is one`, at);
    if (kind === 'level') draft.measure = def?.kind === 'counter' ? { kind: 'rate' } : { kind: 'mean' };
    draft.againstBaseline = true;
    return word === 'drop';
  }

  #comparison(draft: Draft, def: MetricDef | null, drops: boolean): void {
    const { at } = this.#text;
    const op = this.#text.take(OPERATOR)?.[0].replace('===', '==') as Operator | undefined;
    if (op === undefined) this.#text.fail('expected <, <=, > or >= after the metric, as in memory.private < 2GB');
    if (def?.kind === 'counter' && draft.measure.kind === 'level')
      this.#text.fail(`${def.alias ?? def.name} only ever counts up: say its rate or its count`, at);
    draft.op = drops ? FLIPPED[op] : op;
    const place = this.#text.at;
    const text = this.#text.take(VALUE)?.[0].trim();
    const { parse, hint } = readerOf(draft, def, this.#plainSeconds);
    const value = text === undefined ? null : parse(text);
    if (value === null) this.#text.fail(`expected ${hint}`, place);
    draft.value = drops ? -value : value;
  }

  #word(draft: Draft, def: MetricDef | null): void {
    const { at } = this.#text;
    if (this.#labels(draft, def)) return;
    switch (this.#text.take(WORD)?.[0] ?? '') {
      case 'for':
        draft.for = this.#duration('after "for"');
        return;
      case 'over':
        draft.over = this.#text.take(/run\b/y) ? 'run' : this.#duration('or "run" after "over"');
        return;
      case 'in':
        draft.phase = this.#text.take(/[a-z][\w-]*/y)?.[0] ?? this.#text.fail('expected the name of a phase after "in"');
        return;
      case 'warn':
        draft.otherwise = 'warn';
        return;
      case 'abort':
        draft.abort = this.#text.take(/after\b/y) ? this.#duration('after "abort after"') : 0;
        return;
      case 'optional':
        draft.optional = true;
        return;
      default:
        this.#text.fail(
          'expected the end of the rule, "for" or "over" with a duration, "in" with a phase, "warn", "abort", "optional", or a label filter such as {member="1"}',
          at,
        );
    }
  }

  #duration(where: string): number {
    const { at } = this.#text;
    return this.#seconds(this.#text.take(DURATION)?.[0] ?? '', where, at);
  }

  #seconds(text: string, where: string, at: number): number {
    return parseDuration(text) ?? this.#text.fail(`expected ${DURATION_HINT} ${where}`, at);
  }

  /** Whether there were any. */
  #labels(draft: Draft, def: MetricDef | null): boolean {
    const { at } = this.#text;
    const inner = this.#text.take(LABELS)?.[1];
    if (inner === undefined) return false;
    const allowed = [...Object.keys(def?.labels ?? {}), 'member'];
    const pairs = inner.split(',').map((part) => {
      const [, name, value] = LABEL.exec(part) ?? [];
      if (name === undefined || value === undefined) this.#text.fail('expected a label filter such as {member="1"}', at);
      if (!allowed.includes(name))
        this.#text.fail(`${def?.alias ?? def?.name ?? 'recovery'} has no label ${name}; it has ${allowed.join(', ')}`, at);
      return [name, value] as const;
    });
    draft.labels = { ...draft.labels, ...Object.fromEntries(pairs) };
    return true;
  }
}

/** The same of the negative value. */
const FLIPPED: Readonly<Record<Operator, Operator>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' };

/** The measure as it is of this metric; null when the metric has none such. */
function fitting(measure: Measure, def: MetricDef): Measure | null {
  const { kind } = measure;
  if (hasQuantiles(def)) {
    if (kind === 'min' || kind === 'max') return { kind: 'quantile', q: kind === 'min' ? 0 : 1 };
    return kind === 'rate' || kind === 'count' ? null : measure;
  }
  if (kind === 'quantile') return null;
  if (def.kind === 'counter') {
    if (kind === 'rate' && Object.hasOwn(SHARES, def.name)) return { kind: 'share' };
    return kind === 'mean' || kind === 'min' || kind === 'max' ? null : measure;
  }
  return kind === 'rate' || kind === 'count' ? null : measure;
}

function unknownToK6(name: string): string {
  return `there is no metric ${name}; ${K6_HINT}`;
}

/** Of operations there are no buckets, so that there are the quantiles that are recorded, and no others. */
function isTold(q: number, { labels, name }: MetricDef): boolean {
  const told = labels?.['soak.quantile'];
  return !name.startsWith('soak.traffic.operation.') || !Array.isArray(told) || told.includes(String(q));
}

function untold(word: string, { labels, alias }: MetricDef): string {
  const told = (labels!['soak.quantile'] as readonly string[]).map((q) => `p(${Number(q) * 100})`);
  return `${word}: of ${alias} there are ${told.join(', ')}`;
}

function unfit(word: string, { kind }: Measure, def: MetricDef): string {
  const name = def.alias ?? def.name;
  if (kind === 'quantile') return `${word}: quantiles are of latency and operation.latency; ${name} has a level`;
  if (def.kind === 'counter') return `${word}: ${name} only ever counts up: say its rate or its count`;
  return `${word}: ${name} is no counter: say avg, min, max or nothing`;
}
