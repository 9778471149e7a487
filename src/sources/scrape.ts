/**
 * Pages of metrics of others, each read at its own pace: what their points mean is for the intakes to say. A page that cannot be read is
 * an event and a gap; a series that is not on it has no sample.
 */
import type { Clock } from '../clock.ts';
import { type Page, readPage } from '../intake/exposition.ts';
import type { Intake, Origin, Point } from '../intake/point.ts';
import type { Signals } from '../intake/signals.ts';
import type { ScrapeSpec } from '../intake/signals-spec.ts';
import { labelled, type Owner } from '../series.ts';
import { failureOf, ScrapeFailure } from './scrape-failure.ts';
import { METRICS } from './scrape-metrics.ts';
import { type Answer, PageClient } from './scrape-request.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS };

/** A program that is slow to start is not a page that cannot be read. */
const VAIN_READS = 3;

export interface Scraping {
  readonly signals: Signals;
  /** Who else has a use for the points. */
  readonly intakes: readonly Intake[];
}

export function scrapeSources(ctx: SourceContext, specs: readonly ScrapeSpec[], scraping: Scraping): Source[] {
  return specs.map((spec) => new ScrapeSource(ctx, spec, scraping));
}

/** A page that was read and understood. */
export interface Scraped {
  readonly answer: Answer;
  readonly page: Page;
}

/** @param each is given the points of a page in turn. @throws {ScrapeFailure} before any of them */
export async function scrape(
  client: PageClient,
  timeout: number,
  { signal, each }: { readonly signal: AbortSignal; readonly each: (points: readonly Point[]) => void },
): Promise<Scraped> {
  const answer = await client.get(signal).catch((error: unknown) => Promise.reject(failureOf(error, timeout)));
  const page = readPage(answer.body, answer.openMetrics, each);
  if ('none' in page) throw new ScrapeFailure(page.none, page.why);
  return { answer, page };
}

export function pageClient(spec: ScrapeSpec, clock: Clock): PageClient {
  return new PageClient(spec, clock);
}

class ScrapeSource implements Source {
  readonly name: string;
  readonly period: number;
  readonly #ctx: SourceContext;
  readonly #spec: ScrapeSpec;
  readonly #origin: Origin;
  readonly #scraping: Scraping;
  readonly #client: PageClient;
  readonly #owner: Owner;
  /** Why it failed the last time; null while it does not. */
  #failing: ScrapeFailure | null = null;
  /** Failed reads before the first good one; null after that. */
  #vain: number | null = 0;
  #isBadTold = false;
  #isUseTold = false;

  constructor(ctx: SourceContext, spec: ScrapeSpec, scraping: Scraping) {
    this.name = `scrape ${spec.name}`;
    this.period = spec.every;
    this.#ctx = ctx;
    this.#spec = spec;
    this.#origin = { name: spec.name, target: spec.target };
    this.#scraping = scraping;
    this.#client = pageClient(spec, ctx.clock);
    this.#owner = { source: 'scrape', target: spec.target, member: null, period: spec.every };
  }

  open(): void {}

  async read(sink: Sink, signal: AbortSignal): Promise<void> {
    let used = 0;
    const { signals, intakes } = this.#scraping;
    const each = (points: readonly Point[]): void => {
      for (const intake of [signals, ...intakes]) used += intake.take(points, this.#origin);
    };
    try {
      const { answer, page } = await scrape(this.#client, this.#spec.timeout, { signal, each });
      this.#take(sink, answer, page, used);
    } catch (error) {
      if (!(error instanceof ScrapeFailure)) throw error;
      if (signal.aborted) return; // the run ends
      this.#failed(sink, error);
    }
  }

  /** Of a run that was too short for so many reads. */
  finish(sink: Sink): Promise<void> {
    if (this.#failing !== null && this.#vain !== null && this.#vain < VAIN_READS) this.#tellUnread(sink, this.#failing);
    return Promise.resolve();
  }

  close(): void {
    this.#client.close();
  }

  #take(sink: Sink, answer: Answer, page: Page, used: number): void {
    const at = sink.now();
    this.#vain = null;
    this.#scraping.signals.flush(this.#spec.name, sink, { at, period: this.period });
    this.#set(sink, at, METRICS.up, 1);
    this.#set(sink, at, METRICS.duration, answer.seconds);
    this.#set(sink, at, METRICS.size, answer.body.length);
    this.#set(sink, at, METRICS.samples, page.samples);
    this.#set(sink, at, METRICS.used, used);
    this.#set(sink, at, METRICS.bad, page.bad.lines);
    this.#tell(sink, page, used);
    if (this.#failing === null) return;
    this.#failing = null;
    sink.event('source_recovered', `${this.name} can be read again`, this.#about({}));
  }

  #tell(sink: Sink, { bad, points }: Page, used: number): void {
    if (bad.first !== null && !this.#isBadTold) {
      this.#isBadTold = true;
      const reason = `${bad.lines} of its lines cannot be read, the first is line ${bad.first.line}: ${bad.first.why}`;
      sink.event('blind', `${this.name}: ${reason}`, this.#about({ metric: 'soak.scrape.lines', reason }));
    }
    if (used > 0) this.#isUseTold = true;
    if (this.#isUseTold) return;
    this.#isUseTold = true;
    const reason = `none of its ${points} series is known to a preset or declared as a signal; "soak-agent doctor" lists them`;
    sink.event('blind', `${this.name}: ${reason}`, this.#about({ metric: 'soak.signal.*', reason }));
  }

  #failed(sink: Sink, failure: ScrapeFailure): void {
    const { kind, message } = failure;
    this.#set(sink, sink.now(), METRICS.up, 0);
    if (kind !== this.#failing?.kind || message !== this.#failing.message)
      sink.event('source_failed', `${this.name} cannot be read: ${message}`, this.#about({ class: kind }));
    this.#failing = failure;
    if (this.#vain !== null && ++this.#vain === VAIN_READS) this.#tellUnread(sink, failure);
  }

  /** Blind are its samples, of which the first one takes it back. */
  #tellUnread(sink: Sink, { message }: ScrapeFailure): void {
    const metric = labelled(METRICS.samples.name, { 'soak.scrape': this.#spec.name });
    const reason = `the page of metrics has not been readable: ${message}`;
    sink.event('blind', `${this.name}: ${reason}`, this.#about({ metric, reason }));
  }

  #about(data: Readonly<Record<string, string>>) {
    return { target: this.#spec.target, data: { source: this.name, ...data } };
  }

  #set(sink: Sink, at: number, def: (typeof METRICS)[keyof typeof METRICS], value: number): void {
    sink.set(this.#ctx.series.open(this.#owner, def, { 'soak.scrape': this.#spec.name }), value, at);
  }
}
