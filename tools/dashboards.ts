/**
 * Everything in dashboards/: five dashboards and their provisioning, rules and alerts, examples of a Prometheus, an Alertmanager and a
 * collector. All of it names metrics by the catalog, so that a renamed one changes it or stops the generation.
 */
import { COMPARISON } from './observability/dashboards/comparison.ts';
import { FLEET } from './observability/dashboards/fleet.ts';
import { OVERVIEW } from './observability/dashboards/overview.ts';
import { SERVERS } from './observability/dashboards/servers.ts';
import { TARGET_DASHBOARD } from './observability/dashboards/target.ts';
import { type Dashboard, dashboardJson } from './observability/grafana.ts';
import { grafanaRules } from './observability/grafanarules.ts';
import { provisioning } from './observability/provisioning.ts';
import { ruleFiles } from './observability/rulefiles.ts';

export const DASHBOARDS: readonly Dashboard[] = [OVERVIEW, TARGET_DASHBOARD, SERVERS, COMPARISON, FLEET];

export function generateDashboards(): { path: string; text: string }[] {
  const dashboards = DASHBOARDS.map((dashboard) => {
    const name = dashboard.uid.replace(/^soak-/, '');
    return { path: `dashboards/grafana/${name}.json`, text: `${JSON.stringify(dashboardJson(dashboard), null, 2)}\n` };
  });
  return [...dashboards, ...provisioning(), grafanaRules(DASHBOARDS), ...ruleFiles()];
}
