/** Who has a use for what other programs tell, put together for one run. */
import type { Config } from './config/config.ts';
import { Claims } from './intake/claims.ts';
import type { SourceContext } from './sources/source.ts';
import { LoadTools } from './traffic/loadtools.ts';
import { Traffic } from './traffic/writer.ts';

export interface Intakes {
  /** Writes windows of load into series. */
  readonly traffic: Traffic;
  /** Whether anything of this run tells of load. */
  readonly hasLoad: boolean;
  /** Takes points from anywhere. */
  readonly claims: Claims;
}

export function intakesOf({ series, targets, clock }: SourceContext, { jtl, inbound }: Config): Intakes {
  const watched = targets.all().filter(({ spec }) => !spec.load);
  const traffic = new Traffic(
    series,
    watched.map(({ role }) => role),
  );
  const tools = new LoadTools(traffic, () => clock.wall());
  return { traffic, hasLoad: inbound !== null || jtl.length > 0, claims: new Claims([tools]) };
}
