/** Small parts that every question to Postgres uses: what an answer holds, what is asked, and where figures go. */
import type { LabelsOf, MetricDef } from '../catalog.ts';
import type { SeriesTable } from '../series.ts';
import type { Row } from './postgres-session.ts';
import type { Sink } from './source.ts';

/** One statement, and what is made of its rows. Questions of one round are asked in one message. */
export interface Question {
  /** Stands for it in a `blind` event. */
  readonly metric: MetricDef;
  readonly sql: string;
  /** What a user can do when the server refuses it for want of rights. */
  readonly grant?: string;
  readonly take: (rows: readonly Row[], at: number, sink: Sink) => void;
}

/** A finite number, or null: a view may hold NULL, and what answers need not be Postgres. */
export function num(row: Row | undefined, column: string): number | null {
  const value = row?.[column];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** A number that counts or measures something: below zero it is absurd, and so unknown. */
export function amount(row: Row | undefined, column: string): number | null {
  const value = num(row, column);
  return value === null || value < 0 ? null : value;
}

export function text(row: Row | undefined, column: string): string | null {
  const value = row?.[column];
  return typeof value === 'string' ? value : null;
}

/** Age columns: a clock that was set back makes them negative. */
export function age(row: Row | undefined, column: string): number | null {
  const value = num(row, column);
  return value === null ? null : Math.max(0, value);
}

/** The series of one server. */
export class Figures {
  readonly target: string;
  readonly #table: SeriesTable;

  constructor(table: SeriesTable, target: string) {
    this.#table = table;
    this.target = target;
  }

  /** What is null is not known and not set. */
  set<D extends MetricDef>(
    { sink, at, period, member = null }: Stamp,
    def: D,
    value: number | null,
    ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]
  ): void {
    if (value === null) return;
    sink.set(this.#table.open({ source: 'postgres', target: this.target, member, period }, def, ...labels), value, at);
  }

  /** Values that a label has taken in this run, also before this start of the agent. */
  known(def: MetricDef, label: string): string[] {
    const own = this.#table.all().filter((series) => series.target === this.target && series.def.name === def.name);
    return [...new Set(own.map(({ labels }) => labels[label] ?? ''))].filter((value) => value !== OTHER);
  }
}

export interface Stamp {
  readonly sink: Sink;
  readonly at: number;
  readonly period: number;
  readonly member?: string | null;
}

export const OTHER = 'other';

/** Longest value of a label; a name in Postgres has 63 bytes. */
const LABEL_MAX = 64;

/** Names as values of a label: those met first keep theirs, all others are one. */
export class Names {
  readonly #taken: Set<string>;
  readonly #max: number;

  constructor(max: number, taken: Iterable<string> = []) {
    this.#max = max;
    this.#taken = new Set(taken);
  }

  of(name: string): string {
    const label = name.length > LABEL_MAX ? `${name.slice(0, LABEL_MAX - 1)}…` : name;
    if (this.#taken.has(label)) return label;
    if (label === OTHER || this.#taken.size >= this.#max) return OTHER;
    this.#taken.add(label);
    return label;
  }
}

/** What is beyond the names that have a label is summed. */
export function sums(rows: readonly Row[], name: string, column: string, names: Names): Map<string, number> {
  const all = new Map<string, number>();
  for (const row of rows) {
    const [of, value] = [text(row, name), num(row, column)];
    if (of === null || value === null) continue;
    const label = names.of(of);
    all.set(label, (all.get(label) ?? 0) + Math.max(0, value));
  }
  return all;
}
