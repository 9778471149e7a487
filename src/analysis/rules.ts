/**
 * One-line limits and thresholds: `memory.private < 2GB`, `api: fds.utilization < 80% for 5m`, `disk.used < 90GB {mountpoint="/data"}`.
 *
 *   rule   = [ role ":" ] metric [ labels ] op value [ "for" duration ] [ labels ]
 *   op     = "<" | "<=" | ">" | ">="         what must hold
 *   labels = "{" name = "value" { "," name = "value" } "}"     `member` is one of them
 *
 * A metric is named by alias or OpenTelemetry name; `.utilization` after one that has a limit is its share of it.
 */
import type { MetricDef } from '../catalog.ts';
import { Problem } from '../problem.ts';
import { DURATION_HINT, parseDuration, parseSize, SIZE_HINT } from '../quantity.ts';
import type { Series } from '../series.ts';

export type Operator = '<' | '<=' | '>' | '>=';

/** What of the series is compared: its value, or its share of its limit. */
export interface Measure {
  readonly kind: 'level' | 'utilization';
}

export interface Rule {
  /** As the user wrote it. */
  readonly text: string;
  /** Null: every role that has the metric, and the host and the agent. */
  readonly role: string | null;
  /** OpenTelemetry name. */
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly measure: Measure;
  readonly op: Operator;
  /** In the unit of the metric; a share for a utilization. */
  readonly value: number;
  /** Seconds for which it must be violated without a break before it is broken; 0: one sample breaks it. */
  readonly for: number;
}

type Find = (name: string) => MetricDef | undefined;

/** @throws Problem RULE, whose place is the column and whose message says what is allowed there */
export function parseRule(text: string, find: Find): Rule {
  return new RuleParser(text, find).rule();
}

const ROLE = /([a-z][a-z0-9_-]*)\s*:/y;
const METRIC = /[a-zA-Z][\w.]*/y;
const OPERATOR = /<=|>=|<|>/y;
const VALUE = /[\d.]+\s*(?:(?!for\b)[a-zA-Z%]+)?/y;
const FOR = /for\b\s*/y;
const DURATION = /[\d.]+[\w.]*/y;
const LABELS = /\{([^}]*)\}/y;
const LABEL = /^\s*([a-zA-Z_][\w.]*)\s*=\s*"([^"]*)"\s*$/;

class RuleParser {
  readonly #text: string;
  readonly #find: Find;
  #at = 0;

  constructor(text: string, find: Find) {
    this.#text = text;
    this.#find = find;
  }

  rule(): Rule {
    const role = this.#take(ROLE)?.[1] ?? null;
    const { def, measure } = this.#metric();
    const before = this.#labels(def);
    const op = this.#take(OPERATOR)?.[0] as Operator | undefined;
    if (op === undefined) this.#fail('expected <, <=, > or >= after the metric, as in memory.private < 2GB');
    const value = this.#value(def, measure);
    const seconds = this.#duration();
    const after = this.#labels(def);
    this.#space();
    if (this.#at < this.#text.length)
      this.#fail('expected the end of the rule, "for" with a duration, or a label filter such as {member="1"}');
    return { text: this.#text.trim(), role, metric: def.name, labels: { ...before, ...after }, measure, op, value, for: seconds };
  }

  #metric(): { def: MetricDef; measure: Measure } {
    this.#space();
    const at = this.#at;
    const name = this.#take(METRIC)?.[0];
    if (name === undefined) this.#fail('expected a metric, such as memory.private, fds or threads');
    const def = this.#find(name);
    const whole = name.endsWith('.utilization') ? this.#find(name.slice(0, -'.utilization'.length)) : undefined;
    if (def === undefined && whole === undefined) {
      this.#fail(`there is no metric ${name}; "soak-agent metrics" lists them with their short names`, at);
    }
    if (def === undefined && whole?.limit === undefined) this.#fail(`${name}: this metric has no limit that it could be a share of`, at);
    const found = (def ?? whole)!;
    if (found.kind === 'counter') this.#fail(`${name} only ever counts up: a rule needs a metric that has a level`, at);
    return { def: found, measure: { kind: def ? 'level' : 'utilization' } };
  }

  #value(def: MetricDef, measure: Measure): number {
    this.#space();
    const at = this.#at;
    const text = this.#take(VALUE)?.[0].trim();
    const { parse, hint } = readerOf(def, measure);
    const value = text === undefined ? null : parse(text);
    if (value === null) this.#fail(`expected ${hint}`, at);
    return value;
  }

  #duration(): number {
    if (!this.#take(FOR)) return 0;
    const at = this.#at;
    const seconds = parseDuration(this.#take(DURATION)?.[0] ?? '');
    if (seconds === null) this.#fail(`expected ${DURATION_HINT} after "for"`, at);
    return seconds;
  }

  #labels(def: MetricDef): Record<string, string> {
    this.#space();
    const at = this.#at;
    const inner = this.#take(LABELS)?.[1];
    if (inner === undefined) return {};
    const allowed = [...Object.keys(def.labels ?? {}), 'member'];
    const pairs = inner.split(',').map((part) => {
      const [, name, value] = LABEL.exec(part) ?? [];
      if (name === undefined || value === undefined) this.#fail('expected a label filter such as {member="1"}', at);
      if (!allowed.includes(name)) this.#fail(`${def.alias ?? def.name} has no label ${name}; it has ${allowed.join(', ')}`, at);
      return [name, value] as const;
    });
    return Object.fromEntries(pairs);
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    this.#space();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #fail(message: string, at: number = this.#at): never {
    throw new Problem('RULE', { place: `"${this.#text.trim()}" column ${at + 1}`, message });
  }
}

const PLAIN = /^(?:\d+(?:\.\d+)?|\.\d+)$/;

function readerOf(def: MetricDef, measure: Measure): { parse: (text: string) => number | null; hint: string } {
  if (measure.kind === 'utilization' || def.unit === '1') return { parse: parseShare, hint: 'a share such as 80% or 0.8' };
  if (def.unit === 'By') return { parse: parseSize, hint: SIZE_HINT };
  if (def.unit === 's') return { parse: parseDuration, hint: DURATION_HINT };
  return { parse: parsePlain, hint: 'a plain number such as 200' };
}

function parsePlain(text: string): number | null {
  return PLAIN.test(text) ? Number(text) : null;
}

function parseShare(text: string): number | null {
  const percent = /^(.*?)\s*%$/.exec(text)?.[1];
  const value = parsePlain(percent ?? text);
  return value === null || percent === undefined ? value : value / 100;
}

/** Whether the rule is about this series. Without a filter it holds for the total of a role and for each of its members. */
export function ruleApplies(rule: Rule, series: Series): boolean {
  if (series.def.name !== rule.metric) return false;
  if (rule.role !== null && rule.role !== (series.target ?? series.source)) return false;
  return Object.entries(rule.labels).every(([name, value]) => (name === 'member' ? (series.member ?? '') : series.labels[name]) === value);
}

export function violates(rule: Rule, value: number): boolean {
  if (rule.op === '<') return !(value < rule.value);
  if (rule.op === '<=') return !(value <= rule.value);
  return rule.op === '>' ? !(value > rule.value) : !(value >= rule.value);
}
