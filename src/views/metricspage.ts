/** What a scrape gets: one collection for all who ask at the same time, and one page of it in each format. */
import type { Clock } from '../clock.ts';
import type { Asked, Page } from './http.ts';
import { prefersOpenMetrics } from './negotiation.ts';
import type { Otel } from './otel.ts';
import type { ExportedRun } from './runmetrics.ts';

/** How long one collection answers everybody who asks, unless a tick makes it old before. */
const SHARED_S = 1;

type Collected = ReturnType<Otel['collect']>;

interface Shared {
  readonly n: number;
  readonly at: number;
  readonly collected: Collected;
  /** By whether they are OpenMetrics. */
  readonly pages: Map<boolean, Promise<Page>>;
}

export class MetricsPage {
  readonly #collect: () => Collected | undefined;
  readonly #state: Pick<ExportedRun['state'], 'n'>;
  readonly #clock: Clock;
  #last: Shared | null = null;

  /** @param collect undefined before there is something to collect from */
  constructor(collect: () => Collected | undefined, state: Pick<ExportedRun['state'], 'n'>, clock: Clock) {
    this.#collect = collect;
    this.#state = state;
    this.#clock = clock;
  }

  readonly answer = async ({ accept }: Pick<Asked, 'accept'>): Promise<Page> => {
    const shared = (this.#last = this.#fresh());
    const openMetrics = prefersOpenMetrics(accept);
    const page = shared.pages.get(openMetrics) ?? pageOf(shared.collected, openMetrics);
    shared.pages.set(openMetrics, page);
    try {
      return await page;
    } catch (error) {
      if (this.#last === shared) this.#last = null; // the next scrape tries again
      throw error;
    }
  };

  /** After each tick: what is kept until the next scrape, 15 s later, grows old, and then only a collection of the whole heap takes it. */
  forget(): void {
    this.#last = null;
  }

  #fresh(): Shared {
    const [n, at, last] = [this.#state.n, this.#clock.monotonic(), this.#last];
    if (last !== null && last.n === n && at - last.at < SHARED_S) return last;
    return { n, at, collected: this.#collect() ?? Promise.reject(new Error('the run has not begun yet')), pages: new Map() };
  }
}

async function pageOf(collected: Collected, openMetrics: boolean): Promise<Page> {
  const [{ OPENMETRICS_TYPE, openMetricsPage, TEXT_TYPE, textPage }, { resourceMetrics, errors }] = await Promise.all([
    import('./exposition.ts'),
    collected,
  ]);
  if (errors.length > 0) throw errors[0] as Error; // half a page would look like vanished targets
  return openMetrics
    ? { status: 200, type: OPENMETRICS_TYPE, body: Buffer.from(openMetricsPage(resourceMetrics)) }
    : { status: 200, type: TEXT_TYPE, body: Buffer.from(textPage(resourceMetrics)) };
}
