/** What is done with each column of foreign data: judged, shown beside, proof of work, or left out, always with a reason. */
import type { MetricDef } from '../catalog.ts';
import {
  type ColumnKind,
  type Field,
  GUESSED,
  isDescriptors,
  isPrivate,
  mayBeLoad,
  type Meaning,
  meaningOf,
  resourceOf,
} from './meaning.ts';
import { PLAIN, type Scale } from './units.ts';

/** `work` shows that the program worked; `shown` and `skipped` make no series. */
export type Use = 'judged' | 'advisory' | 'load' | 'work' | 'restarts' | 'shown' | 'skipped';

export interface Column {
  readonly field: Field;
  readonly use: Use;
  /** Null for what makes no series of its own. */
  readonly def: MetricDef | null;
  /** Figures times this are in the unit of `def`; of a load rate, per second. */
  readonly factor: number;
  /** Of a load: requests so far, rather than a second; of what is shown: it counts up, and begins anew with its process. */
  readonly isTotal: boolean;
  /** Its unit is what such figures mostly have: neither its name, nor its cells, nor the user says it. */
  readonly isGuess: boolean;
  /** What it was taken for, and why: one phrase. */
  readonly as: string;
}

export interface ColumnOptions {
  readonly kinds: ReadonlyMap<string, ColumnKind>;
  readonly scales: ReadonlyMap<string, Scale>;
  readonly load: string | null;
  /** Null: total for what is named like a counter. */
  readonly loadIs: 'rate' | 'total' | null;
  readonly restarts: string | null;
  /** Patterns of the columns to judge; empty for all. */
  readonly only: readonly string[];
}

/** Growth of memory and of counts is a leak by itself; anything else is compared with its own level. */
const GROWTH = { memory: 'leak', count: 'leak', latency: 'drift', gauge: 'drift', counter: 'drift' } as const;

/** A percent an hour doubles a latency in three days; below 0.1 ms an hour nobody notices. */
const LATENCY_MATTERS = { share: 0.01, perHour: 0.0001 } as const;

/** Label values of one metric: as many as there can be columns. */
const LABEL_VALUES_MAX = 1000;

/** All errors so far grow while one comes now and then, and a count a row does not: what grows here is neither failure nor pass. */
const UNSAID = 'of errors, each row its own or all so far; --kind NAME=gauge judges its level, --kind NAME=counter its rate';

const GAUGE_UNSAID = 'of unknown meaning; --kind NAME=count or --only NAME lets it decide';
const LOAD_UNSAID = 'of unknown meaning; if it is what was asked of the program, --load NAME, with --load-is total for all so far';

const SAID = 'as you said';

/** Decides for the columns that are known when reading begins, and in the same way for those that come later. */
export class Columns {
  readonly #options: ColumnOptions;
  readonly #labels: Readonly<Record<string, { readonly max: number }>>;
  readonly #hasKnown: boolean;
  readonly #hasPrivate: boolean;
  /** Memory that is more than what is mapped. */
  readonly #hasHeld: boolean;
  #load: string | null;
  #restarts: string | null;

  constructor(fields: readonly Field[], options: ColumnOptions) {
    const numbers = fields.filter((field) => !field.isText);
    const kindOf = (field: Field): string => options.kinds.get(field.name) ?? meaningOf(field).kind;
    const memory = numbers.filter((field) => kindOf(field) === 'memory');
    this.#options = options;
    this.#labels = Object.fromEntries(
      fields.flatMap(({ labels }) => Object.keys(labels)).map((label) => [label, { max: LABEL_VALUES_MAX }]),
    );
    this.#hasKnown = numbers.some((field) => ['memory', 'count', 'latency'].includes(kindOf(field)));
    this.#hasPrivate = memory.some(isPrivate);
    this.#hasHeld = memory.some((field) => meaningOf(field).wide !== 'always');
    this.#load = options.load;
    this.#restarts = options.restarts;
  }

  get restartsAreSaid(): boolean {
    return this.#options.restarts !== null;
  }

  of(field: Field): Column {
    const { kinds, scales, load, restarts, only } = this.#options;
    const meaning = meaningOf(field);
    const scale = scales.get(field.name) ?? meaning.scale;
    const said = kinds.get(field.name);
    if (is(field, load)) return this.#asLoad(field, SAID);
    if (is(field, restarts)) return bare(field, 'restarts', `restarts, ${SAID}`);
    if (field.isText) return bare(field, 'skipped', 'text');
    if (said !== undefined) return this.#level(field, said, scale, 'judged', SAID);
    if (meaning.kind === 'restarts') return this.#asRestarts(field);
    if (meaning.kind === 'work') return this.#asWork(field, scale, meaning.alias!);
    if (only.length > 0 && !only.some((pattern) => matches(pattern, field.name))) return bare(field, 'skipped', 'not among --only');
    if (meaning.kind === 'load')
      return this.#load === null || this.#load === field.metric
        ? this.#asLoad(field, 'by its name')
        : bare(field, 'shown', `not judged; ${this.#load} is the load`);
    if (only.length > 0) return this.#level(field, meaning.kind, scale, 'judged', '');
    return this.#byName(field, meaning.kind, scale, meaning);
  }

  #byName(field: Field, kind: ColumnKind, scale: Scale, { wide, errors }: Meaning): Column {
    if (errors === 'unsaid') return this.#level(field, kind, scale, 'advisory', UNSAID);
    if (errors !== undefined) return this.#level(field, kind, scale, 'judged', 'of errors');
    if (kind === 'counter') return asCounter(field);
    if (wide === 'always' && this.#hasHeld) return this.#level(field, kind, scale, 'advisory', 'more than the process holds');
    if (wide !== undefined && this.#hasPrivate)
      return this.#level(field, kind, scale, 'advisory', 'with shared and file pages; private memory decides');
    if (kind === 'gauge' && this.#hasKnown)
      return this.#level(field, kind, scale, 'advisory', mayBeLoad(field) ? LOAD_UNSAID : GAUGE_UNSAID);
    return this.#level(field, kind, scale, 'judged', '');
  }

  #level(field: Field, kind: ColumnKind, given: Scale, use: 'judged' | 'advisory', why: string): Column {
    const scale = kind === 'count' ? PLAIN : given;
    const resource = resourceOf(field, kind);
    const def: MetricDef = {
      ...this.#def(field, kind === 'count' ? '{count}' : scale.unit),
      kind: kind === 'counter' ? 'counter' : 'gauge',
      growth: GROWTH[kind],
      ...(resource === undefined ? {} : { resource }),
      ...(kind === 'latency' ? { matters: LATENCY_MATTERS } : {}),
      ...(use === 'judged' ? { gate: this.#isRequired(field, kind, why) ? 'required' : 'gated' } : {}),
    };
    const unit = scale.word === '' ? '' : ` in ${scale.word}`;
    const as = `${kind}${kind === 'counter' ? ', by its rate a second' : ''}${unit}${why && `, ${why}`}`;
    return { field, use, def, factor: scale.factor, isTotal: false, isGuess: scale === GUESSED, as };
  }

  /** As in a run: memory and descriptors must be conclusive for a pass, what else is judged can fail it; and what the user chose is required. */
  #isRequired(field: Field, kind: ColumnKind, why: string): boolean {
    return kind === 'memory' || isDescriptors(field) || why === SAID || this.#options.only.length > 0 || !this.#hasKnown;
  }

  /** A share of a CPU is a gauge, everything else that shows work counts up. */
  #asWork(field: Field, scale: Scale, alias: string): Column {
    const kind = alias === 'cpu' && scale.unit !== 's' ? 'gauge' : 'counter';
    const as = `shows work${scale.word === '' ? '' : `, in ${scale.word}`}`;
    return {
      field,
      use: 'work',
      def: { ...this.#def(field, scale.unit), kind, alias, growth: 'load' },
      factor: scale.factor,
      isTotal: false,
      isGuess: false,
      as,
    };
  }

  #asLoad(field: Field, why: string): Column {
    this.#load ??= field.metric;
    const total = (this.#options.loadIs ?? (isTotal(field) ? 'total' : 'rate')) === 'total';
    return { ...bare(field, 'load', `load, requests ${total ? 'so far' : 'a second'}, ${why}`), isTotal: total };
  }

  /** The first metric that tells of restarts does: others tell the same. */
  #asRestarts(field: Field): Column {
    this.#restarts ??= field.metric;
    if (this.#restarts !== field.metric) return bare(field, 'shown', `not judged; restarts are taken from ${this.#restarts}`);
    return bare(field, 'restarts', 'restarts: a change is one');
  }

  #def(field: Field, unit: MetricDef['unit']): MetricDef {
    return {
      name: field.metric,
      unit,
      kind: 'gauge',
      help: `${field.metric} of the data that is analysed.`,
      labels: this.#labels,
      growth: 'none',
    };
  }
}

function bare(field: Field, use: Use, as: string): Column {
  return { field, use, def: null, factor: 1, isTotal: false, isGuess: false, as };
}

/** `_total` is the name of counters alone (OpenMetrics); `_count` and `_sum` may be those of what is there. */
function asCounter(field: Field): Column {
  const as = 'a counter by its name, not judged; --kind NAME=counter judges its rate, --kind NAME=count its level';
  return { ...bare(field, 'shown', as), isTotal: field.metric.endsWith('_total') };
}

/** Options name a column, or a metric with all its labels. */
function isTotal(field: Field): boolean {
  const { kind, isTotal: total } = meaningOf(field);
  return total ?? kind === 'counter';
}

function is(field: Field, name: string | null): boolean {
  return name !== null && (field.name === name || field.metric === name);
}

/** `*` stands for anything. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name);
}
