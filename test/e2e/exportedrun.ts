/** A simulated run as Prometheus would have scraped it: the same state, producer and pages as those of a live agent, once a minute. */
import { emptyResource } from '@opentelemetry/resources';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { SimClock } from '../../src/clock.ts';
import { SILENT } from '../../src/log.ts';
import type { RunState } from '../../src/runstate.ts';
import type { Target } from '../../src/targets.ts';
import { textPage } from '../../src/views/exposition.ts';
import { RunProducer } from '../../src/views/producer.ts';
import { START } from '../sim/run.ts';
import { target } from '../unit/views/run.ts';

/** Time between two scrapes, seconds. */
export const SCRAPE_S = 60;

/** Samples of one scrape by their series, as the page spells it. */
export interface Scraped {
  /** Seconds since the start of the run. */
  readonly at: number;
  readonly samples: ReadonlyMap<string, number>;
  /** With its type and help lines. */
  readonly page: string;
}

interface Exporting {
  readonly id: string;
  readonly state: RunState;
  /** Judged at this moment; of the end of the run when it has ended. */
  readonly verdict: (final: boolean) => Verdict;
  /** Null: it goes on until it is told to end. */
  readonly planned: number | null;
  readonly roles: readonly string[];
  /** Pushes that have failed until a run time; none by default. */
  readonly failed?: (t: number) => number;
}

/** Scrapes whenever it is told the run time. */
export class Exporter {
  readonly #producer: RunProducer;
  readonly #clock = new SimClock();
  readonly #pushes = { ok: 9, failed: 0 };
  readonly #failed: (t: number) => number;
  /** Run time of the end; null while the run goes on. */
  end: number | null = null;
  #final: Verdict | null = null;

  constructor({ id, state, verdict, planned, roles, failed = () => 0 }: Exporting) {
    this.#failed = failed;
    const targets = roles.map((role): Target => target(role, [{ pid: 4242, startTime: 100, comm: role, member: null }]));
    const judged = (): Verdict | null => {
      if (this.end !== null) return (this.#final ??= verdict(true));
      return state.judge.judgement === null ? null : verdict(false);
    };
    const run = {
      id,
      start: START,
      planned: planned === null ? null : START + planned,
      version: '0.1.0',
      state,
      end: () => (this.end === null ? null : START + this.end),
      verdict: judged,
      targets: () => targets,
      phase: () => state.timeline.phases.at(-1)?.name ?? '',
    };
    this.#producer = new RunProducer({
      run,
      clock: this.#clock,
      log: SILENT,
      boot: START - 3600,
      resource: emptyResource(),
      pushes: this.#pushes,
    });
  }

  async scrape(at: number): Promise<Scraped> {
    this.#clock.advance(START + at - this.#clock.wall());
    this.#pushes.failed = this.#failed(at);
    const { resourceMetrics } = await this.#producer.collect();
    const page = textPage(resourceMetrics);
    return { at, page, samples: samplesOf(page) };
  }
}

export function samplesOf(page: string): Map<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('target_info'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), numberOf(line.slice(line.lastIndexOf(' ') + 1))]));
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}
