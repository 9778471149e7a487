/**
 * Growth within lives, as running sums: what bins that are as wide as a life cannot show. Each life has a level of its own and all have one
 * slope; of every life that ended four figures go into the sums, and their squares and products, from which the scatter between lives is
 * known whatever the noise within one is.
 *
 * 67 doubles a series, of those only whose process was started again.
 */
import type { Series, SeriesTable } from '../series.ts';
import type { RunEvent, Tick } from '../tick.ts';
import type { Phase, Timeline } from '../timeline.ts';
import { MEMORY, TREE } from './gates.ts';
import { SLOTS_MAX } from './lives.ts';
import { isOfServer } from './servers.ts';

/** Shares of the life before, after which a life counts: its warm-up is left out, and of its end growth is asked once more. */
const JUDGED_FROM = 0.2;
export const END_FROM = 0.6;

/** Programs that fail to start a few times live for seconds: the length of a life is expected to be half of that before at least. */
const SHRINKS = 0.5;

/** Samples of a life without which it has no slope. */
const SAMPLES_MIN = 4;

const HOUR = 3600;

/** Of all lives at least a third are the latest ones, by themselves: growth that began late must not be hidden by what was before. */
const LATE_SHARE = 0.5;
const LATE_MIN = 8;

/** Of the open life: its first value, and the time of its first and last sample. */
const OPEN = { first: 0, begin: 1, last: 2 } as const;
/** Of its whole and of its end: samples, and sums of time, value, squared time and their product; time in hours since it counts. */
const WHOLE = 3;
const PART = 5;
const END = WHOLE + PART;
/**
 * Of lives that ended: how many, their hours, from and to when; sums of squared time and of time times value about their means, of the whole and
 * of the end; and sums of the products of these four, row by row, each from the diagonal on.
 */
const ENDED = END + PART;
export const FIGURES = 4;
const HEAD = 4;
const TOTAL = HEAD + FIGURES + (FIGURES * (FIGURES + 1)) / 2;
/** The first lives, those after, and the latest. */
const OLDER = ENDED;
const MIDDLE = OLDER + TOTAL;
const RECENT = MIDDLE + TOTAL;
const SIZE = RECENT + TOTAL;

/** What lives that ended say of a slope. */
export interface LivesSum {
  readonly lives: number;
  /** Judged, of all lives. */
  readonly hours: number;
  /** Run times. */
  readonly from: number;
  readonly to: number;
  /** Sums over lives of (txx, txy) of the whole life and (txx, txy) of its end. */
  readonly sums: readonly number[];
  /** Sums over lives of the products of these four: row by row, each from the diagonal on. */
  readonly products: readonly number[];
}

/** Of one series: the latest lives, a third of all or more, and those before. */
export interface EndedLives {
  readonly early: LivesSum;
  readonly late: LivesSum;
}

/** A member, or a role with one process, and the life it is in. */
interface Life {
  /** Run time; NaN before the first. */
  start: number;
  /** How long it is expected to be; seconds. NaN in the first that is known. */
  expected: number;
  readonly ids: number[];
}

export interface LifeSumsSnapshot {
  readonly lives: readonly (readonly [string, Life])[];
  readonly sums: readonly (readonly [number, Float64Array])[];
  readonly scanned: number;
}

export class LifeSums {
  readonly #warmup: number;
  readonly #lives = new Map<string, Life>();
  /** By id of the series, and the lives they are in. */
  readonly #sums: (Float64Array | undefined)[] = [];
  readonly #lifeOf: (Life | undefined)[] = [];
  /** Series that were looked through for those of a life. */
  #scanned = 0;

  /** @param warmup run time before which nothing is judged */
  constructor(warmup: number) {
    this.#warmup = warmup;
  }

  /** @param timeline with the events of the tick in it: a process that is found again after a resumption goes on with its life */
  watch({ samples, events }: Tick, table: SeriesTable, timeline: Pick<Timeline, 'lives'>, phase: Phase | null): void {
    for (const event of events) if (beginsLife(event, timeline)) this.#begin(event, table);
    if (this.#sums.length === 0 || phase?.judged === false) return;
    for (let i = 0; i < samples.length; i++) {
      const id = samples.series[i]!;
      const sums = this.#sums[id];
      if (sums !== undefined) this.#add(sums, this.#lifeOf[id]!, samples.at[i]!, samples.values[i]!);
    }
  }

  /** Of the series itself, or of the same of each member where it is the total of a role; empty before a life of them has ended. */
  of(series: Series, table: SeriesTable): EndedLives[] {
    const own = this.#ended(series.id);
    if (own !== null || series.target === null || series.member !== null) return own === null ? [] : [own];
    const slots = Array.from({ length: SLOTS_MAX }, (_, i) => this.#lives.get(keyOf(series.target!, String(i + 1)))?.ids ?? []);
    return slots.flat().flatMap((id) => (isPartOf(table.get(id), series) ? (this.#ended(id) ?? []) : []));
  }

  #ended(id: number): EndedLives | null {
    const sums = this.#sums[id];
    if (sums === undefined) return null;
    const [older, middle, recent] = [OLDER, MIDDLE, RECENT].map((at) => sums.subarray(at, at + TOTAL));
    const late = together([middle!, recent!]);
    return late.lives === 0 ? null : { early: together([older!]), late };
  }

  snapshot(): LifeSumsSnapshot {
    return {
      lives: [...this.#lives].map(([key, life]) => [key, { ...life, ids: [...life.ids] }]),
      sums: this.#sums.flatMap((sums, id) => (sums === undefined ? [] : [[id, sums.slice()] as const])),
      scanned: this.#scanned,
    };
  }

  restore({ lives, sums, scanned }: LifeSumsSnapshot): void {
    for (const [key, life] of lives) {
      this.#lives.set(key, life);
      for (const id of life.ids) this.#lifeOf[id] = life;
    }
    for (const [id, kept] of sums) this.#sums[id] = kept;
    this.#scanned = scanned;
  }

  #begin({ t, target, member }: RunEvent, table: SeriesTable): void {
    const life = this.#life(target!, member);
    this.#scan(table);
    const lasted = t - life.start;
    if (lasted > 0) for (const id of life.ids) close((this.#sums[id] ??= new Float64Array(SIZE)), life.start);
    if (lasted > 0) life.expected = Number.isNaN(life.expected) ? lasted : Math.max(lasted, SHRINKS * life.expected);
    life.start = t;
  }

  #life(target: string, member: string | null): Life {
    const key = keyOf(target, member);
    const life = this.#lives.get(key) ?? { start: NaN, expected: NaN, ids: [] };
    this.#lives.set(key, life);
    return life;
  }

  /** Series that are new since, each to its member. */
  #scan(table: SeriesTable): void {
    for (; this.#scanned < table.size; this.#scanned++) {
      const series = table.get(this.#scanned);
      if (!isSummed(series)) continue;
      const life = this.#life(series.target!, series.member);
      life.ids.push(series.id);
      this.#lifeOf[series.id] = life;
    }
  }

  #add(sums: Float64Array, { start, expected }: Life, at: number, value: number): void {
    const age = at - start;
    if (!(age >= JUDGED_FROM * expected) || at < this.#warmup) return;
    if (sums[WHOLE] === 0) {
      sums[OPEN.first] = value;
      sums[OPEN.begin] = at;
    }
    sums[OPEN.last] = at;
    const hours = (at - sums[OPEN.begin]!) / HOUR;
    const off = value - sums[OPEN.first]!;
    addTo(sums, WHOLE, hours, off);
    if (age >= END_FROM * expected) addTo(sums, END, hours, off);
  }
}

function keyOf(target: string, member: string | null): string {
  return JSON.stringify([target, member]);
}

function beginsLife({ kind, target, member, t }: RunEvent, timeline: Pick<Timeline, 'lives'>): boolean {
  if (target === null || !(kind === 'restart' || kind === 'member_start' || kind === 'target_found')) return false;
  return timeline.lives(target, member).includes(t);
}

/** Growth of what a process holds; what is told by a rate, or has another scale, is not summed. */
function isSummed(series: Series): boolean {
  const { kind, growth } = series.def;
  return series.target !== null && !isOfServer(series) && kind !== 'counter' && (growth === 'leak' || growth === 'capacity');
}

function isPartOf({ source, def, labels }: Series, total: Series): boolean {
  const isSame = def === total.def || (total.def.alias === TREE && def.alias === MEMORY);
  return isSame && source === total.source && JSON.stringify(labels) === JSON.stringify(total.labels);
}

function addTo(sums: Float64Array, part: number, hours: number, off: number): void {
  sums[part]! += 1;
  sums[part + 1]! += hours;
  sums[part + 2]! += off;
  sums[part + 3]! += hours * hours;
  sums[part + 4]! += hours * off;
}

/** The open life has ended: what it says goes into the sums, and the next one begins with nothing. */
function close(sums: Float64Array, start: number): void {
  if (sums[END]! >= SAMPLES_MIN) {
    const figures = [...aboutMeans(sums, WHOLE), ...aboutMeans(sums, END)];
    const hours = (sums[OPEN.last]! - sums[OPEN.begin]!) / HOUR;
    const products = figures.flatMap((one, i) => figures.slice(i).map((other) => one * other));
    merge(sums.subarray(RECENT), [1, hours, start, sums[OPEN.last]!, ...figures, ...products]);
    if (sums[RECENT]! >= Math.max(LATE_MIN, LATE_SHARE * (sums[OLDER]! + sums[MIDDLE]!))) age(sums);
  }
  sums.fill(0, WHOLE, ENDED);
}

function age(sums: Float64Array): void {
  merge(sums.subarray(OLDER), sums.subarray(MIDDLE, RECENT));
  sums.copyWithin(MIDDLE, RECENT, SIZE);
  sums.fill(0, RECENT, SIZE);
}

/** Adds what came later. */
function merge(into: Float64Array, later: ArrayLike<number>): void {
  if (later[0] === 0) return;
  const from = into[0] === 0 ? later[2]! : into[2]!;
  for (let i = 0; i < later.length; i++) into[i]! += later[i]!;
  into[2] = from;
  into[3] = later[3]!;
}

/** Of lives in their order. */
function together(parts: readonly Float64Array[]): LivesSum {
  const all = new Float64Array(TOTAL);
  for (const part of parts) merge(all, part);
  const [lives, hours, from, to] = all;
  return {
    lives: lives!,
    hours: hours!,
    from: from!,
    to: to!,
    sums: [...all.subarray(HEAD, HEAD + FIGURES)],
    products: [...all.subarray(HEAD + FIGURES)],
  };
}

function aboutMeans(sums: Float64Array, part: number): [number, number] {
  const [n, t, y, tt, ty] = sums.subarray(part, part + PART);
  return [tt! - (t! * t!) / n!, ty! - (t! * y!) / n!];
}
