/**
 * What is measured of the machine. Names follow the OpenTelemetry conventions for `system.*` (1.45) and the host metrics receiver;
 * figures that neither has are `soak.*`. All of them are figures of the host: their target is null.
 */
import { defineMetrics, type LabelsOf, MATTERS, type MetricDef } from '../catalog.ts';
import type { SeriesTable } from '../series.ts';
import type { Sink } from './source.ts';

export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const;

export type CpuMode = (typeof CPU_MODES)[number];

export const MEMORY_STATES = ['used', 'free', 'buffers', 'cached'] as const;

export const RESOURCES = ['cpu', 'memory', 'io'] as const;

/** Disks and interfaces taken, each: a large server has a dozen; 16 disks are 144 series. */
export const DEVICES_MAX = 16;

/** File systems watched. A pod has two or three; 32 are 160 series. */
export const FILE_SYSTEMS_MAX = 32;

const DISK = { 'system.device.name': { max: DEVICES_MAX }, 'disk.io.direction': ['read', 'write'] } as const;

const INTERFACE = { 'network.interface.name': { max: DEVICES_MAX }, 'network.io.direction': ['receive', 'transmit'] } as const;

const MOUNT = { 'system.filesystem.mountpoint': { max: FILE_SYSTEMS_MAX } } as const;

const PANEL = { cpu: 'Host CPU', memory: 'Host memory', disk: 'Host disk', files: 'File systems', net: 'Host network' } as const;

export const METRICS = defineMetrics({
  cpuTime: {
    name: 'system.cpu.time',
    unit: 's',
    kind: 'counter',
    help: 'CPU seconds of all CPUs by mode. Time of guests is part of user and nice; interrupt is hard and soft interrupts together.',
    labels: { 'cpu.mode': CPU_MODES },
    growth: 'none',
    panel: PANEL.cpu,
  },
  cpuUtilization: {
    name: 'system.cpu.utilization',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the time of all CPUs since the sample before that was neither idle nor waiting for I/O.',
    growth: 'none',
    alias: 'host.cpu',
    panel: PANEL.cpu,
  },
  cpuCount: {
    name: 'system.cpu.logical.count',
    unit: '{cpu}',
    kind: 'updowncounter',
    help: 'CPUs that are online.',
    growth: 'none',
    panel: PANEL.cpu,
  },
  load: {
    name: 'system.cpu.load_average.1m',
    unit: '{thread}',
    kind: 'gauge',
    help: 'Threads that run, wait for a CPU, or wait for a disk, averaged over a minute.',
    growth: 'none',
    alias: 'host.load',
    panel: PANEL.cpu,
  },
  processes: {
    name: 'system.process.created',
    unit: '{process}',
    kind: 'counter',
    help: 'Processes and threads created since boot.',
    growth: 'none',
    panel: PANEL.cpu,
  },
  pressure: {
    name: 'soak.host.pressure.time',
    unit: 's',
    kind: 'counter',
    help: 'Seconds in which some task (or, full, every task that was not idle) stood still for want of the resource.',
    labels: { 'soak.resource': RESOURCES, 'soak.pressure': ['some', 'full'] },
    growth: 'none',
    panel: 'Host pressure',
  },
  memoryUsage: {
    name: 'system.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Memory by state. The states add up to the limit: cached holds the page cache, reclaimable slab and tmpfs, used is the rest.',
    labels: { 'system.memory.state': MEMORY_STATES },
    growth: 'none',
    panel: PANEL.memory,
  },
  memoryLimit: {
    name: 'system.memory.limit',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Memory of the machine.',
    growth: 'none',
    panel: PANEL.memory,
  },
  memoryAvailable: {
    name: 'system.memory.linux.available',
    unit: 'By',
    kind: 'updowncounter',
    help: 'What new programs could take without swapping, as the system estimates it.',
    growth: 'none',
    alias: 'host.memory.available',
    panel: PANEL.memory,
  },
  memoryTaken: {
    name: 'soak.host.memory.utilization',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the memory of the machine that new programs could not take without swapping.',
    growth: 'none',
    alias: 'host.memory.utilization',
    panel: 'Host memory in use',
  },
  memoryShared: {
    name: 'system.memory.linux.shared',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Memory in tmpfs and shared segments: files there cost memory and are freed only by removing them.',
    growth: 'none',
    alias: 'host.memory.shared',
    panel: PANEL.memory,
  },
  swapUsage: {
    name: 'system.paging.usage',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Swap space by state.',
    labels: { 'system.paging.state': ['used', 'free'] },
    growth: 'none',
    panel: PANEL.memory,
  },
  swapOperations: {
    name: 'system.paging.operations',
    unit: '{operation}',
    kind: 'counter',
    help: 'Pages read from and written to swap.',
    labels: { 'system.paging.direction': ['in', 'out'] },
    growth: 'none',
    panel: PANEL.memory,
  },
  oomKills: {
    name: 'soak.host.oom_kills',
    unit: '{kill}',
    kind: 'counter',
    help: 'Processes that the kernel killed for want of memory, anywhere on the machine.',
    growth: 'none',
    panel: PANEL.memory,
  },
  diskIo: {
    name: 'system.disk.io',
    unit: 'By',
    kind: 'counter',
    help: 'Bytes read from and written to each physical disk. The device all is their sum, where they cannot be told apart.',
    labels: DISK,
    growth: 'none',
    panel: PANEL.disk,
  },
  diskOperations: {
    name: 'system.disk.operations',
    unit: '{operation}',
    kind: 'counter',
    help: 'Completed reads and writes of each physical disk, after merging.',
    labels: DISK,
    growth: 'none',
    panel: PANEL.disk,
  },
  diskOperationTime: {
    name: 'system.disk.operation_time',
    unit: 's',
    kind: 'counter',
    help: 'Sum of the times that completed reads and writes took, queueing included: grows faster than time when they overlap.',
    labels: DISK,
    growth: 'none',
    panel: PANEL.disk,
  },
  diskIoTime: {
    name: 'system.disk.io_time',
    unit: 's',
    kind: 'counter',
    help: 'Seconds in which the disk had anything to do.',
    labels: { 'system.device.name': { max: DEVICES_MAX } },
    growth: 'none',
    panel: PANEL.disk,
  },
  diskLatency: {
    name: 'soak.host.disk.latency.mean',
    unit: 's',
    kind: 'gauge',
    help: 'Mean time of the operations completed since the sample before, queueing included. Absent when there were none.',
    labels: DISK,
    growth: 'drift',
    alias: 'disk.latency',
    panel: PANEL.disk,
  },
  networkIo: {
    name: 'system.network.io',
    unit: 'By',
    kind: 'counter',
    help: 'Bytes over each interface of the network namespace of the agent.',
    labels: INTERFACE,
    growth: 'none',
    panel: PANEL.net,
  },
  networkErrors: {
    name: 'system.network.errors',
    unit: '{error}',
    kind: 'counter',
    help: 'Packets with errors, as the interface counts them.',
    labels: INTERFACE,
    growth: 'none',
    panel: PANEL.net,
  },
  networkDropped: {
    name: 'system.network.packet.dropped',
    unit: '{packet}',
    kind: 'counter',
    help: 'Packets dropped without an error, for want of buffers for instance.',
    labels: INTERFACE,
    growth: 'none',
    panel: PANEL.net,
  },
  fileSystemUsage: {
    name: 'system.filesystem.usage',
    unit: 'By',
    kind: 'gauge',
    help: 'Used space of each file system that a target or the agent writes to.',
    labels: MOUNT,
    growth: 'capacity',
    resource: 'disk space',
    alias: 'disk.used',
    limit: 'system.filesystem.limit',
    // 10 MB an hour fill 1.7 GB in a week: less is of no concern for a disk whose size is unknown.
    matters: { share: MATTERS.memory.share, perHour: 10_000_000 },
    gate: 'gated',
    panel: PANEL.files,
  },
  fileSystemLimit: {
    name: 'system.filesystem.limit',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Space that programs without privileges can fill: used plus available. Blocks kept back for root are not part of it.',
    labels: MOUNT,
    growth: 'none',
    panel: PANEL.files,
  },
  fileSystemAvailable: {
    name: 'soak.filesystem.available',
    unit: 'By',
    kind: 'gauge',
    help: 'Space left for programs without privileges.',
    labels: MOUNT,
    growth: 'none',
    alias: 'disk.available',
    panel: PANEL.files,
  },
  inodes: {
    name: 'system.filesystem.inodes.usage',
    unit: '{inode}',
    kind: 'gauge',
    help: 'Files and folders in use. Absent where the file system does not count them beforehand (btrfs, vfat).',
    labels: MOUNT,
    growth: 'capacity',
    resource: 'inodes',
    alias: 'disk.inodes',
    limit: 'soak.filesystem.inodes.limit',
    matters: { share: MATTERS.memory.share, perHour: 1000 },
    panel: PANEL.files,
  },
  inodesLimit: {
    name: 'soak.filesystem.inodes.limit',
    unit: '{inode}',
    kind: 'gauge',
    help: 'Files and folders that the file system has room for.',
    labels: MOUNT,
    growth: 'none',
    panel: PANEL.files,
  },
});

/** Reports a figure of the host. What is not known (null, undefined, NaN) is not set. */
export type HostSet = <D extends MetricDef>(
  def: D,
  value: number | null | undefined,
  ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]
) => void;

/** Series are looked up at every report: 2 us for each of some 40 in 5 s, against a table of ids per device and direction. */
export function hostSet(series: SeriesTable, sink: Sink, period: number): HostSet {
  const owner = { source: 'host', target: null, member: null, period };
  return (def, value, ...labels) => {
    if (isKnown(value)) sink.set(series.open(owner, def, ...labels), value);
  };
}

export function isKnown(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && !Number.isNaN(value);
}
