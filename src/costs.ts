/**
 * What work costs a program: CPU time per request, and the share of its time that goes into collections. A heap at its limit stays flat and
 * leaks into these. They are made of counters that others report, while a tick is made, and are then samples like any other: recorded,
 * judged, exported. So a run that is resumed or replayed has them from its record. A merged run makes them anew of all its agents.
 */
import { METRICS } from './costmetrics.ts';
import { staleAfter } from './runstate.ts';
import type { Series, SeriesTable } from './series.ts';
import type { Batch } from './tick.ts';

/** Counters of the same, the best first: of the kernel and of the JVM's own file before what a page says. */
const CPU = ['process.cpu.time', 'container.cpu.time', 'soak.signal.process_cpu'];
const COLLECTION = ['soak.runtime.collection.time', 'soak.signal.jvm_gc_time', 'soak.signal.node_gc_time', 'soak.signal.go_gc_cpu'];
const REQUESTS = 'soak.traffic.requests';
/** What load tools tell goes before what a program counts itself. */
const TRAFFIC = 'traffic';

/** Clock ticks of 10 ms are 3 % of what a window holds at 1 % of a core; ten minutes of run are twenty points. */
const WINDOW_S = 30;
/** A reading of CPU time is off the end of a window by half a period at most: a twentieth of it at either end. */
const PERIODS_A_WINDOW = 10;
/** Of fewer requests a single one tells; a window waits for more, and is given up when they do not come. */
const REQUESTS_MIN = 10;
const WINDOWS_TO_WAIT = 10;

/** As series of traffic: senders push every 5 s to 60 s. */
const PERIOD_STEP_S = 10;
const PERIOD_MAX_S = 300;

/** Readings of CPU time that are kept for requests that are told late: the last two minutes at 1 Hz. 64 roles: 131 kB. */
const READINGS = 128;
const READING_MIN_S = 1;

/** A total that one counter tells, or several do: those of all members, or of all kinds. */
class Meter {
  total = 0;
  /** Run time of the latest sample; NaN before the first. */
  at = NaN;
  period = 0;
  /** How often counting began anew, so that what was counted before is not comparable. */
  lapses = 0;
  #rank = Infinity;
  #source = '';
  readonly #mayRest: boolean;
  /** Last value of each series that adds to it; NaN before its first. */
  readonly #lasts = new Map<number, number>();

  /** @param mayRest there may be nothing to tell for long; otherwise nobody has looked then */
  constructor(mayRest: boolean) {
    this.#mayRest = mayRest;
  }

  /** Takes a series of a better rank in place of those before; one of the same rank and source beside them. */
  take({ id, source, period }: Series, rank: number): void {
    if (rank > this.#rank || (rank === this.#rank && source !== this.#source)) return;
    if (rank < this.#rank) {
      this.#lasts.clear();
      this.period = 0;
      this.lapses++;
    }
    this.#rank = rank;
    this.#source = source;
    this.period = Math.max(this.period, period);
    this.#lasts.set(id, NaN);
  }

  /** A counter that went back began again from zero. */
  add(id: number, value: number, at: number): void {
    if (!this.#lasts.has(id)) return;
    if (!this.#mayRest && at - this.at > staleAfter(this.period)) this.#lapse();
    const last = this.#lasts.get(id)!;
    this.#lasts.set(id, value);
    this.at = Number.isNaN(this.at) ? at : Math.max(this.at, at);
    if (!Number.isNaN(last)) this.total += value >= last ? value - last : value;
  }

  #lapse(): void {
    for (const id of this.#lasts.keys()) this.#lasts.set(id, NaN);
    this.lapses++;
  }
}

/** Totals when a window began: of what is spent, and of what it is spent on. */
interface Window {
  readonly at: number;
  readonly spent: number;
  readonly work: number;
  readonly lapses: number;
}

/** What came of a window that is complete. */
interface Cost {
  readonly at: number;
  readonly value: number;
  readonly seconds: number;
}

/** CPU time of one target, now and lately. */
class Spending {
  readonly meter = new Meter(false);
  readonly #at = new Float64Array(READINGS).fill(NaN);
  readonly #totals = new Float64Array(READINGS);
  #next = 0;
  #window: Window | null = null;

  /** Remembers what the meter says. */
  note(): void {
    const { at, total } = this.meter;
    if (at - this.#at[(this.#next + READINGS - 1) % READINGS]! < READING_MIN_S) return;
    this.#at[this.#next] = at;
    this.#totals[this.#next] = total;
    this.#next = (this.#next + 1) % READINGS;
  }

  /** What a request has cost since the window began; null while it goes on. */
  per({ at, total: work, lapses }: Meter): Cost | null {
    const { meter } = this;
    const spent = this.#until(at);
    const now = spent === null ? null : { at, spent, work, lapses: lapses + meter.lapses };
    const began = this.#window;
    const span = Math.max(WINDOW_S, PERIODS_A_WINDOW * meter.period);
    const isWhole = now !== null && began !== null && now.lapses === began.lapses;
    if (isWhole && (at - began.at < span || (work - began.work < REQUESTS_MIN && at - began.at < WINDOWS_TO_WAIT * span))) return null;
    this.#window = now;
    if (!isWhole || work - began.work < REQUESTS_MIN) return null;
    return { at, value: (now.spent - began.spent) / (work - began.work), seconds: at - began.at };
  }

  /** The total at the reading next to a run time; null when there is none near it. */
  #until(at: number): number | null {
    const away = (i: number): number => Math.abs(this.#at[i]! - at);
    let nearest = 0;
    for (let i = 1; i < READINGS; i++) if (away(i) < away(nearest)) nearest = i;
    return away(nearest) <= Math.max(READING_MIN_S, this.meter.period) ? this.#totals[nearest]! : null;
  }
}

/** Time in collections of one program. */
class Collecting {
  readonly meter = new Meter(false);
  readonly target: string;
  readonly member: string | null;
  #window: Window | null = null;

  constructor({ target, member }: { readonly target: string; readonly member: string | null }) {
    this.target = target;
    this.member = member;
  }

  /** The share of the time since the window began; null while it goes on. */
  share(): Cost | null {
    const { at, total: spent, lapses } = this.meter;
    const began = this.#window;
    const isWhole = began !== null && began.lapses === lapses;
    if (isWhole && at - began.at < WINDOW_S) return null;
    this.#window = { at, spent, work: at, lapses };
    return isWhole ? { at, value: (spent - began.spent) / (at - began.at), seconds: at - began.at } : null;
  }
}

export class Costs {
  readonly #table: SeriesTable;
  /** By id of a series: what it adds to; undefined for what adds to nothing. */
  readonly #meters: (Meter | undefined)[] = [];
  #met = 0;
  /** By target; null is the run as a whole. */
  readonly #requests = new Map<string | null, Meter>();
  readonly #spending = new Map<string, Spending>();
  /** By target and member. */
  readonly #collecting = new Map<string, Collecting>();
  readonly #touched = new Set<Meter>();

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  /** To be called when all that a tick is to hold has been reported: adds what follows from it. */
  add(batch: Batch): void {
    this.#meet();
    this.#touched.clear();
    const { length, series, values, at } = batch.pending;
    for (let i = 0; i < length; i++) {
      const meter = this.#meters[series[i]!];
      if (meter === undefined) continue;
      meter.add(series[i]!, values[i]!, at[i]!);
      this.#touched.add(meter);
    }
    if (this.#touched.size > 0) this.#tell(batch);
  }

  #tell(batch: Batch): void {
    for (const spending of this.#spending.values()) if (this.#touched.has(spending.meter)) spending.note();
    for (const [target, spending] of this.#spending) {
      const requests = this.#requests.get(target) ?? this.#requests.get(null);
      if (requests === undefined || !this.#touched.has(requests)) continue;
      this.#set(batch, METRICS.cpuPerRequest, { target, member: null }, spending.per(requests));
    }
    for (const collecting of this.#collecting.values()) {
      if (this.#touched.has(collecting.meter)) this.#set(batch, METRICS.collectionShare, collecting, collecting.share());
    }
  }

  #set(
    batch: Batch,
    def: (typeof METRICS)[keyof typeof METRICS],
    { target, member }: { readonly target: string; readonly member: string | null },
    cost: Cost | null,
  ): void {
    if (cost === null) return;
    const period = Math.min(PERIOD_MAX_S, Math.ceil(cost.seconds / PERIOD_STEP_S) * PERIOD_STEP_S);
    batch.set(this.#table.open({ source: 'costs', target, member, period }, def), cost.value, cost.at);
  }

  #meet(): void {
    for (; this.#met < this.#table.size; this.#met++) this.#meters.push(this.#meterOf(this.#table.get(this.#met)));
  }

  #meterOf(series: Series): Meter | undefined {
    const { target, member, source, def } = series;
    const [cpu, collection] = [CPU.indexOf(def.name), COLLECTION.indexOf(def.name)];
    let meter: Meter;
    let rank: number;
    if (def.name === REQUESTS) {
      meter = made(this.#requests, target, () => new Meter(true));
      rank = source === TRAFFIC ? 0 : 1;
    } else if (target !== null && cpu >= 0) {
      ({ meter } = made(this.#spending, target, () => new Spending()));
      rank = cpu;
    } else if (target !== null && collection >= 0) {
      ({ meter } = made(this.#collecting, JSON.stringify([target, member]), () => new Collecting({ target, member })));
      rank = collection;
    } else return undefined;
    // A role's total is all of its members.
    meter.take(series, 2 * rank + (member === null ? 0 : 1));
    return meter;
  }
}

function made<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
