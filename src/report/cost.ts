/** What the agent itself used: it is one of its own targets, and whoever reads a report should see what watching cost. */
import type { RunState } from '../runstate.ts';
import { rounded } from './chart.ts';
import type { Report } from './value.ts';

/** `mean`: of a counter, per second of the run. */
const FIGURES = [
  { metric: 'soak.agent.cpu.time', name: 'CPU, share of a core', unit: '1', of: 'rate' },
  { metric: 'soak.agent.memory.private', name: 'private memory', unit: 'By', of: 'last' },
  { metric: 'soak.agent.heap.after_collection', name: 'heap after collection', unit: 'By', of: 'last' },
  { metric: 'soak.agent.file_descriptor.count', name: 'open descriptors', unit: '{file_descriptor}', of: 'last' },
  { metric: 'soak.agent.record.size', name: 'record', unit: 'By', of: 'last' },
  { metric: 'soak.agent.schedule.missed', name: 'reads missed', unit: '{read}', of: 'sum' },
  { metric: 'soak.agent.read.failures', name: 'reads failed', unit: '{read}', of: 'sum' },
] as const;

export function costOf({ series, store, t }: RunState): Report['cost'] {
  const own = series.all().slice(0, store.size);
  return FIGURES.flatMap(({ metric, name, unit, of }) => {
    const found = own.filter(({ def }) => def.name === metric);
    if (found.length === 0) return [];
    const sum = (value: (id: number) => number): number => found.reduce((total, { id }) => total + value(id), 0);
    const counted = (id: number): number => {
      const { sum: sums, length } = store.bins(id);
      return sums.subarray(0, length).reduce((total, one) => total + one, 0);
    };
    const value = of === 'last' ? sum((id) => store.value(id)) : sum(counted) / (of === 'rate' ? Math.max(1, t) : 1);
    return [{ name, unit, value: Number.isFinite(value) ? rounded(value) : null }];
  });
}
