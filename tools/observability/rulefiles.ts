/** The alerts and recording rules as files: of Prometheus, of Grafana's provisioning, of Alertmanager; and the runbook. */
import { stringify } from 'yaml';
import { type Alert, ALERTS } from './alerts.ts';
import { RECORDINGS } from './recording.ts';

export interface Generated {
  readonly path: string;
  readonly text: string;
}

/** Grafana's alert rules cannot name a data source by a variable: `provisioning/datasources/` gives it this one. */
export const DATASOURCE_UID = 'soak-prometheus';

export const FOLDER = 'soak-agent';

const GENERATED = '# Generated from tools/observability/ by `npm run generate`: change it there.\n';

/** Seconds of data that an alert of Grafana asks for; the expressions bring the ranges they need. */
const LOOKBACK_S = 600;

export function ruleFiles(): Generated[] {
  return [
    {
      path: 'dashboards/prometheus/alerts.rules.yaml',
      text: yaml({ groups: [{ name: 'soak-agent', rules: ALERTS.map(prometheusRule) }] }),
    },
    {
      path: 'dashboards/prometheus/recording.rules.yaml',
      text: yaml({ groups: [{ name: 'soak-agent-fleet', rules: RECORDINGS.map(({ record, expr }) => ({ record, expr })) }] }),
    },
    { path: 'dashboards/grafana/provisioning/alerting/soak-agent.yaml', text: yaml(grafanaAlerting()) },
    { path: 'dashboards/alertmanager/alertmanager.yml', text: alertmanager() },
    { path: 'docs/alerts.md', text: runbook() },
  ];
}

export function yaml(document: unknown, comment = ''): string {
  return `${GENERATED}${comment}${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function annotations({ name, summary, description, dashboard }: Alert): Record<string, string> {
  return {
    summary,
    description,
    runbook_url: `docs/alerts.md#${name.toLowerCase()}`,
    dashboard: `/d/${dashboard}?var-run={{ $labels.soak_run }}`,
  };
}

function labels({ severity, inhibitedByOutage }: Alert): Record<string, string> {
  return { severity, service: 'soak-agent', ...(inhibitedByOutage ? { inhibited_by: 'outage' } : {}) };
}

export function prometheusRule(alert: Alert): object {
  return { alert: alert.name, expr: alert.expr, for: alert.for, labels: labels(alert), annotations: annotations(alert) };
}

/** Source: grafana.com/docs, "Use configuration files to provision alerting resources". */
function grafanaAlerting(): object {
  return { apiVersion: 1, groups: [{ orgId: 1, name: 'soak-agent', folder: FOLDER, interval: '1m', rules: ALERTS.map(grafanaRule) }] };
}

/** An expression that finds nothing is how these are healthy, so that no data is OK; a data source that fails is an error all the same. */
function grafanaRule(alert: Alert): object {
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
        model: { refId: 'A', expr: grafanaText(alert.expr), instant: true, range: false, intervalMs: 15_000, maxDataPoints: 43_200 },
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
    annotations: Object.fromEntries(
      Object.entries({ ...annotations(alert), __dashboardUid__: alert.dashboard, __panelId__: '1' }).map(([key, text]) => [
        key,
        grafanaText(text),
      ]),
    ),
    isPaused: false,
  };
}

/** `$value` of Prometheus is the value of query A; a dollar that is no variable of the environment is written twice in provisioning. */
function grafanaText(text: string): string {
  return text.replaceAll('$value', '$values.A.Value').replaceAll('$', '$$$$');
}

function uidOf(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

function alertmanager(): string {
  const comment = `# An example: where to send to is yours. What it shows is how alerts are grouped and which explain others.
# The rules leave out by themselves what an outage explains; this also silences what had begun before the outage was certain.
`;
  return yaml(
    {
      route: {
        receiver: 'ticket',
        group_by: ['soak_run', 'alertname'],
        group_wait: '30s',
        group_interval: '5m',
        repeat_interval: '12h',
        routes: [{ matchers: ['severity="page"'], receiver: 'page', repeat_interval: '2h' }],
      },
      inhibit_rules: [
        { source_matchers: ['alertname="SoakServerOutage"'], target_matchers: ['inhibited_by="outage"'], equal: ['soak_run'] },
        {
          source_matchers: ['alertname="SoakLeakExhaustsWithinDay"'],
          target_matchers: ['alertname=~"SoakLeakConfirmed|SoakExhaustionNear"'],
          equal: ['soak_run', 'soak_target', 'soak_member', 'soak_series_metric'],
        },
        {
          source_matchers: ['alertname="SoakPoolExhausted"'],
          target_matchers: ['alertname="SoakStuckConnections"'],
          equal: ['soak_run', 'soak_target', 'soak_server'],
        },
        { source_matchers: ['alertname="SoakAgentSilent"'], target_matchers: ['alertname="SoakAgentSick"'], equal: ['soak_run'] },
      ],
      receivers: [
        { name: 'ticket', webhook_configs: [{ url: 'http://127.0.0.1:9080/ticket', send_resolved: true }] },
        { name: 'page', webhook_configs: [{ url: 'http://127.0.0.1:9080/page', send_resolved: true }] },
      ],
    },
    comment,
  );
}

const RUNBOOK_HEAD = `# Alerts and what to do

Generated from \`tools/observability/\` by \`npm run generate\`. The same alerts are rule files of Prometheus
([alerts](../dashboards/prometheus/alerts.rules.yaml), [recording rules](../dashboards/prometheus/recording.rules.yaml)) and alert rules of Grafana
([provisioning](../dashboards/grafana/provisioning/alerting/soak-agent.yaml)); load one of the two. \`severity\` is **page** (somebody should look now) or
**ticket** (tomorrow). [alertmanager.yml](../dashboards/alertmanager/alertmanager.yml) is an example with the inhibitions below.

They read what the agent concludes, not raw resident memory: a derivative of that pages on every healthy sawtooth and never on a slow leak. The
annotation \`runbook_url\` leads here by a path in the package; where you serve this page from an address of your own, replace
\`docs/alerts.md\` in the rule files by it.

What was executed: every rule is checked and unit-tested by promtool 2.42 on runs that our own simulation replays (leak, slow leak, flat, sawtooth,
bounded cache, restarts, gap, outage, a fault that was declared, a finished run, an agent that was killed), and one alert goes through a real
Prometheus and Alertmanager to a webhook. Grafana's file is checked for its structure only; no Grafana runs in our tests.
`;

function runbook(): string {
  const rows = ALERTS.map(
    ({ name, severity, for: lasts, summary }) => `| [${name}](#${name.toLowerCase()}) | ${severity} | ${lasts} | ${plain(summary)} |`,
  );
  const table = ['| alert | severity | for | says |', '|---|---|---|---|', ...rows].join('\n');
  const recorded = RECORDINGS.map(({ record, about }) => `| \`${record}\` | ${about} |`);
  return `${[RUNBOOK_HEAD, table, ...ALERTS.map(section), '## Recording rules', ['| series | what it is |', '|---|---|', ...recorded].join('\n')].join('\n\n')}\n`;
}

/** Templates in words: `{{ $labels.soak_target }}` is *soak_target*. */
function plain(template: string): string {
  return template
    .replaceAll(/\{\{ with \$labels\.(\w+) \}\}(.*?)\{\{ end \}\}/g, '')
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '*$1*')
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, '*value*');
}

function section(alert: Alert): string {
  const { name, meaning, description, gate, inhibitedByOutage, steps, expr, dashboard, severity } = alert;
  const facts = [
    `**Severity** ${severity}, after ${alert.for}. **Dashboard** \`${dashboard}\`.`,
    `**Gate** ${gate}${inhibitedByOutage ? ' Also while a server of the run does not answer, and inhibited by SoakServerOutage.' : ''}`,
  ];
  return [
    `## ${name}`,
    `${meaning} ${description}`,
    facts.join('\n'),
    steps.map((step, i) => `${i + 1}. ${step}`).join('\n'),
    `\`\`\`promql\n${expr}\n\`\`\``,
  ].join('\n\n');
}
