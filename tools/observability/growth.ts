/** What grows: tables of the judged series by kind of unit, and charts of signals with the line that was fitted to their end. */
import { CATALOG } from '../../src/metrics.ts';
import type { Link, Panel, Unit } from './grafana.ts';
import { figure, of } from './query.ts';

export const FAMILIES = {
  bytes: ['memory and disk', 'bytes'],
  count: ['counts', 'short'],
  time: ['times', 's'],
  ratio: ['shares', 'percentunit'],
} as const satisfies Record<string, readonly [string, Unit]>;

export type Family = keyof typeof FAMILIES;

const GRADES = 'soak_grade=~"suspected|confirmed"';

const MILLIS = 1000;
const MICROS = 1_000_000;

/** Jaeger takes microseconds, the explorer of Grafana milliseconds. */
const TRACE_LINKS: readonly Link[] = [
  {
    title: 'Traces of the onset (Jaeger)',
    url: '${traces}/search?service=${__data.fields["Target"]}&start=${__data.fields["Onset from, us"].numeric}&end=${__data.fields["Onset to, us"].numeric}',
  },
  {
    title: 'Traces of the onset (Tempo)',
    url: '/explore?left={"datasource":"${tempo}","queries":[{"refId":"A","queryType":"traceql","query":"{resource.service.name=\\"${__data.fields["Target"]}\\"}"}],"range":{"from":"${__data.fields["Onset from, ms"].numeric}","to":"${__data.fields["Onset to, ms"].numeric}"}}',
  },
];

export function growthTable(family: Family, selector: string): Panel {
  const [what, unit] = FAMILIES[family];
  const growing = `ignoring (soak_grade) ${of('soak.series.grade', selector, GRADES)} == 1`;
  const column = (name: string, factor = 1): { expr: string; instant: true } => ({
    expr: `${of(name, selector)}${factor === 1 ? '' : ` * ${factor}`} and ${growing}${/\.(onset_time|remaining)/.test(name) ? ` and ${of(figure('soak.series.level', family), selector)}` : ''}`,
    instant: true,
  });
  return {
    title: `What grows: ${what}`,
    about:
      'Judged series that are suspected or confirmed to grow without end, with the growth at their end, its interval, and the time to their limit.',
    type: 'table',
    unit,
    width: 24,
    height: 7,
    emptyWhen: 'nothing grows, as it should be',
    queries: [
      column(figure('soak.slope', family)),
      column(figure('soak.slope.lower', family)),
      column(figure('soak.slope.upper', family)),
      column(figure('soak.slope.per_request', family)),
      column(figure('soak.series.level', family)),
      column(figure('soak.series.limit', family)),
      column('soak.exhaustion.remaining'),
      column('soak.series.onset_time', MILLIS),
      ...[MILLIS, MICROS].flatMap((factor) => [
        column('soak.series.onset_time.earliest', factor),
        column('soak.series.onset_time.latest', factor),
      ]),
    ],
    columns: {
      labels: { soak_target: 'Target', soak_member: 'Member', soak_series_metric: 'Metric', soak_series_gate: 'Gate' },
      values: [
        { name: 'Growth per hour' },
        { name: 'at least' },
        { name: 'at most' },
        { name: 'per request' },
        { name: 'Level' },
        { name: 'Limit' },
        { name: 'Full in', unit: 's' },
        { name: 'Onset', unit: 'dateTimeAsIso', links: TRACE_LINKS },
        { name: 'Onset from, ms', unit: 'none' },
        { name: 'Onset to, ms', unit: 'none' },
        { name: 'Onset from, us', unit: 'none' },
        { name: 'Onset to, us', unit: 'none' },
      ],
    },
  };
}

/** A signal with the line that was fitted to its end, between its bounds, from its onset on, and its limit. */
export function fitted(name: string, family: Family, selector: string): Panel {
  const def = CATALOG.get(name);
  const judged = `${selector},soak_series_metric="${name}"`;
  // Of the latest look within the time range, also when the run ended some time before its end.
  const last = (judgedBy: string): string => `last_over_time(${of(judgedBy, judged)}[1h] @ end())`;
  const since = `(time() - scalar(max(last_over_time(${of('soak.run.sample_time', 'soak_run=~"$run"')}[1h] @ end()))))`;
  const line = (rate: string): string =>
    `(${last(figure('soak.series.level', family))} + ${last(rate)} / 3600 * ${since}) and (time() >= ${last('soak.series.onset_time')} or ${last(figure('soak.series.level', family))} unless ${last('soak.series.onset_time')})`;
  const whose = '{{soak_target}} {{soak_member}}';
  return {
    title: `${def.alias ?? name} and its fit`,
    about: `${def.help} Dashed: the growth at its end as it was judged, between its bounds, and the limit.`,
    type: 'timeseries',
    unit: FAMILIES[family][1],
    emptyWhen: 'the target does not have it',
    dashed: '/^(fit|at least|at most|limit) /',
    queries: [
      { expr: of(name, selector), legend: whose },
      { expr: line(figure('soak.slope', family)), legend: `fit ${whose}` },
      { expr: line(figure('soak.slope.lower', family)), legend: `at least ${whose}` },
      { expr: line(figure('soak.slope.upper', family)), legend: `at most ${whose}` },
      { expr: of(figure('soak.series.limit', family), judged), legend: `limit ${whose}` },
    ],
  };
}
