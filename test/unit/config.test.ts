import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { envOf, flagOf, keyOf, OPTION_NAMES, type OptionName, optionOf } from '../../src/config/options.ts';
import { poolMaxOf } from '../../src/config/poolmax.ts';
import { DIR, layer, load, problemOf } from '../loading.ts';

test('nothing but a target gives the defaults', async () => {
  expect(await load(layer({}, ['api=port:8080']))).toEqual({
    targets: [{ role: 'api', selector: { kind: 'port', port: 8080 }, many: false, children: false }],
    servers: [],
    scrapes: [],
    signals: [],
    wait: 0,
    goneAfter: 300,
    duration: null,
    interval: 1,
    out: './soak-runs',
    keep: null,
    recordMax: 512e6,
    hold: false,
    linger: 0,
    baseline: null,
    nonBlocking: false,
    once: false,
    terminationLog: null,
    mustLive: 14 * 86_400,
    warmup: null,
    listen: { host: '127.0.0.1', port: 10_464 },
    otlp: null,
    inbound: null,
    rules: [],
    phases: [],
    cooldown: 0,
    required: [],
    poolMax: [],
    statementTexts: false,
    jtl: [],
    probes: [],
    source: 'procfs',
    deletedDescriptors: false,
    networkOf: null,
    cgroupOf: null,
    shares: 'ends',
    roots: { proc: '/proc', sys: '/sys' },
    logLevel: 'info',
    live: true,
    command: null,
  });
});

/** Three values of each option, for flag, variable and file: as written, and what the configuration then holds. */
const SPELLINGS: Record<
  Exclude<OptionName, 'config' | 'baselines' | 'heapMb' | 'signals' | 'target' | 'many' | 'children' | 'otlpHeaders' | 'inboundToken'>,
  [string, unknown][]
> = {
  wait: [
    ['1m', 60],
    ['2m', 120],
    ['3', 3],
  ],
  goneAfter: [
    ['1m', 60],
    ['2m', 120],
    ['30s', 30],
  ],
  source: [
    ['pidusage', 'pidusage'],
    ['procfs', 'procfs'],
    ['pidusage', 'pidusage'],
  ],
  baseline: [
    ['main', { called: 'main', folder: './soak-baselines' }],
    ['x/y.json', { called: 'x/y.json', folder: './soak-baselines' }],
    ['77ab01cd', { called: '77ab01cd', folder: './soak-baselines' }],
  ],
  nonBlocking: [
    ['true', true],
    ['no', false],
    ['on', true],
  ],
  deletedDescriptors: [
    ['true', true],
    ['no', false],
    ['on', true],
  ],
  statementTexts: [
    ['true', true],
    ['no', false],
    ['on', true],
  ],
  networkOf: [
    ['api', 'api'],
    ['web-2', 'web-2'],
    ['db_1', 'db_1'],
  ],
  cgroupOf: [
    ['api', { role: 'api', path: null }],
    ['db=/system.slice/postgresql.service', { role: 'db', path: '/system.slice/postgresql.service' }],
    ['db=/a b/c=d', { role: 'db', path: '/a b/c=d' }],
  ],
  shares: [
    ['off', 'off'],
    ['periodic', 'periodic'],
    ['forced', 'forced'],
  ],
  postgres: [
    ['postgresql://db/a', 'db:5432/a'],
    ['orders=postgres://soak@[::1]:5433/b', '[::1]:5433/b'],
    ['postgresql:///c?host=/run/postgresql', '/run/postgresql:5432/c'],
  ],
  redis: [
    ['redis://cache', 'cache:6379'],
    ['sessions=rediss://cache:6380/2', 'cache:6380/2'],
    ['unix:///run/redis.sock', '/run/redis.sock'],
  ],
  scrape: [
    ['http://localhost:9464/metrics', 'http://localhost:9464/metrics'],
    ['kafka=http://broker:9308/metrics?name[]=a', 'http://broker:9308/metrics'],
    ['https://[::1]/m', 'https://[::1]/m'],
  ],
  poolMax: [
    ['20', { role: null, max: 20 }],
    ['100000', { role: null, max: 100_000 }],
    [' 5 ', { role: null, max: 5 }],
  ],
  inbound: [
    ['4318', { at: { host: '127.0.0.1', port: 4318 }, token: null }],
    ['off', null],
    ['[::1]:0', { at: { host: '::1', port: 0 }, token: null }],
  ],
  jtl: [
    ['/a.jtl', '/a.jtl'],
    ['/b c.csv', '/b c.csv'],
    [' /d.jtl ', '/d.jtl'],
  ],
  probe: [
    ['http://a/', 'http://a/'],
    ['wss://b:8/feed?token=1', 'wss://b:8/feed'],
    ['tcp://[::1]:5432', 'tcp://[::1]:5432'],
  ],
  duration: [
    ['forever', null],
    ['8h', 28_800],
    ['1h30m', 5400],
  ],
  interval: [
    ['0.1', 0.1],
    ['500ms', 0.5],
    ['60s', 60],
  ],
  phase: [
    ['warmup=10m', { name: 'warmup', seconds: 600 }],
    ['steady', { name: 'steady', seconds: null }],
    [' fault-db=90s ', { name: 'fault-db', seconds: 90 }],
  ],
  cooldown: [
    ['15m', 900],
    ['0', 0],
    ['90s', 90],
  ],
  preset: [
    ['gateway', 0.3],
    ['seed', 512e6],
    ['scaling', 0.7],
  ],
  hold: [
    ['true', true],
    ['no', false],
    ['on', true],
  ],
  linger: [
    ['1s', 1],
    ['2s', 2],
    ['0', 0],
  ],
  once: [
    ['true', true],
    ['no', false],
    ['1', true],
  ],
  terminationLog: [
    ['auto', null],
    ['/dev/termination-log', '/dev/termination-log'],
    ['verdict.txt', 'verdict.txt'],
  ],
  rule: [
    ['memory.private < 2GB', 2e9],
    ['memory.private < 3GB', 3e9],
    ['memory.private < 4GB', 4e9],
  ],
  require: [
    ['threads', 'threads'],
    ['fds', 'fds'],
    ['memory.private', 'memory.private'],
  ],
  mustLive: [
    ['8h', 28_800],
    ['30d', 30 * 86_400],
    ['1w', 7 * 86_400],
  ],
  warmup: [
    ['auto', null],
    ['10m', 600],
    ['0', 0],
  ],
  out: [
    ['/tmp/a', '/tmp/a'],
    ['b c', 'b c'],
    ['./d', './d'],
  ],
  keep: [
    ['all', null],
    ['1', 1],
    ['20', 20],
  ],
  recordMax: [
    ['1MB', 1e6],
    ['1GiB', 2 ** 30],
    ['2000000', 2e6],
  ],
  listen: [
    ['off', null],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['8080', { host: '127.0.0.1', port: 8080 }],
  ],
  otlp: [
    ['off', null],
    ['http://a:4318', { endpoint: 'http://a:4318/v1/metrics', headers: {} }],
    ['https://b/otlp', { endpoint: 'https://b/otlp', headers: {} }],
  ],
  live: [
    ['false', false],
    ['1', true],
    ['no', false],
  ],
  logLevel: [
    ['debug', 'debug'],
    ['silent', 'silent'],
    ['warn', 'warn'],
  ],
  proc: [
    ['/', '/'],
    ['/tmp', '/tmp'],
    ['/proc', '/proc'],
  ],
  sys: [
    ['/', '/'],
    ['/tmp', '/tmp'],
    ['/sys', '/sys'],
  ],
};

function valueIn(config: Config, name: OptionName): unknown {
  if (name === 'rule' || name === 'preset') return config.rules[0]?.value;
  if (name === 'phase') return config.phases[0];
  if (name === 'require') return config.required[0];
  if (name === 'poolMax') return config.poolMax[0];
  if (name === 'jtl') return config.jtl[0]?.path;
  if (name === 'probe') return config.probes[0]?.display;
  if (name === 'scrape') return config.scrapes[0]?.display;
  if (name === 'postgres' || name === 'redis') return config.servers[0]?.display;
  if (name === 'proc' || name === 'sys') return config.roots[name];
  return config[name as keyof Config];
}

function yamlOf(name: OptionName, text: string): string {
  return optionOf(name).list
    ? `${keyOf(name)}:\n  - ${JSON.stringify(text)}\n`
    : `${keyOf(name)}: ${/^[\d.]+$|^(true|false)$/.test(text) ? text : JSON.stringify(text)}\n`;
}

describe.each(Object.entries(SPELLINGS) as [OptionName, [string, unknown][]][])('%s', (name, [flag, env, file]) => {
  const variable = { [envOf(name) ?? '']: env![0] };
  const yaml = yamlOf(name, file![0]);
  const watched = name === 'networkOf' ? [] : ['1'];

  test('is the same as flag, variable and key', async () => {
    for (const [text, value] of [flag!, env!, file!]) {
      expect(valueIn(await load(layer({ [name]: text }, watched)), name)).toEqual(value);
      expect(valueIn(await load(layer({}, watched), { [envOf(name)!]: text }), name)).toEqual(value);
      expect(valueIn(await load(layer({}, watched), {}, yamlOf(name, text)), name)).toEqual(value);
    }
  });

  test('flag before variable before file before default', async () => {
    expect(valueIn(await load(layer({ [name]: flag![0] }, watched), variable, yaml), name)).toEqual(flag![1]);
    expect(valueIn(await load(layer({}, watched), variable, yaml), name)).toEqual(env![1]);
    expect(valueIn(await load(layer({}, watched), {}, yaml), name)).toEqual(file![1]);
  });

  test('an empty variable is not set', async () => {
    expect(valueIn(await load(layer({}, watched), { [envOf(name)!]: ' ' }, yaml), name)).toEqual(file![1]);
  });
});

test('sockets of the network are a role’s only where no target has its own', async () => {
  await expect(load(layer({ networkOf: 'api' }, ['1']))).rejects.toThrow(/network-of: needs a run without targets/);
  await expect(load(layer({ networkOf: 'Api' }, []))).rejects.toThrow(/a lower-case letter/);
});

test('a control group is a role’s only where its processes do not find it, and is named as the kernel does', async () => {
  await expect(load(layer({ cgroupOf: 'api' }, ['api=1']))).rejects.toThrow(/cgroup-of: api is a target/);
  for (const wrong of [
    'Api',
    'db=',
    'db=postgresql.service',
    'db=/',
    'db=/a/../b',
    'db=/a/',
    'db=/sys/fs/cgroup/a',
    `db=/${'a'.repeat(4096)}`,
  ])
    await expect(load(layer({ cgroupOf: wrong }, [])), wrong).rejects.toThrow(/as \/proc\/PID\/cgroup writes it/);
  const { rules } = await load(layer({ cgroupOf: 'db=/a', rule: ['db: memory.cgroup < 1GB'] }, []));
  expect(rules).toMatchObject([{ role: 'db' }]);
});

test('every option is covered above, or here by name', () => {
  expect(
    [
      ...Object.keys(SPELLINGS),
      'baselines',
      'config',
      'heapMb',
      'signals',
      'target',
      'many',
      'children',
      'otlpHeaders',
      'inboundToken',
    ].toSorted(),
  ).toEqual(OPTION_NAMES.toSorted());
});

test('every default is a value of its option', () => {
  const defaults = OPTION_NAMES.map((name) => optionOf(name)).filter((option) => option.default !== null);
  expect(defaults.map(({ default: text, value }) => value.parse(text ?? ''))).not.toContain(undefined);
  expect(defaults.length).toBeGreaterThan(15);
});

test('no two options share a spelling', () => {
  for (const spelling of [flagOf, envOf, keyOf]) {
    const all = OPTION_NAMES.flatMap((name) => spelling(name) ?? []);
    expect(new Set(all).size).toBe(all.length);
  }
});

test('what is said of the pools of one role goes before what is said of all', async () => {
  const { poolMax } = await load(layer({ poolMax: ['20', 'api=5'] }, ['api=port:1', 'b=port:2']));
  expect(['api', 'b'].map((role) => poolMaxOf(poolMax, role))).toEqual([5, 20]);
  expect(poolMaxOf([], 'api')).toBeNull();
});

describe('targets', () => {
  test('come whole from the first that names any', async () => {
    const yaml = 'targets: [c=port:3, d=port:4]';
    const roles = async (flags: string[], env: Record<string, string>): Promise<string[]> =>
      (await load(layer({}, flags), env, yaml)).targets.map((t) => t.role);
    expect(await roles(['a=port:1'], { SOAK_TARGET: 'b=port:2' })).toEqual(['a']);
    expect(await roles([], { SOAK_TARGET: 'b=port:2\n\n b2=port:5 ' })).toEqual(['b', 'b2']);
    expect(await roles([], {})).toEqual(['c', 'd']);
  });

  test('in a file have their own options', async () => {
    const yaml =
      'targets:\n  - 17\n  - {role: api, selector: port:1, many: yes, children: "${KIDS:-false}"}\n  - {selector: b=port:2, children: true}';
    expect((await load(layer(), { KIDS: 'true' }, yaml)).targets).toEqual([
      expect.objectContaining({ selector: { kind: 'pid', pid: 17 }, many: false, children: false }),
      expect.objectContaining({ role: 'api', many: true, children: true }),
      expect.objectContaining({ role: 'b', many: false, children: true }),
    ]);
  });

  test('SOAK_MANY and SOAK_CHILDREN apply to all of SOAK_TARGET, and to nothing else', async () => {
    const { targets } = await load(layer(), { SOAK_TARGET: 'a=port:1\nb=port:2', SOAK_MANY: '1' });
    expect(targets.map((t) => [t.many, t.children])).toEqual([
      [true, false],
      [true, false],
    ]);
    const problem = await problemOf(load(layer({}, ['1']), { SOAK_CHILDREN: 'yes' }));
    expect(problem.message).toBe('SOAK_CHILDREN: applies to the targets of SOAK_TARGET, which is not set');
  });

  test('without a role are named after what they are, each differently', async () => {
    const { targets } = await load(layer({}, ['port:80', 'name:node', 'cmd:node', `${process.pid}`, 'port-80=port:81']));
    expect(targets.map((t) => t.role)).toEqual(['port-80-2', 'node', 'node-2', expect.stringMatching(/^[a-z]/), 'port-80']);
  });

  test('with the same role are refused', async () => {
    const problem = await problemOf(load(layer({}, ['a=port:1', 'a=port:2'])));
    expect(problem.code).toBe('SELECTOR');
    expect(problem.message).toContain('the role a is taken');
  });
});

describe('problems', () => {
  test('of all sources come together, each with its place, lines of the file last', async () => {
    const yaml = 'interval: 2m\nduraton: 8h\nrules:\n  - memory.privat < 2GB\ntargets:\n  - "cmd:["\n';
    const problem = await problemOf(load(layer({ keep: '-1' }), { SOAK_HOLD: 'maybe', SOAK_INTERVALL: '5' }, yaml, []));
    expect(problem.code).toBe('CONFIG');
    expect(problem.exitCode).toBe(64);
    const places = problem.details.map((detail) => detail.place.replace(`${DIR}/`, ''));
    expect(places).toEqual([
      'SOAK_INTERVALL',
      'SOAK_HOLD',
      '--keep',
      '--',
      'soak.yaml:1:11',
      'soak.yaml:2:1',
      'soak.yaml:4:5',
      'soak.yaml:6:5',
    ]);
  });

  test('are found in values that lose, too', async () => {
    const problem = await problemOf(load(layer({ interval: '1s' }, ['1']), { SOAK_INTERVAL: 'abc' }));
    expect(problem.message).toContain('SOAK_INTERVAL: "abc" should be a duration');
  });

  test.each<[string, Partial<Record<OptionName, string | string[]>>, string[] | null, string]>([
    ['a duration under the interval', { duration: '1s', interval: '2s' }, null, '--duration: should be longer than one interval'],
    ['a warm-up as long as the run', { duration: '8h', warmup: '8h' }, null, '--warmup: should be shorter than the duration of the run'],
    ['nothing after --', {}, [], '--: should be followed by a command'],
    ['what pidusage cannot count', { source: 'pidusage', deletedDescriptors: 'true' }, null, '--deleted-descriptors: needs source procfs'],
    ['what pidusage cannot read', { source: 'pidusage', shares: 'periodic' }, null, '--shares: needs source procfs'],
    ['headers without a receiver', { otlpHeaders: 'a=b' }, null, 'otlpHeaders: are headers of a push, but otlp names no receiver'],
    [
      'a token without a listener',
      { inboundToken: 's3cret-enough' },
      null,
      'inboundToken: is a token of the inbound listener, but inbound names',
    ],
    [
      'a listener for all without a token',
      { inbound: '0.0.0.0:4318' },
      null,
      '--inbound: 0.0.0.0 can be reached from other machines: set inbound_token',
    ],
    ['a listener of this machine for all', { inbound: 'box.local:4318' }, null, '--inbound: box.local can be reached from other machines'],
    ['a password in a flag', { otlp: 'http://u:hunter2@b' }, null, '--otlp: has a password in it, and everybody on this machine can read'],
    ['a push to itself', { otlp: 'http://localhost:4318', inbound: '4318' }, null, '--otlp: names the inbound listener of this run'],
    ['a root that is no folder', { proc: '/nowhere' }, null, '--proc: /nowhere is not a folder'],
    [
      'an unknown metric',
      { require: 'memory.privat' },
      null,
      '--require: there is no metric "memory.privat"; did you mean memory.private?',
    ],
    ['a rule about an unknown metric', { rule: 'memory.privat < 1GB' }, null, 'short names; did you mean memory.private?'],
    ['a rule about an unknown share', { rule: 'fds.utilisation < 80%' }, null, 'short names; did you mean fds.utilization?'],
    ['a pool of nobody', { poolMax: 'app=20' }, null, '--pool-max: no target has the role app; did you mean api?'],
    ['a pool without connections', { poolMax: 'api=0' }, null, '--pool-max: "api=0" should be a number of connections of at least 1'],
    ['a rule about nobody', { rule: 'app: memory.private < 1GB' }, null, 'no target has the role app; did you mean api?'],
  ])('%s', async (_name, flags, command, message) => {
    expect((await problemOf(load(layer(flags, ['api=port:1']), {}, null, command))).message).toContain(message);
  });

  test('no name is suggested where the name is right, or nothing like it is known', async () => {
    for (const rule of ['fds.utilization < 80% fro 5m', 'nonsense_of_mine < 1']) {
      expect((await problemOf(load(layer({ rule }, ['1'])))).message).not.toContain('did you mean');
    }
  });

  test('a code of their own stays', async () => {
    expect((await problemOf(load(layer({ rule: 'x' }, ['1'])))).code).toBe('RULE');
    expect((await problemOf(load(layer({}, ['cmd:('])))).code).toBe('SELECTOR');
  });

  test('a flood of them is cut, and says so', async () => {
    const problem = await problemOf(
      load(
        layer(
          {},
          Array.from({ length: 300 }, (_, i) => `bad${i}:x`),
        ),
      ),
    );
    expect(problem.details.length).toBe(51);
    expect(problem.details.at(-1)?.message).toBe('and more');
  });

  test('Kubernetes service variables and strangers are no slips', async () => {
    const env = {
      SOAK_AGENT_SERVICE_HOST: 'x',
      SOAK_PORT: 'tcp://x',
      SOAK_INTERVAL_PORT: 'tcp://y',
      SOAK_AGENT_PORT_10464_TCP: 'y',
      SOAK_SOMETHING_ELSE: 'z',
      SOAKED: '1',
    };
    await expect(load(layer({}, ['1']), env)).resolves.toBeDefined();
  });
});
