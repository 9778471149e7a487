/** What work costs a program (`costs.ts`): made of the counters of others, and recorded like anything that is read. */
import { defineMetrics, type MetricDef } from './catalog.ts';

export const METRICS = defineMetrics({
  cpuPerRequest: {
    name: 'soak.target.cpu.per_request',
    unit: 's',
    kind: 'gauge',
    help: 'CPU time of a role over the requests that it answered meanwhile, in windows of half a minute or more. Needs a load that is told.',
    growth: 'drift',
    resource: 'cost',
    alias: 'cpu.per_request',
    matters: { share: 0.01, perHour: 1e-6 }, // as latency: a percent an hour doubles it in three days
    panel: 'CPU',
  },
  collectionShare: {
    name: 'soak.runtime.collection.share',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the time that went into collections of the heap, in windows of half a minute. Of Go it is CPU time, of one core.',
    growth: 'drift',
    resource: 'collector',
    alias: 'collections',
    matters: { share: 0.01, perHour: 0.001 }, // a tenth of a point an hour is a sixth of the time in a week
    panel: 'Runtime',
  },
});

/** Both of them hold for windows, and are ratios: nothing of it is added up over replicas. */
export function isCost({ name }: MetricDef): boolean {
  return name === METRICS.cpuPerRequest.name || name === METRICS.collectionShare.name;
}
