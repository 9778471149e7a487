import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { CLI } from '../soakagent.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIR = mkdtempSync(join(tmpdir(), 'soak-cli-'));
const CWD = join(DIR, 'empty');

const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
});
afterAll(() => rmSync(DIR, { recursive: true }));

interface Options {
  readonly node?: readonly string[];
  readonly env?: Record<string, string>;
  readonly stdout?: number | 'pipe';
}

function start(args: readonly string[], { node = [], env = {}, stdout = 'pipe' }: Options = {}): ChildProcess {
  // Of our own environment only what Node needs: SOAK_* or OTEL_* of the machine must not decide a test.
  const child = spawn(process.execPath, [...node, ...args], {
    cwd: DIR,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', stdout, 'pipe'],
  });
  started.add(child);
  return child;
}

interface Result {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

async function end(child: ChildProcess): Promise<Result> {
  const texts = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, ...texts };
}

const soakAgent = (args: readonly string[], options?: Options): Promise<Result> => end(start([CLI, ...args], options));

/** A module that Node loads before the program. */
function preload(name: string, text: string): string[] {
  const file = join(DIR, `${name}.mjs`);
  writeFileSync(file, text);
  return ['--import', file];
}

describe('what is wrong with the command line ends with 64 and starts nothing', () => {
  const config = join(DIR, 'soak.yaml');
  writeFileSync(config, 'interval: 0\nduraton: 8h\n');

  test.each<[string, string[], RegExp]>([
    ['an unknown flag', ['--target', '1', '--intervall', '5'], /^--intervall: unknown flag; did you mean --interval\?$/m],
    ['a configuration that is not there', ['--target', '1', '--config', 'nowhere.yaml'], /^--config: nowhere\.yaml: no such file/m],
    ['a configuration that is a folder', ['--target', '1', '--config', '.'], /^--config: \.: this is a folder/m],
    ['a regular expression that is none', ['--target', 'cmd:['], /^--target: .*not a regular expression/m],
    [
      'a rule that is none',
      ['--target', '1', '--rule', 'memory.private is fine'],
      /^--rule: "memory.private is fine" column 16: expected/m,
    ],
    ['an interval out of range', ['--target', '1', '--interval', '0.01'], /^--interval: "0.01" should be a duration .* from 100ms to 1m$/m],
    ['a line of a file', ['--target', '1', '--config', 'soak.yaml'], /^soak\.yaml:1:11: interval: "0" should be/m],
    ['nothing to watch', [], /^--target: is missing/m],
  ])('%s', async (_name, args, message) => {
    const { code, out, err } = await soakAgent(args);
    expect([code, out]).toEqual([64, '']);
    expect(err).toMatch(message);
  });

  test('all of them in one go, from flags, variables and file', async () => {
    const args = [
      '--target',
      'cmd:[',
      '--intervall',
      '5',
      '--rule',
      'memory.private is fine',
      '--config',
      'soak.yaml',
      '--out',
      join(CWD, 'runs'),
    ];
    const { code, out, err } = await soakAgent(args, { env: { SOAK_INTERVAL: '0.01', SOAK_OTLP_HEADERS_FILE: 'nowhere' } });
    expect([code, out]).toEqual([64, '']);
    const places = err
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/: .*/, ''));
    expect(places).toEqual([
      '--intervall',
      'SOAK_OTLP_HEADERS_FILE',
      'SOAK_INTERVAL',
      '--target',
      '--rule',
      'soak.yaml:1:11',
      'soak.yaml:2:1',
      'soak-agent',
    ]);
    expect(err).toContain('soak-agent: 7 problems [CONFIG]');
    expect(readdirSync(DIR)).not.toContain('empty');
  });
});

describe('standard output', () => {
  test('that nobody reads any more is no failure', async () => {
    const child = start([CLI, 'metrics']);
    child.stdout?.destroy();
    expect(await end(child)).toMatchObject({ code: 0, err: '' });
  });

  test('that cannot be written is one', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      const { code, err } = await soakAgent(['metrics'], { stdout: full });
      expect(code).toBe(70);
      expect(err).toMatch(/^soak-agent: the output could not be written: .*ENOSPC.*\n$/);
    } finally {
      closeSync(full);
    }
  });

  test('that is a slow pipe gets everything', async () => {
    const { code, out } = await soakAgent(['metrics', '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(out) as unknown[]).length).toBeGreaterThan(50);
  });
});

describe('a defect', () => {
  // The entry's handlers are there as soon as the second of them is registered.
  const onceReady = (action: string): string[] =>
    preload('defect', `process.on('newListener', (name) => { if (name === 'unhandledRejection') setImmediate(() => { ${action} }); });`);

  test.each([
    ['thrown', `throw new TypeError('one\\ntwo');`, /^soak-agent: failed by a defect: TypeError: one two \(at .*defect\.mjs:1:\d+\)+\n$/],
    ['rejected', `Promise.reject(new Error('lost'));`, /^soak-agent: failed by a defect: Error: lost \(at .*\)\n$/],
    ['that is no error', `throw 'a word';`, /^soak-agent: failed by a defect: a word\n$/],
    ['that is nothing', `Promise.reject(null);`, /^soak-agent: failed by a defect: null\n$/],
  ])('%s is one line and ends with 70', async (_name, action, line) => {
    const { code, err } = await soakAgent(['metrics'], { node: onceReady(action) });
    expect(code).toBe(70);
    expect(err).toMatch(line);
  });

  test('in the import itself ends with 70, too', async () => {
    const node = preload(
      'import',
      `import { registerHooks } from 'node:module'; registerHooks({ load: (url, context, next) => { if (/program\\.ts$|main\\.js$/.test(url)) throw new Error('torn'); return next(url, context); } });`,
    );
    const { code, err } = await soakAgent(['metrics'], { node });
    expect(code).toBe(70);
    expect(err).toMatch(/^soak-agent: failed by a defect: Error: torn/);
  });

  test('a problem that nobody caught keeps its code', async () => {
    const action = `throw Object.assign(new Error('port 80 is taken'), { name: 'Problem', exitCode: 64 });`;
    expect(await soakAgent(['metrics'], { node: onceReady(action) })).toMatchObject({
      code: 64,
      err: 'soak-agent: Problem: port 80 is taken\n',
    });
  });

  test('an end that does not come is named and forced', async () => {
    const { code, err } = await end(start([join(ROOT, 'test/fixtures/cli/stuck.ts')]));
    expect(code).toBe(11);
    expect(err).toMatch(/^soak-agent: still open at the end: .*TCPServerWrap.*; please report this\n$/);
  });
});

describe('a thread that waits for ever, as for a dead mount', () => {
  /** A read of a pipe that nobody writes keeps one of libuv's threads just so. */
  function waiting(): string[] {
    const fifo = join(DIR, 'fifo');
    if (!existsSync(fifo)) execFileSync('mkfifo', [fifo]);
    return preload('waiting', `import { readFile } from 'node:fs'; readFile(${JSON.stringify(fifo)}, () => {});`);
  }

  test('does not keep the program from ending, and the code stays what it was', async () => {
    const { code, err } = await soakAgent(['metrics', '--json=no'], { node: waiting() });
    expect(code).toBe(64);
    expect(err).toMatch(/\nsoak-agent: still open at the end: .*FSReqCallback.*; please report this\n$/);
  });

  test('nor does it after a defect', async () => {
    const node = [
      ...waiting(),
      ...preload('broken', `process.on('newListener', (name) => { if (name === 'exit') setImmediate(() => { throw 'a word'; }); });`),
    ];
    const { code, err } = await soakAgent(['metrics'], { node });
    expect([code, err]).toEqual([70, 'soak-agent: failed by a defect: a word\n']);
  });
});

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s is told once, and the next one ends the process at once', async (first) => {
    const child = start([join(ROOT, 'test/fixtures/cli/stop.ts')]);
    const lines = child.stdout!.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
    expect((await lines.next()).value).toBe('ready\n');
    child.kill(first);
    expect((await lines.next()).value).toBe(`told ${first}\n`);
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });
});

describe('the entry', () => {
  const limits = preload(
    'limits',
    `import { getHeapStatistics } from 'node:v8'; process.on('exit', () => process.stderr.write(String(getHeapStatistics().heap_size_limit)));`,
  );
  const heapLimit = async (env: Record<string, string>): Promise<number> =>
    Number((await soakAgent(['--version'], { node: limits, env })).err) / 2 ** 20;

  test('limits the heap, to what SOAK_HEAP_MB says', async () => {
    const standard = await heapLimit({});
    expect(standard).toBeGreaterThanOrEqual(64);
    expect(standard).toBeLessThan(80); // some semi-spaces on top
    expect((await heapLimit({ SOAK_HEAP_MB: '200' })) - standard).toBeCloseTo(136, 0);
    expect(await heapLimit({ SOAK_HEAP_MB: '4' })).toBe(standard);
  });

  test('leaves a heap size alone that was given to Node', async () => {
    const standard = await heapLimit({});
    for (const given of [{ node: ['--max-old-space-size=300'] }, { env: { NODE_OPTIONS: '--max_old_space_size=300' } }]) {
      const { err } = await soakAgent(['--version'], { env: given.env ?? {}, node: [...(given.node ?? []), ...limits] });
      expect(Number(err) / 2 ** 20).toBeGreaterThan(standard + 200);
    }
  });

  test('keeps its pid, its streams and what Node was told', async () => {
    const told = preload(
      'told',
      `process.on('exit', () => process.stderr.write(JSON.stringify([process.pid, process.execArgv, process.argv.slice(2)])));`,
    );
    const child = start([CLI, '--version', 'a b', '', 'ü'], { node: ['--no-warnings', ...told] });
    const { pid } = child;
    const { out, err } = await end(child);
    expect(out).toMatch(/^\d/);
    const [its, execArgv, args] = JSON.parse(err) as [number, string[], string[]];
    expect(its).toBe(pid);
    const ours = ['--no-flush-bytecode', '--efficiency-mode', '--no-memory-reducer', '--expose-gc'];
    const sooner = ['--invocation-count-for-maglev=100', '--minimum-invocations-after-ic-update=100'];
    expect(execArgv).toEqual(['--no-warnings', ...told, '--max-old-space-size=64', '--max-semi-space-size=1', ...ours, ...sooner]);
    expect(args).toEqual(['--version', 'a b', '', 'ü']);
  });

  test('tells glibc how to allocate, whose user did not, and nobody that it starts', async () => {
    const told = preload(
      'tunables',
      `import { readFileSync } from 'node:fs';
       const own = /^GLIBC_TUNABLES=(.*)/m.exec(readFileSync('/proc/self/environ', 'latin1').replaceAll('\\0', '\\n'))?.[1];
       process.on('exit', () => process.stderr.write(JSON.stringify([own, process.env.GLIBC_TUNABLES ?? null])));`,
    );
    const tunables = async (env: Record<string, string>): Promise<unknown> =>
      JSON.parse((await soakAgent(['--version'], { node: told, env })).err);
    expect(await tunables({})).toEqual([expect.stringMatching(/^glibc\.malloc\.mmap_threshold=65536/), null]);
    const theirs = 'glibc.malloc.check=0';
    expect(await tunables({ GLIBC_TUNABLES: theirs })).toEqual([theirs, theirs]);
  });

  test('a wrong SOAK_HEAP_MB is reported with the rest', async () => {
    const { code, err } = await soakAgent(['--target', '1', '--keep', 'x'], { env: { SOAK_HEAP_MB: 'much' } });
    expect(code).toBe(64);
    expect(err).toMatch(/^--keep: [\s\S]*^SOAK_HEAP_MB: "much" should be a whole number from 32/m);
  });

  test('tells an old Node that it is too old, before it loads the bundle', async () => {
    const file = join(DIR, 'soak-agent.mjs');
    await build({
      entryPoints: [join(ROOT, 'src/cli.ts')],
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node18', // refused by esbuild if the syntax were newer and could not be lowered
      plugins: [
        {
          name: 'apart',
          setup: (plugin) => plugin.onResolve({ filter: /program\.ts$/ }, () => ({ path: './not-there.js', external: true })),
        },
      ],
      logLevel: 'silent',
    });
    const node = preload('old', `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`);
    const { code, out, err } = await end(start([file, '--version'], { node }));
    expect([code, out]).toEqual([64, '']);
    expect(err).toMatch(/^soak-agent needs Node\.js 24 or newer; this is 20\.20\.2 \(.*\)\n$/);
  });
});
