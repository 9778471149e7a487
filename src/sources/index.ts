/** The list of sources. A new source is its file, an entry here, its metrics in `src/metrics.ts`, and its fixtures. */
import type { Config } from '../config/config.ts';
import { cgroupSource } from './cgroup.ts';
import { hostSource } from './host.ts';
import { portableSelection } from './portable-selection.ts';
import { portableProcessSource } from './portable.ts';
import { METRICS as PROCESS, processSource } from './process.ts';
import { processSharesSource } from './process-shares.ts';
import { runtimeSource } from './runtime.ts';
import { selectionSource } from './selection.ts';
import { type AgentFigures, selfSource } from './self.ts';
import type { Source, SourceContext } from './source.ts';

/** Selection comes first, so that a new binding is sampled in the same round; the agent itself comes last, to see the round's cost. */
export function sources(ctx: SourceContext, config: Config, figures: AgentFigures): Source[] {
  const period = config.interval;
  const self = selfSource(ctx, { period, figures });
  if (config.source === 'pidusage') {
    const { cpu, rss, uptime } = { cpu: PROCESS.cpuUtilization, rss: PROCESS.memoryUsage, uptime: PROCESS.uptime };
    return [
      portableSelection(ctx),
      portableProcessSource(ctx, { period, metrics: { cpu, rss, uptime } }),
      hostSource(ctx, config.out, { portable: true }),
      self,
    ];
  }
  return [
    selectionSource(ctx),
    processSource(ctx, { period, deletedDescriptors: config.deletedDescriptors }),
    ...(config.shares === 'off' ? [] : [processSharesSource(ctx, { when: config.shares })]),
    cgroupSource(ctx),
    runtimeSource(ctx),
    hostSource(ctx, config.out),
    self,
  ];
}
