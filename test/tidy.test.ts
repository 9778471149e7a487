/** House rules as a test: who may import whom, what only one file may touch, how large things may grow. CONTRIBUTING.md says why. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(SRC, name), 'utf8') }));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(file: { name: string; text: string }): Import[] {
  const { module } = parseSync(file.name, file.text);
  const named = module.staticImports.map((i) => ({
    to: i.moduleRequest.value,
    typeOnly: i.entries.length > 0 && i.entries.every((entry) => entry.isType),
  }));
  const exported = module.staticExports.flatMap((e) =>
    e.entries.flatMap((entry) => (entry.moduleRequest ? [{ to: entry.moduleRequest.value, typeOnly: entry.isType }] : [])),
  );
  const lazy = module.dynamicImports.map((i) => ({
    to: file.text.slice(i.moduleRequest.start + 1, i.moduleRequest.end - 1),
    typeOnly: false,
  }));
  return [...named, ...exported, ...lazy].map(({ to, typeOnly }) => ({
    from: file.name,
    to: to.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, file.name)), to)) : to,
    typeOnly,
  }));
}

const IMPORTS = FILES.flatMap(importsOf);

function breaks(rule: (i: Import) => boolean): string[] {
  return IMPORTS.filter(rule).map((i) => `${i.from} imports ${i.to}`);
}

const LEAVES = new Set([
  'catalog.ts',
  'clock.ts',
  'problem.ts',
  'log.ts',
  'pace.ts',
  'series.ts',
  'tick.ts',
  'timeline.ts',
  'quantity.ts',
  'selector.ts',
  'targets.ts',
]);

const isSource = (name: string): boolean => name.startsWith('sources/') && name !== 'sources/index.ts';

/** Files of a source that hold its parsers or the interface itself may be shared. */
const SHARED_BY_SOURCES = /^sources\/(source|[a-z-]*(fs|procfs|proc-reader|proc-access|hsperfdata|members|outages))\.ts$/;

describe('who imports whom', () => {
  test('leaves import only leaves', () => {
    expect(breaks((i) => LEAVES.has(i.from) && i.to.endsWith('.ts') && !LEAVES.has(i.to) && !i.typeOnly)).toEqual([]);
  });

  test('analysis is pure: no clock, no I/O, no packages', () => {
    const allowed = /^(analysis\/.*|series|store|tick|timeline|catalog|quantiles|quantity|pace|problem)\.ts$/;
    expect(breaks((i) => i.from.startsWith('analysis/') && !allowed.test(i.to))).toEqual([]);
  });

  test('sources import neither each other nor the store, the record, the views or the analysis', () => {
    const forbidden = (to: string): boolean =>
      (isSource(to) && !SHARED_BY_SOURCES.test(to)) ||
      /^(store|runstate|loop|agent|runs)\.ts$|^(record|views|analysis|commands)\//.test(to);
    // A type-only import of the configuration is a lie about direction as well, so type imports count here.
    expect(breaks((i) => isSource(i.from) && forbidden(i.to) && !sameFamily(i))).toEqual([]);
  });

  test('sockets are the layer under the sources that read them: they import only clock, servers, targets and readers of /proc', () => {
    const allowed = /^(clock|problem|servers|targets)\.ts$|^sockets\//;
    expect(
      breaks((i) => i.from.startsWith('sockets/') && i.to.endsWith('.ts') && !allowed.test(i.to) && !SHARED_BY_SOURCES.test(i.to)),
    ).toEqual([]);
  });

  test('views own nothing: they import no source, record or command', () => {
    expect(breaks((i) => i.from.startsWith('views/') && /^(sources|record|commands)\/|^(agent|loop)\.ts$/.test(i.to))).toEqual([]);
  });

  test('reports are made of a state: they import no source, record or command', () => {
    expect(breaks((i) => i.from.startsWith('report/') && /^(sources|record|commands|import)\/|^(agent|loop|runs)\.ts$/.test(i.to))).toEqual(
      [],
    );
  });

  test('the page runs in a browser: it imports what is pure, of the report its shape alone, and nothing of Node', () => {
    const allowed = /^page\/|^uplot$|^(quantity|analysis\/(sentence|instant)|views\/quantities)\.ts$/;
    expect(breaks((i) => i.from.startsWith('page/') && !allowed.test(i.to) && !i.typeOnly)).toEqual([]);
  });

  test('import reads what others have measured: it imports no source, record, view or command', () => {
    const forbidden = /^(sources|record|views|commands)\/|^(agent|loop|schedule|runs)\.ts$/;
    expect(breaks((i) => i.from.startsWith('import/') && forbidden.test(i.to))).toEqual([]);
  });

  test('only commands and the agent compose', () => {
    expect(breaks((i) => i.to.startsWith('commands/') && !/^(cli\.ts|commands\/.*)$/.test(i.from))).toEqual([]);
    expect(breaks((i) => i.to === 'agent.ts' && !i.from.startsWith('commands/'))).toEqual([]);
  });

  test.each([
    ['@opentelemetry/', /^views\/(otel[a-z]*|producer|exposition)\.ts$/],
    ['protobufjs', /^intake\/otlp-protobuf\.ts$/],
    ['pino', /^log\.ts$/],
    ['pidusage', /^sources\/portable\.ts$/],
    ['systeminformation', /^sources\/(host|facts|hostportable|host-portable)\.ts$/],
    ['commander', /^commands\/(program|flags|strays)\.ts$/],
    ['yaml', /^config\/yaml(slips|open)?\.ts$/],
    ['pg', /^sources\/postgres-session\.ts$/],
    ['ws', /^sources\/probe-websocket\.ts$/],
    ['ioredis', /^sources\/redis-connection\.ts$/],
    ['node:sqlite', /^record\//],
    ['uplot', /^page\//],
    ['node:perf_hooks', /^sources\/self\.ts$/],
    ['node:child_process', /^(load\.ts|detach\.ts|sources\/selection-exec\.ts|sockets\/unix\.ts)$/],
  ])('%s is imported only where it belongs', (prefix, allowed) => {
    const isOfPackage = (to: string): boolean => to === prefix || to.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
    expect(breaks((i) => isOfPackage(i.to) && !allowed.test(i.from))).toEqual([]);
  });
});

/** `process.ts` and `process-io.ts` are one source in two files. */
function sameFamily(i: Import): boolean {
  const stem = (name: string): string => name.replace(/^sources\//, '').split(/[-.]/)[0] ?? '';
  return stem(i.from).replace(/fs$/, '') === stem(i.to).replace(/fs$/, '');
}

describe('what only one file may touch', () => {
  const code = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:])\/\/.*$/gm, '$1');

  test.each([
    [
      /\bDate\b(?!\.)|\bDate\.|\bperformance\.|\bset(Timeout|Interval|Immediate)\(|\bhrtime\b|AbortSignal\.(any|timeout)/,
      'a Clock',
      /^clock\.ts$/,
    ],
    [/process\.exit(Code)?\b/, 'an exit code returned to cli.ts', /^(cli|commands\/io)\.ts$/],
    [/\bconsole\./, 'the stream that is given', /^$/],
    [/\bprocess\.title\b|process\.argv\b/, 'the arguments given to the program', /^cli\.ts$/],
    [/\bMath\.random\(/, 'node:crypto', /^$/],
  ])('%s: use %s', (banned, _, allowed) => {
    expect(FILES.filter((file) => !allowed.test(file.name) && banned.test(code(file.text))).map((file) => file.name)).toEqual([]);
  });
});

describe('size and names', () => {
  test('no file over 400 lines', () => {
    expect(FILES.filter((file) => file.text.split('\n').length > 400).map((file) => file.name)).toEqual([]);
  });

  test('no drawer for what has no place', () => {
    expect(FILES.filter((file) => /(^|\/)(utils?|helpers?|common|types|constants|misc|shared)\.ts$/.test(file.name))).toEqual([]);
  });

  test('nothing is left unfinished', () => {
    const unfinished = /\b(TODO|FIXME|XXX|HACK|for now|not implemented)\b/i;
    expect(FILES.filter((file) => unfinished.test(file.text)).map((file) => file.name)).toEqual([]);
  });
});

test('one copy of the OpenTelemetry SDK', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, unknown> };
  const copies = Object.keys(lock.packages).filter((path) => path.endsWith('node_modules/@opentelemetry/sdk-metrics'));
  expect(copies).toEqual(['node_modules/@opentelemetry/sdk-metrics']);
});
