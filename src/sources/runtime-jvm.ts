/** One JVM, read from the file in which HotSpot publishes its counters: no agent, no attach, no pause, but only for its own user. */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { errno } from '../problem.ts';
import { type Defect, type Hsperfdata, parseHsperfdata } from './hsperfdata.ts';
import { COLLECTIONS, collectorOf, givesPoints, type HeapPoint, HeapPoints } from './runtime-heap.ts';
import type { POOLS } from './runtime-metrics.ts';

/** Failed readings in a row before the heap counts as not visible: the VM may be starting, ending, or adding a counter. */
const FAILURES_MAX = 3;

/** HotSpot's file is 32 kB (-XX:PerfDataMemorySize); somebody may want many more counters. */
const FILE_MAX = 2 ** 20;

export class Jvm {
  readonly #root: string;
  readonly #path: string;
  readonly #points = new HeapPoints();
  #failures = 0;
  /** Counters of the last reading; null when it failed. */
  data: Hsperfdata | null = null;
  lastPoint: HeapPoint | null = null;
  /** Why the heap is not visible; null while it is, and before that is known. */
  blind: string | null = null;

  /** @param root `/proc/PID/root` @param path of the counter file below it */
  constructor(root: string, path: string) {
    this.#root = root;
    this.#path = join(root, path);
  }

  /** Reads the counters; the point that this reading completes, if it does. */
  read(at: number): HeapPoint | null {
    const data = readCounters(this.#path);
    this.data = 'defect' in data ? null : data;
    if ('defect' in data) return this.#fail(data);
    this.#failures = 0;
    this.blind = givesPoints(data) ? null : UNKNOWN_COLLECTOR;
    const point = this.#points.next(data, at);
    this.lastPoint = point ?? this.lastPoint;
    return point;
  }

  #fail({ unfinished, defect }: Defect): null {
    const ended = unfinished && !existsSync(this.#root); // its root goes when a process does, and its file with it
    if (!ended) this.#failures++;
    if (!unfinished || this.#failures >= FAILURES_MAX) this.blind = defect;
    return null;
  }
}

const UNKNOWN_COLLECTOR =
  'its garbage collector publishes no figure of the heap after a collection: use Serial, Parallel, G1 or generational ZGC';

/** Why a JVM has no readable counters, and what would mend it. */
export const NO_COUNTERS = {
  denied: 'only its own user may read its counters: run the agent as that user, or as root',
  none: 'it publishes no counters: start HotSpot without -XX:-UsePerfData and -XX:+PerfDisableSharedMem; other JVMs have none',
  deleted: 'its counter file has been deleted: keep /tmp/hsperfdata_* from being cleaned up, and restart it',
  beyond: 'only the first processes of a role, those with a slot of their own, have a heap series',
} as const;

function readCounters(path: string): Hsperfdata | Defect {
  let fd: number | null = null;
  try {
    // Neither a link nor a pipe that somebody put there: the folder is writable by the target's user.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > FILE_MAX) return { unfinished: false, defect: broken('it is not a HotSpot file') };
    const bytes = Buffer.allocUnsafe(stat.size);
    const data = parseHsperfdata(bytes.subarray(0, readSync(fd, bytes, 0, stat.size, 0)));
    return 'defect' in data ? { ...data, defect: broken(data.defect) } : data;
  } catch (error) {
    return unopened(errno(error) ?? 'unknown error');
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

function unopened(code: string): Defect {
  if (code === 'EACCES' || code === 'EPERM') return { unfinished: false, defect: NO_COUNTERS.denied };
  if (code === 'ENOENT') return { unfinished: true, defect: NO_COUNTERS.deleted };
  return { unfinished: true, defect: broken(code) };
}

function broken(defect: string): string {
  return `its counter file cannot be understood: ${defect}`;
}

interface PoolFigures {
  readonly pool: (typeof POOLS)[number];
  readonly used: number | null;
  readonly committed: number | null;
}

/** Memory by pool; what the file does not say is null. */
export function poolsOf(data: Hsperfdata): PoolFigures[] {
  const space = (path: string, pool: PoolFigures['pool']): PoolFigures => ({
    pool,
    used: data.numbers.get(`sun.gc.${path}.used`) ?? null,
    committed: data.numbers.get(`sun.gc.${path}.capacity`) ?? null,
  });
  const divided = data.texts.get('sun.gc.generation.0.space.0.name') === 'eden';
  const [from, to] = [space('generation.0.space.1', 'survivor'), space('generation.0.space.2', 'survivor')];
  return [
    space('generation.0.space.0', divided ? 'eden' : 'young'),
    { pool: 'survivor', used: sum(from.used, to.used), committed: sum(from.committed, to.committed) },
    space('generation.1.space.0', 'old'),
    space('metaspace', 'metaspace'),
  ];
}

/** Ceiling of the old generation: of all of the heap where generations share it. A maximum of 0 is none that is known. */
export function heapLimit(data: Hsperfdata): number | null {
  return data.numbers.get('sun.gc.generation.1.maxCapacity') || null;
}

/** Classes from the archive that comes with the JDK are counted apart. */
export function classCount(data: Hsperfdata): number | null {
  const [loaded, shared, unloaded, sharedUnloaded] = ['loaded', 'sharedLoaded', 'unloaded', 'sharedUnloaded'].map((name) =>
    data.numbers.get(`java.cls.${name}Classes`),
  );
  return loaded === undefined || unloaded === undefined ? null : loaded + (shared ?? 0) - unloaded - (sharedUnloaded ?? 0);
}

interface CollectionFigures {
  readonly kind: (typeof COLLECTIONS)[number];
  readonly count: number;
  readonly seconds: number | null;
}

export function collectionsOf(data: Hsperfdata): CollectionFigures[] {
  const frequency = data.numbers.get('sun.os.hrt.frequency');
  return COLLECTIONS.flatMap((kind) => {
    const collector = collectorOf(data, kind);
    if (collector === null) return [];
    return [{ kind, count: collector.invocations, seconds: frequency ? collector.time / frequency : null }];
  });
}

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}
