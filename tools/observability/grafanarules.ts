/** The alerts as Grafana provisions them. Source: grafana.com/docs, "Use configuration files to provision alerting resources". */
import { type Alert, ALERTS } from './alerts.ts';
import { type Dashboard, dashboardJson } from './grafana.ts';
import type { DashboardFile } from './lint.ts';
import { annotations, type Generated, labels, yaml } from './rulefiles.ts';

/** Grafana's alert rules cannot name a data source by a variable: `provisioning/datasources/` gives it this one. */
export const DATASOURCE_UID = 'soak-prometheus';

export const FOLDER = 'soak-agent';

/** Seconds of data that an alert of Grafana asks for; the expressions bring the ranges they need. */
const LOOKBACK_S = 600;

/** @param dashboards that the rules lead to */
export function grafanaRules(dashboards: readonly Dashboard[]): Generated {
  const rules = ALERTS.map((alert) => grafanaRule(alert, panelId(alert, dashboards)));
  const groups = [{ orgId: 1, name: 'soak-agent', folder: FOLDER, interval: '1m', rules }];
  return { path: 'dashboards/grafana/provisioning/alerting/soak-agent.yaml', text: yaml({ apiVersion: 1, groups }) };
}

/** @throws when the dashboard of the alert has no such panel, or several */
function panelId({ name, dashboard, panel }: Alert, dashboards: readonly Dashboard[]): number {
  const { panels } = dashboardJson(dashboards.find(({ uid }) => uid === dashboard)!) as DashboardFile;
  const all = panels.flatMap((one) => [one, ...(one.panels ?? [])]).filter(({ type }) => type !== 'row');
  const [found, ...more] = all.filter(({ title }) => title === panel);
  if (found === undefined || more.length > 0)
    throw new Error(`${name} should lead to one panel of ${dashboard} called ${panel}, of which there are ${found ? more.length + 1 : 0}`);
  return found.id;
}

/** An expression that finds nothing is how these are healthy, so that no data is OK; a data source that fails is an error all the same. */
function grafanaRule(alert: Alert, panel: number): object {
  const relativeTimeRange = { from: LOOKBACK_S, to: 0 };
  return {
    uid: uidOf(alert.name),
    title: alert.name,
    condition: 'B',
    data: [
      {
        refId: 'A',
        relativeTimeRange,
        datasourceUid: DATASOURCE_UID,
        model: { refId: 'A', expr: alert.expr, instant: true, range: false, intervalMs: 15_000, maxDataPoints: 43_200 },
      },
      {
        refId: 'B',
        relativeTimeRange,
        datasourceUid: '__expr__',
        model: {
          refId: 'B',
          type: 'threshold',
          expression: 'A',
          datasource: { type: '__expr__', uid: '__expr__' },
          // No value of ours is negative: whatever the expression finds is above it.
          conditions: [{ type: 'query', evaluator: { type: 'gt', params: [-1] }, operator: { type: 'and' }, query: { params: ['B'] } }],
        },
      },
    ],
    for: alert.for,
    noDataState: 'OK',
    execErrState: 'Error',
    labels: labels(alert),
    annotations: {
      ...Object.fromEntries(Object.entries(annotations(alert)).map(([key, text]) => [key, templateOf(text)])),
      // Grafana takes both or neither.
      __dashboardUid__: alert.dashboard,
      __panelId__: String(panel),
    },
    isPaused: false,
  };
}

/**
 * `$value` of Prometheus is the value of query A. Dollars stay single: provisioning replaces variables of the environment in most of its
 * files, but takes annotations and models as they are (pkg/services/provisioning/alerting/rules_types.go), so that `$$labels` would reach
 * the template and break it.
 */
function templateOf(text: string): string {
  return text.replaceAll('$value', '$values.A.Value');
}

function uidOf(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}
