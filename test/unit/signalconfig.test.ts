import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../src/analysis/ruleparser.ts';
import { type Config, configHash, redactedConfig } from '../../src/config/config.ts';
import { findMetric } from '../../src/gauges.ts';
import { storedJudging } from '../../src/judging.ts';
import { CATALOG as WHOLE } from '../../src/metrics.ts';
import { CATALOG, DIR, layer, load, problemOf } from '../loading.ts';

const SECRET = 'hunter2hunter2';

async function config(
  yaml: string,
  flags: Parameters<typeof layer>[0] = {},
  targets: readonly string[] = ['api=port:8080'],
): Promise<Config> {
  return load(layer(flags, targets), { TOKEN: SECRET }, yaml);
}

async function faultOf(yaml: string, flags: Parameters<typeof layer>[0] = {}): Promise<string> {
  const problem = await problemOf(config(yaml, flags));
  expect(problem.exitCode).toBe(64);
  expect(problem.message).not.toContain('hunter2');
  return problem.message.replaceAll(`${DIR}/`, '');
}

const PAGE = 'scrape: [http://localhost:9464/metrics]\n';

describe('scrapes', () => {
  test('belong to the role they are named like, to the only one when they have no name, and else to the run', async () => {
    const yaml = `scrape:
  - http://localhost:1/metrics
  - api=http://localhost:2/metrics
  - kafka=http://localhost:3/metrics
  - {name: remote, url: http://h/, target: far-away}`;
    const targetsOf = async (...targets: string[]): Promise<unknown> =>
      (await config(yaml, {}, targets)).scrapes.map(({ name, target }) => [name, target]);
    expect(await targetsOf('api=port:8080')).toEqual([
      ['scrape', 'api'],
      ['api', 'api'],
      ['kafka', null],
      ['remote', 'far-away'],
    ]);
    expect(await targetsOf('api=port:8080', 'b=port:1')).toEqual([
      ['scrape', null],
      ['api', 'api'],
      ['kafka', null],
      ['remote', 'far-away'],
    ]);
  });

  test('have all that a page may need, and secrets from where they are kept', async () => {
    writeFileSync(join(DIR, 'token'), `${SECRET}\n`);
    writeFileSync(join(DIR, 'ca.pem'), 'certificates');
    const [scrape] = (
      await config(`scrape:
  - name: app
    url: https://u:\${TOKEN}@h:8443/m?token=\${TOKEN}
    every: 1m
    timeout: 2s
    preset: [jvm, process]
    headers: {X-Scope: "\${TOKEN}, and"}
    bearer_file: token
    ca_file: ca.pem`)
    ).scrapes;
    expect(scrape).toEqual({
      name: 'app',
      url: `https://h:8443/m?token=${SECRET}`,
      display: 'https://h:8443/m',
      target: null,
      presets: ['jvm', 'process'],
      every: 60,
      timeout: 2,
      headers: { 'x-scope': `${SECRET}, and`, authorization: `Basic ${Buffer.from(`u:${SECRET}`).toString('base64')}` },
      bearerFile: join(DIR, 'token'),
      caFile: join(DIR, 'ca.pem'),
    });
  });

  test('keep their secrets out of what is stored, and another token is no other run', async () => {
    const yaml = (token: string): string => `scrape:\n  - {name: a, url: "http://h/m", headers: {authorization: "${token}"}}`;
    const [one, other] = [await config(yaml(SECRET)), await config(yaml('another'))];
    expect(JSON.stringify(redactedConfig(one))).not.toContain(SECRET);
    expect(configHash(one)).toBe(configHash(other));
    expect(configHash(one)).not.toBe(configHash(await config('scrape: ["a=http://h/other"]')));
  });

  test.each([
    ['scrape: [localhost:9464]', /soak\.yaml:1:10: scrape: this should be the URL of a page/],
    ['scrape: ["Big=http://h/"]', /the name of a scrape should be a lower-case letter/],
    ['scrape: ["a=http://h/", "a=http://i/"]', /the name a is taken by the scrape at soak\.yaml:1:10/],
    ['scrape: ["inbound=http://h/"]', /the name inbound is taken by what is pushed/],
    ['scrape: [{url: "http://h/", every: 10m}]', /soak\.yaml:1:36: scrape\.every should be a duration from 1s to 300s/],
    ['scrape: [{url: "http://h/", every: 5s, timeout: 6s}]', /scrape\.timeout should be a duration from 0\.1s to 5s/],
    ['scrape: [{url: "http://h/", preset: ruby}]', /scrape\.preset should be one of auto, none, node, go, jvm/],
    ['scrape: [{url: "http://h/", preset: [auto, go]}]', /auto and none stand alone/],
    ['scrape: [{url: "http://h/", target: apo}]', /no target has the role apo; did you mean api\?/],
    ['scrape: [{url: "http://h/", bearer_file: nowhere}]', /nowhere: no such file/],
    ['scrape: [{url: "http://h/", ca_file: nowhere}]', /nowhere: no such file; it should be a file with certificates/],
    ['scrape: [{url: "http://h/", headers: {"a b": x}}]', /scrape\.headers: this should be/],
    ['scrape: [{urls: "http://h/"}]', /unknown key urls; did you mean url\?/],
    ['scrape: [{name: a}]', /url is missing/],
    [`scrape: [${Array.from({ length: 17 }, (_, i) => `"http://h/${i}"`).join(', ')}]`, /too long, at most 16/],
  ])('%s is explained', async (yaml, why) => {
    expect(await faultOf(yaml)).toMatch(why);
  });

  test('a password on the command line is refused', async () => {
    expect(await faultOf('{}', { scrape: `http://u:${SECRET}@h/` })).toMatch(/--scrape: has a user or password in it/);
  });
});

describe('signals', () => {
  test('have defaults by their kind and by the name of what they match', async () => {
    const { signals } = await config(`${PAGE}signals:
  - {name: a, match: app_memory_bytes}
  - {name: b, match: 'q{x="1"}', kind: backlog, by: queue}
  - {name: c, match: app_seconds_total, kind: counter}
  - {name: d, match: [hits, hit], over: all, kind: ratio, by: [x, y]}
  - {name: e, match: lag_ms, kind: latency, scale: 0.001, aggregate: mean, growth: capacity}
  - {name: f, match: x_bytes, scale: 1024}
  - {name: g, match: live, as: heap, unit: bytes, target: other}
  - {name: h, match: x, unit: "{message}"}`);
    expect(
      signals.map(({ name, kind, growth, aggregate, unit, scale, by, from }) => [
        name,
        kind,
        growth,
        aggregate,
        unit,
        scale,
        by.join(),
        from,
      ]),
    ).toEqual([
      ['a', 'level', 'none', 'sum', 'By', 1, '', 'scrape'],
      ['b', 'backlog', 'leak', 'sum', '{value}', 1, 'queue', 'scrape'],
      ['c', 'counter', 'none', 'sum', 's', 1, '', 'scrape'],
      ['d', 'ratio', 'none', 'sum', '1', 1, 'x,y', 'scrape'],
      ['e', 'latency', 'capacity', 'mean', 's', 0.001, '', 'scrape'],
      ['f', 'level', 'none', 'sum', '{value}', 1024, '', 'scrape'],
      ['g', 'level', 'none', 'sum', 'By', 1, '', 'scrape'],
      ['h', 'level', 'none', 'sum', '{message}', 1, '', 'scrape'],
    ]);
    expect(signals[3]?.match.map(({ text }) => text)).toEqual(['hits', 'hit']);
    expect(signals[6]).toMatchObject({ as: 'heap', target: 'other' });
  });

  test('a limit is a rule, in the unit of the signal, and either way round', async () => {
    const { rules } = await config(`${PAGE}signals:
  - {name: q, match: depth, limit: 1000}
  - {name: m, match: x_bytes, limit: 2GB, target: api}
  - {name: hits, match: h, over: a, kind: ratio, limit: ">= 92%"}
  - {name: slow, match: s, kind: latency, limit: "< 250ms for 5m"}`);
    expect(rules.map(({ role, metric, op, value, for: seconds }) => [role, metric, op, value, seconds])).toEqual([
      [null, 'soak.signal.q', '<', 1000, 0],
      ['api', 'soak.signal.m', '<', 2e9, 0],
      [null, 'soak.signal.hits', '>=', 0.92, 0],
      [null, 'soak.signal.slow', '<', 0.25, 300],
    ]);
  });

  test('rules know signals by their units, labels and quantiles, also when a stored run is judged again', async () => {
    const yaml = `${PAGE}signals: [{name: m, match: x_bytes, by: pool}, {name: l, match: y, kind: latency}]
rules: ['signal.m < 2GB {pool="a"}', 'signal.l.quantile < 250ms {soak.quantile="0.99"}', 'signal.kafka_lag < 1000', 'soak.signal.go_goroutines < 500']`;
    const found = await config(yaml);
    expect(found.rules.map(({ metric, value, labels }) => [metric, value, labels])).toEqual([
      ['soak.signal.m', 2e9, { pool: 'a' }],
      ['soak.signal.l.quantile', 0.25, { 'soak.quantile': '0.99' }],
      ['soak.signal.kafka_lag', 1000, {}],
      ['soak.signal.go_goroutines', 500, {}],
    ]);
    const stored = storedJudging(JSON.parse(JSON.stringify(redactedConfig(found))), CATALOG as unknown as typeof WHOLE);
    expect(stored.rules).toEqual(found.rules);
    expect(parseRule('signal.unheard_of < 3', findMetric(WHOLE)).metric).toBe('soak.signal.unheard_of');
  });

  test('another declaration is another run', async () => {
    const hash = async (more: string): Promise<string> => configHash(await config(`${PAGE}signals: [{name: a, match: 'x${more}'}]`));
    expect(await hash('')).not.toBe(await hash('{y="1"}'));
  });

  test.each([
    ['{match: x}', /soak\.yaml:2:11: name is missing; it should be a name/],
    ['{name: a}', /match is missing; it should be a selector such as/],
    ['{name: A, match: x}', /signals\.name should be a lower-case letter/],
    ['{name: a, match: "x{"}', /soak\.yaml:2:28: "x\{" column 3: here should be a label/],
    ['{name: a, match: "rate(x[5m])"}', /a selector has no functions or ranges/],
    [`{name: a, match: 'x{y=~"(a+)+"}'}`, /may not repeat a group/],
    ['{name: a, match: x, kind: gauge}', /signals\.kind: "gauge" should be one of level, backlog/],
    ['{name: a, match: x, kind: ratio}', /signals\.over is missing/],
    ['{name: a, match: x, over: y}', /signals\.over belongs to the kind ratio, not to level/],
    ['{name: a, match: x, by: [a, b, c, d, e, f]}', /at most 5 labels/],
    ['{name: a, match: x, by: member}', /are the agent's own/],
    ['{name: a, match: x, scale: -1}', /signals\.scale should be a number above 0/],
    ['{name: a, match: x, unit: ms}', /signals\.unit should be bytes, seconds, ratio/],
    ['{name: a, match: x, limit: lots}', /soak\.yaml:2:38: .*expected a plain number/],
    ['{name: a, match: x_bytes, limit: 5m}', /expected a size/],
    ['{name: a, match: x, kind: counter, limit: 5}', /a counter only ever counts up/],
    ['{name: a, match: x, as: heap, limit: 5}', /give a rule on that/],
    ['{name: a, match: x, as: heap, by: pool}', /has no labels of its own/],
    ['{name: a, match: x, as: requests}', /signals\.kind should be counter/],
    ['{name: a, match: x, from: other}', /signals\.from: it should be one of scrape/],
    ['{name: a, match: x, colour: red}', /unknown key colour; an entry of signals has name, match/],
    ['{name: a, match: x}, {name: a, match: y}', /a is declared twice/],
    ['{name: a, match: x, kind: latency}, {name: a_quantile, match: y}', /a_quantile is declared twice/],
    ['x', /signals: "x" should be a map/],
  ])('%s is explained', async (signals, why) => {
    expect(await faultOf(`${PAGE}signals: [${signals}]`)).toMatch(why);
  });

  test('without a page there is nothing they could come from, and with several it must be said', async () => {
    expect(await faultOf('signals: [{name: a, match: x}]')).toMatch(/neither a scrape nor an inbound listener/);
    expect(await faultOf('scrape: ["a=http://h/", "b=http://h/"]\nsignals: [{name: a, match: x}]')).toMatch(/it should be one of a, b/);
  });

  test('a rule about a signal that is not there is refused', async () => {
    expect(await faultOf(`${PAGE}signals: [{name: queue, match: x}]\nrules: [signal.queu < 3]`)).toMatch(
      /there is no signal queu; did you mean queue\?/,
    );
  });

  test('everything that is wrong is told at once', async () => {
    const message = await faultOf(
      'scrape: [ftp://x]\nsignals:\n  - {name: A, match: "x{", kind: ratio}\n  - {name: b, match: y, unit: ms}',
    );
    expect(message.match(/soak\.yaml:\d+:\d+/g)?.length).toBeGreaterThanOrEqual(5);
  });
});
