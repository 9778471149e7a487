/** The page of a run that goes on: its history at once, then what is new as it comes. What is held does not grow with the time it is open. */
import type { Chart, Report } from '../report/value.ts';
import { showValue } from '../views/quantities.ts';
import { h } from './dom.ts';
import { noteForm } from './notes.ts';
import { Page } from './page.ts';

/** What the agent tells between two reports: values by series of the run. */
interface Told {
  readonly t: number;
  readonly series: readonly number[];
  readonly values: readonly number[];
}

/** Twice the bins of a series: a new report, which has them merged, comes every minute. */
const BINS_MAX = 512;

/** Seconds between two values that belong together; the agent tells some every two seconds, or as often as it samples. */
const TOGETHER_S = 15;

export class Live {
  readonly #root: HTMLElement;
  readonly #state = h('p', { class: 'state', role: 'status' });
  #page: Page | null = null;
  /** Phases and marks, while the run takes them. */
  #form: HTMLElement | null = null;
  #isAsking = false;
  #isNew = false;
  #last = new Map<number, { t: number; value: number }>();

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  async begin(): Promise<void> {
    await this.#fetch();
    const source = new EventSource('api/events');
    source.addEventListener('values', (event) => this.#grow(JSON.parse((event as MessageEvent<string>).data) as Told));
    source.addEventListener('report', () => void this.#fetch());
    source.addEventListener('end', () => {
      source.close();
      void this.#fetch();
      this.#tell('the run is over');
    });
    // What was told while there was no connection is in the report.
    source.addEventListener('open', () => {
      this.#tell('live');
      void this.#fetch();
    });
    source.addEventListener('error', () => this.#tell('no connection to the agent; what is shown is what was known'));
  }

  /** One at a time; what is told in the meantime asks once more, so that the last word is never missed. */
  async #fetch(): Promise<void> {
    this.#isNew = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isNew) {
      this.#isNew = false;
      await this.#ask();
    }
    this.#isAsking = false;
  }

  async #ask(): Promise<void> {
    try {
      const response = await fetch('api/report');
      if (!response.ok) throw new Error(await response.text());
      this.#show((await response.json()) as Report);
    } catch (error) {
      this.#tell(`no report: ${error instanceof Error ? error.message : String(error)}`);
      if (this.#page === null) this.#root.replaceChildren(this.#state);
    }
  }

  #show(report: Report): void {
    if (report.run.state !== 'running') this.#form?.remove();
    if (this.#page) this.#page.show(report);
    else {
      this.#root.replaceChildren();
      const inbound = document.documentElement.dataset['inbound'] ?? '';
      this.#form =
        inbound === '' || report.run.state !== 'running' ? null : noteForm(inbound, document.documentElement.dataset['token'] === 'yes');
      this.#page = new Page(report, this.#root, h('div', {}, this.#state, this.#form));
      this.#page.begin();
    }
  }

  #grow({ t, series, values }: Told): void {
    const page = this.#page;
    if (page === null) return void this.#fetch(); // the first report was not there yet
    if (document.hidden) return;
    const told = new Map(series.map((id, i) => [id, values[i]!]));
    for (const signal of page.report.signals) {
      const value = told.get(signal.series);
      if (value === undefined) continue;
      const before = this.#last.get(signal.series);
      this.#last.set(signal.series, { t, value });
      const since = before && t - before.t <= TOGETHER_S ? before.t : t;
      if (!signal.counter) extend(signal.chart, since, t, value);
      else if (before && t > before.t && value >= before.value) extend(signal.chart, since, t, (value - before.value) / (t - before.t));
    }
    const { findings, signals } = page.report;
    const lead = signals[findings[0]?.signals[0] ?? -1] ?? signals.find(({ gated }) => gated);
    const now = lead && told.get(lead.series);
    this.#tell(now === undefined ? 'live' : `live: ${lead!.id} ${showValue(now, lead!.unit)}`);
    page.grow(t);
  }

  #tell(text: string): void {
    if (this.#state.textContent !== text) this.#state.textContent = text;
  }
}

type Growing = { -readonly [K in keyof Chart]: Chart[K] extends number ? number : (number | null)[] };

/** A value at the end of a chart, for all its bins since the one before; within its last bin the latest value stands until the next report. */
function extend(chart: Chart, since: number, t: number, value: number): void {
  const growing = chart as unknown as Growing;
  const slotOf = (time: number): number => Math.floor((time - chart.from) / chart.step + 1e-9);
  const slot = slotOf(t);
  if (slot < 0 || slot >= BINS_MAX) return;
  const least = Math.min(value, growing.min?.[slot] ?? value);
  const most = Math.max(value, growing.max?.[slot] ?? value);
  for (const [column, one] of [
    [growing.mean, value],
    [growing.min, least],
    [growing.max, most],
  ] as const) {
    if (!column) continue;
    while (column.length < slot) column.push(column.length > slotOf(since) ? one : null);
    column[slot] = one;
  }
}
