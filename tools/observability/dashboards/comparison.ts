/** Runs beside each other: figures at their ends, and a run laid over a baseline from its start on. */
import type { Column, Dashboard, Panel, Query, Row, Unit, Variable } from '../grafana.ts';
import { figure, metric, of } from '../query.ts';
import { ADDRESS, addressOf, BASELINE, DATASOURCE, ONE_RUN, RUN, RUN_LINKS, TARGET, TARGETS } from '../selected.ts';
import { OUTCOME_STATES, outcomeOf } from './overview.ts';

/** Seconds by which the baseline began earlier; a name cannot be computed with, so that it is looked up. */
const SHIFT: Variable = {
  name: 'shift',
  label: 'Shift',
  type: 'query',
  query: `query_result(scalar(max(max_over_time(${metric('soak.run.start_time')}{${RUN}}[$__range]))) - scalar(max(max_over_time(${metric('soak.run.start_time')}{soak_run=~"$baseline"}[$__range]))))`,
  regex: '/^(?:.*} )?(-?\\d+)/',
  hidden: true,
};

/** A millisecond more, because an offset of 0 is refused: that of a run that is its own baseline. */
const SHIFTED = '${shift}001ms';

/** The last value within the time range: runs that have ended have none now. */
const last = (selected: string): string => `last_over_time(${selected}[$__range])`;

const ALL_RUNS = 'soak_run=~".+"';

function table(
  title: string,
  about: string,
  values: readonly (Column & { readonly expr: string })[],
  labels: Readonly<Record<string, string>> = {},
): Panel {
  return {
    title,
    about,
    type: 'table',
    unit: 'short',
    width: 24,
    queries: values.map(({ expr }): Query => ({ expr, instant: true })),
    columns: { labels: { soak_run: 'Run', ...labels }, values: values.map(({ expr: _, ...column }) => column) },
  };
}

const SUMMARY: Row = {
  title: 'All runs of the time range',
  panels: [
    table(
      'Outcomes',
      'Each run with its verdict, its times and what disturbed it. The outcome opens its overview, and the page and the verdict of its agent.',
      [
        {
          name: 'Outcome',
          expr: outcomeOf(ALL_RUNS).replaceAll(/soak_run_outcome\{[^}]*\}/g, (selected) => last(selected)),
          mappings: OUTCOME_STATES,
          links: RUN_LINKS,
        },
        { name: 'Started', unit: 'dateTimeAsIso', expr: `max by (soak_run) (${last(metric('soak.run.start_time'))}) * 1000` },
        {
          name: 'Length',
          unit: 's',
          expr: `max by (soak_run) (${last(metric('soak.run.sample_time'))} - ${last(metric('soak.run.start_time'))})`,
        },
        { name: 'Coverage', unit: 'percentunit', expr: `max by (soak_run) (${last(metric('soak.run.coverage'))})` },
        { name: 'Restarts', expr: `max by (soak_run) (${last(metric('soak.run.restarts'))})` },
        { name: 'Gaps', unit: 's', expr: `max by (soak_run) (${last(metric('soak.run.gap.time'))})` },
        { name: 'known', hidden: true, expr: addressOf(last(metric('soak.run.info'))) },
      ],
      ADDRESS,
    ),
    table('Load and latency', 'Of each whole run within the time range, by the histogram.', [
      { name: 'Requests', expr: `sum by (soak_run) (${last(of('soak.traffic.requests', TARGET))})` },
      {
        name: 'Errors',
        unit: 'percentunit',
        expr: `sum by (soak_run) (${last(of('soak.traffic.errors', TARGET))}) / sum by (soak_run) (${last(of('soak.traffic.requests', TARGET))})`,
      },
      ...['0.5', '0.95', '0.99'].map((q) => ({
        name: `p${q}`,
        unit: 's' as const,
        expr: `histogram_quantile(${q}, sum by (soak_run, le) (${last(`${metric('soak.traffic.duration')}_bucket{${TARGET}}`)}))`,
      })),
    ]),
  ].map((panel, i) => (i === 0 ? panel : { ...panel, emptyWhen: 'no load is told of' })),
};

/** Level at the end of a run against that of the baseline, as a share. */
function change(family: string): string {
  const level = (selector: string): string =>
    `max by (soak_target, soak_member, soak_series_metric) (${last(of(figure('soak.series.level', family), selector, TARGET))})`;
  return `${level(RUN)} / ${level('soak_run=~"$baseline"')} - 1`;
}

const AGAINST: Row = {
  title: 'Run against baseline',
  panels: (['bytes', 'count', 'time'] as const).map((family): Panel => ({
    title: `Change of level: ${{ bytes: 'memory and disk', count: 'counts', time: 'times' }[family]}`,
    about: 'Level of each judged series at the end of the run, compared with the baseline: 10 % is a tenth more.',
    type: 'bargauge',
    unit: 'percentunit',
    width: 8,
    queries: [{ expr: change(family), legend: '{{soak_target}} {{soak_member}} {{soak_series_metric}}', instant: true }],
    thresholds: [
      { color: 'green', from: null },
      { color: 'yellow', from: 0.2 },
      { color: 'red', from: 0.5 },
    ],
    emptyWhen: 'the two runs have no judged series of this kind in common',
  })),
};

function overlaid(title: string, about: string, unit: Unit, expr: (selector: string, offset: string) => string, emptyWhen?: string): Panel {
  return {
    title,
    about: `${about} Dashed: the baseline, moved so that both begin at the same time.`,
    type: 'timeseries',
    unit,
    dashed: '/^baseline/',
    queries: [
      { expr: expr(`${RUN},${TARGET}`, ''), legend: '{{soak_target}} {{soak_member}}' },
      { expr: expr(`soak_run=~"$baseline",${TARGET}`, ` offset ${SHIFTED}`), legend: 'baseline {{soak_target}} {{soak_member}}' },
    ],
    ...(emptyWhen ? { emptyWhen } : {}),
  };
}

const summed =
  (name: string) =>
  (selector: string, offset: string): string =>
    `sum by (soak_target, soak_member) (${of(name, selector)}${offset})`;
const rated =
  (name: string) =>
  (selector: string, offset: string): string =>
    `sum by (soak_target, soak_member) (rate(${of(name, selector)}[$__rate_interval]${offset}))`;

const OVERLAID: Row = {
  title: 'From the start on',
  panels: [
    overlaid('Private memory', 'Anonymous memory and swap.', 'bytes', summed('soak.process.memory.private')),
    overlaid('Descriptors', 'Open file descriptors.', 'short', summed('process.unix.file_descriptor.count')),
    overlaid('Cores used', 'CPU time per second.', 'short', rated('process.cpu.time')),
    overlaid('Requests per second', 'As the load tool tells them.', 'reqps', rated('soak.traffic.requests'), 'no load is told of'),
    overlaid(
      'Latency p95',
      'Of the requests of each window.',
      's',
      (selector, offset) =>
        `max by (soak_target, soak_member) (${of('soak.traffic.duration.quantile', selector, 'soak_quantile="0.95"')}${offset})`,
      'no load is told of',
    ),
    overlaid(
      'Heap after collection',
      'What collections leave.',
      'bytes',
      summed('soak.runtime.heap.used_after_collection'),
      'the heap is not visible',
    ),
  ],
};

export const COMPARISON: Dashboard = {
  uid: 'soak-comparison',
  title: 'Soak runs: comparison',
  description: 'Runs beside each other. The time range must hold both runs. Generated from the catalog of metrics.',
  variables: [DATASOURCE, ONE_RUN, BASELINE, TARGETS, SHIFT],
  annotations: [],
  links: [],
  from: 'now-7d',
  rows: [SUMMARY, AGAINST, OVERLAID],
};
