/**
 * Every alert on runs that our own simulation replays: scraped pages of the real exporter become the series of promtool's rule tests. What
 * must fire does, and nothing else ever does.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { ALERTS } from '../../tools/observability/alerts.ts';
import { exportedSeries } from '../../tools/observability/query.ts';
import { namesOf, unknownNames } from '../../tools/observability/promql.ts';
import { RECORDINGS } from '../../tools/observability/recording.ts';
import { HOUR, Simulation, START } from '../sim/run.ts';
import { installed } from './agent-under-test.ts';
import { type AlertScenario, SCENARIOS } from './alertscenarios.ts';
import { Exporter, SCRAPE_S } from './exportedrun.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RULES = join(ROOT, 'dashboards/prometheus/alerts.rules.yaml');
const GRAFANA_RULES = join(ROOT, 'dashboards/grafana/provisioning/alerting/soak-agent.yaml');
const RECORDING = join(ROOT, 'dashboards/prometheus/recording.rules.yaml');
const LOADED = new Set(ALERTS.flatMap(({ expr }) => namesOf(expr).metrics.map(({ name }) => name)));

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'soak-alerts-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Values of each series at every scrape; `stale` where Prometheus would mark it. */
async function scrapesOf({
  scenario,
  unreachable,
  held = 0,
  ends = scenario.hours * HOUR,
  failedPushes,
  openEnded = false,
}: AlertScenario): Promise<Map<string, string[]>> {
  const simulation = new Simulation(scenario);
  const { state } = simulation;
  const planned = scenario.hours * HOUR;
  const verdict = (final: boolean): Verdict => simulation.verdict(final);
  const failed = failedPushes && { failed: failedPushes };
  const exporter = new Exporter({ id: 'sim', state, verdict, planned: openEnded ? null : planned, roles: ['api'], ...failed });
  const series = new Map<string, string[]>();
  for (let at = 0, n = 0; at <= planned + held * HOUR; at += SCRAPE_S, n++) {
    if (at <= ends) simulation.run(at);
    else exporter.end ??= ends;
    const { samples } = unreachable?.(at) ? { samples: new Map<string, number>() } : await exporter.scrape(at);
    for (const [name, values] of series)
      if (!samples.has(name)) values.push(values.at(-1) === '_' || values.at(-1) === 'stale' ? '_' : 'stale');
    for (const [name, value] of samples)
      if (LOADED.has(bare(name))) record(series, name, n, value - (IS_TIME.test(bare(name)) ? START : 0));
  }
  return series;
}

/** Half as often as it is scraped: most of the time of these tests is that of the rules. */
const EVALUATED_S = 2 * SCRAPE_S;

/** The clock of promtool's rule tests begins in 1970. */
const IS_TIME = /^soak_(?:run|series)_\w*_time(?:_\w+)?_seconds$/;

function bare(series: string): string {
  return series.slice(0, series.indexOf('{'));
}

function record(series: Map<string, string[]>, name: string, n: number, value: number): void {
  const values = series.get(name) ?? Array.from({ length: n }, () => '_');
  series.set(name, values);
  values.push(String(value));
}

async function ruleTest(one: AlertScenario): Promise<object> {
  const { name, scenario, held = 0, fires, sick = {}, quiet = [] } = one;
  const firing = (expr: string, at: number, some: boolean): object => {
    return { expr, eval_time: `${Math.round(at)}s`, exp_samples: some ? [{ labels: '{}', value: 1 }] : [] };
  };
  const names = Object.keys(fires);
  const others = `ALERTS{alertstate="firing"${names.length > 0 ? `,alertname!~"${names.join('|')}"` : ''}}`;
  const end = (scenario.hours + held) * HOUR;
  return {
    name,
    interval: `${SCRAPE_S}s`,
    input_series: [...(await scrapesOf(one))].map(([series, values]) => ({ series, values: values.join(' ') })),
    promql_expr_test: [
      firing(`group by (alertname) (count_over_time(${others}[${end}s]))`, end, false),
      ...Object.entries(fires).map(([alert, at]) => firing(`group(ALERTS{alertstate="firing",alertname="${alert}"})`, at, true)),
      ...Object.entries(sick).map(([reason, at]) =>
        firing(`group(ALERTS{alertstate="firing",alertname="SoakAgentSick",soak_reason="${reason}"})`, at, true),
      ),
      ...quiet.map((at) => firing('group by (alertname) (ALERTS{alertstate="firing"})', at, false)),
    ],
  };
}

describe.skipIf(!installed('promtool', 'amtool'))('rules', () => {
  test('promtool takes every rule file, and amtool the configuration of Alertmanager', () => {
    const checked = execFileSync('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', RULES, RECORDING], { encoding: 'utf8' });
    expect(checked).toContain(`SUCCESS: ${ALERTS.length} rules found`);
    expect(checked).toContain(`SUCCESS: ${RECORDINGS.length} rules found`);
    const config = execFileSync('amtool', ['check-config', join(ROOT, 'dashboards/alertmanager/alertmanager.yml')], { encoding: 'utf8' });
    expect(config).toMatch(/4 inhibit rules[\s\S]*2 receivers/);
    execFileSync('promtool', ['check', 'config', join(ROOT, 'dashboards/prometheus/prometheus.yml')]);
  });

  // Both have Go's templates with `$labels`; only the value is called otherwise.
  test('promtool takes the templates that Grafana is given', () => {
    const grafana = parse(readFileSync(GRAFANA_RULES, 'utf8')) as { groups: { rules: { title: string; annotations: object }[] }[] };
    const rules = grafana.groups[0]!.rules.map(({ title, annotations }) => ({ alert: title, expr: 'up', annotations }));
    const check = (text: string) => {
      const file = join(folder, 'grafana.json');
      writeFileSync(file, text);
      return spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    };
    const text = JSON.stringify({ groups: [{ name: 'grafana', rules }] }).replaceAll('$values.A.Value', '$value');
    expect(check(text)).toMatchObject({ status: 0, stdout: expect.stringContaining(`SUCCESS: ${ALERTS.length} rules found`) as string });
    expect(check(text.replaceAll('$labels', () => '$$labels')).stderr).toContain("bad character U+0024 '$'");
  });

  test('an outage inhibits pools, latency and hit rates, and nothing else', () => {
    const inhibited = ALERTS.filter(({ inhibitedByOutage }) => inhibitedByOutage).map(({ name }) => name);
    expect(inhibited).toEqual(['SoakPoolExhausted', 'SoakStuckConnections', 'SoakLatencyHigh', 'SoakRedisHitRateLow']);
    const rules = readFileSync(RULES, 'utf8');
    expect(rules.match(/inhibited_by: outage/g)).toHaveLength(inhibited.length);
  });

  test('every alert fires in some scenario', () => {
    const fired = new Set(SCENARIOS.flatMap(({ fires }) => Object.keys(fires)));
    expect(ALERTS.map(({ name }) => name).filter((name) => !fired.has(name))).toEqual([]);
  });

  test('every reason for which an agent is sick is named in some scenario', () => {
    const named = new Set(SCENARIOS.flatMap(({ sick = {} }) => Object.keys(sick)));
    const { expr } = ALERTS.find(({ name }) => name === 'SoakAgentSick')!;
    const reasons = [...expr.matchAll(/"soak_reason", "([^"]+)"/g)].map(([, reason]) => reason!);
    expect(reasons.toSorted()).toEqual([...named].toSorted());
  });

  test('no query names a metric or a label that is not exported', () => {
    const exported = exportedSeries();
    for (const { expr } of [...ALERTS, ...RECORDINGS]) expect(unknownNames(expr, exported)).toEqual([]);
  });

  test.each(SCENARIOS)('$name', async (one) => {
    const file = join(folder, `${one.name.replaceAll(' ', '-')}.json`);
    const tests = { rule_files: [RULES], evaluation_interval: `${EVALUATED_S}s`, tests: [await ruleTest(one)] };
    writeFileSync(file, JSON.stringify(tests));
    const { stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toMatch(/SUCCESS/);
  });
});
