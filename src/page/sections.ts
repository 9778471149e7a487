/** The rest of the page: load and latency, pools, all signals, events, and how the run was made. */
import type { Report, Signal } from '../report/value.ts';
import { clockTime } from '../analysis/sentence.ts';
import { formatDuration } from '../quantity.ts';
import { showRate, showValue } from '../views/quantities.ts';
import { type Child, facts, h, table } from './dom.ts';
import { figureOf } from './figures.ts';
import type { Now } from './findings.ts';
import { poolPlot, signalPlot, STACK } from './plot.ts';
import { secondsOf } from './instants.ts';
import { labelOf, OUTCOMES } from './words.ts';

/** Pixels. */
const LANE = 130;
const SMALL = 110;
const POOL = 170;

export function loadSection(now: Now): HTMLElement | null {
  const lanes = now().signals.filter(({ lane }) => lane !== 'signal');
  const tables = capacity(now());
  if (lanes.length === 0 && tables.length === 0) return null;
  return h(
    'section',
    { id: 'load' },
    h('h2', {}, 'Load and latency'),
    h('div', { class: 'grid wide' }, ...lanes.map((one) => signalFigure(one, now, LANE))),
    ...tables,
  );
}

function signalFigure(signal: Signal, now: Now, height: number): HTMLElement {
  const { verdict } = now();
  const judged = signal.judged === null ? null : (verdict.series[signal.judged] ?? null);
  const slope = judged?.slope ? ` ${showRate(judged.slope.perHour, judged.unit)}` : '';
  const figure = figureOf(
    h(
      'span',
      { title: signal.help },
      signal.lane === 'signal' ? signal.name : signal.id,
      signal.counter ? ', per second' : '',
      signal.gated && signal.outcome ? h('span', { class: `badge ${signal.outcome}` }, OUTCOMES[signal.outcome]) : null,
      h('span', { class: 'dim' }, slope),
    ),
    labelOf(signal, judged),
    height,
    () => signalPlot(now, signal.anchor, false),
  );
  figure.id = `signal-${signal.anchor}`;
  figure.dataset['name'] = `${signal.id} ${signal.metric} ${signal.panel}`.toLowerCase();
  return figure;
}

function capacity({ verdict }: Report): HTMLElement[] {
  const share = (value: number | null, unit: string): string => (value === null ? '' : showValue(value, unit));
  const titles = ['requests/s', 'users', 'mean', 'p95', 'errors', 'CPU'];
  return verdict.capacity.map(({ target, bands, usersPerInstance }) => {
    const whose = target ?? 'the run as a whole';
    const rows = bands.map(({ from, to, users, latency, p95, errors, cpu }) => [
      `${showValue(from, '')} to ${showValue(to, '')}`,
      share(users, ''),
      share(latency, 's'),
      share(p95, 's'),
      share(errors, '1'),
      share(cpu, '1'),
    ]);
    const enough =
      usersPerInstance === null ? null : h('p', {}, `Served well up to ${showValue(usersPerInstance, '')} users per instance.`);
    return h(
      'div',
      {},
      h('h3', {}, `How each level of the load was served: ${whose}`),
      table(`Levels of the load: ${whose}`, titles, rows),
      enough,
    );
  });
}

export function poolSection(now: Now): HTMLElement | null {
  const { pools } = now();
  if (pools.length === 0) return null;
  const figures = pools.map(({ anchor, title, states }) => {
    const keys = states.map(({ state }, i) => h('span', { class: `key stack ${STACK[i % STACK.length]!}` }, state));
    const label = `Chart of the connections of ${title} by state: ${states.map(({ state }) => state).join(', ')}`;
    const figure = figureOf(title, label, POOL, () => poolPlot(now, anchor));
    figure.id = anchor;
    figure.append(h('p', { class: 'legend' }, ...keys));
    return figure;
  });
  return h('section', { id: 'pools' }, h('h2', {}, 'Pools: connections by state'), h('div', { class: 'grid wide' }, ...figures));
}

export function signalSection(now: Now): HTMLElement | null {
  const report = now();
  const pooled = new Set(report.pools.flatMap(({ states, max }) => [...states.map(({ signal }) => signal), max ?? -1]));
  const own = report.signals.filter(({ lane }, i) => lane === 'signal' && !pooled.has(i));
  if (own.length === 0) return null;
  const groups = [
    ...Map.groupBy(own, (signal) => signal.target ?? (signal.metric.startsWith('soak.agent.') ? 'the agent itself' : 'host and servers')),
  ];
  const left =
    report.left.signals === 0 ? null : h('p', { class: 'dim' }, `and ${report.left.signals} more in the record (soak-agent export)`);
  const fold = ([whose, signals]: [string, Signal[]], i: number): HTMLElement =>
    h(
      'details',
      { class: 'fold', id: `of-${i}`, open: whose !== 'the agent itself' },
      h('summary', {}, h('h3', {}, `${whose} (${signals.length})`)),
      ...[...Map.groupBy(signals, ({ panel }) => panel)].map(([panel, alike]) =>
        h('div', { class: 'panel' }, h('h4', {}, panel), h('div', { class: 'grid' }, ...alike.map((one) => signalFigure(one, now, SMALL)))),
      ),
    );
  return h('section', { id: 'signals' }, h('h2', {}, `All signals (${own.length})`), ...groups.map(fold), left);
}

export function eventSection({ verdict, run }: Report): HTMLElement | null {
  if (verdict.events.length === 0) return null;
  const rows = verdict.events
    .toReversed()
    .map(({ at, kind, target, member, message }) => [
      clockTime(Math.max(0, secondsOf(at) - run.start)),
      at.slice(0, 19).replace('T', ' '),
      kind,
      `${target ?? ''}${member === null ? '' : `/${member}`}`,
      message,
    ]);
  return h(
    'details',
    { id: 'events', class: 'fold' },
    h('summary', {}, h('h2', {}, `Events (${verdict.events.length})`)),
    table('Events', ['run time', 'UTC', 'kind', 'of', 'what'], rows),
  );
}

export function runSection(report: Report): HTMLElement {
  const { run, verdict, cost, config, reproduce, timeline, left } = report;
  const percent = (share: number | null): string =>
    share === null ? 'no sample yet' : `${Math.floor(share * 1000) / 10} % of the samples taken`;
  const work = verdict.work.steady
    ? 'steady to the end'
    : verdict.work.stoppedAt
      ? `stopped at ${clockTime(secondsOf(verdict.work.stoppedAt) - run.start)}`
      : 'no steady work was seen';
  return h(
    'section',
    { id: 'run' },
    h('h2', {}, 'The run'),
    facts([
      ['Run', run.id],
      ['Began', verdict.run.start],
      ['Ended', verdict.run.end ?? ''],
      ['Length', `${formatDuration(run.t)}${run.planned === null ? '' : ` of ${formatDuration(run.planned)} planned`}`],
      ['Coverage', percent(verdict.coverage)],
      [
        'Gaps',
        timeline.gaps.length === 0
          ? 'none'
          : `${timeline.gaps.length}, together ${formatDuration(timeline.gaps.reduce((sum, { from, to }) => sum + to - from, 0))}`,
      ],
      ['Work', work],
      [
        'Phases',
        timeline.phases.map(({ name, from, judged }) => `${name} from ${clockTime(from)}${judged ? '' : ' (not judged)'}`).join(', '),
      ],
      ['Judged series', `${verdict.series.length + left.series}, of which ${verdict.series.filter(({ gated }) => gated).length} decide`],
      ['soak-agent', run.agent],
      ['Configuration', run.configHash],
    ]),
    ...run.notes.map((note) => h('p', { class: 'settle' }, note)),
    blind(report),
    h('h3', {}, 'What watching cost'),
    facts(cost.map(({ name, value, unit }) => [name, value === null ? 'unknown' : showValue(value, unit)] as const)) ??
      h('p', {}, 'The record has no figures of the agent itself.'),
    h('h3', {}, 'The same verdict again'),
    ...reproduce.map((command) => h('pre', { tabindex: 0 }, command)),
    h(
      'details',
      { id: 'host' },
      h('summary', {}, 'Machine'),
      facts(
        Object.entries(run.host).map(
          ([name, value]) => [name, value === null ? '' : name === 'memory' ? showValue(Number(value), 'By') : String(value)] as const,
        ),
      ),
    ),
    h(
      'details',
      { id: 'config' },
      h('summary', {}, 'Configuration, without secrets'),
      h('pre', { tabindex: 0 }, JSON.stringify(config, null, 2)),
    ),
  );
}

function blind({ verdict }: Report): Child {
  if (verdict.blind.length === 0) return null;
  const rows = [...Map.groupBy(verdict.blind, ({ target, reason }) => JSON.stringify([target, reason]))].map(([, alike]) => [
    alike[0]!.target ?? 'host',
    alike.map(({ metric }) => metric).join(', '),
    alike[0]!.reason,
  ]);
  return h('div', {}, h('h3', {}, 'Not readable here'), table('Signals that could not be read', ['of', 'signals', 'why'], rows));
}
