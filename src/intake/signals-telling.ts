/** What a user must be told of declared signals, each once: that one matches nothing, is of another kind, or is more than is taken. */
import { didYouMean } from '../config/nearest.ts';
import { cut } from '../problem.ts';
import type { Owner } from '../series.ts';
import type { EventKind, RunEvent } from '../tick.ts';
import { owned } from './owned.ts';
import type { Signal } from './signal.ts';
import { GROUPS_MAX } from './signals-metric.ts';

/** Where figures and events go: the sink of a source. */
export interface SignalSink {
  set(series: number, value: number, at?: number): void;
  event(kind: EventKind, message: string, about?: Partial<Pick<RunEvent, 'target' | 'member' | 'data'>>): void;
}

/** Names kept for near misses: 2,000 of 40 bytes are 80 kB, and only until the first is told. */
const NAMES_MAX = 2000;

export class Telling {
  readonly #origin: string;
  readonly #names = new Set<string>();
  /** What was said; as many as there are signals, a few times. */
  readonly #told = new Set<string>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  see(name: string): void {
    if (this.#names.size < NAMES_MAX && !this.#names.has(name)) this.#names.add(owned(name));
  }

  /** At the end of a span. */
  check(signal: Signal, sink: SignalSink, { target }: Owner): void {
    const { spec, match, over, groups, isOver } = signal;
    if (groups.isFull)
      this.#cap(`values of ${spec.by.join(' and ')} of the signal ${spec.name}`, `${GROUPS_MAX}: what is beyond is one, "other"`, sink);
    if (isOver) this.#cap(`series of the signal ${spec.name}`, 'are taken: narrow its match, it has no value until then', sink);
    if (spec.preset !== null) return;
    const misfit = match.misfit ?? over.misfit;
    if (misfit !== null) this.#blind(signal, `${spec.match[0]?.text} is a ${misfit}, of which there is no ${spec.kind}`, sink, target);
    else if (signal.isMissing) this.#blind(signal, this.#missing(signal), sink, target);
  }

  /** Two pages say the same of one target. */
  twice({ spec }: Signal, writer: string, sink: SignalSink, target: string | null): void {
    const what = `the signal ${spec.name} of ${target ?? 'the run'} is taken from ${writer}`;
    this.#once(`twice ${spec.name}`, () =>
      sink.event('cap', `${what}; what ${this.#origin} says of it is not recorded`, { target, data: { what } }),
    );
  }

  full(sink: SignalSink): void {
    this.#cap('series that count', 'are remembered: narrow the matches of signals', sink);
  }

  #missing({ spec }: Signal): string {
    const text = spec.match.map((one) => one.text).join(' or ');
    const where = `${text} matches nothing of ${this.#origin}`;
    const isThere = spec.match.some(({ name }) => this.#names.has(name));
    if (isThere) return `${where}: there is such a metric, but with other labels`;
    return `${where}${didYouMean(spec.match[0]?.name ?? '', this.#names)}`;
  }

  #blind({ spec }: Signal, reason: string, sink: SignalSink, target: string | null): void {
    const metric = `soak.signal.${spec.name}`;
    this.#once(metric, () =>
      sink.event('blind', cut(`the signal ${spec.name} has no value: ${reason}`), {
        target,
        data: { metric, reason: cut(reason), of: this.#origin },
      }),
    );
  }

  #cap(what: string, limit: string, sink: SignalSink): void {
    this.#once(what, () => sink.event('cap', `no more ${what} of ${this.#origin} ${limit}`, { data: { what } }));
  }

  #once(key: string, tell: () => void): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    tell();
  }
}
