/**
 * dashboards/soak-agent.json, from the declarations: a row per panel title of the catalog, a query per metric, the gated signals first. Grafana
 * imports it as it is; the run and the target are variables.
 */
import { type MetricDef, prometheusLabel, prometheusName } from '../src/catalog.ts';
import { CATALOG } from '../src/metrics.ts';

/** Grafana's names of our units. */
const UNITS: Readonly<Record<string, string>> = { By: 'bytes', s: 's', '1': 'percentunit', 'By/h': 'binBps' };

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 12;
const HEIGHT = 8;

export function generateDashboards(): { path: string; text: string }[] {
  const groups = Map.groupBy(
    CATALOG.all().filter((def) => def.panel !== undefined),
    (def) => `${def.panel}\u0000${def.unit}`,
  );
  const gated = (defs: readonly MetricDef[]): number => (defs.some((def) => def.gate !== undefined) ? 0 : 1);
  const ordered = [...groups.values()].toSorted((a, b) => gated(a) - gated(b));
  const dashboard = {
    uid: 'soak-agent',
    title: 'soak-agent',
    description: 'What a soak run watches. Generated from the catalog of metrics.',
    tags: ['soak-agent'],
    timezone: 'utc',
    refresh: '30s',
    schemaVersion: 39,
    time: { from: 'now-8h', to: 'now' },
    templating: {
      list: [datasource(), variable('run', 'soak_run_info', 'soak_run'), variable('target', 'soak_target_info', 'soak_target')],
    },
    panels: ordered.map(panel),
  };
  return [{ path: 'dashboards/soak-agent.json', text: `${JSON.stringify(dashboard, null, 2)}\n` }];
}

function datasource() {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} };
}

function variable(name: string, info: string, label: string) {
  const query = `label_values(${info}, ${label})`;
  return {
    name,
    label: name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    refresh: 2,
    includeAll: true,
    multi: true,
    sort: 2,
  };
}

function panel(defs: readonly MetricDef[], index: number) {
  const [first] = defs;
  if (first === undefined) throw new Error('a panel without metrics');
  return {
    id: index + 1,
    type: 'timeseries',
    title: first.kind === 'counter' ? `${first.panel} per second` : `${first.panel} (${first.unit})`,
    description: defs.map((def) => `${prometheusName(def.name, def.unit, def.kind)}: ${def.help}`).join('\n'),
    datasource: DATASOURCE,
    gridPos: { x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit: UNITS[first.unit] ?? 'short', custom: { fillOpacity: 5, spanNulls: false } }, overrides: [] },
    options: { legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] }, tooltip: { mode: 'multi' } },
    targets: defs.map((def, i) => ({ refId: refId(i), datasource: DATASOURCE, expr: query(def), legendFormat: legend(def) })),
  };
}

/** A, B ... Z, AA: one per query of a panel. */
function refId(i: number): string {
  return (i >= 26 ? refId(Math.floor(i / 26) - 1) : '') + String.fromCodePoint(65 + (i % 26));
}

/** Figures of the host and the agent have no target, so an empty one matches too. */
function query(def: MetricDef): string {
  const series = `${prometheusName(def.name, def.unit, def.kind)}{soak_run=~"$run",soak_target=~"$target|"}`;
  return def.kind === 'counter' ? `rate(${series}[$__rate_interval])` : series;
}

function legend(def: MetricDef): string {
  const labels = ['soak_target', 'soak_member', ...Object.keys(def.labels ?? {}).map(prometheusLabel)];
  return `${def.alias ?? def.name} ${labels.map((label) => `{{${label}}}`).join(' ')}`;
}
