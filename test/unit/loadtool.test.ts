/** The command after `--` as a load tool. */
import { describe, expect, test } from 'vitest';
import { LOAD_TOOLS, loadAdvice, loadOutcome, loadToolOf } from '../../src/loadtool.ts';
import { configHash } from '../../src/config/config.ts';
import { judgeOptions } from '../../src/judging.ts';
import { layer, load, problemOf } from '../loading.ts';
import * as fc from '../property.ts';

const words = (text: string): string[] => text.split(' ');
const loadText = (text: string) => load(layer(), {}, text);
const HERE = { inbound: '127.0.0.1:4318', jtl: false };
const NOWHERE = { inbound: null, jtl: false };

test.each([
  ['k6 run soak.js', 'k6'],
  ['/usr/local/bin/k6 run soak.js', 'k6'],
  ['npx artillery@2.0.34 run a.yml', 'artillery'],
  ['npx --yes autocannon -d 60 http://a', 'autocannon'],
  ['nice -n 5 jmeter -n -t a.jmx', 'jmeter'],
  ['env A=b K6_OUT=json k6 run a.js', 'k6'],
  ['timeout 8h wrk -d 8h http://a', 'wrk'],
  ['uv run locust --headless', 'locust'],
  ['./gatling.sh -s Soak', 'gatling'],
  ['node load.js', null],
  ['mytool k6', null],
  ['cat k6', null],
])('%s is %s', (command, tool) => {
  expect(loadToolOf(words(command))).toBe(tool);
});

test('a shell is looked into, and whatever else is given is no tool', () => {
  expect(loadToolOf(['sh', '-c', 'k6 run a.js; sleep 1'])).toBe('k6');
  expect(loadToolOf(['bash', '-ec', 'npx artillery run a.yml'])).toBe('artillery');
  fc.assert(fc.property(fc.array(fc.string()), (command) => [null, ...LOAD_TOOLS].includes(loadToolOf(command))));
});

describe('what is said before it starts', () => {
  test('is the recipe of a tool that is not told to tell us', () => {
    expect(loadAdvice(words('k6 run a.js'), {}, NOWHERE)).toMatchObject({
      env: {},
      messages: [expect.stringMatching(/--out opentelemetry.*--inbound/)],
    });
    expect(loadAdvice(words('k6 run a.js'), {}, HERE)).toMatchObject({ env: {}, messages: [expect.stringMatching(/--out opentelemetry/)] });
    expect(loadAdvice(words('locust --headless'), {}, HERE).messages).toEqual([expect.stringMatching(/--otel/)]);
    expect(loadAdvice(words('jmeter -n'), {}, HERE).messages).toEqual([expect.stringMatching(/--jtl/)]);
    expect(loadAdvice(words('jmeter -n'), {}, { ...NOWHERE, jtl: true })).toEqual({ env: {}, messages: [] });
    expect(loadAdvice(words('wrk http://a'), {}, HERE)).toEqual({ env: {}, messages: [] });
  });

  test('and which variables the command is given, of those that nobody has set', () => {
    const { env, messages } = loadAdvice(words('k6 run --out opentelemetry a.js'), { K6_OTEL_HTTP_EXPORTER_INSECURE: 'false' }, HERE);
    expect(env).toEqual({
      K6_OTEL_EXPORTER_PROTOCOL: 'http/protobuf',
      K6_OTEL_HTTP_EXPORTER_ENDPOINT: '127.0.0.1:4318',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
    });
    for (const name of Object.keys(env)) expect(messages.join()).toContain(name);
    expect(loadAdvice(words('k6 run a.js'), { K6_OUT: 'experimental-opentelemetry' }, HERE).env).toHaveProperty(
      'K6_OTEL_HTTP_EXPORTER_ENDPOINT',
    );
    expect(loadAdvice(words('locust --otel'), {}, HERE).env).toMatchObject({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:4318/v1/metrics',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http',
    });
  });

  test('nobody’s own receiver is taken away', () => {
    const own = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    const { env, messages } = loadAdvice(words('k6 run --out opentelemetry a.js'), own, HERE);
    expect(env).toEqual({});
    expect(messages).toEqual([expect.stringMatching(/pushes to where OTEL_EXPORTER_OTLP_ENDPOINT says/)]);
  });
});

test.each([
  ['k6', 0, 'ok', /exit code 0$/],
  ['k6', 99, 'thresholds', /thresholds were broken/],
  ['k6', 105, 'aborted', /from outside/],
  ['k6', 107, 'tool_error', /exception/],
  ['k6', 42, 'tool_error', /exit code 42$/],
  ['locust', 1, 'failures', /requests failed, one is enough, or it could not run/],
  ['artillery', 1, 'failures', /checks failed, or it could not run/],
  ['locust', 2, 'tool_error', /exit code 2$/],
  ['gatling', 2, 'thresholds', /assertions/],
  ['wrk', 1, 'tool_error', /exit code 1$/],
  [null, 3, 'tool_error', /exit code 3$/],
] as const)('%s ending with %s is %s', (tool, code, kind, message) => {
  const outcome = loadOutcome(tool, { code, signal: null, stopped: false });
  expect(outcome).toMatchObject({ class: kind, tool });
  expect(outcome.message).toMatch(message);
});

test('a signal is an end from outside', () => {
  expect(loadOutcome('k6', { code: null, signal: 'SIGKILL', stopped: false })).toEqual({
    class: 'aborted',
    tool: 'k6',
    message: 'ended by SIGKILL',
  });
});

test.each([
  ['a loop', null, { code: null, signal: 'SIGTERM' as const }, 'ok'],
  ['one that had to be killed', 'wrk', { code: null, signal: 'SIGKILL' as const }, 'ok'],
  ['a program that ends in order', null, { code: 143, signal: null }, 'ok'],
  ['k6', 'k6', { code: 105, signal: null }, 'ok'],
  ['k6 with broken thresholds', 'k6', { code: 99, signal: null }, 'thresholds'],
  ['one that had failed', null, { code: 1, signal: null }, 'tool_error'],
] as const)('%s that ended because the run did', (_, tool, end, expected) => {
  expect(loadOutcome(tool, { ...end, stopped: true }).class).toBe(expected);
});

describe('the command as a target', () => {
  test('is watched with all it starts, unless somebody has that role', async () => {
    const { targets } = await load(layer({}, ['api=port:1']), {}, null, ['k6', 'run']);
    expect(targets[1]).toEqual({
      role: 'load',
      selector: { kind: 'exec', command: 'k6 run' },
      many: false,
      children: true,
      load: true,
      command: true,
    });
    expect((await load(layer({}, ['load=port:1']), {}, null, ['k6'])).targets).toHaveLength(1);
    expect((await load(layer({ source: 'pidusage' }, ['api=port:1']), {}, null, ['k6'])).targets).toHaveLength(1);
  });

  test('may be one that somebody else has started: a target that the file says makes the load', async () => {
    const text = 'targets: [api=port:1, {selector: name:k6, role: k6, load: true}]\njtl: [a.jtl]\nrules: ["k6: cpu avg < 80%"]';
    const config = await loadText(text);
    expect(config.targets).toEqual([
      { role: 'api', selector: { kind: 'port', port: 1 }, many: false, children: false },
      { role: 'k6', selector: { kind: 'name', name: 'k6' }, many: false, children: false, load: true },
    ]);
    expect(config.jtl[0]!.target).toBe('api');
    expect(judgeOptions(config).generators).toEqual(['k6']);
    expect(configHash(config)).not.toBe(configHash(await loadText(text.replace('load: true', 'load: false'))));
    expect((await loadText('targets: [{selector: name:k6, load: true}]\nscrape: ["http://a:1/metrics"]')).targets).toHaveLength(1);
  });

  test('cannot be all there is, and says so with yes or no', async () => {
    const all = await problemOf(loadText('targets: [{selector: name:k6, load: true}]'));
    expect(all.details).toMatchObject([{ message: expect.stringMatching(/every target has load: true.*give the service/) as unknown }]);
    const odd = await problemOf(loadText('targets: [api=port:1, {selector: name:k6, load: k6}]'));
    expect(odd.details).toMatchObject([{ message: expect.stringMatching(/true or false/) as unknown }]);
  });

  test('is asked nothing: what belongs to the only role still does', async () => {
    const { jtl, probes } = await load(layer({ jtl: 'a.jtl', probe: 'http://a' }, ['api=port:1']), {}, null, ['k6']);
    expect([jtl[0]!.target, probes[0]!.target]).toEqual(['api', 'api']);
  });
});
