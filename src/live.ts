/** The page of a run that is under way: its report, made anew when somebody asks after a look of the judge or after what happened, and what is pushed between. */
import type { Verdict } from './analysis/verdict.ts';
import { livePage } from './report/html.ts';
import { reportOf, type ReportedHeader } from './report/report.ts';
import type { RunState } from './runstate.ts';
import { Feed } from './views/feed.ts';
import type { Asked, Page, Routes } from './views/http.ts';
import { textOf } from './views/http.ts';

export interface LiveRun {
  readonly state: RunState;
  /** Null until the run is open. */
  readonly header: () => ReportedHeader | null;
  readonly end: () => number | null;
  readonly verdict: () => Verdict;
  /** Where phases and marks are taken; null when they are not. */
  readonly notes: () => { readonly url: string; readonly token: boolean } | null;
}

/** Run time between two reports before the first look, when there is little to judge. */
const FIRST_S = 5;

/** First looks come every minute. */
const LOOK_S = 60;

export class LivePage {
  readonly #run: LiveRun;
  readonly #feed: Feed;
  #last: { readonly key: string; readonly page: Page; readonly shown: readonly number[] } | null = null;
  #isOver = false;

  constructor(run: LiveRun) {
    this.#run = run;
    this.#feed = new Feed({ state: run.state, shown: () => this.#last?.shown ?? [] });
  }

  readonly page = ({ host = '' }: Asked): Page => {
    const notes = this.#run.notes();
    const { html, policy } = livePage(notes && { url: asCalled(notes.url, host), token: notes.token });
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body: html,
      headers: { 'content-security-policy': `${policy}; frame-ancestors 'none'` },
    };
  };

  routes(): Routes {
    return {
      '/api/report': { about: 'all that is known of the run, as the page draws it', answer: () => this.#report() },
      '/api/events': {
        about: 'what is new, as server-sent events',
        answer: () => textOf(503, 'too many pages watch this run', { 'retry-after': '60' }),
        events: (client) => this.#feed.open(client),
      },
    };
  }

  tick(): void {
    this.#feed.tick();
  }

  /** After the last verdict. */
  end(): void {
    this.#isOver = true;
    this.#feed.end();
  }

  /** Whoever asks between two reports that are told of is given the same page, which is compressed once. */
  #report(): Page {
    const { state, header, end } = this.#run;
    const known = header();
    if (known === null || state.n < 0) return textOf(503, 'not a sample yet', { 'retry-after': '2' });
    const ended = end();
    const since = state.t < LOOK_S ? Math.floor(state.t / FIRST_S) : 0;
    const key = JSON.stringify([this.#feed.reports, since, ended, this.#isOver]);
    if (this.#last?.key === key) return this.#last.page;
    const report = reportOf({ header: known, phase: ended === null ? 'running' : 'finished', state, verdict: this.#run.verdict() });
    const page = { status: 200, type: 'application/json', body: `${JSON.stringify(report)}\n` };
    this.#last = { key, page, shown: report.signals.map(({ series }) => series) };
    return page;
  }
}

/** The listener is on the machine that the page came from, under the name that the browser has for it. */
function asCalled(url: string, host: string): string {
  const { port } = new URL(url);
  const name = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::\d+)?$/.exec(host)?.[1];
  return name === undefined ? url : `http://${name}:${port}`;
}
