/** The metrics of the control groups, and which figure is which metric. */
import { defineMetrics, type LabelsOf, MATTERS, type MetricDef } from '../catalog.ts';
import type { Owner, SeriesTable } from '../series.ts';
import {
  blockIo,
  cpuTime,
  MEMORY_EVENTS,
  MEMORY_KINDS,
  type MemoryFigures,
  pressure,
  PRESSURES,
  tasks,
  throttling,
} from './cgroup-figures.ts';
import type { Area, Place } from './cgroup-place.ts';
import type { Sink } from './source.ts';

const PANEL = 'Container';

export const METRICS = defineMetrics({
  memoryUsage: {
    name: 'container.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Memory charged to the control group, page cache included: what its limit is compared with.',
    growth: 'none',
    panel: PANEL,
  },
  workingSet: {
    name: 'container.memory.working_set',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Usage without inactive file pages, as kubelet counts it. Not the distance to an OOM kill.',
    growth: 'none',
    panel: PANEL,
  },
  memoryByKind: {
    name: 'soak.container.memory.usage_by_kind',
    unit: 'By',
    kind: 'gauge',
    help: 'Memory of the control group by kind. Kinds do not overlap; version 1 gives its kernel memory as one figure, kernel.',
    labels: { 'soak.memory.kind': MEMORY_KINDS },
    growth: 'leak',
    growthOf: { 'soak.memory.kind': 'shmem' },
    resource: 'shared memory',
    limit: 'soak.container.memory.limit',
    matters: MATTERS.memory,
    panel: PANEL,
  },
  anonymous: {
    name: 'soak.container.memory.anonymous',
    unit: 'By',
    kind: 'gauge',
    help: 'What a leak in the control group grows: anonymous memory, swap, and (version 2) kernel memory that cannot be reclaimed.',
    growth: 'leak',
    resource: 'memory',
    alias: 'memory.cgroup',
    limit: 'soak.container.memory.limit',
    matters: MATTERS.memory,
    panel: PANEL,
  },
  treePrivate: {
    name: 'soak.target.memory.private',
    unit: 'By',
    kind: 'gauge',
    help: 'Anonymous memory and swap of all processes of a role, shared pages counted once. Only when its control group holds exactly them.',
    growth: 'leak',
    resource: 'memory',
    alias: 'memory.tree',
    limit: 'soak.container.memory.limit',
    matters: MATTERS.memory,
    gate: 'gated',
    panel: 'Memory',
  },
  memoryLimit: {
    name: 'soak.container.memory.limit',
    unit: 'By',
    kind: 'gauge',
    help: 'The smallest memory limit of the control group and those above it; absent when there is none.',
    growth: 'none',
    panel: PANEL,
  },
  memoryEvents: {
    name: 'soak.container.memory.events',
    unit: '{event}',
    kind: 'counter',
    help: 'How often the control group ran into its high or max limit, was out of memory, and had a process killed for it.',
    labels: { 'soak.memory.event': MEMORY_EVENTS },
    growth: 'none',
    panel: PANEL,
  },
  foreign: {
    name: 'soak.container.process.foreign',
    unit: '{process}',
    kind: 'gauge',
    help: 'Processes in the control group that do not belong to the target: with any, its figures are not the target’s alone.',
    growth: 'none',
  },
  cpuTime: {
    name: 'container.cpu.time',
    unit: 's',
    kind: 'counter',
    help: 'CPU time used in the control group, by processes that have ended too.',
    labels: { 'cpu.mode': ['user', 'system'] },
    growth: 'load',
    panel: PANEL,
  },
  cpuLimit: {
    name: 'soak.container.cpu.limit',
    unit: '{cpu}',
    kind: 'gauge',
    help: 'The smallest CPU quota of the control group and those above it, in CPUs; absent when there is none.',
    growth: 'none',
  },
  throttledPeriods: {
    name: 'soak.container.cpu.throttled.periods',
    unit: '{period}',
    kind: 'counter',
    help: 'Scheduling periods in which the control group was stopped because it had used up its CPU quota.',
    growth: 'none',
    panel: PANEL,
  },
  throttledTime: {
    name: 'soak.container.cpu.throttled.time',
    unit: 's',
    kind: 'counter',
    help: 'Time for which the control group was stopped because it had used up its CPU quota.',
    growth: 'none',
    panel: PANEL,
  },
  pids: {
    name: 'soak.container.pids',
    unit: '{task}',
    kind: 'updowncounter',
    help: 'Processes and threads in the control group.',
    growth: 'capacity',
    resource: 'tasks',
    alias: 'pids',
    limit: 'soak.container.pids.limit',
    matters: MATTERS.count,
    panel: PANEL,
  },
  pidsLimit: {
    name: 'soak.container.pids.limit',
    unit: '{task}',
    kind: 'gauge',
    help: 'The smallest limit of processes and threads of the control group and those above it; absent when there is none.',
    growth: 'none',
  },
  pressure: {
    name: 'soak.container.pressure.time',
    unit: 's',
    kind: 'counter',
    help: 'Time in which some, or all, tasks of the control group waited for the resource.',
    labels: { 'soak.pressure.resource': PRESSURES, 'soak.pressure.stalled': ['some', 'full'] },
    growth: 'none',
    panel: PANEL,
  },
  io: {
    name: 'container.disk.io',
    unit: 'By',
    kind: 'counter',
    help: 'Bytes that the control group read from and wrote to block devices.',
    labels: { 'disk.io.direction': ['read', 'write'] },
    growth: 'load',
    panel: PANEL,
  },
});

/** The metric that stands for an area in a `blind` event. */
export const METRIC_OF: Readonly<Record<Area, MetricDef>> = {
  memory: METRICS.memoryUsage,
  cpuacct: METRICS.cpuTime,
  cpu: METRICS.throttledTime,
  pids: METRICS.pids,
  blkio: METRICS.io,
  pressure: METRICS.pressure,
};

/** One value to report, and how to find its series. Null is unknown, Infinity is no limit: neither is reported. */
export interface Row {
  readonly value: number | null;
  readonly series: (table: SeriesTable, owner: Owner) => number;
  /** Every role in the group is given it: it is the ceiling of series of its own. */
  readonly ceiling: boolean;
}

function row<D extends MetricDef>(def: D, value: number | null, ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]): Row {
  return { value, series: (table, owner) => table.open(owner, def, ...labels), ceiling: def === METRICS.memoryLimit };
}

const ROWS: Readonly<Record<Exclude<Area, 'memory'>, (place: Place, sys: string) => Row[]>> = {
  cpuacct: cpuRows,
  cpu: throttlingRows,
  pids: taskRows,
  blkio: ioRows,
  pressure: (place) => PRESSURES.flatMap((resource) => pressureRows(place, resource)),
};

/** What is reported of a cgroup in an area, whoever is in it. All values null: the kernel does not account it here. */
export function areaRows(area: Area, place: Place, sys: string, memory: () => MemoryFigures): Row[] {
  return area === 'memory' ? memoryRows(memory()) : ROWS[area](place, sys);
}

/** Where rows of one area go. They always come in one order, so that each series is looked up once. */
export interface Into {
  readonly table: SeriesTable;
  readonly owner: Owner;
  /** Ids of their series, filled here. */
  readonly ids: number[];
}

/** Whether anything was known. */
export function setRows(sink: Sink, at: number, { table, owner, ids }: Into, rows: readonly Row[]): boolean {
  let known = false;
  for (let i = 0; i < rows.length; i++) {
    const { value, series } = rows[i]!;
    known ||= value !== null;
    if (value === null || !Number.isFinite(value)) continue;
    ids[i] ??= series(table, owner);
    sink.set(ids[i]!, value, at);
  }
  return known;
}

/** Whose memory a cgroup holds: how many processes are not the target's (null: they could not be listed), and whether it is a tree's. */
export interface Ownership {
  readonly others: number | null;
  readonly tree: boolean;
}

function memoryRows({ usage, workingSet, kinds, limit, events }: MemoryFigures): Row[] {
  if (usage === null) return [];
  return [
    row(METRICS.memoryUsage, usage),
    row(METRICS.workingSet, workingSet),
    row(METRICS.anonymous, sumOf(kinds.anon, kinds.swap, kinds.slab_unreclaimable)),
    row(METRICS.memoryLimit, limit),
    ...MEMORY_KINDS.map((kind) => row(METRICS.memoryByKind, kinds[kind] ?? null, { 'soak.memory.kind': kind })),
    ...MEMORY_EVENTS.map((event) => row(METRICS.memoryEvents, events[event], { 'soak.memory.event': event })),
  ];
}

export function ownershipRows({ usage, kinds }: MemoryFigures, { others, tree }: Ownership): Row[] {
  if (usage === null) return [];
  return [row(METRICS.treePrivate, tree && others === 0 ? sumOf(kinds.anon, kinds.swap) : null), row(METRICS.foreign, others)];
}

/** Without anonymous memory there is no sum; without swap accounting, or in version 1 without slab, the sum is of what is accounted. */
function sumOf(anon: number | null | undefined, ...more: (number | null | undefined)[]): number | null {
  return anon === null || anon === undefined ? null : more.reduce<number>((sum, part) => sum + (part ?? 0), anon);
}

function cpuRows(place: Place): Row[] {
  const { user, system } = cpuTime(place);
  return [row(METRICS.cpuTime, user, { 'cpu.mode': 'user' }), row(METRICS.cpuTime, system, { 'cpu.mode': 'system' })];
}

function throttlingRows(place: Place): Row[] {
  const { periods, seconds, cpus } = throttling(place);
  return [row(METRICS.throttledPeriods, periods), row(METRICS.throttledTime, seconds), row(METRICS.cpuLimit, cpus)];
}

function taskRows(place: Place): Row[] {
  const { current, limit } = tasks(place);
  return [row(METRICS.pids, current), row(METRICS.pidsLimit, limit)];
}

function ioRows(place: Place, sys: string): Row[] {
  const { read, written } = blockIo(place, sys);
  return [row(METRICS.io, read, { 'disk.io.direction': 'read' }), row(METRICS.io, written, { 'disk.io.direction': 'write' })];
}

function pressureRows(place: Place, resource: (typeof PRESSURES)[number]): Row[] {
  const { some, full } = pressure(place, resource);
  const label = (stalled: 'some' | 'full') => ({ 'soak.pressure.resource': resource, 'soak.pressure.stalled': stalled });
  return [row(METRICS.pressure, some, label('some')), row(METRICS.pressure, full, label('full'))];
}
