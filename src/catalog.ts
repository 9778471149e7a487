/**
 * What a metric is, declared once. From a declaration come the OpenTelemetry descriptor, the Prometheus name, the record's header,
 * the default judgement, docs/metrics.md, dashboards and alerts. Every source declares its own metrics on top of its file;
 * `sources/index.ts` assembles the table.
 */
import { assert } from './problem.ts';

/**
 * UCUM units that we use. Curly braces are annotations: they count things and add no suffix to a Prometheus name. The empty one is a
 * plain figure of data from elsewhere, of which nothing more is known; no metric of our own has it.
 */
export type Unit = PlainUnit | `${PlainUnit}/h` | `${PlainUnit}/{request}`;

type PlainUnit = 'By' | 's' | '1' | '' | `{${string}}`;

/** Sources emit numbers; a histogram is made of them when it is exported. */
export type Kind = 'gauge' | 'counter' | 'updowncounter' | 'histogram';

/**
 * What growth means. `leak`: it fails the run by itself. `capacity`: it matters through the time to the limit.
 * `drift`: judged against its own earlier level. `floor`: it fails the run when the least within each window rises, for counts of what is
 * lost. `load`: it explains the others and is never judged. `none`: shown only.
 */
export type Growth = 'leak' | 'capacity' | 'drift' | 'floor' | 'load' | 'none';

/** A closed set of values, or a hard cap on how many different ones are taken. */
export type LabelValues = readonly string[] | { readonly max: number };

/** What must hold, and what a finding says otherwise: a warning, or that the run fails. In the unit of the metric. */
export interface Expectation {
  readonly op: '<' | '>';
  readonly value: number;
  /** Seconds for which it must not hold, without a break. */
  readonly for: number;
  readonly otherwise: 'warn' | 'fail';
  /** Series with these labels only. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface MetricDef {
  /** OpenTelemetry name: the semantic convention's where there is one, `soak.*` otherwise. */
  readonly name: string;
  readonly unit: Unit;
  readonly kind: Kind;
  readonly help: string;
  readonly labels?: Readonly<Record<string, LabelValues>>;
  readonly growth: Growth;
  /** Series with these labels only; the others are shown. */
  readonly growthOf?: Readonly<Record<string, string>>;
  /** Short name in rules and tables: `memory.private`, `fds`, `threads`. */
  readonly alias?: string;
  /** The metric, of the same target and member, that is this one's ceiling. */
  readonly limit?: string;
  /** Smallest growth worth reporting when no limit is known: the larger of a share of the level per hour and an absolute figure per hour. */
  readonly matters?: { readonly share: number; readonly perHour: number };
  /** What leaks when it grows, in a word of those who mend it: `heap`, `descriptors`. */
  readonly resource?: string;
  /** What its level is to be; rules of the user on the metric take the place of all of them. */
  readonly expect?: readonly Expectation[];
  /** Judged as part of the outcome by default; `required`: an inconclusive one makes the run inconclusive. */
  readonly gate?: 'gated' | 'required';
  /** It is recorded, and exported only as a part of this histogram. */
  readonly exportedAs?: string;
  /** Title of the dashboard panel it belongs to. */
  readonly panel?: string;
}

/** Labels of one series of `D`: each declared name, with a value of its closed set where it has one. */
export type LabelsOf<D extends MetricDef> =
  D['labels'] extends Readonly<Record<string, LabelValues>>
    ? { readonly [K in keyof D['labels']]: D['labels'][K] extends readonly (infer V)[] ? V : string }
    : undefined;

/** Declares the metrics of one source. A source emits through the returned object, so an undeclared metric does not compile. */
export function defineMetrics<const T extends Readonly<Record<string, MetricDef>>>(metrics: T): T {
  return metrics;
}

/** Floors of `matters` that several metrics share (contracts: outcome of a run). */
export const MATTERS = {
  memory: { share: 0.002, perHour: 100_000 }, // 0.2 %/h of the level, 0.1 MB/h
  count: { share: 0, perHour: 0.3 },
  rate: { share: 0.01, perHour: 0.003 }, // of a counter, per second: some ten more in each hour than in the one before
} as const;

/** `leak`, and `leak of shmem` where only some series are judged. */
export function growthInWords({ growth, growthOf }: MetricDef): string {
  return growthOf === undefined ? growth : `${growth} of ${Object.values(growthOf).join(', ')}`;
}

/** Attributes that say whose series it is, the same by scrape and by push. */
export const IDENTITY = { run: 'soak.run', target: 'soak.target', member: 'soak.member' } as const;

/** Units by their Prometheus words. An unknown unit is its own word, `1` has none, and what stands in curly braces counts things. */
const WORD_OF_UNIT: Readonly<Record<string, string>> = { By: 'bytes', s: 'seconds', '1': '' };
const WORD_OF_PER: Readonly<Record<string, string>> = { s: 'per_second', h: 'per_hour' };

/** `By/h` is `['bytes', 'per_hour']`, `{thread}` is `[]`. */
export function unitWords(unit: string): string[] {
  const [main = '', per = ''] = unit.split('/', 2).map((part) => (/[{}]/.test(part) ? '' : part));
  return [WORD_OF_UNIT[main] ?? main, WORD_OF_PER[per] ?? (per && `per_${per}`)].filter(Boolean);
}

/**
 * The Prometheus spelling by the published OTLP translation rules: the name's words joined by `_`, then those of the unit that are
 * not among them, `_ratio` for gauges of unit 1, `_total` for counters.
 * Source: OpenTelemetry specification, compatibility/prometheus_and_openmetrics.md, "Metric Metadata", as the translator that
 * Prometheus and the collector share reads it (prometheus/otlptranslator, `MetricNamer` with suffixes).
 */
export function prometheusName(name: string, unit: string, kind: Kind): string {
  const words = name.split(/[^a-zA-Z0-9:]+/).filter(Boolean);
  words.push(...unitWords(unit).filter((word) => !words.includes(word)));
  if (kind === 'counter') return withLast(words, 'total');
  return unit === '1' && kind === 'gauge' ? withLast(words, 'ratio') : words.join('_');
}

function withLast(words: readonly string[], last: string): string {
  return [...words.filter((word) => word !== last), last].join('_');
}

export function prometheusLabel(attribute: string): string {
  return attribute.replaceAll(/[^a-zA-Z0-9_]+/g, '_');
}

/** The table of every metric. Construction checks what a single declaration cannot: names, spellings and aliases are unique, limits exist. */
export class Catalog {
  readonly #byName = new Map<string, MetricDef>();
  readonly #byAlias = new Map<string, MetricDef>();

  constructor(groups: readonly Readonly<Record<string, MetricDef>>[]) {
    const spellings = new Set<string>();
    for (const def of groups.flatMap((group) => Object.values(group))) {
      const spelling = prometheusName(def.name, def.unit, def.kind);
      assert(!this.#byName.has(def.name), `metric ${def.name} is declared twice`);
      assert(!spellings.has(spelling), `metric ${def.name} has the same Prometheus name as another: ${spelling}`);
      spellings.add(spelling);
      this.#byName.set(def.name, def);
      if (def.alias === undefined) continue;
      assert(!this.#byAlias.has(def.alias), `alias ${def.alias} is declared twice`);
      this.#byAlias.set(def.alias, def);
    }
    for (const def of this.#byName.values()) {
      assert(def.limit === undefined || this.#byName.has(def.limit), `${def.name} names the limit ${def.limit}, which does not exist`);
      const whole = def.exportedAs === undefined ? 'histogram' : this.#byName.get(def.exportedAs)?.kind;
      assert(whole === 'histogram', `${def.name} is exported as ${def.exportedAs}, which is no histogram`);
      assert(def.gate === undefined || def.alias !== undefined, `${def.name} is gated but has no alias to name it by`);
    }
  }

  /** By OpenTelemetry name or alias. */
  find(name: string): MetricDef | undefined {
    return this.#byName.get(name) ?? this.#byAlias.get(name);
  }

  get(name: string): MetricDef {
    const def = this.#byName.get(name);
    assert(def !== undefined, `metric ${name} is not declared`);
    return def;
  }

  all(): MetricDef[] {
    return [...this.#byName.values()];
  }
}
