/** One declared signal at one origin: what its series come to at the end of each span. */
import type { Increment } from './increments.ts';
import { bucketsOf, quantileOf } from '../quantiles.ts';
import type { Room } from './room.ts';
import { Gather, type Total } from './signals-gather.ts';
import { Groups } from './signals-groups.ts';
import { QUANTILES } from './signals-metric.ts';
import type { SignalSpec } from './signals-spec.ts';

/** A value for a series of the signal. */
export interface Figure {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Null: the signal itself. */
  readonly quantile: (typeof QUANTILES)[number] | null;
}

/** Spans without any series before the user is told: exporters have some series only when there is something to say. */
const PATIENCE = 3;

export class Signal {
  readonly spec: SignalSpec;
  readonly groups: Groups;
  readonly match: Gather;
  readonly over: Gather;
  /** Of a counter, since the agent looks, by group. */
  readonly #totals = new Map<string, number>();
  /** In the last span there were more series than are taken. */
  isOver = false;
  #missed = 0;

  constructor(spec: SignalSpec, room: Room) {
    this.spec = spec;
    this.groups = new Groups(spec.by);
    this.match = new Gather(spec, this.groups, room);
    this.over = new Gather(spec, this.groups, room);
  }

  /** Ends the span. Of a group that was not seen, and of one whose figure is not known, there is nothing. */
  figures(): Figure[] {
    this.#missed = this.match.hasAny ? 0 : this.#missed + 1;
    this.isOver = this.match.isOver || this.over.isOver;
    const [match, over] = [this.match.end(), this.over.end()];
    // A sum over some of the series only would look like a fall.
    return this.isOver ? [] : [...match].flatMap(([group, total]) => this.#figuresOf(group, total, over.get(group)));
  }

  /** Nothing has matched for as long as one may wait. */
  get isMissing(): boolean {
    return this.#missed >= PATIENCE;
  }

  #figuresOf(group: string, total: Total, over: Total | undefined): Figure[] {
    const { kind, scale } = this.spec;
    const labels = this.groups.labelsOf(group);
    const one = (value: number | null): Figure[] => (value === null ? [] : [{ labels, value: value * scale, quantile: null }]);
    if (kind === 'counter') return one(this.#counted(group, total.grown));
    if (kind === 'ratio') return one(ratioOf(total, over));
    if (kind !== 'latency' || total.grown === null) return one(total.level);
    const { count, sum } = total.grown;
    if (!(count > 0)) return [];
    const buckets = bucketsOf(total.grown.buckets);
    const quantiles = QUANTILES.flatMap((quantile): Figure[] => {
      const value = quantileOf(buckets, Number(quantile)).seconds;
      return value === null ? [] : [{ labels, value: value * scale, quantile }];
    });
    return [...one(sum === null ? null : sum / count), ...quantiles];
  }

  #counted(group: string, grown: Increment | null): number {
    const total = (this.#totals.get(group) ?? 0) + (grown?.count ?? 0);
    this.#totals.set(group, total);
    return total;
  }
}

/** By what both grew by in the span where they count, by what they are where not. A share of nothing is not known. */
function ratioOf(part: Total, whole: Total | undefined): number | null {
  if (whole === undefined) return null;
  const isCounted = part.grown !== null || whole.grown !== null;
  const [above, below] = isCounted ? [part.grown?.count, whole.grown?.count] : [part.level, whole.level];
  return above === null || above === undefined || !below || below < 0 ? null : above / below;
}
