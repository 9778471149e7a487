/**
 * Dashboards of Grafana as data: panels in rows, laid out here. Schema version 38 is that of Grafana 10.0; later ones migrate it when they load
 * it, and by file as by import a data source is a variable, because `${DS_...}` is resolved by the import dialog only.
 */

/** Grafana's names of units. */
export type Unit =
  | 'bytes'
  | 's'
  | 'percentunit'
  | 'short'
  | 'reqps'
  | 'ops'
  | 'Bps'
  | 'none'
  | 'dateTimeFromNow'
  | 'dateTimeAsIso'
  | 'bool_on_off'
  | 'binBps';

export interface Query {
  readonly expr: string;
  readonly legend?: string;
  /** At the end of the time range only; in a table by its columns. */
  readonly instant?: boolean;
}

export interface Step {
  readonly color: 'green' | 'yellow' | 'orange' | 'red' | 'blue';
  /** Null: from the beginning. */
  readonly from: number | null;
}

export interface Column {
  readonly name: string;
  readonly unit?: Unit;
  readonly links?: readonly Link[];
  readonly mappings?: readonly object[];
  readonly hidden?: boolean;
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

export interface Panel {
  readonly title: string;
  readonly about: string;
  readonly type: 'timeseries' | 'stat' | 'table' | 'state-timeline' | 'bargauge';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Of 24. */
  readonly width?: number;
  readonly height?: number;
  readonly thresholds?: readonly Step[];
  readonly stacked?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly mappings?: readonly object[];
  readonly links?: readonly Link[];
  /** Of a table: labels that become columns, and what each query is called, in order. */
  readonly columns?: { readonly labels: Readonly<Record<string, string>>; readonly values: readonly Column[] };
  /** Legends of lines that are limits and fits: dashed. */
  readonly dashed?: string;
  /** In whose absence it shows nothing, though all is well. */
  readonly emptyWhen?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly collapsed?: boolean;
}

export interface Annotation {
  readonly name: string;
  readonly expr: string;
  readonly color: string;
  readonly title: string;
  readonly text?: string;
  /** The value is the time, in milliseconds. */
  readonly atValue?: boolean;
  readonly emptyWhen: string;
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: 'query' | 'textbox' | 'datasource';
  readonly query: string;
  readonly regex?: string;
  readonly multi?: boolean;
  readonly all?: boolean;
  readonly hidden?: boolean;
  /** Labels by name; otherwise as the query orders them. */
  readonly sorted?: boolean;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly annotations: readonly Annotation[];
  readonly rows: readonly Row[];
  readonly links: readonly Link[];
  readonly from?: string;
}

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const GRID = 24;
const TAG = 'soak-agent';

export function dashboardJson(dashboard: Dashboard): object {
  const { uid, title, description, variables, annotations, rows, links, from = 'now-8h' } = dashboard;
  return {
    uid,
    title,
    description,
    tags: [TAG],
    timezone: 'browser',
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    schemaVersion: 38,
    version: 1,
    time: { from, to: 'now' },
    links: [
      {
        title: 'Soak runs',
        type: 'dashboards',
        tags: [TAG],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
        url: '',
      },
      ...links.map((link) => ({
        ...link,
        type: 'link',
        tags: [],
        asDropdown: false,
        includeVars: false,
        keepTime: false,
        targetBlank: true,
        icon: 'doc',
        tooltip: '',
      })),
    ],
    annotations: { list: annotations.map(annotationJson) },
    templating: { list: variables.map(variableJson) },
    panels: laidOut(rows),
  };
}

function laidOut(rows: readonly Row[]): object[] {
  let id = 0;
  let y = 0;
  return rows.flatMap(({ title, panels, collapsed = false }) => {
    const head = { id: ++id, type: 'row', title, collapsed, gridPos: { x: 0, y, w: GRID, h: 1 } };
    const flow = new Flow(y + 1);
    const placed = panels.map((panel) => panelJson(panel, ++id, flow.place(panel)));
    y = collapsed ? y + 1 : flow.bottom;
    return collapsed ? [{ ...head, panels: placed }] : [{ ...head, panels: [] }, ...placed];
  });
}

/** Places panels from left to right, and below when there is no room. */
class Flow {
  #x = 0;
  #y: number;
  #height = 0;

  constructor(y: number) {
    this.#y = y;
  }

  place({ width = 12, height = 8 }: Panel): object {
    if (this.#x + width > GRID) {
      this.#y = this.bottom;
      this.#x = 0;
      this.#height = 0;
    }
    const at = { x: this.#x, y: this.#y, w: width, h: height };
    this.#x += width;
    this.#height = Math.max(this.#height, height);
    return at;
  }

  get bottom(): number {
    return this.#y + this.#height;
  }
}

function panelJson(panel: Panel, id: number, gridPos: object): object {
  const { title, about, type, queries, columns, links = [], emptyWhen } = panel;
  return {
    id,
    type,
    title,
    description: emptyWhen === undefined ? about : `${about}\n\nEmpty when ${emptyWhen}.`,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: defaults(panel), overrides: overrides(panel) },
    options: OPTIONS[type],
    ...(columns ? { transformations: transformations(columns) } : {}),
    links: links.map((link) => ({ ...link, targetBlank: true })),
    targets: queries.map(({ expr, legend = '', instant = false }, i) => {
      return {
        refId: refId(i),
        datasource: DATASOURCE,
        editorMode: 'code',
        expr,
        legendFormat: legend,
        instant,
        range: !instant,
        ...(columns ? { format: 'table' } : {}),
      };
    }),
  };
}

const OPTIONS: Readonly<Record<Panel['type'], object>> = {
  timeseries: {
    legend: { showLegend: true, displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  stat: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'background',
    graphMode: 'none',
    textMode: 'auto',
    orientation: 'auto',
  },
  table: { showHeader: true, cellHeight: 'sm', footer: { show: false, reducer: [], countRows: false, fields: '' } },
  'state-timeline': {
    showValue: 'never',
    mergeValues: true,
    alignValue: 'left',
    rowHeight: 0.9,
    legend: { showLegend: true, displayMode: 'list', placement: 'bottom' },
    tooltip: { mode: 'multi', sort: 'none' },
  },
  bargauge: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    orientation: 'horizontal',
    displayMode: 'basic',
    showUnfilled: true,
  },
};

function defaults({ type, unit, thresholds, stacked, min, max, mappings = [] }: Panel): object {
  const steps = (thresholds ?? [{ color: 'green', from: null }]).map(({ color, from }) => ({ color, value: from }));
  const lines = {
    lineWidth: 1,
    fillOpacity: stacked ? 30 : 5,
    showPoints: 'never',
    spanNulls: false,
    axisSoftMin: 0,
    ...(stacked ? { stacking: { mode: 'normal', group: 'A' } } : {}),
  };
  const custom = {
    timeseries: { ...lines, thresholdsStyle: { mode: thresholds ? 'line' : 'off' } },
    'state-timeline': { lineWidth: 0, fillOpacity: 80 },
    table: { align: 'auto', filterable: true },
    stat: {},
    bargauge: {},
  }[type];
  return {
    unit,
    custom,
    mappings,
    thresholds: { mode: 'absolute', steps },
    color: { mode: thresholds && type !== 'timeseries' ? 'thresholds' : 'palette-classic' },
    noValue: 'none',
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

function overrides({ columns, dashed }: Panel): object[] {
  const lines =
    dashed === undefined
      ? []
      : [
          override(
            { id: 'byRegexp', options: dashed },
            {
              'custom.lineStyle': { dash: [8, 6], fill: 'dash' },
              'custom.fillOpacity': 0,
              'custom.stacking': { mode: 'none', group: 'limit' },
            },
          ),
        ];
  const values = (columns?.values ?? []).map(({ name, unit, links, mappings }) => {
    return override(
      { id: 'byName', options: name },
      {
        ...(unit ? { unit } : {}),
        ...(links ? { links: links.map((link) => ({ ...link, targetBlank: true })) } : {}),
        ...(mappings ? { mappings } : {}),
      },
    );
  });
  return [...lines, ...values];
}

function override(matcher: object, properties: Readonly<Record<string, unknown>>): object {
  return { matcher, properties: Object.entries(properties).map(([id, value]) => ({ id, value })) };
}

/** One row per combination of labels; queries become columns by their names. */
function transformations({ labels, values }: NonNullable<Panel['columns']>): object[] {
  const column = (i: number): string => (values.length === 1 ? 'Value' : `Value #${refId(i)}`);
  const shown = Object.keys(labels);
  return [
    ...(values.length === 1 ? [] : [{ id: 'merge', options: {} }]),
    {
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(
          [
            ...['Time', '__name__', 'job', 'instance'].filter((name) => !shown.includes(name)),
            ...values.flatMap(({ hidden }, i) => (hidden ? [column(i)] : [])),
          ].map((name) => [name, true]),
        ),
        indexByName: Object.fromEntries([...shown, ...values.map((_, i) => column(i))].map((name, i) => [name, i])),
        renameByName: { ...labels, ...Object.fromEntries(values.map(({ name }, i) => [column(i), name])) },
      },
    },
  ];
}

function annotationJson({ name, expr, color, title, text = '', atValue = false }: Annotation): object {
  return {
    name,
    datasource: DATASOURCE,
    enable: true,
    hide: false,
    iconColor: color,
    expr,
    step: '60s',
    titleFormat: title,
    textFormat: text,
    tagKeys: '',
    useValueForTime: atValue,
  };
}

function variableJson({
  name,
  label,
  type,
  query,
  regex = '',
  multi = false,
  all = false,
  hidden = false,
  sorted = false,
}: Variable): object {
  const hide = hidden ? 2 : 0;
  if (type === 'datasource')
    return { name, label, type, query, regex, hide, current: {}, includeAll: false, multi: false, refresh: 1, options: [] };
  if (type === 'textbox')
    return {
      name,
      label,
      type,
      query,
      hide,
      current: { text: query, value: query },
      options: [{ selected: true, text: query, value: query }],
    };
  return {
    name,
    label,
    type,
    datasource: DATASOURCE,
    definition: query,
    query,
    regex,
    hide,
    refresh: 2,
    multi,
    includeAll: all,
    ...(all ? { allValue: '.*', current: { text: 'All', value: '$__all' } } : { current: {} }),
    sort: sorted ? 1 : 0,
    options: [],
  };
}

/** A, B ... Z, AA: one per query of a panel. */
export function refId(i: number): string {
  return (i >= 26 ? refId(Math.floor(i / 26) - 1) : '') + String.fromCodePoint(65 + (i % 26));
}
