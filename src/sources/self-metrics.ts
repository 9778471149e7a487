/** What the agent measures of itself. */
import { defineMetrics, MATTERS } from '../catalog.ts';

/** There are some ten sources, and each of at most 64 servers is one more. */
const SOURCES_MAX = 80;

const BY_SOURCE = { 'soak.source': { max: SOURCES_MAX } } as const;

const PANEL = 'Agent';

/** 24 MB in a day: the heap is capped at 64, and the sum of what V8 compiles and has not collected yet moves by less for many hours. */
const OWN_MEMORY = { share: 0, perHour: 1_000_000 } as const;

export const METRICS = defineMetrics({
  memoryPrivate: {
    name: 'soak.agent.memory.private',
    unit: 'By',
    kind: 'gauge',
    help: 'Anonymous memory and swap of the agent; its whole resident set where the system does not tell them apart.',
    growth: 'leak',
    resource: 'memory',
    alias: 'agent.memory',
    matters: OWN_MEMORY,
    gate: 'gated',
    panel: PANEL,
  },
  heap: {
    name: 'soak.agent.heap.after_collection',
    unit: 'By',
    kind: 'gauge',
    help: 'JavaScript heap and the memory it holds outside, just after a major collection. Told once per collection.',
    growth: 'leak',
    resource: 'heap',
    alias: 'agent.heap',
    matters: OWN_MEMORY,
    panel: PANEL,
  },
  descriptors: {
    name: 'soak.agent.file_descriptor.count',
    unit: '{file_descriptor}',
    kind: 'gauge',
    help: 'Open descriptors of the agent.',
    growth: 'leak',
    resource: 'descriptors',
    alias: 'agent.fds',
    matters: MATTERS.count,
    gate: 'gated',
    panel: PANEL,
  },
  threads: {
    name: 'soak.agent.thread.count',
    unit: '{thread}',
    kind: 'gauge',
    help: 'Threads of the agent.',
    growth: 'leak',
    resource: 'threads',
    alias: 'agent.threads',
    matters: MATTERS.count,
    panel: PANEL,
  },
  cpuTime: {
    name: 'soak.agent.cpu.time',
    unit: 's',
    kind: 'counter',
    help: 'CPU seconds of the agent, user and system.',
    growth: 'none',
    panel: PANEL,
  },
  eventLoopUtilization: {
    name: 'soak.agent.eventloop.utilization',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the time since the sample before in which the event loop was held by work, and nothing else could have its turn.',
    growth: 'drift',
    panel: PANEL,
  },
  missed: {
    name: 'soak.agent.schedule.missed',
    unit: '{read}',
    kind: 'counter',
    help: 'Reads left out because the read before was still under way or the agent was late by more than a period.',
    growth: 'none',
    panel: PANEL,
  },
  lateness: {
    name: 'soak.agent.schedule.lateness',
    unit: 's',
    kind: 'gauge',
    help: 'How long after its deadline the last wake-up came.',
    growth: 'drift',
    panel: PANEL,
  },
  readFailures: {
    name: 'soak.agent.read.failures',
    unit: '{read}',
    kind: 'counter',
    help: 'Reads of a source that failed as a whole.',
    labels: BY_SOURCE,
    growth: 'none',
    panel: PANEL,
  },
  readDuration: {
    name: 'soak.agent.read.duration',
    unit: 's',
    kind: 'gauge',
    help: 'How long the last read of a source took, waiting included.',
    labels: BY_SOURCE,
    growth: 'drift',
    panel: PANEL,
  },
  recordSize: {
    name: 'soak.agent.record.size',
    unit: 'By',
    kind: 'gauge',
    help: 'Size of the run record on disk. It grows up to its cap by design.',
    growth: 'none',
    panel: PANEL,
  },
  ticksLost: {
    name: 'soak.agent.record.ticks.lost',
    unit: '{tick}',
    kind: 'counter',
    help: 'Ticks that are not in the run record because another program held it; they are judged all the same.',
    growth: 'none',
    panel: PANEL,
  },
  checkpointsLost: {
    name: 'soak.agent.record.checkpoints.lost',
    unit: '{checkpoint}',
    kind: 'counter',
    help: 'Checkpoints that could not be stored, because they would take more than their share of the record or another program held it.',
    growth: 'none',
    panel: PANEL,
  },
  series: {
    name: 'soak.agent.series.count',
    unit: '{series}',
    kind: 'gauge',
    help: 'Series seen in this run.',
    growth: 'leak',
    alias: 'agent.series',
    matters: MATTERS.count,
    panel: PANEL,
  },
  lookDuration: {
    name: 'soak.agent.look.duration',
    unit: 's',
    kind: 'gauge',
    help: 'How long the last look of the judge took.',
    growth: 'drift',
    panel: PANEL,
  },
});
