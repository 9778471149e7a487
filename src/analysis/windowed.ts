/** Means, totals, extremes, rates and ratios over a window, each fed with the samples of the series that it needs. */
import type { Series } from '../series.ts';
import { Sliding, type SlidingSnapshot } from './sliding.ts';

/** The value is somewhere between; equal where it is known. */
export interface WindowValue {
  readonly lo: number;
  readonly hi: number;
}

/** Takes the samples of one series. */
export type Feed = (value: number) => void;

export type WindowedSnapshot = Readonly<Record<string, SlidingSnapshot | number>>;

/** One measure of one series over one window. */
export abstract class Windowed {
  protected readonly endless: boolean;
  readonly #parts = new Map<string, Sliding>();
  /** Last values of counters, by the part that they feed. */
  readonly #last = new Map<string, number>();
  #restored: WindowedSnapshot = {};

  constructor(endless: boolean) {
    this.endless = endless;
  }

  /** How the measure takes the samples of this series, or null when it has no use for them. */
  abstract feedOf(series: Series): Feed | null;

  /** @param seconds of the window that have been seen; null when nothing is known */
  abstract value(seconds: number): WindowValue | null;

  next(): void {
    for (const part of this.#parts.values()) part.next();
  }

  /** A new window begins; counters go on where they are. */
  clear(): void {
    for (const part of this.#parts.values()) part.clear();
  }

  snapshot(): WindowedSnapshot {
    const parts = [...this.#parts].map(([name, part]) => [name, part.snapshot()] as const);
    return {
      ...this.#restored,
      ...Object.fromEntries(parts),
      ...Object.fromEntries([...this.#last].map(([name, last]) => [`${name} last`, last])),
    };
  }

  restore(snapshot: WindowedSnapshot): void {
    this.#restored = snapshot;
  }

  protected part(name: string): Sliding {
    const known = this.#parts.get(name);
    if (known) return known;
    const made = new Sliding(this.endless);
    const before = this.#restored[name];
    if (typeof before === 'object') made.restore(before);
    this.#parts.set(name, made);
    return made;
  }

  /** Adds the increments of a counter; a fall is a counter that began anew. */
  protected counting(name: string): Feed {
    const part = this.part(name);
    const before = this.#restored[`${name} last`];
    if (typeof before === 'number') this.#last.set(name, before);
    return (value) => {
      const last = this.#last.get(name);
      this.#last.set(name, value);
      if (last !== undefined) part.add(value >= last ? value - last : value);
    };
  }
}

/** Of a gauge. */
export class Mean extends Windowed {
  readonly #id: number;

  constructor({ id }: Series, endless: boolean) {
    super(endless);
    this.#id = id;
  }

  feedOf({ id }: Series): Feed | null {
    if (id !== this.#id) return null;
    const [sum, count] = [this.part('sum'), this.part('count')];
    return (value) => {
      sum.add(value);
      count.add(1);
    };
  }

  value(): WindowValue | null {
    const count = this.part('count').sum;
    return count > 0 ? exactly(this.part('sum').sum / count) : null;
  }
}

/** Per second. */
export class Rate extends Windowed {
  readonly #id: number;

  constructor({ id }: Series, endless: boolean) {
    super(endless);
    this.#id = id;
  }

  feedOf({ id }: Series): Feed | null {
    if (id !== this.#id) return null;
    const [count, seen] = [this.counting('count'), this.part('seen')];
    return (value) => {
      count(value);
      seen.add(1);
    };
  }

  value(seconds: number): WindowValue | null {
    return this.part('seen').sum > 0 && seconds > 0 ? exactly(this.part('count').sum / seconds) : null;
  }
}

/** All that a counter has counted. */
export class Total extends Windowed {
  readonly #id: number;
  #last: number | null = null;

  constructor({ id }: Series, endless: boolean) {
    super(endless);
    this.#id = id;
  }

  feedOf({ id }: Series): Feed | null {
    if (id !== this.#id) return null;
    return (value) => (this.#last = value);
  }

  value(): WindowValue | null {
    return this.#last === null ? null : exactly(this.#last);
  }

  override snapshot(): WindowedSnapshot {
    return this.#last === null ? {} : { last: this.#last };
  }

  override restore({ last }: WindowedSnapshot): void {
    if (typeof last === 'number') this.#last = last;
  }
}

/** One counter of another: failures of requests, seconds of requests. */
export class Ratio extends Windowed {
  readonly #of: Series;
  readonly #above: string;
  readonly #below: string;

  constructor(of: Series, { above, below }: { above: string; below: string }, endless: boolean) {
    super(endless);
    this.#of = of;
    this.#above = above;
    this.#below = below;
  }

  feedOf(series: Series): Feed | null {
    if (!isBeside(series, this.#of)) return null;
    if (series.def.name === this.#above) return this.counting('above');
    return series.def.name === this.#below ? this.counting('below') : null;
  }

  value(): WindowValue | null {
    const below = this.part('below').sum;
    return below > 0 ? exactly(this.part('above').sum / below) : null;
  }
}

/** The lowest or highest of a gauge. Its parts are the extremes of the steps, of which only the extreme counts. */
export class Extreme extends Windowed {
  readonly #id: number;
  readonly #better: (a: number, b: number) => number;
  #steps: number[] = [];

  constructor({ id }: Series, kind: 'min' | 'max', endless: boolean) {
    super(endless);
    this.#id = id;
    this.#better = kind === 'min' ? Math.min : Math.max;
  }

  feedOf({ id }: Series): Feed | null {
    if (id !== this.#id) return null;
    return (value) => {
      const last = this.#steps.length - 1;
      const known = this.#steps[last];
      if (last < 0) this.#steps.push(value);
      else this.#steps[last] = known === undefined || Number.isNaN(known) ? value : this.#better(known, value);
    };
  }

  override next(): void {
    if (this.endless) return;
    this.#steps.push(NaN);
    if (this.#steps.length > STEPS_MAX) this.#steps.shift();
  }

  override clear(): void {
    this.#steps = [];
  }

  value(): WindowValue | null {
    const known = this.#steps.filter((value) => !Number.isNaN(value));
    return known.length > 0 ? exactly(known.reduce((a, b) => this.#better(a, b))) : null;
  }

  override snapshot(): WindowedSnapshot {
    return Object.fromEntries(this.#steps.map((value, i) => [String(i), value]));
  }

  override restore(snapshot: WindowedSnapshot): void {
    this.#steps = Object.values(snapshot).map(Number);
  }
}

const STEPS_MAX = 60;

export function exactly(value: number): WindowValue {
  return { lo: value, hi: value };
}

/** Of the same target, and of the same operation where it is of one. */
export function isBeside(a: Series, b: Series): boolean {
  return a.target === b.target && a.member === b.member && a.labels['soak.operation'] === b.labels['soak.operation'];
}
