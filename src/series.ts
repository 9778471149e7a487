/**
 * The identity of a series: source, target (role), member, metric, labels. Never a pid: a restarted process continues the series of
 * its predecessor. Ids are dense integers in order of first appearance; the record stores them, so they never change in a run.
 */
import type { LabelsOf, MetricDef } from './catalog.ts';
import { cut } from './problem.ts';

/** Contracts, "Caps". 10,000 series at 1 Hz are 0.03 % of a core to fold and 370 MB of record a day before thinning. */
export const SERIES_MAX = 10_000;

/** Different values taken of a label that is not a closed set, unless it declares its own cap, are counted per metric. */
const REFUSED = -1;

export interface Series {
  readonly id: number;
  readonly source: string;
  /** Null for figures of the host or the agent itself. */
  readonly target: string | null;
  /** Slot `1`..`32` or `other`; null for a role with one process, and for the role's total. */
  readonly member: string | null;
  readonly def: MetricDef;
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds between samples; a sample older than a few of these is no longer shown. */
  readonly period: number;
}

/** Where a source finds its place in the table: the fixed part of the identity of its series. */
export interface Owner {
  readonly source: string;
  readonly target: string | null;
  readonly member: string | null;
  readonly period: number;
}

export class SeriesTable {
  readonly #list: Series[] = [];
  readonly #ids = new Map<string, number>();
  readonly #labelValues = new Map<string, Set<string>>();
  /** Names of what was refused, for the `cap` event; each is reported once. */
  readonly #refused = new Set<string>();
  readonly #onCap: (what: string) => void;

  constructor(onCap: (what: string) => void = () => {}) {
    this.#onCap = onCap;
  }

  /** The id of the series, made if it is new; -1 when a cap refuses it, which `Batch.set` ignores. */
  open<D extends MetricDef>(owner: Owner, def: D, ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]): number {
    return this.#open(owner, def, (labels[0] as Readonly<Record<string, string>> | undefined) ?? {});
  }

  /** As the record has it: ids must come back as they were given. */
  restore(series: Series): void {
    const id = this.#open(series, series.def, series.labels);
    if (id !== series.id) throw new Error(`series ${series.id} came back as ${id}`);
  }

  get(id: number): Series {
    const series = this.#list[id];
    if (!series) throw new Error(`no series ${id}`);
    return series;
  }

  get size(): number {
    return this.#list.length;
  }

  all(): readonly Series[] {
    return this.#list;
  }

  #open(owner: Owner, def: MetricDef, labels: Readonly<Record<string, string>>): number {
    const key = seriesKey(owner, def, labels);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#list.length >= SERIES_MAX) return this.#refuse(`${SERIES_MAX} series`);
    for (const [label, values] of Object.entries(def.labels ?? {})) {
      if (!this.#takes(owner, def, label, labels[label] ?? '', values)) return this.#refuse(`values of ${label} of ${def.name}`);
    }
    const id = this.#list.length;
    const { source, target, member, period } = owner;
    this.#list.push({ id, source, target, member, def, labels, period });
    this.#ids.set(key, id);
    return id;
  }

  #takes(owner: Owner, def: MetricDef, label: string, value: string, values: readonly string[] | { readonly max: number }): boolean {
    if (!('max' in values)) return values.includes(value);
    const key = JSON.stringify([owner.source, owner.target, def.name, label]);
    const seen = this.#labelValues.get(key) ?? new Set<string>();
    if (!seen.has(value) && seen.size >= values.max) return false;
    this.#labelValues.set(key, seen.add(value));
    return true;
  }

  #refuse(what: string): number {
    if (!this.#refused.has(what)) {
      this.#refused.add(what);
      this.#onCap(what);
    }
    return REFUSED;
  }
}

/** Not in any part of a series' identity. */
const BETWEEN = '\0';

/** A text that is the same exactly for the same series: looked up at almost every sample, so it is no JSON. */
export function seriesKey(
  owner: Pick<Owner, 'source' | 'target' | 'member'>,
  def: MetricDef,
  labels: Readonly<Record<string, string>>,
): string {
  let key = owner.source + BETWEEN + (owner.target ?? '') + BETWEEN + (owner.member ?? '') + BETWEEN + def.name;
  const names = Object.keys(labels);
  if (names.length > 1) names.sort();
  for (let i = 0; i < names.length; i++) key += BETWEEN + names[i]! + BETWEEN + labels[names[i]!]!;
  return key;
}

/** How tables and reports name a series: `api/2 memory.private`, `host disk.free{path="/"}`. */
export function seriesLabel(series: Pick<Series, 'source' | 'target' | 'member' | 'def' | 'labels'>): string {
  const who = (series.target ?? series.source) + (series.member === null ? '' : `/${series.member}`);
  return `${who} ${labelled(series.def.alias ?? series.def.name, series.labels)}`;
}

/** `disk.free{path="/"}`: one of those that have the same name. */
export function labelled(name: string, given: Series['labels']): string {
  const labels = Object.entries(given).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return labels.length > 0 ? `${name}{${labels.join(',')}}` : name;
}

/** Longer names are of no use in a table. */
const NAME_MAX = 100;

/**
 * The name of an operation. Of a URL only the path is left: the host is the target, and queries and users may be secrets. Null when
 * nothing is left.
 */
export function operationName(text: string | undefined): string | null {
  if (text === undefined) return null;
  const path = text.replace(/^([A-Z]+ )?[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '$1').replace(/[?#].*$/s, '');
  const name = cut(path.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()).slice(0, NAME_MAX);
  return name === '' ? (/:\/\//.test(text) ? '/' : null) : name;
}

/** Requests with a tag of k6, as an operation; beside those by name, of which some are the same requests. */
export function taggedOperation(tag: string, value: string): string {
  return `{${tag}:${value}}`;
}

/** Null when an operation is none of these. */
export function tagOf(operation: string): { readonly tag: string; readonly value: string } | null {
  const [, tag, value] = /^\{(\w+):(.+)\}$/s.exec(operation) ?? [];
  return tag === undefined || value === undefined ? null : { tag, value };
}
