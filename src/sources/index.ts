/** The list of sources. A new source is its file, an entry here, its metrics in `src/metrics.ts`, and its fixtures. */
import type { Config } from '../config/config.ts';
import { poolMaxOf } from '../config/poolmax.ts';
import type { Intakes } from '../intakes.ts';
import { paced, settledAfter } from '../pace.ts';
import { cgroupSource } from './cgroup.ts';
import { unseenCgroups } from './cgroup-unseen.ts';
import { hostSource } from './host.ts';
import { type Inbound, inboundSource } from './inbound.ts';
import { jtlSource } from './jtl.ts';
import { poolSource } from './pool.ts';
import { postgresSource } from './postgres.ts';
import { portableSelection } from './portable-selection.ts';
import { portableProcessSource } from './portable.ts';
import { METRICS as PROCESS, processSource } from './process.ts';
import { processSharesSource } from './process-shares.ts';
import { probeSource } from './probe.ts';
import { pushedSource } from './pushed.ts';
import { redisSources } from './redis.ts';
import { runtimeSource } from './runtime.ts';
import { scrapeSources } from './scrape.ts';
import { selectionSource } from './selection.ts';
import { type AgentFigures, selfSource } from './self.ts';
import { namesUntil, socketsSource } from './sockets.ts';
import { networkSource } from './sockets-network.ts';
import type { Source, SourceContext } from './source.ts';
import { trafficSource } from './traffic.ts';
import { Sockets } from '../sockets/sockets.ts';
import { SHARE } from '../sockets/tables.ts';

function servers(ctx: SourceContext, { warmup, duration, statementTexts: texts }: Config): Source[] {
  const settled = settledAfter(warmup, duration);
  const postgres = ctx.servers.all().filter(({ spec }) => spec.system === 'postgresql');
  return [...postgres.map((server) => postgresSource(ctx, server, { warmup: settled, texts })), ...redisSources(ctx)];
}

/**
 * What is asked of the targets, and how they answer. Whoever is told of load comes before `traffic`, which writes it.
 * @param inbound null: nothing is pushed to us
 */
function load(ctx: SourceContext, { jtl, probes, scrapes }: Config, intakes: Intakes, inbound: Inbound | null): Source[] {
  const { traffic, hasLoad, signals, tools } = intakes;
  return [
    ...scrapeSources(ctx, scrapes, { signals, intakes: [tools] }),
    ...(inbound ? [inboundSource(ctx, inbound), pushedSource(signals)] : []),
    ...jtl.map((spec) => jtlSource(ctx, spec, traffic)),
    ...(hasLoad ? [trafficSource(traffic)] : []),
    ...probes.map((spec) => probeSource(ctx, spec)),
  ];
}

function pools(ctx: SourceContext, { duration: planned, poolMax }: Config, sockets: Sockets, { signals }: Intakes): Source {
  return poolSource(ctx, {
    sockets,
    planned,
    maxOf: (role) => poolMaxOf(poolMax, role),
    reportedMaxOf: (role) => signals.told('pool.reported_max', role),
  });
}

/** What the composition root gives the sources beside what they read by themselves. */
export interface Given {
  readonly figures: AgentFigures;
  readonly intakes: Intakes;
  readonly inbound: Inbound | null;
}

/** Selection comes first, so that a new binding is sampled in the same round; the agent itself comes last, to see the round's cost. */
export function sources(ctx: SourceContext, config: Config, { figures, intakes, inbound }: Given): Source[] {
  const period = config.interval;
  const self = selfSource(ctx, { period, figures });
  const sockets = new Sockets(ctx, paced(config.duration, SHARE));
  if (config.source === 'pidusage') {
    const { cpu, rss, uptime } = { cpu: PROCESS.cpuUtilization, rss: PROCESS.memoryUsage, uptime: PROCESS.uptime };
    return [
      portableSelection(ctx),
      portableProcessSource(ctx, { period, metrics: { cpu, rss, uptime } }),
      hostSource(ctx, config.out, { portable: true }),
      ...servers(ctx, config),
      ...load(ctx, config, intakes, inbound),
      self,
    ];
  }
  return [
    selectionSource(ctx),
    processSource(ctx, { period, deletedDescriptors: config.deletedDescriptors }),
    ...(config.shares === 'off' ? [] : [processSharesSource(ctx, { when: config.shares })]),
    cgroupSource(ctx),
    ...(config.cgroupOf === null ? [] : [unseenCgroups(ctx, config.cgroupOf)]),
    runtimeSource(ctx),
    socketsSource(ctx, { sockets, planned: config.duration, warmup: config.warmup }),
    ...(config.networkOf === null
      ? []
      : [networkSource(ctx, { sockets, role: config.networkOf, frozenFrom: namesUntil(config.warmup, config.duration) })]),
    ...(config.servers.length === 0 ? [] : [pools(ctx, config, sockets, intakes)]),
    hostSource(ctx, config.out),
    ...servers(ctx, config),
    ...load(ctx, config, intakes, inbound),
    self,
  ];
}
