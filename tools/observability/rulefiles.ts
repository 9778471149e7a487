/** The alerts and recording rules as files: of Prometheus and of Alertmanager, and the runbook. Grafana's are in grafanarules.ts. */
import { stringify } from 'yaml';
import { addresses } from './addresses.ts';
import { type Alert, ALERTS } from './alerts.ts';
import { RECORDINGS } from './recording.ts';

export interface Generated {
  readonly path: string;
  readonly text: string;
}

const GENERATED = '# Generated from tools/observability/ by `npm run generate`: change it there.\n';

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
    { path: 'dashboards/alertmanager/alertmanager.yml', text: alertmanager() },
    { path: 'docs/alerts.md', text: runbook() },
  ];
}

export function yaml(document: unknown, comment = ''): string {
  return `${GENERATED}${comment}${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

export function annotations({ name, summary, description, dashboard }: Alert): Record<string, string> {
  const { runbook, grafana } = addresses(process.env);
  return {
    summary,
    description,
    runbook_url: `${runbook}#${name.toLowerCase()}`,
    dashboard: `${grafana}/d/${dashboard}?var-run={{ $labels.soak_run }}`,
  };
}

export function labels({ severity, inhibitedByOutage }: Alert): Record<string, string> {
  return { severity, service: 'soak-agent', ...(inhibitedByOutage ? { inhibited_by: 'outage' } : {}) };
}

export function prometheusRule(alert: Alert): object {
  return { alert: alert.name, expr: alert.expr, for: alert.for, labels: labels(alert), annotations: annotations(alert) };
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
annotations \`runbook_url\` and \`dashboard\` are paths, because nobody but you knows where you serve this page and where your Grafana is: to be followed
from Alertmanager they need addresses. From a clone these are put into all three places at once (the rules of Prometheus, those of Grafana, and the
PrometheusRule in \`docker/k8s/monitoring\`; with every later \`generate\` and its \`--check\`, too):

\`\`\`
RUNBOOK_BASE=https://wiki.example.com/soak-alerts GRAFANA_URL=https://grafana.example.com npm run generate
\`\`\`

From the package: \`sed -i 's|docs/alerts.md#|https://wiki.example.com/soak-alerts#|; s|dashboard: /d/|dashboard: https://grafana.example.com/d/|'\` on these
files.

What was executed: every rule is checked and unit-tested by promtool 2.42 on runs that our own simulation replays (leak, slow leak, flat, sawtooth,
bounded cache, restarts, gap, outage, a fault that was declared, a finished run, a run that was told to end, an agent that was killed), and one alert goes
through a real Prometheus and Alertmanager to a webhook. Of Grafana's file the structure is checked, that every rule leads to a panel that shows it, and
by promtool that its templates are templates; no Grafana runs in our tests.
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
  const { name, meaning, description, gate, inhibitedByOutage, steps, expr, dashboard, panel, severity } = alert;
  const facts = [
    `**Severity** ${severity}, after ${alert.for}. **Dashboard** \`${dashboard}\`, *${panel}*.`,
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
