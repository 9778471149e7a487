/** What a run costs others: no descriptor, handle or thread is lost, no process is started, nothing that a target waits for is read, and no secret gets out. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type AgentUnderTest, installed, type Program, Stage, until } from './agent-under-test.ts';
import { receiver } from './otlp.ts';

/** What the agent holds right now; `handles` is what keeps its event loop alive. */
interface Held {
  readonly descriptors: number;
  readonly threads: number;
  readonly handles: readonly string[];
}

/** A module that writes down the agent's own handles when it is sent SIGUSR2. */
function tellsHandles(stage: Stage): { env: Record<string, string>; file: string } {
  const [module, file] = [join(stage.folder, 'handles.mjs'), join(stage.folder, 'handles.json')];
  const text = `import { renameSync, writeFileSync } from 'node:fs';
    process.on('SIGUSR2', () => {
      writeFileSync('${file}.new', JSON.stringify(process.getActiveResourcesInfo().toSorted()));
      renameSync('${file}.new', '${file}');
    });`;
  writeFileSync(module, text);
  return { env: { NODE_OPTIONS: `--import ${module}` }, file };
}

async function held(agent: AgentUnderTest, file: string): Promise<Held> {
  writeFileSync(file, '');
  agent.child.kill('SIGUSR2');
  const handles = await until(
    () => readFileSync(file, 'utf8'),
    (text) => text !== '',
  );
  const count = (kind: string): number => readdirSync(`/proc/${agent.pid}/${kind}`).length;
  return { descriptors: count('fd'), threads: count('task'), handles: JSON.parse(handles) as string[] };
}

/** What it holds when nothing is under way: the same twice, a second apart. */
async function atRest(agent: AgentUnderTest, file: string): Promise<Held> {
  let last = await held(agent, file);
  const rest = await until(
    async () => {
      await sleep(1000);
      const before = last;
      last = await held(agent, file);
      return { last, isSame: isDeepStrictEqual(last, before) };
    },
    ({ isSame }) => isSame,
  );
  return rest.last;
}

const sorted = (programs: readonly Program[]): number[] => programs.map(({ pid }) => pid).toSorted((a, b) => a - b);

describe.runIf(installed('gcc')).concurrent('the agent', () => {
  test('holds at the end what it held at the beginning, after restarts, scrapes and clients that go away', async () => {
    await using stage = new Stage();
    const name = `cost${process.pid}`;
    const start = (): Promise<Program> => stage.program(stage.serviceCalled(name), 'busy=2');
    let services = [await start(), await start(), await start()];
    const { env, file } = tellsHandles(stage);
    const agent = await stage.watching(['--target', `app=name:${name}`, '--many', '--interval', '0.25'], { env });
    await sleep(10_000);
    const before = await atRest(agent, file);
    for (let round = 0; round < 3; round++) {
      await Promise.all(services.map((service) => service.end('SIGKILL')));
      services = [await start(), await start(), await start()];
      for (let i = 0; i < 20; i++) await Promise.all([agent.page('/metrics'), agent.page('/api/verdict'), agent.page('/nowhere')]);
      await until(
        () => agent.bound(),
        (pids) => isDeepStrictEqual(pids, sorted(services)),
      );
    }
    await until(
      () => held(agent, file),
      (now) => isDeepStrictEqual(now, before),
    );
    expect(before.handles.length).toBeGreaterThan(0);
    await agent.end('SIGTERM');
  });
});

describe.runIf(installed('gcc', 'strace')).concurrent('the agent', () => {
  test('starts no process and opens nothing that stalls a target, once it has found its targets', async () => {
    await using stage = new Stage();
    const services = [await stage.service('busy=2', `mark=${process.pid}`), await stage.service('busy=2', `mark=${process.pid}`)];
    const agent = await stage.watching(['--target', `app=cmd:mark=${process.pid}$`, '--many', '--interval', '0.25']);
    await sleep(12_000); // which runtime a target is may be asked until it is ten seconds old
    const trace = join(stage.folder, 'trace');
    const calls = 'trace=execve,execveat,fork,vfork,clone,clone3,open,openat,openat2';
    const strace = await stage.program('sh', '-c', `echo ready; exec strace -f -p ${agent.pid} -o ${trace} -e ${calls}`);
    await sleep(21_000);
    expect(await agent.bound()).toEqual(sorted(services));
    await strace.end('SIGINT');
    await agent.end('SIGTERM');
    const lines = readFileSync(trace, 'utf8').split('\n');
    expect(lines.filter((line) => /\bopen(at)?\(.*"\/proc/.test(line)).length).toBeGreaterThan(3); // it did trace
    expect(lines.filter((line) => /\b(execve(at)?|v?fork)\(/.test(line))).toEqual([]);
    expect(lines.filter((line) => /\bclone3?\(/.test(line) && !line.includes('CLONE_THREAD'))).toEqual([]);
    expect(lines.filter((line) => /smaps|\/(maps|environ)"/.test(line))).toEqual([]);
    const own = services.map(({ pid }) => `/proc/${pid}/cmdline`);
    expect(lines.filter((line) => own.some((path) => line.includes(path)))).toEqual([]);
  });
});

const SECRET = /s3cret/;

/** Everything that can be read of a file of a run: as it is, and what is compressed in it. */
function readable(path: string): string[] {
  const texts = [readFileSync(path, 'latin1')];
  if (!path.endsWith('.sqlite')) return texts;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all() as { name: string }[];
    for (const { name } of tables) {
      for (const row of db.prepare(`SELECT * FROM "${name}"`).all()) texts.push(...Object.values(row).map(textOf));
    }
  } finally {
    db.close();
  }
  return texts;
}

function textOf(value: unknown): string {
  if (!(value instanceof Uint8Array)) return String(value);
  try {
    return zstdDecompressSync(value).toString('latin1');
  } catch {
    return Buffer.from(value).toString('latin1');
  }
}

describe.runIf(installed('gcc')).concurrent('no secret and no command line gets out', () => {
  test('of what was pushed, recorded, printed, logged or served', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2', '--password=s3cret-target');
    const collector = await receiver();
    const targets = ['--target', `app=${service.pid}`];
    const started = ['--target', `own=exec:PASSWORD=s3cret-env ${stage.serviceCalled('own')} --password s3cret-exec busy=2`];
    const load = [stage.serviceCalled('load'), '--token', 's3cret-load', 'seconds=9'];
    const env = {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}?token=s3cret-query`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20s3cret-header',
      SOAK_OTLP_HEADERS: 'x-key=s3cret-key',
    };
    const options = ['--interval', '0.25', '--log-level', 'debug', '--hold', '--', ...load];
    const agent = await stage.watching([...targets, ...started, ...options], { env });
    await agent.says(/serving the final state/);
    const pages = await Promise.all(['/', '/metrics', '/api/verdict', '/healthz', '/nowhere'].map((path) => agent.page(path)));
    await agent.end('SIGTERM');
    await collector.close();
    const { folder } = await agent.result();
    const [push] = collector.pushes;
    expect(push!.headers).toMatchObject({ authorization: 'Bearer s3cret-header', 'x-key': 's3cret-key' });
    const texts = [
      ...readdirSync(folder).flatMap((name) => readable(join(folder, name))),
      ...pages.map(({ text }) => text),
      ...collector.pushes.map(({ body }) => body.toString('latin1')),
      agent.out,
      agent.err,
      readFileSync(`/proc/${process.pid}/comm`, 'utf8'),
    ];
    expect(texts.length).toBeGreaterThan(100);
    expect(texts.filter((text) => SECRET.test(text))).toEqual([]);
    expect(texts.filter((text) => /process\.(command|executable|owner)|cli\.ts|--target/.test(text))).toEqual([]);
  });

  test('not even when the receiver refuses it', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const collector = await receiver({ status: 401, reason: 'wrong key' });
    const env = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20s3cret-header' };
    const otlp = ['--otlp', `${collector.url}?token=s3cret-query`, '--log-level', 'debug'];
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--interval', '0.25', '--duration', '4s', ...otlp], { env });
    const { folder } = await agent.result();
    await collector.close();
    expect(collector.pushes.length).toBeGreaterThan(0);
    expect(agent.err).toMatch(/OpenTelemetry: .*wrong key/);
    const texts = [...readdirSync(folder).flatMap((name) => readable(join(folder, name))), agent.out, agent.err];
    expect(texts.filter((text) => SECRET.test(text))).toEqual([]);
  });
});
