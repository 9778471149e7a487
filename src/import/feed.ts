/** Feeds foreign data to a run state, tick by tick, as a live run would: the same store, the same looks, the same judgement. */
import type { RunState } from '../runstate.ts';
import { CATALOG } from '../metrics.ts';
import { formatDuration } from '../quantity.ts';
import type { Series } from '../series.ts';
import { Batch, type EventKind } from '../tick.ts';
import type { Column, Columns } from './columns.ts';
import type { Dataset, Row } from './dataset.ts';
import { distances, Presence } from './presence.ts';

/** The role that foreign data gets: nothing is known of it but its series. */
export const TARGET = 'data';

const SOURCE = 'import';

/** What was found while feeding. Times are seconds on the axis of the data. */
export interface Fed {
  readonly columns: readonly Column[];
  /** Ids of the series of each column; -1 for those that have none. */
  readonly ids: readonly number[];
  /** Of each column that makes a series, when it has values. */
  readonly presences: readonly Presence[];
  /** The same of all columns of a metric together, by its name. */
  readonly metrics: ReadonlyMap<string, Presence>;
  /** Last figure of each column, as it is in the data. */
  readonly last: readonly number[];
  /** Highest figure of each column, and whether any is no whole number of pages. */
  readonly highest: readonly number[];
  readonly isOdd: readonly boolean[];
  /** Rows in which each column is below zero. */
  readonly negative: readonly number[];
  /** How often each column went back that should count up. */
  readonly resets: readonly number[];
  rows: number;
  from: number;
  to: number;
  /** Usual distance of two rows, seconds. */
  readonly step: number;
  gaps: number;
  gapSeconds: number;
  /** The longest gap; null without any. */
  longestGap: { readonly from: number; readonly to: number; /** Of the row after it. */ readonly line: number | null } | null;
  restarts: number;
}

/** The smallest page of memory that a process has, bytes. */
const PAGE = 4096;

/** A start time that moves by less is the same one, rounded. */
const SAME_START_S = 1;

/** A counter that goes back more often is none of one process: it would never have lived. */
export const RESETS_MAX = 64;

/** A column that is a counter by nothing but its name begins anew where it falls below this share: a level by that name falls by less. */
const FALL = 0.5;

/** What is fed. */
interface Source {
  readonly dataset: Dataset;
  readonly columns: Columns;
  /** In any order; from them comes the usual distance of rows. */
  readonly firstTimes: readonly number[];
  readonly assumeWork: boolean;
}

export class Feeder {
  readonly #state: RunState;
  readonly #dataset: Dataset;
  readonly #choose: Columns;
  readonly #batch = new Batch();
  readonly #columns: Column[] = [];
  readonly #ids: number[] = [];
  readonly #longest: number;
  readonly #last: number[] = [];
  readonly #highest: number[] = [];
  readonly #isOdd: boolean[] = [];
  readonly #negative: number[] = [];
  readonly #resets: number[] = [];
  readonly #presences: Presence[] = [];
  readonly #metrics = new Map<string, Presence>();
  readonly #members = new Map<string, string>();
  readonly #membersBy: readonly string[];
  readonly #fed: Fed;
  readonly #assumeWork: boolean;
  #load = -1;
  #assumed = -1;
  #requests = 0;
  #n = 0;

  constructor(state: RunState, { dataset, columns, firstTimes, assumeWork }: Source) {
    const { step, longest } = distances(firstTimes);
    this.#state = state;
    this.#dataset = dataset;
    this.#choose = columns;
    this.#longest = longest;
    this.#assumeWork = assumeWork;
    const seen = { columns: this.#columns, ids: this.#ids, presences: this.#presences, metrics: this.#metrics };
    const figures = { last: this.#last, highest: this.#highest, isOdd: this.#isOdd, negative: this.#negative, resets: this.#resets };
    this.#fed = { ...seen, ...figures, rows: 0, from: NaN, to: NaN, step, gaps: 0, gapSeconds: 0, longestGap: null, restarts: 0 };
    // Where restarts are told per label (a pod, an instance), each has lives of its own.
    const restarts = dataset.fields.filter((field) => columns.of(field).use === 'restarts');
    this.#membersBy = [...new Set(restarts.flatMap(({ labels }) => Object.keys(labels)))];
    this.#meet();
  }

  async feed(batches: AsyncIterable<readonly Row[]>): Promise<Fed> {
    for await (const batch of batches) for (const row of batch) this.#row(row);
    return this.#fed;
  }

  #meet(): void {
    for (let i = this.#columns.length; i < this.#dataset.fields.length; i++) {
      const column = this.#choose.of(this.#dataset.fields[i]!);
      this.#columns.push(column);
      this.#last.push(NaN);
      this.#highest.push(0);
      this.#isOdd.push(false);
      this.#negative.push(0);
      this.#resets.push(0);
      this.#presences.push(new Presence());
      const { metric } = column.field;
      if (!this.#metrics.has(metric)) this.#metrics.set(metric, new Presence());
      this.#ids.push(column.def === null ? -1 : this.#open(column.def, column.field.labels, this.#memberOf(column)));
      if (column.use === 'load' && this.#load < 0) this.#load = this.#open(CATALOG.get('soak.traffic.requests'), {}, null);
    }
    if (this.#assumeWork && this.#assumed < 0) this.#assumed = this.#open(ASSUMED, {}, null);
  }

  #open(def: Series['def'], labels: Series['labels'], member: string | null): number {
    const id = this.#state.series.size;
    this.#state.series.restore({ id, source: SOURCE, target: TARGET, member, def, labels, period: this.#fed.step });
    return id;
  }

  /** A slot for each combination of the labels by which restarts are told. */
  #memberOf({ field }: Column): string | null {
    if (this.#membersBy.length === 0) return null;
    const key = JSON.stringify(this.#membersBy.map((label) => field.labels[label] ?? null));
    const slot = this.#members.get(key) ?? String(this.#members.size + 1);
    this.#members.set(key, slot);
    return slot;
  }

  #row({ time, values, line }: Row): void {
    const fed = this.#fed;
    if (this.#columns.length < this.#dataset.fields.length) this.#meet();
    if (fed.rows === 0) fed.from = time;
    const t = time - fed.from;
    const since = fed.rows === 0 ? 0 : time - fed.to;
    if (fed.rows === 0) this.#event(t, 'target_found', null, 'the data begins');
    if (since > this.#longest) this.#gap(t, since, line ?? null);
    const restarted = new Set<string | null>();
    for (let i = 0; i < this.#columns.length; i++) this.#cell(i, values[i] ?? NaN, t, Math.min(since, this.#longest), restarted);
    for (const member of restarted) this.#restart(t, member);
    this.#batch.set(this.#load, this.#requests, t);
    this.#batch.set(this.#assumed, t, t);
    fed.to = time;
    fed.rows++;
    const start = this.#dataset.axis.kind === 'wall' ? fed.from : 0;
    this.#state.fold(this.#batch.close(this.#n++, t, start + t));
  }

  #cell(i: number, value: number, t: number, since: number, restarted: Set<string | null>): void {
    if (Number.isNaN(value)) return;
    const { use, def, factor, isTotal } = this.#columns[i]!;
    const before = this.#last[i]!;
    this.#last[i] = value;
    if (value > this.#highest[i]!) this.#highest[i] = value;
    if (value % PAGE !== 0) this.#isOdd[i] = true;
    if (value < 0) this.#negative[i]!++;
    if (def !== null) this.#present(i, this.#fed.from + t);
    if (use === 'load') {
      // What a load counts in a gap is not known, and the first figure of a counter is nobody's work.
      if (!isTotal) this.#requests += value * since;
      else if (!Number.isNaN(before)) this.#requests += value >= before ? value - before : value;
    }
    if (use === 'restarts' && !Number.isNaN(before) && changed(this.#columns[i]!, before, value))
      restarted.add(this.#memberOf(this.#columns[i]!));
    if (this.#wentBack(this.#columns[i]!, before, value) && ++this.#resets[i]! <= RESETS_MAX)
      restarted.add(this.#memberOf(this.#columns[i]!));
    this.#batch.set(this.#ids[i]!, value * factor, t);
  }

  /** What tells of restarts by the user's word tells of all. */
  #wentBack({ use, def, isTotal }: Column, before: number, value: number): boolean {
    if (this.#choose.restartsAreSaid) return false;
    return (isTotal || def?.kind === 'counter') && value < (use === 'shown' ? before * FALL : before);
  }

  #present(i: number, time: number): void {
    this.#presences[i]!.add(time);
    this.#metrics.get(this.#columns[i]!.field.metric)!.add(time);
  }

  #restart(t: number, member: string | null): void {
    this.#fed.restarts++;
    this.#event(t, 'restart', member, 'the process was started again');
  }

  #gap(t: number, since: number, line: number | null): void {
    this.#fed.gaps++;
    this.#fed.gapSeconds += since - this.#fed.step;
    const { longestGap, from } = this.#fed;
    if (longestGap === null || since > longestGap.to - longestGap.from)
      this.#fed.longestGap = { from: from + t - since, to: from + t, line };
    this.#batch.event({
      t,
      kind: 'gap',
      target: null,
      member: null,
      message: `no data for ${formatDuration(since)}`,
      data: { from: t - since },
    });
  }

  #event(t: number, kind: EventKind, member: string | null, message: string): void {
    this.#batch.event({ t, kind, target: TARGET, member, message, data: {} });
  }
}

/** A count of restarts that goes back is not one more. */
function changed({ field }: Column, before: number, value: number): boolean {
  if (/start_?time/i.test(field.metric)) return Math.abs(value - before) > SAME_START_S;
  return value !== before;
}

/** Stands for the user's word that the program worked. */
const ASSUMED: Series['def'] = {
  name: 'assumed.work',
  alias: 'process.cpu.time',
  unit: 's',
  kind: 'counter',
  help: 'Work that the user vouches for.',
  growth: 'load',
};
