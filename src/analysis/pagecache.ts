/** Memory in which pages of files are counted: whether it is these that it grew by. They go when somebody needs the room. */
import { type Series, seriesKey } from '../series.ts';
import type { Store } from '../store.ts';
import type { Span } from '../timeline.ts';
import { endsOf } from './ends.ts';
import type { SeriesJudgement } from './judgement.ts';

/** Our own, and as cAdvisor and Docker spell them in data from elsewhere. */
const WITH_PAGES = /^container[._]memory[._](?:usage|working_set)(?:_bytes)?$/;
const BY_KIND = 'soak.container.memory.usage_by_kind';
const KIND = 'soak.memory.kind';
const FILE = /^container_memory_(?:cache|file)(?:_bytes)?$/;
const ANONYMOUS = /^container_memory_(?:rss|anon)(?:_bytes)?$/;

/** A rise that is a matter of pages: by at least this share of the level, most of it of files, and hardly any anonymous. */
const RISE = 0.05;
const MOST = 0.8;
const HARDLY = 0.2;

interface Sampled {
  readonly store: Store;
  readonly t: number;
}

export class PageCache {
  readonly #sampled: Sampled;
  readonly #files = new Map<string, Series>();
  readonly #anonymous = new Map<string, Series>();

  /** @param all series of the run */
  constructor(all: readonly Series[], sampled: Sampled) {
    this.#sampled = sampled;
    for (const series of all) {
      const kind = series.def.name === BY_KIND ? series.labels[KIND] : null;
      if (kind === 'file' || FILE.test(series.def.name)) this.#files.set(whoseOf(series), series);
      if (kind === 'anon' || ANONYMOUS.test(series.def.name)) this.#anonymous.set(whoseOf(series), series);
    }
  }

  explains({ series, level, judged }: SeriesJudgement): boolean {
    if (level === null || !WITH_PAGES.test(series.def.name)) return false;
    const [file, anonymous] = [this.#files.get(whoseOf(series)), this.#anonymous.get(whoseOf(series))];
    if (file === undefined || anonymous === undefined) return false;
    const span = judged ?? { from: 0, to: this.#sampled.t };
    const [rise, ofFiles, ofItsOwn] = [this.#riseOf(series, span), this.#riseOf(file, span), this.#riseOf(anonymous, span)];
    return rise > RISE * level && ofFiles >= MOST * rise && Math.abs(ofItsOwn) <= HARDLY * rise;
  }

  #riseOf({ id }: Series, span: Readonly<Span>): number {
    const ends = endsOf(this.#sampled.store.bins(id), span);
    return ends === null ? NaN : ends.to - ends.from;
  }
}

/** The same for all kinds of memory of one thing, whatever they are called. */
function whoseOf({ source, target, member, labels }: Series): string {
  const { [KIND]: _, ...others } = labels;
  return seriesKey({ source, target, member }, NAMELESS, others);
}

const NAMELESS: Series['def'] = { name: '', unit: '', kind: 'gauge', help: '', growth: 'none' };
