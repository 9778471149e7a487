/** What Grafana reads when it starts, and examples of the programs between it and the agent. */
import { DATASOURCE_UID, FOLDER } from './grafanarules.ts';
import { type Generated, yaml } from './rulefiles.ts';

/** Where the image of Grafana and ours keep things; `docker/compose.yaml` mounts them there. */
const DASHBOARDS_IN_GRAFANA = '/var/lib/grafana/dashboards/soak-agent';

export function provisioning(): Generated[] {
  return [
    { path: 'dashboards/grafana/provisioning/datasources/prometheus.yaml', text: yaml(datasources()) },
    { path: 'dashboards/grafana/provisioning/dashboards/soak-agent.yaml', text: yaml(dashboards()) },
    { path: 'dashboards/prometheus/prometheus.yml', text: yaml(prometheus(), PROMETHEUS) },
    { path: 'dashboards/otel-collector.yaml', text: yaml(collector(), COLLECTOR) },
  ];
}

function datasources(): object {
  const prometheusSource = {
    name: 'Prometheus',
    type: 'prometheus',
    uid: DATASOURCE_UID,
    access: 'proxy',
    url: '$PROMETHEUS_URL',
    isDefault: true,
    editable: false,
    // The interval of the scrapes: `$__rate_interval` is four of them.
    jsonData: { httpMethod: 'POST', timeInterval: '15s', manageAlerts: true },
  };
  return { apiVersion: 1, datasources: [prometheusSource] };
}

function dashboards(): object {
  const provider = {
    name: 'soak-agent',
    orgId: 1,
    folder: FOLDER,
    type: 'file',
    disableDeletion: false,
    allowUiUpdates: false,
    updateIntervalSeconds: 30,
    options: { path: DASHBOARDS_IN_GRAFANA, foldersFromFilesStructure: false },
  };
  return { apiVersion: 1, providers: [provider] };
}

const PROMETHEUS = `# An example. The agent is scraped where it listens; in a pod a PodMonitor does that.
`;

function prometheus(): object {
  return {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    rule_files: ['alerts.rules.yaml', 'recording.rules.yaml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
    scrape_configs: [
      {
        job_name: 'soak-agent',
        // Names and labels are ours: what a run is called must not depend on how it is scraped.
        honor_labels: true,
        static_configs: [{ targets: ['127.0.0.1:10464'] }],
      },
    ],
  };
}

const COLLECTOR = `# For agents that push (\`--otlp http://collector:4318/v1/metrics\`) where nobody can scrape them. The collector translates names by the same
# published rules as the agent's own page, so that dashboards and alerts fit both ways.
`;

function collector(): object {
  return {
    receivers: { otlp: { protocols: { http: { endpoint: '0.0.0.0:4318' } } } },
    processors: { memory_limiter: { check_interval: '1s', limit_mib: 256 }, batch: {} },
    exporters: {
      prometheus: {
        endpoint: '0.0.0.0:8889',
        // A run that has stopped pushing is gone from the page as it would be from a scrape.
        metric_expiration: '2m',
        add_metric_suffixes: true,
        resource_to_telemetry_conversion: { enabled: false },
      },
    },
    service: { pipelines: { metrics: { receivers: ['otlp'], processors: ['memory_limiter', 'batch'], exporters: ['prometheus'] } } },
  };
}
