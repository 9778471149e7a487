import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from '../property.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { countersIn, lookAt, parseMemoryLimit, runtimeOfName, runtimeOfThreads } from '../../src/sources/runtime-kind.ts';
import { METRICS, runtimeSource } from '../../src/sources/runtime.ts';
import type { Source } from '../../src/sources/source.ts';
import { Readings } from '../readings.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/hsperfdata');
const COUNTERS = '/tmp/hsperfdata_app/7';
const MAPS = `7f28c9c00000-7f28c9e51000 r--p 00000000 fe:00 328261    /usr/lib/jvm/lib/server/libjvm.so
7f28cb043000-7f28cb04b000 rw-s 00000000 fe:00 2154497                    ${COUNTERS}
7ffc8a5f2000-7ffc8a613000 rw-p 00000000 00:00 0                          [stack]
`;

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A /proc of one process, pid 100, that started 900 s ago. */
class Process {
  readonly proc: string;
  readonly dir: string;
  readonly clock = new SimClock({ monotonic: 0 });

  constructor(exe: string) {
    const root = mkdtempSync(join(tmpdir(), 'soak-runtime-'));
    made.push(root);
    this.proc = root;
    this.dir = join(root, '100');
    this.write('../uptime', '1000.00 1990.00\n');
    this.write('stat', '100 (x) S 1\n');
    this.write('task/100/comm', 'main\n');
    symlinkSync(exe, join(this.dir, 'exe'));
  }

  write(path: string, text: string | Uint8Array): this {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), text);
    return this;
  }

  counters(fixture: string): this {
    mkdirSync(join(this.dir, 'root', dirname(COUNTERS)), { recursive: true });
    copyFileSync(join(FIXTURES, `${fixture}.hsperfdata`), join(this.dir, 'root', COUNTERS));
    return this;
  }

  /** Changes a number among the counters, as the VM would. */
  count(name: string, value: number): void {
    const path = join(this.dir, 'root', COUNTERS);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(`${name}\0`);
    const entry = at - 20; // the name follows the header of its entry
    bytes.writeBigInt64LE(BigInt(value), entry + bytes.readInt32LE(entry + 16));
    writeFileSync(path, bytes);
  }

  /** A source with the process bound, read until it reports: what it looks up comes in when it comes in. */
  async watch(member: string | null = null): Promise<{ r: Readings; source: Source }> {
    const r = new Readings({ proc: this.proc, sys: '/nowhere' }, {}, this.clock);
    r.bind({ pid: 100, startTime: 10_000, comm: 'main', member });
    const source = runtimeSource(r.ctx);
    await this.until(r, source, () => r.samples.length > 0);
    return { r, source };
  }

  async until(r: Readings, source: Source, done: () => boolean): Promise<void> {
    for (let i = 0; i < 1000; i++) {
      await this.again(r, source);
      if (done()) return;
      await delay(2);
    }
    throw new Error('nothing came');
  }

  /** The next reading that reports. */
  async again(r: Readings, source: Source, seconds = 5): Promise<void> {
    this.clock.advance(seconds);
    await r.read(source);
  }
}

const jvm = (fixture: string): Process => new Process('/usr/lib/jvm/bin/java').write('maps', MAPS).counters(fixture);
const pool = (name: string) => ({ 'jvm.memory.pool.name': name });
const kind = (name: string) => ({ 'soak.collection.kind': name });
const visible = (r: Readings, runtime: string, member: string | null = null) =>
  r.value(METRICS.visible, { 'soak.runtime': runtime }, member);

describe('a JVM whose counters can be read', () => {
  test('its heap by generation, its collections, threads and classes', async () => {
    const { r } = await jvm('jdk17-serial').watch();
    expect(visible(r, 'jvm')).toBe(1);
    expect(r.value(METRICS.used, pool('old'))).toBe(33_391_192);
    expect(r.value(METRICS.used, pool('survivor'))).toBe(1_421_136);
    expect(r.value(METRICS.committed, pool('old'))).toBe(44_761_088);
    expect(r.value(METRICS.used, pool('metaspace'))).toBeGreaterThan(100_000);
    expect(r.value(METRICS.heapLimit)).toBe(44_761_088);
    expect(r.value(METRICS.collections, kind('major'))).toBe(1);
    expect(r.value(METRICS.collections, kind('minor'))).toBe(124);
    expect(r.value(METRICS.collections, kind('concurrent'))).toBeUndefined();
    expect(r.value(METRICS.collectionTime, kind('major'))).toBeCloseTo(0.004476384, 9);
    expect(r.value(METRICS.threads)).toBe(6);
    expect(r.value(METRICS.classes)).toBe(415);
    expect(r.events).toEqual([]);
  });

  test('the young generation is divided in G1 and is not in ZGC', async () => {
    const g1 = (await jvm('jdk17-g1').watch()).r;
    expect(g1.value(METRICS.used, pool('survivor'))).toBe(2_637_584);
    expect(g1.value(METRICS.used, pool('young'))).toBeUndefined();
    expect(g1.value(METRICS.collections, kind('concurrent'))).toBe(2);
    const z = (await jvm('jdk25-z').watch()).r;
    expect(z.value(METRICS.used, pool('young'))).toBe(50_331_648);
    expect(z.value(METRICS.used, pool('eden'))).toBeUndefined();
    expect(z.value(METRICS.used, pool('survivor'))).toBeUndefined();
  });

  test('a sample of the heap comes with each major collection and only then', async () => {
    const process = jvm('jdk17-serial');
    const { r, source } = await process.watch();
    const heap = (): number[] => r.samples.filter(({ metric }) => metric === METRICS.heap.name).map(({ value }) => value);
    expect(heap()).toEqual([]);
    expect(r.series.all().map(({ def }) => def.name)).toContain(METRICS.heap.name); // known to be waited for
    expect(r.value(METRICS.usedAfterGc, pool('old'))).toBeUndefined();
    process.count('sun.gc.generation.1.space.0.used', 12_000_000);
    process.count('sun.gc.collector.1.lastExitTime', 9_000_000_000);
    await process.again(r, source, 1);
    expect(heap()).toEqual([12_000_000]);
    process.count('sun.gc.generation.1.space.0.used', 20_000_000);
    await process.again(r, source);
    expect(heap()).toEqual([]);
    expect(r.value(METRICS.usedAfterGc, pool('old'))).toBe(12_000_000);
    expect(r.value(METRICS.used, pool('old'))).toBe(20_000_000);
  });

  test('its counters are wanted every second, other figures come every five', async () => {
    const process = jvm('jdk17-serial');
    const { r, source } = await process.watch();
    expect(source.wants!()).toBe(false);
    process.clock.advance(1);
    expect(source.wants!()).toBe(true);
    await r.read(source);
    expect(r.samples).toEqual([]);
    expect(source.wants!()).toBe(false);
    process.clock.advance(4);
    await r.read(source);
    expect(visible(r, 'jvm')).toBe(1);
  });

  test('a JVM under another name is known by its threads', async () => {
    const process = new Process('/opt/app/launcher').write('task/101/comm', 'VM Thread\n').write('maps', MAPS).counters('jdk17-g1');
    expect(visible((await process.watch()).r, 'jvm')).toBe(1);
  });
});

describe('a JVM whose heap is not visible', () => {
  async function blindness(process: Process): Promise<string> {
    const { r, source } = await process.watch();
    const seen = [...r.events];
    for (let i = 0; i < 3; i++) {
      await process.again(r, source);
      seen.push(...r.events);
    }
    expect(visible(r, 'jvm')).toBe(0);
    expect(seen).toMatchObject([{ kind: 'blind', target: 'api', data: { metric: METRICS.heap.name } }]); // told once
    expect(r.samples.map(({ metric }) => metric)).not.toContain(METRICS.heap.name);
    return String(seen[0]!.data['reason']);
  }

  test('it publishes nothing', async () => {
    const process = new Process('/usr/bin/java').write('maps', MAPS.replace(/.*hsperfdata.*\n/, ''));
    expect(await blindness(process)).toContain('PerfDisableSharedMem');
  });

  test('its file was deleted before it was found', async () => {
    const process = new Process('/usr/bin/java').write('maps', MAPS.replace(COUNTERS, `${COUNTERS} (deleted)`));
    expect(await blindness(process)).toContain('deleted');
  });

  test('its file is deleted later', async () => {
    const process = jvm('jdk17-g1');
    rmSync(join(process.dir, 'root', COUNTERS));
    expect(await blindness(process)).toContain('deleted');
  });

  test('its collector publishes nothing after a collection', async () => {
    const process = jvm('jdk17-shenandoah');
    expect(await blindness(process)).toContain('garbage collector');
    const { r } = await process.watch();
    expect(r.value(METRICS.used, pool('old'))).toBe(19_922_928); // shown all the same
  });

  test.each([
    ['a foreign file', (bytes: Buffer) => bytes.fill('x', 0, 8), 'not a HotSpot file'],
    ['another version', (bytes: Buffer) => bytes.fill(9, 5, 6), 'version 9.0'],
    ['a file that stays half-written', (bytes: Buffer) => bytes.fill(0, 7, 8), 'released'],
    ['a truncated file', (bytes: Buffer) => bytes.subarray(0, 900), 'cut short'],
  ])('%s is blind, never a zero', async (_, damage, reason) => {
    const process = jvm('jdk17-g1');
    process.write(join('root', COUNTERS), damage(readFileSync(join(process.dir, 'root', COUNTERS))));
    expect(await blindness(process)).toContain(reason);
    const { r } = await process.watch();
    expect(r.samples.map(({ metric }) => metric).filter((metric) => metric !== METRICS.visible.name)).toEqual([]);
  });

  test('a link that lies in its place is not followed', async () => {
    const process = new Process('/usr/bin/java').write('maps', MAPS).counters('jdk17-g1');
    const path = join(process.dir, 'root', COUNTERS);
    rmSync(path);
    symlinkSync(join(FIXTURES, 'jdk17-g1.hsperfdata'), path);
    expect(await blindness(process)).toContain('cannot be understood');
  });

  test('a file that is unreadable for a moment is no blindness', async () => {
    const process = jvm('jdk17-g1');
    const { r, source } = await process.watch();
    const whole = readFileSync(join(process.dir, 'root', COUNTERS));
    process.write(join('root', COUNTERS), whole.subarray(0, 900));
    await process.again(r, source);
    expect(r.samples).toEqual([]);
    process.write(join('root', COUNTERS), whole);
    await process.again(r, source);
    expect(visible(r, 'jvm')).toBe(1);
    expect(r.events).toEqual([]);
  });

  test('a process that has ended says nothing more', async () => {
    const process = jvm('jdk17-g1');
    const { r, source } = await process.watch();
    rmSync(process.dir, { recursive: true });
    for (let i = 0; i < 5; i++) {
      await process.again(r, source);
      expect([...r.samples, ...r.events]).toEqual([]);
    }
  });

  test('a member without a slot of its own', async () => {
    const { r } = await jvm('jdk17-g1').watch('other');
    expect(visible(r, 'jvm', 'other')).toBe(0);
    expect(r.samples.map(({ metric }) => metric)).toEqual([METRICS.visible.name]);
  });
});

describe('which runtime', () => {
  test.each([
    ['/usr/bin/node', 'nodejs'],
    ['/usr/local/bin/deno', 'v8'],
    ['/root/.pyenv/versions/3.11.7/bin/python3.11 (deleted)', 'cpython'],
    ['/usr/bin/ruby3.1', 'ruby'],
    ['/usr/share/dotnet/dotnet', 'dotnet'],
    ['/usr/lib/erlang/erts-13/bin/beam.smp', 'beam'],
    ['/opt/server', 'native'],
  ])('%s is %s, whose growth shows', async (exe, runtime) => {
    const { r } = await new Process(exe).watch();
    expect(visible(r, runtime)).toBe(1);
    expect(r.events).toEqual([]);
  });

  test('names and threads', () => {
    expect(runtimeOfName('javac')).toBeNull();
    expect(runtimeOfName('python3-config')).toBeNull();
    expect(runtimeOfThreads(['app', 'VM Periodic Tas'])).toBe('jvm');
    expect(runtimeOfThreads(['MainThread', 'DelayedTaskSche', 'V8Worker'])).toBe('nodejs');
    expect(runtimeOfThreads(['app', '.NET SynchManag'])).toBe('dotnet');
    expect(runtimeOfThreads(['worker'])).toBeNull();
  });

  test('a young process is not decided yet: it may still become something else', async () => {
    const process = new Process('/bin/sh').write('../uptime', '105.00 0\n');
    const r = new Readings({ proc: process.proc, sys: '/nowhere' }, {}, process.clock);
    r.bind({ pid: 100, startTime: 10_000 });
    const source = runtimeSource(r.ctx);
    for (let i = 0; i < 20; i++) {
      await process.again(r, source);
      await delay(2);
      expect(r.samples).toEqual([]);
    }
    rmSync(join(process.dir, 'exe'));
    symlinkSync('/usr/bin/node', join(process.dir, 'exe'));
    process.write('../uptime', '111.00 0\n');
    await process.until(r, source, () => r.samples.length > 0);
    expect(visible(r, 'nodejs')).toBe(1);
  });

  test('the real thing: this process', async () => {
    expect(await lookAt('/proc/self', 'x')).toMatchObject({ runtime: 'nodejs', denied: false });
  });

  test('an executable that may not be seen is known by its command name, or unknown', async () => {
    const process = new Process('/x');
    rmSync(join(process.dir, 'exe'));
    expect((await lookAt(process.dir, 'java')).runtime).toBe('jvm');
    expect((await lookAt(process.dir, 'main')).runtime).toBe('unknown');
  });

  test('the counter file among the mappings', () => {
    expect(countersIn(MAPS)).toEqual({ path: COUNTERS, deleted: false });
    expect(countersIn(MAPS.replace(COUNTERS, `${COUNTERS} (deleted)`))).toEqual({ path: COUNTERS, deleted: true });
    expect(countersIn('7f-7f rw-s 0 fe:00 1 /tmp/hsperfdata_app/notes\n')).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => void countersIn(text)));
  });
});

describe('Go', () => {
  /** The smallest 64-bit ELF file with these sections. */
  function elf(...names: string[]): Buffer {
    const text = Buffer.from(`\0${names.join('\0')}\0`);
    const file = Buffer.alloc(64 + 64 * 2 + text.length);
    file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    file.writeBigUInt64LE(64n, 0x28);
    file.writeUInt16LE(64, 0x3a);
    file.writeUInt16LE(2, 0x3c);
    file.writeUInt16LE(1, 0x3e);
    file.writeBigUInt64LE(192n, 64 + 64 + 0x18);
    file.writeBigUInt64LE(BigInt(text.length), 64 + 64 + 0x20);
    file.set(text, 192);
    return file;
  }

  function program(file: Uint8Array, environ: string, anon: number, swap = 0): Process {
    const dir = mkdtempSync(join(tmpdir(), 'soak-runtime-'));
    made.push(dir);
    writeFileSync(join(dir, 'server'), file);
    const process = new Process(join(dir, 'server')).write('environ', environ);
    return process.write('status', `Name:\tserver\nRssAnon:\t${anon} kB\nVmSwap:\t${swap} kB\n`);
  }

  const go = elf('.text', '.go.buildinfo', '.shstrtab');

  test('is known by its build information, and visible without a memory limit', async () => {
    const { r } = await program(go, 'PATH=/bin\0', 500_000).watch();
    expect(visible(r, 'go')).toBe(1);
  });

  test('is visible below GOMEMLIMIT, and not from nine tenths of it on', async () => {
    const process = program(go, 'SECRET=1\0GOMEMLIMIT=100MiB\0', 60_000, 10_000);
    const { r, source } = await process.watch();
    expect(visible(r, 'go')).toBe(1);
    process.write('status', 'RssAnon:\t 84000 kB\nVmSwap:\t 9000 kB\n');
    await process.again(r, source);
    expect(visible(r, 'go')).toBe(0);
    expect(r.events).toMatchObject([{ kind: 'blind', data: { metric: METRICS.heap.name } }]);
    expect(JSON.stringify(r.events)).not.toContain('SECRET');
    process.write('status', 'RssAnon:\t 20000 kB\n');
    await process.again(r, source);
    expect(visible(r, 'go')).toBe(0);
  });

  test('a status that says nothing is not at the limit', async () => {
    const process = program(go, 'GOMEMLIMIT=1\0', 60_000).write('status', 'Name:\tserver\n');
    expect(visible((await process.watch()).r, 'go')).toBe(1);
  });

  test.each([
    ['1073741824', 1_073_741_824],
    ['100MiB', 104_857_600],
    ['2GiB', 2_147_483_648],
    ['1TiB', 2 ** 40],
    ['64B', 64],
    ['off', null],
    ['10MB', null],
    ['', null],
    ['-5', null],
  ])('GOMEMLIMIT=%s', (text, bytes) => {
    expect(parseMemoryLimit(text)).toBe(bytes);
  });

  test('another program is native', async () => {
    const { r } = await program(elf('.text', '.shstrtab'), 'GOMEMLIMIT=1\0', 60_000).watch();
    expect(visible(r, 'native')).toBe(1);
  });

  test('any executable: never throws', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(go.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.nat(go.length)).map(([at, damage, cut]) => {
        const file = Buffer.from(go);
        file.set(damage.subarray(0, go.length - at), at);
        return file.subarray(0, cut);
      }),
    );
    const process = program(go, '', 1);
    const exe = join(process.dir, 'exe');
    await fc.assert(
      fc.asyncProperty(bytes, async (file) => {
        writeFileSync(exe, file); // through the link
        expect(['go', 'native']).toContain((await lookAt(process.dir, 'server')).runtime);
      }),
    );
  });
});
