/** The list of sources. A new source is its file, an entry here, its metrics in `src/metrics.ts`, and its fixtures. */
import type { Config } from '../config/config.ts';
import { signalsOf } from '../intake/presets.ts';
import { type Meanings, Signals } from '../intake/signals.ts';
import { poolMaxOf } from '../config/poolmax.ts';
import { cgroupSource } from './cgroup.ts';
import { hostSource } from './host.ts';
import { poolSource } from './pool.ts';
import { postgresSource } from './postgres.ts';
import { portableSelection } from './portable-selection.ts';
import { portableProcessSource } from './portable.ts';
import { METRICS as PROCESS, processSource } from './process.ts';
import { processSharesSource } from './process-shares.ts';
import { redisSources } from './redis.ts';
import { METRICS as RUNTIME, runtimeSource } from './runtime.ts';
import { scrapeSources } from './scrape.ts';
import { selectionSource } from './selection.ts';
import { type AgentFigures, selfSource } from './self.ts';
import { socketsSource } from './sockets.ts';
import type { Source, SourceContext } from './source.ts';
import { METRICS as TRAFFIC } from './traffic.ts';
import { Sockets } from '../sockets/sockets.ts';

/** A quarter of an hour is what pools and caches take to settle; of a short run a tenth. */
const WARMUP_S = 900;

function servers(ctx: SourceContext, { warmup, duration }: Config): Source[] {
  const settled = warmup ?? Math.min(WARMUP_S, (duration ?? Infinity) / 10);
  const postgres = ctx.servers.all().filter(({ spec }) => spec.system === 'postgresql');
  return [...postgres.map((server) => postgresSource(ctx, server, { warmup: settled })), ...redisSources(ctx)];
}

/** What signals may stand for. The judge sees one heap, whoever has read it. */
const MEANINGS: Meanings = {
  heap: { source: 'runtime', def: RUNTIME.heap },
  'heap.limit': { source: 'runtime', def: RUNTIME.heapLimit },
  threads: { source: 'scrape', def: PROCESS.threads },
  requests: { source: 'traffic', def: TRAFFIC.requests },
  errors: { source: 'traffic', def: TRAFFIC.errors },
};

function scrapes(ctx: SourceContext, { scrapes: specs, signals, targets }: Config): Source[] {
  if (specs.length === 0) return [];
  const declared = signalsOf({ scrapes: specs, signals, roles: targets.map(({ role }) => role), inbound: false });
  const told = new Signals(declared, { series: ctx.series, meanings: MEANINGS, began: ctx.clock.wall() });
  return scrapeSources(ctx, specs, { signals: told, intakes: [] });
}

/** Selection comes first, so that a new binding is sampled in the same round; the agent itself comes last, to see the round's cost. */
export function sources(ctx: SourceContext, config: Config, figures: AgentFigures): Source[] {
  const period = config.interval;
  const self = selfSource(ctx, { period, figures });
  const sockets = new Sockets(ctx);
  if (config.source === 'pidusage') {
    const { cpu, rss, uptime } = { cpu: PROCESS.cpuUtilization, rss: PROCESS.memoryUsage, uptime: PROCESS.uptime };
    return [
      portableSelection(ctx),
      portableProcessSource(ctx, { period, metrics: { cpu, rss, uptime } }),
      hostSource(ctx, config.out, { portable: true }),
      ...servers(ctx, config),
      ...scrapes(ctx, config),
      self,
    ];
  }
  return [
    selectionSource(ctx),
    processSource(ctx, { period, deletedDescriptors: config.deletedDescriptors }),
    ...(config.shares === 'off' ? [] : [processSharesSource(ctx, { when: config.shares })]),
    cgroupSource(ctx),
    runtimeSource(ctx),
    socketsSource(ctx, { sockets, planned: config.duration, warmup: config.warmup }),
    ...(config.servers.length === 0
      ? []
      : [poolSource(ctx, { sockets, planned: config.duration, maxOf: (role) => poolMaxOf(config.poolMax, role) })]),
    hostSource(ctx, config.out),
    ...servers(ctx, config),
    ...scrapes(ctx, config),
    self,
  ];
}
