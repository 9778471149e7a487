/** The metrics of language runtimes: whether growth of the heap can be seen at all, and the heap of a JVM. */
import { defineMetrics, MATTERS } from '../catalog.ts';
import { COLLECTIONS } from './runtime-heap.ts';
import { RUNTIMES } from './runtime-kind.ts';

const PANEL = 'Runtime';

/** Pools by generation, the same for every collector: `young` where the file does not divide the young generation. */
export const POOLS = ['eden', 'survivor', 'young', 'old', 'metaspace'] as const;

export const METRICS = defineMetrics({
  visible: {
    name: 'soak.runtime.heap.visible',
    unit: '1',
    kind: 'gauge',
    help: '1: growth of the heap shows in private memory or in a heap series. 0: the footprint may be committed up front, and nothing shows it.',
    labels: { 'soak.runtime': RUNTIMES },
    growth: 'none',
    panel: PANEL,
  },
  heap: {
    name: 'soak.runtime.heap.used_after_collection',
    unit: 'By',
    kind: 'gauge',
    help: 'Old generation of the heap after a collection of it. One sample per collection, and none without one.',
    growth: 'leak',
    resource: 'heap',
    alias: 'heap',
    limit: 'soak.runtime.heap.limit',
    matters: MATTERS.memory,
    gate: 'required',
    panel: PANEL,
  },
  heapLimit: {
    name: 'soak.runtime.heap.limit',
    unit: 'By',
    kind: 'gauge',
    help: 'What the old generation of the heap may grow to.',
    growth: 'none',
    panel: PANEL,
  },
  collections: {
    name: 'soak.runtime.collection.count',
    unit: '{collection}',
    kind: 'counter',
    help: 'Collections of the young generation (minor) and of all of the heap (major), and pauses of concurrent cycles (concurrent).',
    labels: { 'soak.collection.kind': COLLECTIONS },
    growth: 'none',
    panel: PANEL,
  },
  collectionTime: {
    name: 'soak.runtime.collection.time',
    unit: 's',
    kind: 'counter',
    help: 'Time the program stood still for collections.',
    labels: { 'soak.collection.kind': COLLECTIONS },
    growth: 'drift',
    resource: 'collector',
    panel: PANEL,
  },
  used: {
    name: 'jvm.memory.used',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Memory in use by pool, garbage included, as the JVM last published it: most collectors do so when a collection ends.',
    labels: { 'jvm.memory.pool.name': POOLS },
    growth: 'none',
    panel: PANEL,
  },
  committed: {
    name: 'jvm.memory.committed',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Memory the JVM has set aside by pool.',
    labels: { 'jvm.memory.pool.name': POOLS },
    growth: 'none',
    panel: PANEL,
  },
  usedAfterGc: {
    name: 'jvm.memory.used_after_last_gc',
    unit: 'By',
    kind: 'updowncounter',
    help: 'The last soak.runtime.heap.used_after_collection, repeated until there is a new one.',
    labels: { 'jvm.memory.pool.name': ['old'] },
    growth: 'none',
    panel: PANEL,
  },
  threads: {
    name: 'jvm.thread.count',
    unit: '{thread}',
    kind: 'updowncounter',
    help: 'Live Java threads.',
    growth: 'leak',
    resource: 'threads',
    matters: MATTERS.count,
    panel: PANEL,
  },
  classes: {
    name: 'jvm.class.count',
    unit: '{class}',
    kind: 'updowncounter',
    help: 'Classes loaded and not unloaded. Growth without end is a leak of class loaders.',
    growth: 'leak',
    resource: 'classes',
    matters: MATTERS.count,
    panel: PANEL,
  },
});
