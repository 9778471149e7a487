/** The page of a report: built once, and of a live run section by section again where something other than its curves has changed. */
import type { Report } from '../report/value.ts';
import { formatDuration } from '../quantity.ts';
import { axis } from './axis.ts';
import { setTheme, theme } from './colours.ts';
import { h } from './dom.ts';
import { forget, printing, redraw } from './figures.ts';
import { findingSections } from './findings.ts';
import { OUTCOMES } from './words.ts';
import { eventSection, loadSection, poolSection, runSection, signalSection } from './sections.ts';

/** A part of the page, and the part of the report that its text depends on. */
interface Part {
  readonly name: string;
  readonly about: (report: Report) => unknown;
  readonly build: () => (HTMLElement | null)[];
}

export class Page {
  report: Report;
  readonly #root: HTMLElement;
  readonly #parts: readonly Part[];
  readonly #shown = new Map<string, { text: string; element: HTMLElement }>();
  /** What signals are filtered by: they are built anew by later reports. */
  #filter = '';
  readonly #where = h('span', { class: 'where' });

  constructor(report: Report, root: HTMLElement, extra: HTMLElement | null = null) {
    this.report = report;
    this.#root = root;
    const now = (): Report => this.report;
    const structure = ({ signals }: Report): unknown => signals.map(({ id, gated, outcome, judged }) => [id, gated, outcome, judged]);
    this.#parts = [
      {
        name: 'banner',
        about: ({ sentence, run, verdict }) => [sentence, Math.floor(run.t / 60), run.state, verdict.coverage],
        build: () => [banner(this.report)],
      },
      { name: 'tools', about: () => 0, build: () => [this.#tools(), extra] },
      {
        name: 'findings',
        about: ({ findings, verdict }) => [findings, verdict.series.filter(({ gated }) => gated)],
        build: () => findingSections(now),
      },
      { name: 'load', about: (report) => [structure(report), report.verdict.capacity], build: () => [loadSection(now)] },
      { name: 'pools', about: ({ pools }) => pools, build: () => [poolSection(now)] },
      { name: 'signals', about: structure, build: () => [signalSection(now)] },
      { name: 'events', about: ({ verdict }) => verdict.events, build: () => [eventSection(this.report)] },
      {
        name: 'run',
        about: ({ run, cost, verdict }) => [{ ...run, t: Math.floor(run.t / 60) }, cost, verdict.blind, verdict.work],
        build: () => [runSection(this.report)],
      },
    ];
  }

  begin(): void {
    axis.onChange(() => this.#tellRange());
    this.show(this.report);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    addEventListener('beforeprint', () => this.#print(true));
    addEventListener('afterprint', () => this.#print(false));
    addEventListener('hashchange', reveal);
    reveal();
  }

  show(report: Report): void {
    this.report = report;
    axis.start = report.run.start;
    document.title = `${OUTCOMES[report.verdict.outcome]}${report.run.state === 'running' ? ' so far' : ''} · soak run ${report.run.id}`;
    for (const part of this.#parts) this.#update(part);
    axis.whole = { from: 0, to: report.run.t };
  }

  /** New values of the same report. */
  grow(t: number): void {
    axis.whole = { from: 0, to: t };
  }

  #update({ name, about, build }: Part): void {
    const text = JSON.stringify(about(this.report));
    const before = this.#shown.get(name);
    if (before?.text === text) return;
    const element = h('div', { class: `part-${name}` }, ...build().filter((one) => one !== null));
    if (before) {
      keepOpen(before.element, element);
      forget(before.element);
      before.element.replaceWith(element);
    } else this.#root.append(element);
    this.#shown.set(name, { text, element });
    if (name === 'signals') show(this.#filter);
  }

  #tools(): HTMLElement {
    const button = (text: string, label: string, act: () => void): HTMLElement =>
      h('button', { type: 'button', 'aria-label': label, title: label, click: act }, text);
    const filter = h('input', {
      type: 'search',
      placeholder: 'filter signals',
      'aria-label': 'Filter signals by name',
      input: () => show((this.#filter = filter.value)),
    });
    this.#tellRange();
    return h(
      'div',
      { class: 'tools', role: 'toolbar', 'aria-label': 'Time axis and page', keydown: (event) => keys(event as KeyboardEvent) },
      button('−', 'Show more time', () => axis.move(2)),
      button('+', 'Show less time', () => axis.move(0.5)),
      button('◀', 'Earlier', () => axis.move(1, -0.25)),
      button('▶', 'Later', () => axis.move(1, 0.25)),
      button('whole run', 'Show the whole run', () => axis.zoom(null)),
      this.#where,
      filter,
      button('unfold', 'Unfold everything', () => fold(true)),
      button('fold', 'Fold everything', () => fold(false)),
      button('light / dark', 'light / dark: switch the colours', () => {
        setTheme(theme() === 'dark' ? 'light' : 'dark');
        redraw();
      }),
      button('JSON', 'Download this report as JSON', () => download(this.report)),
    );
  }

  #tellRange(): void {
    const { from, to } = axis.range;
    this.#where.textContent = axis.isZoomed ? `${axis.text(from)} to ${axis.text(to)}` : 'drag on a chart to zoom';
  }

  /** A printed page is light, unfolded as far as findings go, and has all its charts. */
  #print(isOn: boolean): void {
    const chosen = document.documentElement.dataset['theme'];
    if (isOn) {
      this.#root.dataset['theme'] = chosen ?? '';
      setTheme('light');
      printing(true);
    } else {
      const before = this.#root.dataset['theme'];
      setTheme(before === 'light' || before === 'dark' ? before : null);
      printing(false);
    }
    redraw();
  }
}

function banner({ sentence, run, verdict }: Report): HTMLElement {
  const { outcome, coverage } = verdict;
  const ended = verdict.run.end === null ? '' : ` to ${verdict.run.end.slice(0, 16).replace('T', ' ')}`;
  const left = run.state === 'running' && run.planned !== null ? `, ${formatDuration(Math.max(0, run.planned - run.t))} left` : '';
  const words = {
    running: `running for ${formatDuration(run.t)}${left}`,
    finished: `ran for ${formatDuration(run.t)}`,
    unfinished: `cut off after ${formatDuration(run.t)}`,
  };
  return h(
    'header',
    { class: `banner ${outcome}` },
    h('p', { class: 'outcome' }, h('span', { class: `badge ${outcome}` }, OUTCOMES[outcome]), run.state === 'running' ? ' so far' : ''),
    h('h1', {}, sentence),
    h(
      'p',
      { class: 'dim' },
      `Run ${run.id} · ${verdict.run.start.slice(0, 16).replace('T', ' ')}${ended} UTC · ${words[run.state]}`,
      coverage === null ? '' : ` · ${Math.floor(coverage * 100)} % of the samples taken`,
      ` · ${verdict.work.steady ? 'work went on' : 'no steady work to the end'}`,
      ` · soak-agent ${run.agent}`,
    ),
  );
}

/** What the reader has unfolded stays so. */
function keepOpen(before: Element, after: Element): void {
  for (const old of before.querySelectorAll('details[id]')) {
    const again = after.querySelector(`#${CSS.escape(old.id)}`);
    if (again instanceof HTMLDetailsElement) again.open = (old as HTMLDetailsElement).open;
  }
}

/** An address with an anchor may point into something folded. */
function reveal(): void {
  const id = anchorIn(location.hash);
  const element = id === '' ? null : document.getElementById(id);
  for (let at = element; at; at = at.parentElement) if (at instanceof HTMLDetailsElement) at.open = true;
  element?.scrollIntoView();
}

/** What is no anchor, such as `#50%`, points nowhere. */
function anchorIn(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return '';
  }
}

function fold(isOpen: boolean): void {
  for (const details of document.querySelectorAll('details')) details.open = isOpen;
}

function show(text: string): void {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const figure of document.querySelectorAll<HTMLElement>('#signals figure')) {
    figure.hidden = !words.every((word) => (figure.dataset['name'] ?? '').includes(word));
  }
  for (const panel of document.querySelectorAll<HTMLElement>('#signals .panel'))
    panel.hidden = !panel.querySelector('figure:not([hidden])');
}

/** Of the toolbar: whoever zooms by its buttons may use the arrows as well. */
function keys(event: KeyboardEvent): void {
  if (event.target instanceof HTMLInputElement) return;
  const act = KEYS[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
}

const KEYS: Readonly<Record<string, () => void>> = {
  ArrowLeft: () => axis.move(1, -0.25),
  ArrowRight: () => axis.move(1, 0.25),
  '+': () => axis.move(0.5),
  '-': () => axis.move(2),
  '0': () => axis.zoom(null),
};

function download(report: Report): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(report)], { type: 'application/json' }));
  h('a', { href: address, download: `soak-report-${report.run.id}.json` }).click();
  URL.revokeObjectURL(address);
}
