/**
 * What leaks, in a word of those who mend it, for what grows; how it moves for what does not. A class is a name and decides nothing. Where
 * the data cannot tell, there is the resource or the shape, and no guess.
 */
import type { SeriesJudgement } from './judgement.ts';
import { isGrowing, isHeap, movesWith } from './leaks.ts';
import { type Follows, followsOf, turns } from './follows.ts';
import type { LoadCurve } from './loadcurve.ts';
import { PageCache } from './pagecache.ts';
import { type JudgedState, loadsOf, requestsOf } from './round.ts';

/** Series of which it is worked out what they follow: some 0.1 ms each, with every verdict. The gated ones are 30 and floors. */
const FOLLOWED_MAX = 64;

export class Classes {
  readonly #state: JudgedState;
  readonly #pages: PageCache;
  readonly #heaps: readonly SeriesJudgement[];
  readonly #followed: ReadonlySet<SeriesJudgement>;
  readonly #loads: ReadonlyMap<string, LoadCurve>;
  readonly #known = new Map<SeriesJudgement, string | null>();

  constructor(all: readonly SeriesJudgement[], state: JudgedState) {
    this.#state = state;
    const sampled = state.series.all().slice(0, state.store.size);
    this.#pages = new PageCache(sampled, state);
    this.#heaps = all.filter(isHeap); // each series is searched for its own
    const gated = all.filter(({ gate }) => gate !== 'advisory');
    const moving = all.filter((judged) => judged.gate === 'advisory' && judged.grade !== 'none');
    this.#followed = new Set([...gated, ...moving].slice(0, FOLLOWED_MAX));
    const targets = new Set([...this.#followed].flatMap(({ series: { target } }) => target ?? []));
    this.#loads = loadsOf(requestsOf(sampled), targets, state);
  }

  /** Asked for by what is said of a leak, and by the list of series. */
  of(judged: SeriesJudgement): string | null {
    const known = this.#known.get(judged);
    if (known !== undefined) return known;
    const found = this.#find(judged);
    this.#known.set(judged, found);
    return found;
  }

  #find(judged: SeriesJudgement): string | null {
    const { resource, growth } = judged.series.def;
    if (growth === 'floor' && judged.outcome === 'fail') return resource ?? judged.shape;
    if (this.#pages.explains(judged)) return 'page cache';
    const grows = isGrowing(judged);
    const place = grows ? this.#placeOf(judged) : null;
    if (place === 'heap') return place;
    const follows = grows && resource !== 'memory' ? null : this.#followsOf(judged);
    if (follows === 'peak' && resource === 'memory') return 'arena ratchet';
    if (!grows) return follows === 'load' ? 'load-driven' : judged.shape;
    if (place !== null && place !== 'memory') return place;
    return this.isPerRequest(judged) ? 'per-request' : (place ?? judged.shape);
  }

  /** Growth that the work done explains better than time, under a load that went up and down: more of a steady load is the same as more time. */
  isPerRequest(judged: SeriesJudgement): boolean {
    const load = this.#loadOf(judged);
    return judged.shape === 'per request' && isGrowing(judged) && load !== null && turns(load, judged.judged!.from, judged.judged!.to);
  }

  #placeOf(judged: SeriesJudgement): string | null {
    const { def, target, member } = judged.series;
    if (def.resource !== 'memory') return def.resource ?? null;
    const heap = this.#heaps.find(({ series }) => series.target === target && series.member === member);
    if (heap === undefined) return def.resource;
    return isGrowing(heap) && movesWith(heap, judged) ? 'heap' : 'native';
  }

  #followsOf(judged: SeriesJudgement): Follows | null {
    const load = this.#loadOf(judged);
    if (load === null) return null;
    const { store, timeline, t } = this.#state;
    const { id, def, target, member } = judged.series;
    const { from, to } = judged.judged!;
    const cut = { lives: timeline.lives(target, member), warmup: 0, phases: timeline.phases, until: to, now: t };
    return followsOf(store.bins(id), def.kind, cut, from, load);
  }

  #loadOf(judged: SeriesJudgement): LoadCurve | null {
    if (!this.#followed.has(judged) || judged.judged === null || judged.slope === null || judged.series.target === null) return null;
    return this.#loads.get(judged.series.target) ?? null;
  }
}
