/**
 * Every query of every dashboard against a real Prometheus: one that was filled with a replayed run of 8 h, and one that scrapes a live agent;
 * and one alert from the rule to a webhook. All in one file, because starting them is what costs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALERTS } from '../../tools/observability/alerts.ts';
import type { Dashboard, Panel, Variable } from '../../tools/observability/grafana.ts';
import { DASHBOARDS } from '../../tools/dashboards.ts';
import { HOUR, START } from '../sim/run.ts';
import { type AgentUnderTest, installed, Stage, until } from './agent-under-test.ts';
import { backfill, replayedRun } from './catalogrun.ts';
import { samplesOf } from './exportedrun.ts';
import { type Notice, Prometheus, startAlertmanager, webhook } from './prometheus.ts';
import { receiver, translatedSamples } from './otlp.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const END = START + 8 * HOUR;

/** The baseline of the comparison began so much earlier, seconds. */
const SHIFT = 10 * HOUR;

/** What Grafana would put in. */
interface Selected {
  readonly run: string;
  readonly baseline: string;
  readonly shift: number;
  readonly range: string;
  readonly rate: string;
}

const REPLAYED: Selected = { run: 'sim', baseline: 'base', shift: SHIFT, range: '20h', rate: '8m' };

function substituted(expr: string, { run, baseline, shift, range, rate }: Selected): string {
  const text = expr
    .replaceAll('$__rate_interval', rate)
    .replaceAll('$__range', range)
    .replaceAll('$baseline', baseline)
    .replaceAll('${shift}', String(shift))
    .replaceAll('$target', '.*')
    .replaceAll('$run', run);
  if (text.includes('$')) throw new Error(`a variable is left in ${text}`);
  return text;
}

const folder = mkdtempSync(join(tmpdir(), 'soak-dashboards-'));
const stage = new Stage();
const closing: (() => unknown)[] = [];
let lastPage = '';
let livePage = '';
let prometheus: Prometheus;
let agent: AgentUnderTest;
let live: Selected;
let hook: Awaited<ReturnType<typeof webhook>>;
let alertmanager: Awaited<ReturnType<typeof startAlertmanager>>;
let otlp: Awaited<ReturnType<typeof receiver>>;

/** The files that are shipped, with what a test needs changed: where to send, and how long to wait. */
async function servers(): Promise<void> {
  hook = await webhook();
  const shipped = (path: string): string => readFileSync(join(ROOT, 'dashboards', path), 'utf8');
  const routes = shipped('alertmanager/alertmanager.yml')
    .replaceAll('http://127.0.0.1:9080', hook.url)
    .replaceAll(/group_wait: \w+/g, 'group_wait: 0s');
  writeFileSync(join(folder, 'alertmanager.yml'), routes);
  alertmanager = await startAlertmanager(folder, join(folder, 'alertmanager.yml'));
  writeFileSync(join(folder, 'alerts.rules.yaml'), shipped('prometheus/alerts.rules.yaml').replaceAll(/for: \w+/g, 'for: 1s'));
  writeFileSync(join(folder, 'recording.rules.yaml'), shipped('prometheus/recording.rules.yaml'));
  const config = shipped('prometheus/prometheus.yml')
    .replaceAll('15s', '1s')
    .replace('127.0.0.1:9093', new URL(alertmanager.url).host)
    .replace('127.0.0.1:10464', new URL(await agent.url()).host);
  writeFileSync(join(folder, 'prometheus.yml'), config);
  prometheus = await Prometheus.start(join(folder, 'data'), join(folder, 'prometheus.yml'));
  closing.push(
    () => hook.close(),
    () => alertmanager.stop(),
    () => prometheus.stop(),
  );
}

/** The backfilled run, its baseline, and what a push of the live agent becomes by the published translation. */
async function filled(): Promise<void> {
  // While the run goes on: at its end the targets are let go of.
  const { metrics } = await otlp.push(3);
  livePage = (await agent.page('/metrics')).text;
  mkdirSync(join(folder, 'run'));
  const scrapes = await replayedRun(join(folder, 'run'));
  const page = join(folder, 'page.om');
  writeFileSync(
    page,
    backfill(scrapes, [
      { id: 'base', later: -SHIFT },
      { id: 'sim', later: 0 },
    ]),
  );
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '-q', page, join(folder, 'data')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  lastPage = scrapes.at(-1)!.page;
  writeFileSync(page, pushedPage(metrics));
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '-q', page, join(folder, 'data')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Where the push is backfilled to: long before anything else, so that no block overlaps. */
const PUSHED = START - 30 * 24 * HOUR;

/** What a collector would have made of a push, as a page with the time of each sample. */
function pushedPage(metrics: Parameters<typeof translatedSamples>[0]): string {
  const lines = translatedSamples(metrics).map(({ series, value }) => `${series.replace('{', '{job="pushed",')} ${value} ${PUSHED}`);
  return `${lines.toSorted().join('\n')}\n# EOF\n`;
}

const HAS = installed('prometheus', 'promtool', 'prometheus-alertmanager');

/** The blocks of two runs of 8 h are half a minute of a CPU that nobody else uses. */
const FILLED_MS = 600_000;

beforeAll(async () => {
  if (!HAS) return;
  otlp = await receiver();
  closing.push(() => otlp.close());
  const service = await stage.service();
  agent = await stage.watching(
    ['--target', `app=pid:${service.pid}`, '--duration', '15s', '--hold', '--interval', '0.5s', '--otlp', otlp.url],
    {
      env: { OTEL_METRIC_EXPORT_INTERVAL: '1000' },
    },
  );
  await filled();
  await servers();
  live = { run: '.*', baseline: '.*', shift: 0, range: '1m', rate: '8s' };
}, FILLED_MS);

afterAll(async () => {
  for (const close of closing.toReversed()) await close();
  await stage[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const now = (): number => Date.now() / 1000;

/** Queries of a panel that find nothing, as `title A`. */
async function empty(dashboard: Dashboard, selected: Selected, from: number, to: number): Promise<string[]> {
  const found: string[] = [];
  for (const panel of dashboard.rows.flatMap(({ panels }) => panels)) {
    for (const [i, { expr, instant }] of panel.queries.entries()) {
      const query = substituted(expr, selected);
      const results = instant ? await prometheus.instant(query, to) : await prometheus.range(query, from, to, (to - from) / 120);
      if (results.length === 0) found.push(`${panel.title} ${columnOf(panel, i)}`);
    }
  }
  return found;
}

function columnOf({ columns, queries }: Panel, i: number): string {
  return columns?.values[i]?.name ?? queries[i]!.legend ?? String(i);
}

async function options({ query, regex = '' }: Variable, selected: Selected, from: number, to: number): Promise<string[]> {
  const text = substituted(query, selected);
  const inner = /^query_result\(([\s\S]*)\)$/.exec(text)?.[1];
  if (inner !== undefined) {
    const pattern = new RegExp(regex.slice(1, -1));
    return (await prometheus.instant(inner, to)).flatMap((result) => pattern.exec(result)?.[1] ?? []);
  }
  const [, match, label] = /^label_values\((.*), (\w+)\)$/s.exec(text)!;
  return (await prometheus.ask(`label/${label}/values`, { 'match[]': match!, start: from, end: to })) as string[];
}

/** In the replayed run these have nothing to show: times, shares, threads and sockets have no limit of their own. */
const EMPTY_IN_REPLAY: readonly RegExp[] = [/^What grows: (times|shares) (Limit|Full in)$/, /^(threads|sockets\.\w+) and its fit limit /];

/** Names of conventions and of counts of the agent and its targets that end like a part of a histogram. */
const COUNTS = [
  'jvm_class_count',
  'jvm_thread_count',
  'process_thread_count',
  'process_unix_file_descriptor_count',
  'redis_clients_count',
  'soak_agent_file_descriptor_count',
  'soak_agent_series_count',
  'soak_agent_thread_count',
  'soak_process_child_count',
  'soak_process_zombie_count',
  'system_cpu_logical_count',
];

describe.skipIf(!HAS)('a replayed run of 8 h', () => {
  test('promtool says nothing of a page with every metric beyond the tolerated remarks', () => {
    const { stderr } = spawnSync('promtool', ['check', 'metrics'], { input: lastPage, encoding: 'utf8' });
    const remarks = COUNTS.map((name) => `${name} non-histogram and non-summary metrics should not have "_count" suffix`);
    expect(stderr.trim().split('\n')).toEqual(remarks);
  });

  test.each(DASHBOARDS.map((dashboard) => [dashboard.uid, dashboard] as const))('%s: every query finds something', async (_, dashboard) => {
    const found = await empty(dashboard, REPLAYED, START + 600, END);
    expect(found.filter((name) => !EMPTY_IN_REPLAY.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  test('every annotation finds what happened', async () => {
    const counts: Record<string, number> = {};
    for (const { name, expr, atValue } of DASHBOARDS[0]!.annotations) {
      const series = await prometheus.range(substituted(expr, REPLAYED), START, END, 60);
      counts[name] = series.length;
      const times = series.flatMap(({ values }) => values.map(([at, value]) => (atValue ? Number(value) / 1000 : at)));
      expect(times.every((time) => time >= START && time <= END)).toBe(true);
    }
    expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
  });

  test('every variable has options: runs newest first, the shift between run and baseline', async () => {
    const of = async (dashboard: Dashboard): Promise<Record<string, string[]>> => {
      const queries = dashboard.variables.filter(({ type }) => type === 'query');
      return Object.fromEntries(await Promise.all(queries.map(async (v) => [v.name, await options(v, REPLAYED, START, END)] as const)));
    };
    const [overview, , , comparison] = await Promise.all(DASHBOARDS.map(of));
    expect(overview).toEqual({ run: ['sim', 'base'], target: ['api'], instance: ['127.0.0.1:10464'] });
    expect(comparison).toMatchObject({ baseline: ['sim', 'base'], shift: [String(SHIFT)] });
  });

  test('the fit runs from the onset to the level at the end', async () => {
    const fit = DASHBOARDS[0]!.rows[1]!.panels[0]!.queries[1]!;
    const [line] = await prometheus.range(substituted(fit.expr, REPLAYED), START, END, 600);
    const values = line!.values.map(([at, value]) => [(at - START) / HOUR, Number(value) / 1e6] as const);
    // 300 MB, and 40 MB more each hour from 2:30 on.
    expect(Math.abs(values.at(-1)![1] - 520)).toBeLessThan(15);
    const [first, last] = [values[0]!, values.at(-1)!];
    expect(Math.abs((last[1] - first[1]) / (last[0] - first[0]) - 40)).toBeLessThan(4);
  });
});

describe.skipIf(!HAS)('a live agent', () => {
  test('dashboards show it; what they do not show says why', async () => {
    await until(
      () => agent.page('/metrics'),
      ({ text }) => text.includes('soak_run_end_time'),
      60,
    );
    // Rates need some scrapes.
    const ended = await until(
      () => prometheus.range('soak_run_end_time_seconds', now() - 60, now(), 1),
      ([series]) => (series?.values.length ?? 0) > 4,
    );
    const to = ended[0]!.values.at(-1)![0];
    for (const dashboard of DASHBOARDS) {
      const found = await empty(dashboard, live, to - 25, to);
      const panels = dashboard.rows.flatMap(({ panels: all }) => all);
      const explained = [...panels.filter(({ emptyWhen }) => emptyWhen !== undefined).map(({ title }) => `${title} `), ...YOUNG];
      expect(found.filter((name) => !explained.some((start) => name.startsWith(start)))).toEqual([]);
    }
  });

  test('what it pushes is what it is scraped for, by the published translation', async () => {
    const pushed = translatedSamples((await otlp.push(3)).metrics).map(({ series }) => series);
    // What is told of the first collection of the heap may come between that page and the push.
    const later = (await agent.page('/metrics')).text;
    const scraped = new Set([livePage, later].flatMap((page) => [...samplesOf(page).keys()]));
    expect(pushed.length).toBeGreaterThan(60);
    // The state of the process comes and goes; of all else a series that is pushed is scraped under the same name with the same labels.
    expect(pushed.filter((series) => !scraped.has(series) && !series.startsWith('soak_process_state'))).toEqual([]);
    const [found] = await prometheus.instant('count({job="pushed"})', PUSHED);
    expect(found).toBe(`{} ${pushed.length} ${PUSHED * 1000}`);
    const run = { ...live, range: '1m' };
    const shown = DASHBOARDS[0]!.rows.flatMap(({ panels }) => panels).find(({ title }) => title === 'memory.private and its fit')!;
    expect(await prometheus.instant(substituted(shown.queries[0]!.expr, run), PUSHED)).toHaveLength(1);
  });

  test('its end without a conclusion, and nothing else, reaches the webhook through Alertmanager', async () => {
    const isOfEnd = ({ alerts }: Notice): boolean => alerts.some(({ labels }) => labels['alertname'] === 'SoakRunInconclusive');
    const [notice] = await until(
      () => hook.notices.filter(isOfEnd),
      (found) => found.length > 0,
      60,
    );
    const { alerts, path } = notice!;
    const [alert] = alerts;
    expect(path).toBe('/ticket');
    expect(alert).toMatchObject({
      status: 'firing',
      labels: { alertname: 'SoakRunInconclusive', severity: 'ticket', service: 'soak-agent' },
      annotations: {
        summary: `The run ${alert!.labels['soak_run']} ended without a conclusion`,
        runbook_url: 'docs/alerts.md#soakruninconclusive',
        dashboard: `/d/soak-overview?var-run=${alert!.labels['soak_run']}`,
      },
    });
    const active = (await prometheus.ask('alerts', {})) as { alerts: { labels: { alertname: string } }[] };
    // An agent on a machine that is short of CPU misses reads, and says so: that alert is right, and none of this test.
    const names = new Set(active.alerts.map(({ labels }) => labels.alertname).filter((name) => name !== 'SoakAgentSick'));
    expect(names).toEqual(new Set(['SoakRunInconclusive']));
  });

  test('an outage inhibits the latency of its run, and of no other', async () => {
    const posted = [
      { labels: { ...labelsOf('SoakServerOutage'), soak_run: 'a', soak_target: 'db' } },
      { labels: { ...labelsOf('SoakLatencyHigh'), soak_run: 'a', soak_target: 'api' } },
      { labels: { ...labelsOf('SoakLatencyHigh'), soak_run: 'b', soak_target: 'api' } },
      { labels: { ...labelsOf('SoakErrorsHigh'), soak_run: 'a', soak_target: 'api' } },
    ];
    await fetch(`${alertmanager.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(posted),
    });
    const inhibited = async (): Promise<string[]> => {
      const all = (await (await fetch(`${alertmanager.url}/api/v2/alerts`)).json()) as {
        labels: Record<string, string>;
        status: { inhibitedBy: string[] };
      }[];
      return all.filter(({ status }) => status.inhibitedBy.length > 0).map(({ labels }) => `${labels['alertname']} ${labels['soak_run']}`);
    };
    expect(await until(inhibited, (names) => names.length > 0)).toEqual(['SoakLatencyHigh a']);
  });
});

function labelsOf(name: string): Record<string, string> {
  const { severity, inhibitedByOutage } = ALERTS.find((alert) => alert.name === name)!;
  return { alertname: name, severity, ...(inhibitedByOutage ? { inhibited_by: 'outage' } : {}) };
}

/** What a run of a quarter of a minute cannot fill: nothing is judged yet, and nothing grows. */
const YOUNG = ['What could have been seen ', 'Each run Full in'];
