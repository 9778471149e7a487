/** What is wrong with a dashboard that Grafana would load without a word: found on the JSON, as it is shipped. */
import { exportedSeries } from './query.ts';
import { unknownNames } from './promql.ts';

interface Target {
  readonly refId?: string;
  readonly expr: string;
  readonly datasource?: { readonly uid: string };
  readonly legendFormat?: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
  readonly collapsed?: boolean;
  readonly panels?: readonly Panel[];
}

export interface DashboardFile {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query: string;
      readonly datasource?: { readonly uid: string };
    }[];
  };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr: string; readonly datasource?: { readonly uid: string } }[];
  };
  readonly panels: readonly Panel[];
}

/** Ids of units that Grafana knows and that we use; one that it does not know is shown as text after the figure. */
const UNITS = new Set(['bytes', 's', 'percentunit', 'short', 'reqps', 'ops', 'none', 'dateTimeFromNow', 'dateTimeAsIso', 'binBps']);

const OURS = '${datasource}';
const WIDTH = 24;

/** Variables that Grafana itself sets. */
const BUILT_IN = /^__(all|data|from|interval|range|rate_interval|to)\b/;

/** One line for each problem; none when all is well. */
export function lint(dashboard: DashboardFile): string[] {
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const charts = panels.filter(({ type }) => type !== 'row');
  return [
    ...repeated(panels.map(({ id }) => id)).map((id) => `two panels have the id ${id}`),
    ...charts.flatMap(chartProblems),
    ...overlaps(dashboard.panels),
    ...panels.filter(({ collapsed }) => collapsed).flatMap(({ panels: inner }) => overlaps(inner ?? [])),
    ...queriesOf(dashboard).flatMap(([place, query]) => queryProblems(place, query)),
    ...undefinedVariables(dashboard),
    ...[...dashboard.annotations.list, ...dashboard.templating.list.filter(({ type }) => type === 'query')]
      .filter(({ datasource }) => datasource?.uid !== OURS)
      .map(({ name }) => `${name} does not use the variable of the data source`),
  ];
}

function chartProblems({ title, description = '', datasource, fieldConfig, targets = [], gridPos }: Panel): string[] {
  const unit = fieldConfig?.defaults.unit;
  const others = [datasource, ...targets.map((target) => target.datasource)].filter((source) => source?.uid !== OURS);
  return [
    ...(title === '' ? ['a panel has no title'] : []),
    ...(description === '' ? [`${title} has no description`] : []),
    ...(unit === undefined || !UNITS.has(unit) ? [`${title} has the unit ${unit}, which Grafana does not know`] : []),
    ...(others.length > 0 ? [`${title} does not use the variable of the data source`] : []),
    ...(targets.length === 0 ? [`${title} has no query`] : []),
    ...(targets.some(({ refId }) => !refId) ? [`${title} has a query without refId`] : []),
    ...repeated(targets.map(({ refId }) => refId)).map((refId) => `${title} has two queries ${refId}`),
    ...(gridPos.x < 0 || gridPos.x + gridPos.w > WIDTH ? [`${title} is wider than the page`] : []),
  ];
}

function repeated<T>(values: readonly T[]): T[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];
}

function overlaps(panels: readonly Panel[]): string[] {
  const meet = ({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
  return panels.flatMap((one, i) =>
    panels.slice(i + 1).flatMap((other) => (meet(one, other) ? [`${one.title} overlaps ${other.title}`] : [])),
  );
}

/** Every query with the name of what asks it. */
export function queriesOf({ panels, annotations, templating }: DashboardFile): [place: string, query: string][] {
  const all = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const inner = (query: string): string =>
    /^(?:query_result\(([\s\S]*)\)|label_values\(([\s\S]*), \w+\))$/.exec(query)?.slice(1).find(Boolean) ?? query;
  return [
    ...all.flatMap(({ title, targets = [] }) => targets.map(({ expr }): [string, string] => [title, expr])),
    ...annotations.list.map(({ name, expr }): [string, string] => [`annotation ${name}`, expr]),
    ...templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }): [string, string] => [`variable ${name}`, inner(query)]),
  ];
}

const EXPORTED = exportedSeries();

function queryProblems(place: string, query: string): string[] {
  const windows = [...query.matchAll(/\b(?:rate|increase)\([^[]*\[([^\]]*)\]/g)].filter(([, window]) => !window!.startsWith('$__'));
  const plain = query.replaceAll(/\$\{?\w+\}?(?:\d+ms)?/g, '1s');
  return [
    ...unknownNames(plain, EXPORTED).map((problem) => `${place}: ${problem}`),
    ...windows.map(([, window]) => `${place}: a rate over ${window} is empty when scrapes are rarer; take $__rate_interval`),
  ];
}

function undefinedVariables({ templating, ...rest }: DashboardFile): string[] {
  const defined = new Set(templating.list.map(({ name }) => name));
  const used = [...JSON.stringify([rest, templating]).matchAll(/\$(?:\{(\w+)[^}]*\}|([a-z_]\w*))/g)].map(
    ([, braced, bare]) => braced ?? bare!,
  );
  return [...new Set(used)]
    .filter((name) => !defined.has(name) && !BUILT_IN.test(name))
    .map((name) => `the variable ${name} is used and not defined`);
}
