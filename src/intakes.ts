/** Who has a use for what other programs tell, put together for one run. */
import type { Config } from './config/config.ts';
import { Claims } from './intake/claims.ts';
import { signalsOf } from './intake/presets.ts';
import { type Meanings, Signals } from './intake/signals.ts';
import { tagOf } from './series.ts';
import { METRICS as POOL } from './sources/pool-metrics.ts';
import { METRICS as PROCESS } from './sources/process-metrics.ts';
import { METRICS as RUNTIME } from './sources/runtime-metrics.ts';
import type { SourceContext } from './sources/source.ts';
import { METRICS as TRAFFIC } from './sources/traffic-metrics.ts';
import { LoadTools } from './traffic/loadtools.ts';
import { Traffic } from './traffic/writer.ts';

export interface Intakes {
  /** Writes windows of load into series. */
  readonly traffic: Traffic;
  /** Knows the points of load tools. */
  readonly tools: LoadTools;
  /** Knows what the user and the presets have declared. */
  readonly signals: Signals;
  /** Whether anything of this run may tell of load. */
  readonly hasLoad: boolean;
  /** Takes what is pushed. */
  readonly claims: Claims;
}

/** What signals may stand for. The judge sees one heap, whoever has read it. */
const MEANINGS: Meanings = {
  heap: { source: 'runtime', def: RUNTIME.heap },
  'heap.limit': { source: 'runtime', def: RUNTIME.heapLimit },
  threads: { source: 'scrape', def: PROCESS.threads },
  requests: { source: 'traffic', def: TRAFFIC.requests },
  errors: { source: 'traffic', def: TRAFFIC.errors },
  'pool.reported': { source: 'scrape', def: POOL.reported },
  'pool.reported_max': { source: 'scrape', def: POOL.reportedMax },
};

export function intakesOf({ series, targets, clock }: SourceContext, { jtl, inbound, scrapes, signals: own, rules }: Config): Intakes {
  const watched = targets.all().flatMap(({ spec, role }) => (spec.load ? [] : [role]));
  const tagged = rules.flatMap(({ labels }) => labels['soak.operation'] ?? []).filter((operation) => tagOf(operation) !== null);
  const traffic = new Traffic(series, watched, tagged);
  const tools = new LoadTools(traffic, () => clock.wall(), tagged);
  const declared = signalsOf({ scrapes, signals: own, roles: watched, inbound: inbound !== null });
  const signals = new Signals(declared, { series, meanings: MEANINGS, began: clock.wall() });
  const hasLoad = inbound !== null || jtl.length > 0 || scrapes.length > 0;
  return { traffic, tools, signals, hasLoad, claims: new Claims([tools, signals]) };
}
