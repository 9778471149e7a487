/** The portable sources at work, without a /proc that they could read. */
import { SystemClock } from '../src/clock.ts';
import type { Selector } from '../src/selector.ts';
import { portableSelection } from '../src/sources/portable-selection.ts';
import { portableProcessSource } from '../src/sources/portable.ts';
import { METRICS } from '../src/sources/process-metrics.ts';
import type { Source } from '../src/sources/source.ts';
import { Readings } from './readings.ts';

export const PROCESS = { cpu: METRICS.cpuUtilization, rss: METRICS.memoryUsage, uptime: METRICS.uptime };
export const NO_PROC = { proc: '/nonexistent', sys: '/nonexistent' };

export interface PortableWatch {
  readonly readings: Readings;
  readonly selection: Source;
  readonly processes: Source;
}

export async function watchPortably(selector: Selector): Promise<PortableWatch> {
  const readings = new Readings(NO_PROC, { selector }, new SystemClock());
  const selection = portableSelection(readings.ctx);
  const processes = portableProcessSource(readings.ctx, { period: 5, metrics: PROCESS });
  await selection.open(readings);
  await processes.open(readings);
  return { readings, selection, processes };
}
