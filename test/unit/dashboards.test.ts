/** The dashboards as they are shipped, by a linter of ours, which is itself held against everything that it must find. */
import { describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { CATALOG } from '../../src/metrics.ts';
import { generateDashboards } from '../../tools/dashboards.ts';
import { addresses } from '../../tools/observability/addresses.ts';
import { ALERTS } from '../../tools/observability/alerts.ts';
import { type DashboardFile, lint, queriesOf } from '../../tools/observability/lint.ts';
import { namesOf, unknownNames } from '../../tools/observability/promql.ts';
import { exportedSeries, metric } from '../../tools/observability/query.ts';

const FILES = new Map(generateDashboards().map(({ path, text }) => [path.replace('dashboards/', ''), text]));
const NAMES = ['overview', 'target', 'servers', 'comparison', 'fleet'];

function dashboard(name: string): DashboardFile {
  return JSON.parse(FILES.get(`grafana/${name}.json`)!) as DashboardFile;
}

/** What is looked at of a table of runs. */
interface RunTable {
  readonly fieldConfig: {
    readonly overrides: { readonly matcher: { options: string }; readonly properties: { id: string; value: unknown }[] }[];
  };
  readonly transformations: { readonly id: string; readonly options: Record<'renameByName' | 'excludeByName', Record<string, unknown>> }[];
  readonly targets: { readonly expr: string }[];
}

/** A copy, to be spoilt. */
type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;
const spoilt = (change: (dashboard: Writable<DashboardFile>) => void): string[] => {
  const copy = dashboard('overview') as Writable<DashboardFile>;
  change(copy);
  return lint(copy as DashboardFile);
};

const chart = (copy: Writable<DashboardFile>) => copy.panels.find(({ title }) => title === 'Coverage')!;

describe('the linter', () => {
  test.each(NAMES)('finds nothing in %s', (name) => {
    expect(lint(dashboard(name))).toEqual([]);
    expect(dashboard(name).uid).toBe(`soak-${name}`);
  });

  test.each<[string, (copy: Writable<DashboardFile>) => void, string]>([
    ['an id twice', (copy) => (copy.panels[1]!.id = copy.panels[2]!.id), 'two panels have the id 3'],
    ['a refId twice', (copy) => chart(copy).targets!.push(chart(copy).targets![0]!), 'Coverage has two queries A'],
    ['no refId', (copy) => delete chart(copy).targets![0]!.refId, 'Coverage has a query without refId'],
    ['no unit', (copy) => delete chart(copy).fieldConfig!.defaults.unit, 'Coverage has the unit undefined, which Grafana does not know'],
    [
      'a unit of our own',
      (copy) => (chart(copy).fieldConfig!.defaults.unit = 'By'),
      'Coverage has the unit By, which Grafana does not know',
    ],
    ['no description', (copy) => delete chart(copy).description, 'Coverage has no description'],
    [
      'another data source',
      (copy) => (chart(copy).targets![0]!.datasource!.uid = 'abc'),
      'Coverage does not use the variable of the data source',
    ],
    ['overlap', (copy) => (chart(copy).gridPos.x -= 1), 'Phase overlaps Coverage'],
    ['beyond the page', (copy) => (chart(copy).gridPos.w = 20), 'Coverage is wider than the page'],
    [
      'an unknown metric',
      (copy) => (chart(copy).targets![0]!.expr = 'soak_run_covered{soak_run=~"$run"}'),
      'Coverage: there is no metric soak_run_covered',
    ],
    [
      'an unknown label',
      (copy) => (chart(copy).targets![0]!.expr = 'soak_run_coverage_ratio{pid="1"}'),
      'Coverage: soak_run_coverage_ratio has no label pid',
    ],
    [
      'a fixed window',
      (copy) => (chart(copy).targets![0]!.expr = 'rate(soak_run_gaps_total[1m])'),
      'Coverage: a rate over 1m is empty when scrapes are rarer; take $__rate_interval',
    ],
    [
      'an undefined variable',
      (copy) => (chart(copy).targets![0]!.expr = 'soak_run_coverage_ratio{soak_run=~"$runs"}'),
      'the variable runs is used and not defined',
    ],
  ])('finds %s', (_, change, problem) => {
    expect(spoilt(change)).toContain(problem);
  });
});

test('every metric with a panel is asked for by some dashboard', () => {
  const asked = new Set(
    NAMES.flatMap((name) => queriesOf(dashboard(name)).flatMap(([, query]) => namesOf(query).metrics.map((one) => one.name))),
  );
  const shown = CATALOG.all().filter(({ panel, exportedAs }) => panel !== undefined && exportedAs === undefined);
  expect(shown.map(({ name }) => metric(name)).filter((name) => !asked.has(name))).toEqual([]);
});

test('a role can be chosen by its processes, and without any by its page of metrics or its control groups', () => {
  const query = queriesOf(dashboard('target')).find(([place]) => place === 'variable target')![1];
  expect(namesOf(query).metrics.map(({ name }) => name)).toEqual([
    'soak_target_processes',
    'soak_scrape_up',
    'container_memory_usage_bytes',
  ]);
});

test('dashboards link to each other, to the agent, and to traces of the onset', () => {
  for (const name of NAMES) expect(FILES.get(`grafana/${name}.json`)).toContain('"type": "dashboards"');
  const overview = FILES.get('grafana/overview.json')!;
  for (const link of ['http://${instance}/api/verdict', '${traces}/search?service=', 'queryType\\\\":\\\\"traceql']) {
    expect(overview.replaceAll('\\\\\\"', '\\\\"').replaceAll('\\"', '\\\\"')).toContain(link);
  }
});

test.each([
  ['fleet', 'Each run'],
  ['comparison', 'Outcomes'],
])('%s leads from each run to its overview, and to the page and the verdict of its agent', (name, title) => {
  const table = dashboard(name).panels.find((panel) => panel.title === title) as unknown as RunTable;
  const { properties } = table.fieldConfig.overrides.find(({ matcher }) => matcher.options === 'Outcome')!;
  const links = properties.find(({ id }) => id === 'links')!.value as { url: string }[];
  expect(links.map(({ url }) => url)).toEqual([
    '/d/soak-overview?var-run=${__data.fields["Run"]}',
    'http://${__data.fields["Agent"]}/',
    'http://${__data.fields["Agent"]}/api/verdict',
  ]);
  // The address is a column, which one query brings, with one row a run.
  const { renameByName, excludeByName } = table.transformations.find(({ id }) => id === 'organize')!.options;
  expect([renameByName['instance'], excludeByName['instance']]).toEqual(['Agent', undefined]);
  const [info, ...more] = table.targets.filter(({ expr }) => /\binstance\b/.test(expr));
  expect(more).toEqual([]);
  expect(info!.expr).toMatch(/^topk by \(soak_run\) \(1, max by \(soak_run, instance\)/);
});

describe('names in queries', () => {
  const exported = exportedSeries();

  test.each([
    ['sum by (soak_run) (rate(process_cpu_time_seconds_total{cpu_mode="user"}[5m] offset 1h))', []],
    ['histogram_quantile(0.95, sum by (le) (rate(soak_traffic_duration_seconds_bucket[5m])))', []],
    ['label_replace(up == 0, "soak_reason", "no", "", "") and on (instance) up', []],
    ['last_over_time(soak_run_coverage_ratio{soak_run=~"a{2}|b(c)"}[1h] @ end())', []],
    ['rate(nope_total[5m]) / on (soak_run) process_uptime_seconds', ['there is no metric nope_total']],
    ['sum by (pod) (process_uptime_seconds)', ['nothing in the query has a label pod']],
    ['process_uptime_seconds{soak_target="a", cpu_mode!~"b,c"}', ['process_uptime_seconds has no label cpu_mode']],
  ])('%s', (query, problems) => {
    expect(unknownNames(query, exported)).toEqual(problems);
  });
});

describe("Grafana's provisioning", () => {
  interface Rule {
    readonly uid: string;
    readonly title: string;
    readonly condition: string;
    readonly for: string;
    readonly noDataState: string;
    readonly data: readonly {
      readonly refId: string;
      readonly datasourceUid: string;
      readonly model: { readonly expr?: string; readonly expression?: string };
    }[];
    readonly annotations: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  }
  const rules = (parse(FILES.get('grafana/provisioning/alerting/soak-agent.yaml')!) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );
  const { datasources } = parse(FILES.get('grafana/provisioning/datasources/prometheus.yaml')!) as { datasources: { uid: string }[] };

  test('has every alert once, against the data source that is provisioned', () => {
    expect(rules.map(({ title }) => title)).toEqual(ALERTS.map(({ name }) => name));
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
    for (const { uid, condition, data, noDataState } of rules) {
      expect(uid).toMatch(/^[a-z][a-z-]{1,39}$/);
      expect(data.map(({ refId, datasourceUid }) => [refId, datasourceUid])).toEqual([
        ['A', datasources[0]!.uid],
        ['B', '__expr__'],
      ]);
      expect([condition, data[1]!.model.expression, noDataState]).toEqual(['B', 'A', 'OK']);
    }
  });

  test('has templates of its own kind, whose dollars nobody expands on the way', () => {
    for (const [i, { annotations, labels, data }] of rules.entries()) {
      const text = JSON.stringify(annotations);
      // Annotations and models are taken as they are; later versions of Grafana expand `${NAME}` in them.
      expect(text).not.toMatch(/\$\$|\$\{/);
      expect(text.match(/\$\w+/g)!.filter((name) => !['$labels', '$values'].includes(name))).toEqual([]);
      expect(data[0]!.model.expr).toBe(ALERTS[i]!.expr);
      // In labels every variable of the environment is.
      expect(JSON.stringify(labels)).not.toContain('$');
    }
  });

  test('leads from each rule to a panel that shows what it is about', () => {
    for (const { title, annotations, data } of rules) {
      const { panels } = dashboard(annotations['__dashboardUid__']!.replace('soak-', ''));
      const [panel] = panels.flatMap((one) => [one, ...(one.panels ?? [])]).filter(({ id }) => String(id) === annotations['__panelId__']);
      expect(panel!.type, title).not.toBe('row');
      const shown = new Set(
        panel!.targets!.flatMap(({ expr }) => namesOf(expr.replaceAll(/\$\{?\w+\}?/g, '1s')).metrics.map(({ name }) => name)),
      );
      const asked = namesOf(data[0]!.model.expr!).metrics.map(({ name }) => name);
      expect(
        asked.some((name) => shown.has(name)),
        `${title} leads to ${panel!.title}`,
      ).toBe(true);
      expect(annotations['dashboard']).toContain(`/d/${annotations['__dashboardUid__']}?`);
    }
  });
});

test('links of alerts are paths, or addresses that are given once', () => {
  expect(addresses({})).toEqual({ runbook: 'docs/alerts.md', grafana: '' });
  expect(addresses({ RUNBOOK_BASE: 'https://wiki.example.com/soak', GRAFANA_URL: 'http://grafana:3000/' })).toEqual({
    runbook: 'https://wiki.example.com/soak',
    grafana: 'http://grafana:3000',
  });
  expect(() => addresses({ RUNBOOK_BASE: 'wiki/soak' })).toThrow('RUNBOOK_BASE should be an http(s) address without #, and is wiki/soak');
  expect(() => addresses({ RUNBOOK_BASE: 'https://wiki/#a' })).toThrow('without #');
  vi.stubEnv('RUNBOOK_BASE', 'https://wiki.example.com/soak');
  const files = generateDashboards().filter(({ text }) => text.includes('runbook_url'));
  vi.unstubAllEnvs();
  expect(files.map(({ path }) => path)).toEqual([
    'dashboards/grafana/provisioning/alerting/soak-agent.yaml',
    'dashboards/prometheus/alerts.rules.yaml',
    'docs/alerts.md',
  ]);
  for (const { text } of files.slice(0, 2)) {
    expect(text).toContain('runbook_url: https://wiki.example.com/soak#soakagentsilent');
    expect(text).not.toContain('docs/alerts.md');
  }
});
