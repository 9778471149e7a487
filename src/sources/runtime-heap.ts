/**
 * The heap of a JVM after its collections, from readings of its counters. Only points at which a collection of the old generation has
 * just ended tell live data from garbage: between them the old generation grows by what young collections promote, dead or alive, so
 * without such a collection there is no point at all.
 *
 * Which counters mean what was read in OpenJDK 17 to 25 (collectorCounters, cSpaceCounters, spaceCounters, g1MonitoringSupport,
 * zServiceability, shenandoahMonitoringSupport) and watched in JDK 17 and 25:
 * - collector 0 is the young one, 1 the full one, 2 the pauses of concurrent cycles. `lastExitTime` is set when a pause has ended,
 *   `invocations` when it begins.
 * - Serial and Parallel: `used` of the old generation is published at the end of every collection, and by JDK 17 also sampled every
 *   50 ms. The point is what it is at the first reading after a full collection, which holds what was promoted in between.
 * - G1: `used` is published at the end of every pause. Marking alone frees little; the mixed collections after it do. The point of a
 *   cycle is the lowest value from its pauses on, told when eight young collections have passed without a lower one, or the next cycle
 *   has ended. A full collection gives a point at once. Young collections that free humongous objects are not taken for collections of
 *   the old generation.
 * - Generational ZGC: the same, with its major collections as cycles. It publishes sizes at its pauses, the last of which comes before
 *   the old generation is relocated, so that a point may hold the garbage of one cycle.
 * - Shenandoah, ZGC before generations, and CMS publish nothing that is a figure after a collection: no points.
 */
import type { Hsperfdata } from './hsperfdata.ts';

interface Collector {
  readonly invocations: number;
  /** Ticks of `sun.os.hrt.frequency` since the VM began. */
  readonly time: number;
  readonly lastEntry: number;
  readonly lastExit: number;
}

/** By what is collected. */
export const COLLECTIONS = ['minor', 'major', 'concurrent'] as const;

type Collection = (typeof COLLECTIONS)[number];

export function collectorOf(data: Hsperfdata, collection: Collection): Collector | null {
  const prefix = `sun.gc.collector.${COLLECTIONS.indexOf(collection)}`;
  const [invocations, time, lastEntry, lastExit] = ['invocations', 'time', 'lastEntryTime', 'lastExitTime'].map((name) =>
    data.numbers.get(`${prefix}.${name}`),
  );
  if (invocations === undefined || time === undefined || lastEntry === undefined || lastExit === undefined) return null;
  return { invocations, time, lastEntry, lastExit };
}

/** Bytes in the old generation, or null when the file does not say. */
function oldUsed(data: Hsperfdata): number | null {
  return data.numbers.get('sun.gc.generation.1.space.0.used') ?? null;
}

/**
 * Collectors whose counters give figures after a collection, by the names of their counters since JDK 8, and how many concurrent pauses
 * make a cycle: remark and cleanup in G1. ZGC has five or more; each that is seen ends what was before.
 */
const KNOWN: readonly { readonly collection: Collection; readonly name: RegExp; readonly pauses: number }[] = [
  { collection: 'major', name: /^(Serial full|Parallel full|MSC$|PSMarkSweep$|PSParallelCompact$)/, pauses: 0 },
  { collection: 'minor', name: /^G1 /, pauses: 2 },
  { collection: 'concurrent', name: /^ZGC major/, pauses: 1 },
];

/** Null when no points can come from this file. */
function familyOf(data: Hsperfdata): (typeof KNOWN)[number] | null {
  if (oldUsed(data) === null) return null;
  const nameOf = (collection: Collection): string => data.texts.get(`sun.gc.collector.${COLLECTIONS.indexOf(collection)}.name`) ?? '';
  return KNOWN.find(({ collection, name }) => name.test(nameOf(collection))) ?? null;
}

/** Whether points can come from this file at all. */
export function givesPoints(data: Hsperfdata): boolean {
  return familyOf(data) !== null;
}

/** Used bytes of the old generation after a collection of it, and when they were read. */
export interface HeapPoint {
  readonly used: number;
  readonly at: number;
}

/** G1 spreads the mixed collections of a cycle over eight by default (G1MixedGCCountTarget), after one that only prepares them. */
const SETTLED_AFTER = 8;

/** Turns readings of one process, in order, into points. Of a collection before the first reading nothing is known. */
export class HeapPoints {
  #fullExit: number | null = null;
  /** Concurrent pauses at the last full collection, which aborts a cycle, or at the first reading. */
  #pausesBefore: number | null = null;
  #cycles = 0;
  #lowest: (HeapPoint & { readonly minors: number }) | null = null;

  /** The point that this reading completes, if it does. */
  next(data: Hsperfdata, at: number): HeapPoint | null {
    const [used, family] = [oldUsed(data), familyOf(data)];
    if (used === null || family === null) return null;
    const now = { used, at };
    return this.#afterFull(data, now) ?? this.#afterCycle(data, now, family.pauses);
  }

  #afterFull(data: Hsperfdata, now: HeapPoint): HeapPoint | null {
    const exit = collectorOf(data, 'major')?.lastExit ?? null;
    const before = this.#fullExit;
    if (exit === null || exit === before || !isPublished(data)) return null;
    this.#fullExit = exit;
    if (before === null) return null;
    this.#lowest = null;
    this.#pausesBefore = null;
    return now;
  }

  #afterCycle(data: Hsperfdata, now: HeapPoint, pausesPerCycle: number): HeapPoint | null {
    const pauses = collectorOf(data, 'concurrent')?.invocations;
    if (pauses === undefined || pausesPerCycle === 0) return null;
    const minors = collectorOf(data, 'minor')?.invocations ?? 0;
    const cycles = Math.floor((pauses - (this.#pausesBefore ?? pauses)) / pausesPerCycle);
    const ended = this.#pausesBefore !== null && cycles > this.#cycles;
    this.#pausesBefore ??= pauses;
    this.#cycles = cycles;
    const done = this.#lowest !== null && (ended || minors - this.#lowest.minors >= SETTLED_AFTER) ? this.#lowest : null;
    if (done) this.#lowest = null;
    if (ended || (this.#lowest !== null && now.used < this.#lowest.used)) this.#lowest = { ...now, minors };
    return done && { used: done.used, at: done.at };
  }
}

/**
 * Sizes are published a moment after the end of a pause and before the cause is reset. When the next pause has begun, those of the one
 * before are out.
 */
function isPublished(data: Hsperfdata): boolean {
  const running = COLLECTIONS.some((collection) => {
    const collector = collectorOf(data, collection);
    return collector !== null && collector.lastEntry > collector.lastExit;
  });
  return running || data.texts.get('sun.gc.cause') === 'No GC';
}
