/** Samples of a page as points: what the lines of one histogram or summary say is one point. */
import type { LineReader, Sample } from './exposition-line.ts';
import { BadLine } from './exposition-line.ts';
import { type Counts, NO_COUNTS } from '../quantiles.ts';
import type { CounterPoint, Point } from './point.ts';

/** Prometheus' own clients have 11 and 15 buckets, OpenTelemetry's exponential histograms 160. */
const BUCKETS_MAX = 512;

const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped', 'unknown', 'info', 'stateset', 'gaugehistogram'] as const;
type Type = (typeof TYPES)[number];

/** What the lines of families of a type may be called, behind the name of the family. */
const SUFFIXES: Partial<Record<Type, readonly string[]>> = {
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['_count', '_sum', '_created'],
};

/** Which family a name on a line belongs to, and as what. */
interface Place {
  readonly family: string;
  readonly type: Type;
  readonly suffix: string;
}

/** The lines of one histogram or summary so far; null is not told. */
interface Parts {
  readonly family: string;
  readonly type: 'histogram' | 'summary';
  readonly labels: Record<string, string>;
  readonly at: { readonly bound: number; readonly value: number }[];
  count: number | null;
  sum: number | null;
  since: number | null;
  wall: number | null;
}

/**
 * Histograms, summaries and counters with a start of which lines may still come. The formats have the lines of one series together, so
 * that those before the last few are complete; up to here a page may be in any order.
 */
const OPEN_MAX = 500;

export class Families {
  /** Factor that makes seconds of the times on the page. */
  readonly #second: number;
  readonly #types = new Map<string, Type>();
  readonly #units = new Map<string, string>();
  readonly #places = new Map<string, Place>();
  #points: Point[] = [];
  readonly #parts = new Map<string, Parts>();
  /** Of OpenMetrics, where a line of its own tells since when it counts. */
  readonly #counters = new Map<string, CounterPoint>();
  readonly #openMetrics: boolean;
  samples = 0;

  constructor(openMetrics: boolean) {
    this.#second = openMetrics ? 1 : 0.001;
    this.#openMetrics = openMetrics;
  }

  /** Takes a line; false when it ends the page. @throws {BadLine} */
  read(reader: LineReader): boolean {
    if (!reader.isComment) {
      this.#sample(reader.sample());
      return true;
    }
    const declared = reader.declaration();
    if (declared === null) return true;
    const { what, name, text } = declared;
    if (what === 'end') return false;
    if (what === 'unit') this.#units.set(name, text);
    else this.#declare(name, text);
    return true;
  }

  /** Points that are complete. */
  get ready(): number {
    return this.#points.length;
  }

  take(): readonly Point[] {
    const points = this.#points;
    this.#points = [];
    return points;
  }

  /** At the end of the page. */
  rest(): readonly Point[] {
    for (const [key, parts] of this.#parts) this.#close(key, parts);
    this.#points.push(...this.#counters.values());
    this.#counters.clear();
    return this.take();
  }

  #close(key: string, parts: Parts): void {
    this.#parts.delete(key);
    const point = assembled(parts, this.#units.get(parts.family) ?? '');
    if (point !== null) this.#points.push(point);
  }

  /** Those that were begun first make room. */
  #closeOldest(): void {
    for (const [key, parts] of this.#parts) {
      if (this.#parts.size <= OPEN_MAX) break;
      this.#close(key, parts);
    }
    for (const [key, point] of this.#counters) {
      if (this.#counters.size <= OPEN_MAX) break;
      this.#counters.delete(key);
      this.#points.push(point);
    }
  }

  #declare(name: string, text: string): void {
    const type = TYPES.find((one) => one === text.toLowerCase());
    if (type === undefined) throw new BadLine('there is no such type of a metric');
    this.#types.set(name, type);
    this.#places.clear();
  }

  #sample(sample: Sample): void {
    const { name, labels, value, time } = sample;
    const place = this.#placeOf(name);
    const wall = time === null ? null : time * this.#second;
    this.samples++;
    if (place.type === 'histogram' || place.type === 'summary') return this.#part(place, sample, wall);
    if (place.suffix === '_created') return this.#begun(`${place.family}_total`, sample);
    if (!Number.isFinite(value)) return;
    const told = { name, unit: this.#units.get(place.family) ?? '', labels, wall, since: null };
    if (place.type !== 'counter' || value < 0) {
      this.#points.push({ ...told, kind: 'gauge', value });
      return;
    }
    const point: CounterPoint = { ...told, kind: 'counter', temporality: 'cumulative', value };
    if (!this.#openMetrics) {
      this.#points.push(point);
      return;
    }
    this.#counters.set(keyOf(name, labels, ''), point);
    this.#closeOldest();
  }

  #begun(counter: string, { labels, value }: Sample): void {
    const key = keyOf(counter, labels, '');
    const point = this.#counters.get(key);
    if (point !== undefined && Number.isFinite(value)) this.#counters.set(key, { ...point, since: value });
  }

  #part({ family, type, suffix }: Place, { labels, value }: Sample, wall: number | null): void {
    const bound = type === 'histogram' ? 'le' : 'quantile';
    const isBound = suffix === '_bucket' || (type === 'summary' && suffix === '');
    const written = labels[bound];
    if (isBound && written === undefined) throw new BadLine(`it should have the label ${bound}`);
    if (isBound) delete labels[bound];
    const key = keyOf(family, labels, type);
    const parts = this.#parts.get(key) ?? newParts(family, type === 'summary' ? 'summary' : 'histogram', labels, wall);
    if (!this.#parts.has(key)) {
      this.#parts.set(key, parts);
      this.#closeOldest();
    }
    if (isBound) {
      if (parts.at.length >= BUCKETS_MAX) throw new BadLine(`there are more than ${BUCKETS_MAX} of these`);
      parts.at.push({ bound: boundOf(written ?? '', bound), value });
    } else if (!Number.isFinite(value)) return;
    else if (suffix === '_count') parts.count = value;
    else if (suffix === '_sum') parts.sum = value;
    else if (suffix === '_created') parts.since = value;
  }

  /** Names follow each other on a page by the hundred, so what is found is kept until another type is declared. */
  #placeOf(name: string): Place {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const own = this.#types.get(name);
    const place = own === undefined ? this.#placeBySuffix(name) : { family: name, type: own, suffix: '' };
    if (place.type === 'histogram' && place.suffix === '')
      throw new BadLine('a histogram has lines ending in _bucket, _sum and _count only');
    this.#places.set(name, place);
    return place;
  }

  #placeBySuffix(name: string): Place {
    const at = name.lastIndexOf('_');
    const family = name.slice(0, Math.max(at, 0));
    const suffix = name.slice(at);
    const type = at > 0 ? this.#types.get(family) : undefined;
    return type !== undefined && SUFFIXES[type]?.includes(suffix)
      ? { family, type, suffix }
      : { family: name, type: 'untyped', suffix: '' };
  }
}

function newParts(family: string, type: Parts['type'], labels: Record<string, string>, wall: number | null): Parts {
  return { family, type, labels, at: [], count: null, sum: null, since: null, wall };
}

function boundOf(written: string, label: string): number {
  const bound = written === '+Inf' || written === 'Inf' || written === 'inf' || written === '+inf' ? Infinity : Number(written);
  if (written.trim() === '' || Number.isNaN(bound)) throw new BadLine(`the label ${label} is not a number`);
  return bound;
}

/** Null when it does not say how many values there were: that is not none. */
function assembled(parts: Parts, unit: string): Point | null {
  const { family: name, labels, wall, since, sum } = parts;
  const told = { name, unit, labels, wall, since };
  const ordered = parts.at.toSorted((a, b) => a.bound - b.bound);
  if (parts.type === 'summary') {
    const quantiles = ordered.flatMap(({ bound, value }) => (Number.isFinite(value) ? [{ quantile: bound, value }] : []));
    return { ...told, kind: 'summary', count: parts.count, sum, quantiles };
  }
  const whole = ordered.at(-1)?.bound === Infinity ? (ordered.at(-1)?.value ?? null) : null;
  const count = parts.count ?? whole;
  if (count === null || !(count >= 0)) return null;
  return { ...told, kind: 'histogram', temporality: 'cumulative', count, sum, buckets: countsOf(ordered) };
}

/** Counts on the page are of all values up to a bound. None, where they contradict each other: a page written while they changed. */
function countsOf(ordered: readonly { readonly bound: number; readonly value: number }[]): Counts {
  const bounds: number[] = [];
  const counts: number[] = [];
  let over = -Infinity;
  let below = 0;
  for (const { bound, value } of ordered) {
    if (!(value >= below) || !Number.isFinite(value) || bound <= over) return NO_COUNTS;
    bounds.push(over, bound);
    counts.push(value - below);
    over = bound;
    below = value;
  }
  return { bounds, counts };
}

/** The same for the same labels, in whatever order they were written. */
function keyOf(name: string, labels: Readonly<Record<string, string>>, what: string): string {
  const names = Object.keys(labels);
  if (names.length > 1) names.sort();
  let key = `${what}\0${name}`;
  for (const label of names) key += `\0${label}\0${labels[label]!}`;
  return key;
}
