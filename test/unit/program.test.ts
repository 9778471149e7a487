import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { Flags } from '../../src/commands/flags.ts';
import { allowStrays, noteStrays } from '../../src/commands/strays.ts';
import { Faults } from '../../src/config/faults.ts';
import { fileTwinOf, flagOf, OPTION_NAMES, type OptionName, optionOf } from '../../src/config/options.ts';
import type { Problem } from '../../src/problem.ts';
import type { Layer } from '../../src/config/settings.ts';
import { VERSION } from '../../src/version.ts';
import { commandLine, type Printed } from '../commandline.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const soakAgent = (argv: readonly string[], env: Record<string, string> = {}): Promise<Printed> => commandLine(argv, { env });

function flagsOf(...argv: string[]): { layer: Layer; problem: string } {
  const command = new Command('soak-agent').command('run');
  const faults = new Faults();
  const flags = new Flags(command, OPTION_NAMES, faults);
  allowStrays(command, (error) => {
    throw error;
  });
  command.parse(argv, { from: 'user' });
  noteStrays(command, ['run', 'doctor', 'metrics'], faults, argv);
  const layer = flags.layer();
  try {
    faults.throwIfAny();
  } catch (error) {
    return { layer, problem: (error as Problem).message };
  }
  return { layer, problem: '' };
}

describe('flags', () => {
  const single = OPTION_NAMES.filter((name) => flagOf(name) !== null && !optionOf(name).perTarget && name !== 'target');
  const isSwitch = (name: OptionName): boolean => optionOf(name).value.arg === '';

  test.each(single.filter((name) => !isSwitch(name)))('%s is taken as it is written', (name) => {
    const flag = flagOf(name) ?? '';
    expect(flagsOf(flag, ' x y')).toMatchObject({ problem: '' });
    expect(flagsOf(flag, ' x y').layer.values.get(name)).toEqual([{ text: ' x y', place: flag }]);
  });

  test.each(single.filter(isSwitch))('%s is turned on and off', (name) => {
    const [on, off] = [flagOf(name) ?? '', (flagOf(name) ?? '').replace('--', '--no-')];
    expect(flagsOf(on).layer.values.get(name)).toEqual([{ text: 'true', place: on }]);
    expect(flagsOf(off).layer.values.get(name)).toEqual([{ text: 'false', place: off }]);
  });

  test('--flag=value is the same, and values may begin with a dash', () => {
    expect(flagsOf('--interval=5s').layer.values.get('interval')).toMatchObject([{ text: '5s' }]);
    expect(flagsOf('--duration', '-5').layer.values.get('duration')).toMatchObject([{ text: '-5' }]);
  });

  test('--many and --children belong to the target before them', () => {
    const { layer } = flagsOf(
      '--target',
      'a=1',
      '--target',
      'b=2',
      '--many',
      '--interval',
      '1s',
      '--children',
      '--target',
      'c=3',
      '--children',
    );
    expect(layer.targets.map(({ text, many, children }) => [text, many, children])).toEqual([
      ['a=1', false, false],
      ['b=2', true, true],
      ['c=3', false, true],
    ]);
    expect(flagsOf('--many', '--target', '1').problem).toBe('--many: should come after the --target that it belongs to');
  });

  test('lists collect, and of a single value the last one counts', () => {
    const { layer } = flagsOf('--rule', 'a', '--rule', 'b', '--interval', '1s', '--interval', '2s');
    expect(layer.values.get('rule')).toMatchObject([{ text: 'a' }, { text: 'b' }]);
    expect(layer.values.get('interval')).toMatchObject([{ text: '1s' }, { text: '2s' }]);
  });

  test('a secret is never a flag, but the file of it is', () => {
    for (const name of OPTION_NAMES.filter((one) => optionOf(one).secret)) expect(flagOf(name)).toBeNull();
    const file = join(ROOT, 'test/fixtures/config/headers');
    expect(flagsOf(fileTwinOf('otlpHeaders')!.flag, file).layer.values.get('otlpHeaders')).toEqual([
      { text: 'authorization=Bearer%20t0ken', place: '--otlp-headers-file' },
    ]);
    expect(flagsOf('--otlp-headers', 'a=b').problem).toContain('--otlp-headers: unknown flag; did you mean --otlp-headers-file?');
  });

  test.each([
    [['--intervall', '5'], '--intervall: unknown flag; did you mean --interval?'],
    [['--goneAfter=5'], '--goneAfter: unknown flag; did you mean --gone-after?'],
    [['--colour'], '--colour: unknown flag; soak-agent run --help lists them'],
    [['-x'], '-x: unknown flag; soak-agent run --help lists them'],
    [['--hold=true'], '--hold: takes no value'],
    [['4242'], '4242: unexpected argument; a target is given as --target 4242'],
    [['name:node'], 'name:node: unexpected argument; a target is given as --target name:node'],
    [['api=port:80'], 'api=port:80: unexpected argument; a target is given as --target api=port:80'],
    [['--out', 'x', 'doctor'], 'doctor: unexpected argument; a command comes first: soak-agent doctor ...'],
    [['docter'], 'docter: unknown command; did you mean doctor?'],
    [['k6'], 'k6: unexpected argument; what to run while watching comes after --'],
    [
      ['--intervall', '5', '--colour', 'x', 'y', '--interval', '1s', '--hold'],
      '--intervall: unknown flag; did you mean --interval?\n--colour: unknown flag; soak-agent run --help lists them\ny: unexpected argument; what to run while watching comes after --',
    ],
  ])('%j is explained', (argv, message) => {
    expect(flagsOf(...argv).problem).toBe(message);
  });
});

describe('help', () => {
  // `vitest -u` writes the pages anew: read the difference as a newcomer would.
  test.each([
    ['--help'],
    ['run --help'],
    ['doctor --help'],
    ['analyze --help'],
    ['replay --help'],
    ['start --help'],
    ['wait --help'],
    ['stop --help'],
    ['verdict --help'],
    ['status --help'],
    ['compare --help'],
    ['trend --help'],
    ['merge --help'],
    ['init --help'],
    ['report --help'],
    ['export --help'],
    ['metrics --help'],
    ['config --help'],
    ['config check --help'],
  ])('%s', async (line) => {
    const { code, out, err } = await soakAgent(line.split(' '));
    expect([code, err]).toEqual([0, '']);
    await expect(out).toMatchFileSnapshot(
      join(ROOT, 'test/golden/help', `${line.replaceAll(/ ?--help/g, '').replaceAll(' ', '-') || 'soak-agent'}.txt`),
    );
  });

  test('comes for the short form, too', async () => {
    expect(await soakAgent(['--target', '1', '--help'])).toEqual(await soakAgent(['--help']));
    expect(await soakAgent(['-h'])).toEqual(await soakAgent(['--help']));
  });

  test('the version is that of the package', async () => {
    const version = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
    expect(VERSION).toBe(version);
    for (const flag of ['--version', '-V']) expect(await soakAgent([flag])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });
});

describe('usage', () => {
  test.each([
    [[], '--target: is missing: say what to watch, such as --target 4242 or --target api=port:8080'],
    [['--interval'], '--interval: should be followed by a value'],
    [['run', '--rule'], '--rule: should be followed by a value'],
    [['replay', 'a', 'b'], 'b: unexpected argument; soak-agent replay --help says what it takes\n'],
    [['start', '--detach', '--hold', '--target', '1'], '--hold: cannot be used with --detach'],
    [['start', '--detach', '--once', '--target', '1'], '--once: cannot be used with --detach'],
    [['report', 'a', '--jnit', 'x'], '--jnit: unknown flag; did you mean --junit?'],
    [['report', 'a', '--inconclusive', 'x'], '--inconclusive: "x" should be skip or fail\n'],
    [['export', 'a', '--format', 'xls'], '--format: "xls" should be csv, ndjson or openmetrics\n'],
    [['export', 'a', '--format', 'cvs'], '--format: "cvs" should be csv, ndjson or openmetrics; did you mean csv?\n'],
    [['compare', 'a', 'b', '--format', 'mardown'], '--format: "mardown" should be text, json or markdown; did you mean markdown?\n'],
    [['report', 'a', '--html', '--json'], '--html: should be followed by a value, not by the flag --json\n'],
    [['frobnicate'], 'frobnicate: unknown command; soak-agent --help lists them, and what to run while watching comes after --\n'],
    [['statsu'], 'statsu: unknown command; did you mean status?\n'],
    [['help'], 'help: unknown command; soak-agent --help lists them, and soak-agent COMMAND --help says what one takes\n'],
    [['--versio'], '--versio: unknown flag; did you mean --version?\n'],
    [['-v'], '-v: unknown flag; did you mean -V?\n'],
    [['phase', 'Big'], '<name>: should be a lower-case letter, then'],
    [['export', 'a', '--', 'b'], '--: only run takes a command after --'],
    [['replay', 'a', '--', 'b'], '--: only run takes a command after --'],
    [['replay', '--jsn', 'a'], '--jsn: unknown flag; did you mean --json?\n'],
    [['report', '--colour'], '--colour: unknown flag; soak-agent report --help lists them\n'],
    [['phase', '--colour', 'steady'], '--colour: unknown flag; soak-agent phase --help lists them\n'],
    [['mark', '- deployed', 'x'], 'x: unexpected argument; soak-agent mark --help says what it takes\n'],
    [['verdict', '--jsn'], '--jsn: unknown flag; did you mean --json?\n'],
    [['merge', 'a', '--colour', 'b', 'c'], '--colour: unknown flag; soak-agent merge --help lists them\n'],
    [['merge'], '<run...>: is missing; soak-agent merge takes folders of runs'],
    [['metrics', '--jsn'], '--jsn: unknown flag; did you mean --json?\n'],
    [['metrics', '--json=3'], '--json: takes no value\n'],
    [['metrics', 'x'], 'x: unexpected argument; soak-agent metrics --help says what it takes\n'],
    [['metrics', '--', 'x'], '--: only run takes a command after --'],
    [['config', 'chek'], 'chek: unknown command; did you mean check?\n'],
    [['config', 'x'], 'x: unknown command; after soak-agent config comes check or schema\n'],
    [['config', 'check', '--colour'], '--colour: unknown flag; soak-agent config check --help lists them\n'],
    [['doctor', '--target', '1', '--', 'x'], '--: only run takes a command after --'],
    [['--target', '1', '--'], '--: should be followed by a command to run while watching'],
  ])('%j is explained and ends with 64', async (argv, message) => {
    const { code, out, err } = await soakAgent(argv);
    expect([code, out]).toEqual([64, '']);
    expect(err).toContain(message);
    expect(err).toMatch(/\nsoak-agent: 1 problem \[USAGE\]\n$/);
  });

  test.each([
    [
      ['export', 'nowhere', '--bogus', '--format'],
      ['--format: should be followed by a value', '--bogus: unknown flag;'],
    ],
    [
      ['merge', '--colour'],
      ['--colour: unknown flag;', '<run...>: is missing;'],
    ],
    [
      ['merge', '--out'],
      ['--out: should be followed by a value', '<run...>: is missing;'],
    ],
    [
      ['--out', '--hold', '--interval', 'x', '--rule'],
      ['--rule: should be followed', '--out: should be followed', '--interval: "x"'],
    ],
    [
      ['compare', 'nowhere', 'anywhere'],
      ['nowhere: there is no such', 'anywhere: there is no such'],
    ],
    [
      ['merge', 'nowhere', 'anywhere'],
      ['nowhere: there is no such', 'anywhere: there is no such'],
    ],
    [
      ['trend', 'nowhere', 'v=anywhere'],
      ['nowhere: there is no such', 'anywhere: there is no such'],
    ],
  ])('%j: all that is wrong is told at once', async (argv, lines) => {
    const { code, err } = await soakAgent(argv);
    expect(code).toBe(64);
    expect(
      err
        .split('\n')
        .slice(0, -2)
        .map((line, i) => line.slice(0, lines[i]?.length)),
    ).toEqual(lines);
  });

  test('config alone shows what it can do', async () => {
    expect(await soakAgent(['config'])).toMatchObject({
      code: 64,
      out: '',
      err: expect.stringContaining('Usage: soak-agent config') as string,
    });
  });

  test('everything that is wrong comes at once', async () => {
    const argv = [
      '--intervall',
      '5',
      '--keep',
      'x',
      '--children',
      '--target',
      'cmd:[',
      '--rule',
      'nope < 1',
      '--require',
      'fdss',
      '--config',
      '/nowhere.yaml',
      'stray',
    ];
    const { code, out, err } = await soakAgent(argv, { SOAK_DURATION: 'long', SOAK_HEAP_MB: '5' });
    expect([code, out]).toEqual([64, '']);
    const places = ['--children', '--intervall', '--keep', '--target', '--rule', '--require', '--config', 'SOAK_DURATION', 'SOAK_HEAP_MB'];
    expect(places.map((place) => err.split('\n').filter((line) => line.startsWith(`${place}: `)).length)).toEqual(places.map(() => 1));
    expect(err).toContain('\nstray: unexpected argument');
    expect(err).toMatch(/\nsoak-agent: 10 problems \[CONFIG\]\n$/);
  });

  test('what comes from outside cannot drive the terminal', async () => {
    const { err } = await soakAgent(['--\u001b[2Jx', '--keep', '\u009b31m\u0007']);
    // oxlint-disable-next-line no-control-regex -- these are what must not be there
    expect(err).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });
});

describe('config', () => {
  test('check prints every setting and where it comes from, but no secret', async () => {
    const env = { SOAK_HOLD: 'yes', SOAK_OTLP: 'http://u:hunter2@h', SOAK_OTLP_HEADERS: 'authorization=hunter2' };
    const argv = ['config', 'check', '--target', 'api=port:80', '--children', '--interval', '2s', '--rule', 'memory.private < 2GB'];
    const { code, out, err } = await soakAgent(argv, env);
    expect([code, err]).toEqual([0, '']);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(lines).toContainEqual(['target', 'api=port:80 (children)', '--target']);
    expect(lines).toContainEqual(['interval', '2s', '--interval']);
    expect(lines).toContainEqual(['hold', 'yes', 'SOAK_HOLD']);
    expect(lines).toContainEqual(['duration', 'forever', 'default']);
    expect(lines).toContainEqual(['rules', 'memory.private < 2GB', '--rule']);
    expect(lines).toContainEqual(['otlp', '(not shown)', 'SOAK_OTLP']);
    expect(lines).toContainEqual(['otlp_headers', '(not shown)', 'SOAK_OTLP_HEADERS']);
    expect(out).not.toContain('hunter2');
  });

  test('check takes the place of a line in a file', async () => {
    const file = join(ROOT, 'config/soak-agent.yaml');
    const line = readFileSync(file, 'utf8').split('\n').indexOf('  - api=port:8080') + 1;
    const { out } = await soakAgent(['config', 'check', '--config', file]);
    expect(out).toMatch(new RegExp(`^target +api=port:8080 +\\S+/soak-agent.yaml:${line}:5$`, 'm'));
  });

  test('schema prints what is committed', async () => {
    expect((await soakAgent(['config', 'schema'])).out).toBe(readFileSync(join(ROOT, 'config/soak-agent.schema.json'), 'utf8'));
  });
});

describe('metrics', () => {
  test('are printed for people and for programs', async () => {
    const { CATALOG } = await import('../../src/metrics.ts');
    const text = (await soakAgent(['metrics'])).out;
    const json = JSON.parse((await soakAgent(['metrics', '--json'])).out) as { name: string; alias?: string; prometheus: string }[];
    expect(json.map((def) => def.name).toSorted()).toEqual(
      CATALOG.all()
        .map((def) => def.name)
        .toSorted(),
    );
    for (const { name, alias, prometheus } of json) {
      expect(text).toContain(alias === undefined ? `${name}\n` : `${name} [${alias}]\n`);
      expect(text).toContain(`    ${prometheus}\n`);
    }
  });
});
