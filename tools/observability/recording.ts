/** Recording rules for fleets: what is asked of many runs at once, and kept for longer than the samples it is made of. */
import { metric, of } from './query.ts';

export interface Recording {
  readonly record: string;
  readonly expr: string;
  readonly about: string;
}

const per = (counter: string): string => `sum by (soak_run, soak_target) (rate(${metric(counter)}[5m]))`;
const bucket = `${metric('soak.traffic.duration')}_bucket`;

export const RECORDINGS: readonly Recording[] = [
  {
    record: 'soak:runs:count',
    expr: `count by (soak_outcome) (${metric('soak.run.outcome')} == 1)`,
    about: 'Runs by their outcome so far',
  },
  {
    record: 'soak:leaks:count',
    expr: `count by (soak_run, soak_grade) (${of('soak.series.grade', 'soak_grade=~"suspected|confirmed"')} == 1)`,
    about: 'Growing series of each run by grade',
  },
  {
    record: 'soak:exhaustion_seconds:min',
    expr: `min by (soak_run) (${of('soak.exhaustion.remaining', 'soak_series_gate="gated"')})`,
    about: 'Time until the first gated series of each run reaches its limit',
  },
  { record: 'soak:requests:rate5m', expr: per('soak.traffic.requests'), about: 'Requests per second of each target' },
  {
    record: 'soak:errors:ratio_rate5m',
    expr: `${per('soak.traffic.errors')} / ${per('soak.traffic.requests')}`,
    about: 'Share of requests that fail, of each target',
  },
  {
    record: 'soak:duration_seconds_bucket:rate5m',
    expr: `sum by (soak_run, soak_target, le) (rate(${bucket}[5m]))`,
    about: 'Buckets of durations, which add up over agents and targets',
  },
  {
    record: 'soak:duration_seconds:p95_5m',
    expr: `histogram_quantile(0.95, sum by (soak_run, soak_target, le) (rate(${bucket}[5m])))`,
    about: 'p95 of the durations of each target',
  },
  {
    record: 'soak:memory_private_bytes:sum',
    expr: `sum by (soak_run, soak_target) (${of('soak.process.memory.private', 'soak_member=""')})`,
    about: 'Anonymous memory and swap of each target with one process',
  },
  {
    record: 'soak:cpu_cores:rate5m',
    expr: `sum by (soak_run, soak_target) (rate(${of('process.cpu.time', 'soak_member=""')}[5m]))`,
    about: 'Cores that each target uses',
  },
];
