/** Samples of the parts under the series of the merged run; sums of the replicas of a role, and of those beyond its last slot. */
import { assert } from '../problem.ts';
import type { RecordedSeries } from '../record/reader.ts';
import { type RunState, staleAfter } from '../runstate.ts';
import type { Owner, Series } from '../series.ts';
import { Batch, type Tick } from '../tick.ts';
import { type Identities, type Identity, totalOf } from './identity.ts';
import type { Part } from './parts.ts';
import { OTHER, type Replica } from './replicas.ts';
import { Sum } from './sum.ts';

export interface World {
  readonly known: ReadonlyMap<Part, readonly RecordedSeries[]>;
  readonly identities: Identities;
  readonly replicas: readonly Replica[];
}

/** Where the samples of one series of a part go. */
interface Route {
  /** Series of the merged run; null where it goes into sums only. */
  readonly id: number | null;
  readonly replica: Replica | null;
  /** Up to then another part has told it. */
  readonly after: number;
  readonly sums: readonly Sum[];
}

const NOWHERE: Route = { id: null, replica: null, after: -Infinity, sums: [] };

/** The table without the types of labels, which are those of each metric. */
interface AnyTable {
  open(owner: Owner, def: Series['def'], labels: Series['labels']): number;
}

export class Fold {
  readonly batch = new Batch();
  readonly #table: AnyTable;
  readonly #world: World;
  /** By part: for each of its series, undefined before its first sample. */
  readonly #routes = new Map<Part, Route[]>();
  /** By series of the merged run. */
  readonly #sums = new Map<number, Sum>();

  constructor(state: RunState, world: World) {
    this.#table = state.series;
    this.#world = world;
    for (const part of world.known.keys()) this.#routes.set(part, []);
  }

  take(part: Part, { samples }: Tick): void {
    const routes = this.#routes.get(part)!;
    for (let i = 0; i < samples.length; i++) {
      const own = samples.series[i]!;
      const { id, replica, after, sums } = (routes[own] ??= this.#meet(part, own));
      const [value, at] = [samples.values[i]!, part.shift + samples.at[i]!];
      if (at <= after || (replica !== null && at >= replica.until)) continue;
      if (id !== null) this.batch.set(id, value, at);
      if (replica !== null) for (const sum of sums) sum.note(replica, value, at);
    }
  }

  /** Once a tick: the sums whose parts have just been sampled. */
  total(t: number): void {
    for (const [id, sum] of this.#sums) {
      const value = sum.due(t);
      if (value !== null) this.batch.set(id, value, t);
    }
  }

  #meet(part: Part, own: number): Route {
    const all = this.#world.known.get(part)!;
    const series = all[own];
    assert(series !== undefined, 'a sample has no series');
    const identity = this.#world.identities.of(part, series, all);
    if (identity === null) return NOWHERE;
    const replica = identity.target === null ? null : this.#world.identities.replicaOf(part, series);
    const id = this.#table.open(identity, identity.def, identity.labels);
    if (id < 0) return NOWHERE;
    const total = this.#totalOf(identity);
    if (identity.member !== OTHER || replica === null) return { id, replica, after: identity.after, sums: total };
    return { id: null, replica, after: identity.after, sums: [this.#sum(id, identity, ({ slot }) => slot === OTHER), ...total] };
  }

  #totalOf(identity: Identity): Sum[] {
    const def = identity.member === null || identity.target === null ? null : totalOf(identity);
    if (def === null) return [];
    const id = this.#table.open({ ...identity, member: null }, def, identity.labels);
    return id < 0 ? [] : [this.#sum(id, { ...identity, def }, () => true)];
  }

  #sum(id: number, { target, period, def }: Identity, among: (replica: Replica) => boolean): Sum {
    const known = this.#sums.get(id);
    if (known) return known;
    const replicas = this.#world.replicas.filter((replica) => replica.role === target && among(replica));
    const sum = new Sum(replicas, { stale: staleAfter(period), isCounter: def.kind === 'counter' });
    this.#sums.set(id, sum);
    return sum;
  }
}
