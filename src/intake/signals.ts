/**
 * What others say of themselves as series: the declarations of the user and the presets, applied to the points of scrapes and of whoever
 * pushes. A span is one page, or the time between two flushes of what is pushed. What no declaration knows is not recorded, so that a
 * stranger cannot fill the record.
 */
import type { MetricDef } from '../catalog.ts';
import type { Owner, Series, SeriesTable } from '../series.ts';
import { seriesKey } from './label-keys.ts';
import { selects, type Selector } from './match.ts';
import type { Intake, Origin, Point } from './point.ts';
import { Room } from './room.ts';
import { type Figure, Signal } from './signal.ts';
import type { Gather, Part } from './signals-gather.ts';
import { quantileMetric, signalMetric } from './signals-metric.ts';
import type { Meaning, SignalSpec } from './signals-spec.ts';
import { Telling, type SignalSink } from './signals-telling.ts';

/** What a signal that stands for a metric of the agent's own is recorded as. */
export type Meanings = Readonly<Record<Meaning, { readonly source: string; readonly def: MetricDef }>>;

export interface SignalsContext {
  readonly series: SeriesTable;
  readonly meanings: Meanings;
  /** Wall time of the start, seconds. */
  readonly began: number;
}

/** A series of the runtime's own counters: where it is there, the heap is read by itself. */
const READ_HERE = 'jvm.memory.used';

interface Route {
  readonly signal: Signal;
  readonly gather: Gather;
  readonly selector: Selector;
  readonly index: number;
  readonly part: Part;
}

/** What is known of one origin: their names are those of the configuration. */
interface Place {
  readonly signals: readonly Signal[];
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  readonly telling: Telling;
  target: string | null;
  isRestored: boolean;
}

export class Signals implements Intake {
  readonly #specs: readonly SignalSpec[];
  readonly #context: SignalsContext;
  readonly #room: Room;
  readonly #places = new Map<string, Place>();
  /** Who writes a series: two pages that say the same of one target would take turns in it. */
  readonly #writers = new Map<number, string>();
  /** The last values of what stands for a metric of the agent's own. */
  readonly #told = new Map<string, number>();

  constructor(specs: readonly SignalSpec[], context: SignalsContext) {
    this.#specs = specs;
    this.#context = context;
    this.#room = new Room(context.began);
  }

  take(points: readonly Point[], origin: Origin): number {
    const place = this.#place(origin.name);
    place.target = origin.target;
    this.#restore(place, origin.name);
    let used = 0;
    for (const point of points) {
      place.telling.see(point.name);
      const routes = place.routes.get(point.name);
      if (routes === undefined) continue;
      const taking = routes.filter((route) => isFor(route, point));
      if (taking.length === 0) continue;
      const key = seriesKey(point.name, point.labels);
      for (const route of taking) route.gather.take(point, key, route);
      used++;
    }
    return used;
  }

  /** Ends a span of an origin: what its points came to is set. @param period seconds between two spans */
  flush(origin: string, sink: SignalSink, { at, period }: { readonly at: number; readonly period: number }): void {
    const place = this.#place(origin);
    for (const signal of place.signals) {
      for (const figure of signal.figures()) this.#write(signal, figure, { origin, place, sink, at, period });
      place.telling.check(signal, sink, this.#owner(signal, origin, place, period));
    }
    if (this.#room.refused()) place.telling.full(sink);
    this.#room.nextRound();
  }

  /** What was last told of a target that stands for a metric of the agent's own; null: nothing was. */
  told(as: Meaning, target: string): number | null {
    return this.#told.get(`${as} ${target}`) ?? null;
  }

  /** Which signals of an origin have figures: for `doctor`. */
  specsOf(origin: string): readonly SignalSpec[] {
    return this.#specs.filter(({ from }) => from === origin);
  }

  #place(origin: string): Place {
    const known = this.#places.get(origin);
    if (known !== undefined) return known;
    const signals = this.specsOf(origin).map((spec) => new Signal(spec, this.#room));
    const place = { signals, routes: routesOf(signals), telling: new Telling(origin), target: null, isRestored: false };
    this.#places.set(origin, place);
    return place;
  }

  #write(
    signal: Signal,
    { labels, value, quantile }: Figure,
    { origin, place, sink, at, period }: { origin: string; place: Place; sink: SignalSink; at: number; period: number },
  ): void {
    const owner = this.#owner(signal, origin, place, period);
    if (signal.spec.as === 'heap' && this.#isReadHere(owner.target)) return;
    const def = this.#defOf(signal.spec, quantile !== null);
    const id = this.#context.series.open(owner, def, { ...labels, ...(quantile === null ? {} : { 'soak.quantile': quantile }) });
    const writer = this.#writers.get(id) ?? origin;
    if (id >= 0) this.#writers.set(id, writer);
    if (writer === origin) {
      sink.set(id, value, at);
      if (signal.spec.as !== null) this.#told.set(`${signal.spec.as} ${owner.target}`, value);
    } else place.telling.twice(signal, writer, sink, owner.target);
  }

  #defOf(spec: SignalSpec, isQuantile: boolean): MetricDef & { readonly labels: Record<string, { readonly max: number }> } {
    const def = spec.as === null ? (isQuantile ? quantileMetric(spec) : signalMetric(spec)) : this.#context.meanings[spec.as].def;
    return def as MetricDef & { readonly labels: Record<string, { readonly max: number }> };
  }

  #owner({ spec }: Signal, origin: string, { target }: Place, period: number): Owner {
    const source = spec.as === null ? origin : this.#context.meanings[spec.as].source;
    return { source, target: spec.target ?? target, member: null, period };
  }

  #isReadHere(target: string | null): boolean {
    return this.#context.series.all().some((series) => series.target === target && series.def.name === READ_HERE);
  }

  /** A resumed run has series that were there before. */
  #restore(place: Place, origin: string): void {
    if (place.isRestored) return;
    place.isRestored = true;
    const byName = Map.groupBy(this.#context.series.all(), ({ def }: Series) => def.name);
    for (const { spec, groups } of place.signals) {
      if (spec.as !== null || spec.by.length === 0) continue;
      const target = spec.target ?? place.target;
      groups.restore((byName.get(`soak.signal.${spec.name}`) ?? []).filter((one) => one.source === origin && one.target === target));
    }
  }
}

function isFor({ selector, part }: Route, point: Point): boolean {
  const isWhole = point.kind === 'gauge' || point.kind === 'counter';
  return (part === 'whole' || !isWhole) && selects(selector, point.labels);
}

/** What a point of a name may be for. The lines `x_count`, `x_sum` and `x_bucket` of a page are one point of the name `x`. */
function routesOf(signals: readonly Signal[]): Map<string, Route[]> {
  const routes = new Map<string, Route[]>();
  const add = (name: string, route: Route): void => void routes.set(name, [...(routes.get(name) ?? []), route]);
  for (const signal of signals) {
    for (const [gather, selectors] of [
      [signal.match, signal.spec.match],
      [signal.over, signal.spec.over ?? []],
    ] as const) {
      for (const [index, selector] of selectors.entries()) {
        add(selector.name, { signal, gather, selector, index, part: 'whole' });
        const [, family, part] = /^(.+)_(count|sum|bucket)$/.exec(selector.name) ?? [];
        if (family !== undefined) add(family, { signal, gather, selector, index, part: part === 'sum' ? 'sum' : 'count' });
      }
    }
  }
  return routes;
}
