/**
 * Which language runtime a process is, found once, soon after it is bound. Off the main thread, because two of the files looked at wait
 * for the target's memory map lock. They are read only where nothing else will do: `maps` of a JVM, which alone says which counter file
 * is its own (a file left behind under its pid would be another's), and `environ` of a Go program for GOMEMLIMIT.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errno } from '../problem.ts';

/** `native`: none of the others. `unknown`: this user may not see what it runs, and its threads do not tell. */
export const RUNTIMES = ['jvm', 'nodejs', 'v8', 'go', 'cpython', 'ruby', 'dotnet', 'beam', 'native', 'unknown'] as const;

export type Runtime = (typeof RUNTIMES)[number];

export interface Look {
  readonly runtime: Runtime;
  /** Of a JVM: its counter file, as the target names it. Null: it has none, or this user may not know. */
  readonly counters: { readonly path: string; readonly deleted: boolean } | null;
  /** Of a Go program: GOMEMLIMIT in bytes, when it was started with one. */
  readonly memoryLimit: number | null;
  /** This user may not look into the process. */
  readonly denied: boolean;
}

/** @param process `/proc/PID` */
export async function lookAt(process: string, comm: string): Promise<Look> {
  const exe = await executable(process);
  const runtime = runtimeOfName(basename(exe.path ?? comm)) ?? (await byTraces(process)) ?? (exe.path === null ? 'unknown' : 'native');
  const look: Look = { runtime, counters: null, memoryLimit: null, denied: exe.denied };
  if (runtime === 'jvm') return { ...look, counters: await countersOf(process) };
  if (runtime === 'go') return { ...look, memoryLimit: await memoryLimitOf(process) };
  return look;
}

async function executable(process: string): Promise<{ path: string | null; denied: boolean }> {
  try {
    return { path: (await readlink(join(process, 'exe'))).replace(/ \(deleted\)$/, ''), denied: false };
  } catch (error) {
    return { path: null, denied: ['EACCES', 'EPERM'].includes(errno(error) ?? '') };
  }
}

const NAMES: readonly (readonly [RegExp, Runtime])[] = [
  [/^(java|jsvc)$/, 'jvm'],
  [/^(node|nodejs)$/, 'nodejs'],
  [/^(deno|electron|chrome|chromium)$/, 'v8'],
  [/^python(\d(\.\d+)?)?$/, 'cpython'],
  [/^ruby(\d(\.\d+)?)?$/, 'ruby'],
  [/^dotnet$/, 'dotnet'],
  [/^beam(\.smp)?$/, 'beam'],
];

/** By the name of the executable, or of the command where that is all that can be seen. */
export function runtimeOfName(name: string): Runtime | null {
  return NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Thread names, of which the kernel keeps 15 bytes. Anybody may read them, and runtimes name the threads they start first. */
const THREADS: readonly (readonly [RegExp, Runtime])[] = [
  [/^(VM Thread|VM Periodic Tas|GC Thread#0)$/, 'jvm'],
  [/^\.NET (Finalizer|SigHandler|EventPipe|SynchManag)/, 'dotnet'],
  [/^erts_(sched|sms|async)/, 'beam'],
  [/^(DelayedTaskSche|SignalInspector)$/, 'nodejs'],
  [/^V8Worker$/, 'v8'],
];

export function runtimeOfThreads(names: readonly string[]): Runtime | null {
  return THREADS.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1] ?? null;
}

/** Threads looked at, the oldest first: a JVM with 32 parallel collectors has named its own within the first 50. */
const THREADS_MAX = 64;

/** A program may embed a runtime, or be one under another name: a launcher of a JVM, a compiled Go program. */
async function byTraces(process: string): Promise<Runtime | null> {
  const tasks = await readdir(join(process, 'task')).catch(() => []);
  const names = tasks.slice(0, THREADS_MAX).map((task) => readFile(join(process, 'task', task, 'comm'), 'utf8').catch(() => ''));
  const threads = (await Promise.all(names)).map((name) => name.trimEnd());
  return runtimeOfThreads(threads) ?? ((await isGo(join(process, 'exe'))) ? 'go' : null);
}

async function isGo(exe: string): Promise<boolean> {
  const file = await open(exe, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return false;
  try {
    return (await sectionNames(file)).includes('.go.buildinfo');
  } catch {
    return false; // cut short, or not readable after all
  } finally {
    await file.close();
  }
}

/** Real programs have some 40 sections and a few hundred bytes of names for them. */
const SECTIONS_MAX = 1024;
const NAMES_MAX = 65_536;

/** Names of the sections of a 64-bit ELF file; a stripped Go program keeps `.go.buildinfo`. Throws RangeError on a damaged one. */
async function sectionNames(file: FileHandle): Promise<string[]> {
  const header = await viewOf(file, 0, 64);
  if (header.getUint32(0) !== 0x7f454c46 || header.getUint8(4) !== 2) return [];
  const little = header.getUint8(5) === 1;
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => header.getUint16(at, little)) as [number, number, number];
  if (size < 64 || count > SECTIONS_MAX || names >= count) return [];
  const table = await viewOf(file, Number(header.getBigUint64(0x28, little)), size * count);
  const long = (section: number, at: number): number => Number(table.getBigUint64(section * size + at, little));
  if (long(names, 0x20) > NAMES_MAX) return [];
  const text = await viewOf(file, long(names, 0x18), long(names, 0x20));
  return new TextDecoder('latin1').decode(text).split('\0');
}

async function viewOf(file: FileHandle, position: number, length: number): Promise<DataView> {
  const buffer = new Uint8Array(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return new DataView(buffer.buffer, 0, bytesRead);
}

/** A process may have 65,530 mappings (vm.max_map_count) of some 100 bytes each. */
const MAPS_MAX = 8 * 2 ** 20;

/** The environment is limited to what exec takes: a quarter of the stack limit, 2 MB. */
const ENVIRON_MAX = 2 * 2 ** 20;

async function countersOf(process: string): Promise<Look['counters']> {
  return countersIn(await readUpTo(join(process, 'maps'), MAPS_MAX));
}

/** The counter file among the mappings of a process. */
export function countersIn(maps: string): Look['counters'] {
  const [, path, deleted] = / (\/[^\n]*\/hsperfdata_[^/\n]+\/\d+)( \(deleted\))?$/m.exec(maps) ?? [];
  return path === undefined ? null : { path, deleted: deleted !== undefined };
}

async function memoryLimitOf(process: string): Promise<number | null> {
  const environ = await readUpTo(join(process, 'environ'), ENVIRON_MAX);
  const setting = environ.split('\0').find((each) => each.startsWith('GOMEMLIMIT='));
  return setting === undefined ? null : parseMemoryLimit(setting.slice('GOMEMLIMIT='.length));
}

const SUFFIXES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** GOMEMLIMIT as the Go runtime reads it: bytes with an optional suffix; `off` is none. */
export function parseMemoryLimit(text: string): number | null {
  const [, number, suffix = 'B'] = /^(\d{1,19})(B|KiB|MiB|GiB|TiB)?$/.exec(text) ?? [];
  return number === undefined ? null : Number(number) * 1024 ** SUFFIXES.indexOf(suffix);
}

/** The kernel gives out a page at a time. */
const PIECE = 4096;

/** The first bytes of a file of /proc, which has no size and is given out in pieces. Empty when it cannot be read. */
async function readUpTo(path: string, max: number): Promise<string> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return '';
  const buffer = Buffer.allocUnsafe(PIECE);
  const pieces: Buffer[] = [];
  try {
    for (let length = 0; length < max;) {
      const { bytesRead } = await file.read(buffer, 0, PIECE, null);
      if (bytesRead === 0) break;
      pieces.push(Buffer.from(buffer.subarray(0, bytesRead)));
      length += bytesRead;
    }
  } catch {
    // The process ended meanwhile: what was read before is as good as nothing.
  } finally {
    await file.close();
  }
  return Buffer.concat(pieces).toString('utf8');
}
