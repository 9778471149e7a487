/**
 * What is said of pools of connections beyond the floor of their stuck ones: who did not give back what, that a pool is full or stands
 * still, and what could not be seen of it.
 */
import { paced, POOL_WINDOW_S } from '../pace.ts';
import { formatDuration } from '../quantity.ts';
import { seriesLabel, type Series } from '../series.ts';
import type { Store } from '../store.ts';
import { lifeOf, riseOf } from './floor.ts';
import type { SeriesJudgement } from './judgement.ts';
import { REPORTED, reportFindings } from './poolreports.ts';
import { clockTime } from './sentence.ts';
import type { StuckConnection } from './stuck.ts';
import type { Work } from './work.ts';

/** Metrics of the pool source. */
const STUCK = 'soak.pool.stuck';
const MAX = 'soak.pool.connections.max';
const UTILIZATION = 'soak.pool.utilization';
const STANDSTILL = 'soak.pool.standstill';
const WAIT = 'soak.pool.wait';
const OPENED = 'soak.pool.opened';
const CLOSED = 'soak.pool.closed';
const JOIN_RATIO = 'soak.pool.join_ratio';

/** Research: below this, what is known of sessions says too little of the sockets. */
const JOIN_MIN = 0.9;

/** A pool that is full because of what is stuck: so much of the maximum is taken, at least so much of it by stuck connections. */
const FULL = 0.95;
const FULL_STUCK = 0.5;

/** A pool that stands still has nothing left to give, or nothing to do: only requests that go on tell which, after so long. */
const STILL_S = 30;
const STILL_WORKING_S = 120;
const STILL_WORKING_SHARE = 0.1;
const REQUESTS = 'requests';
/**
 * Under more users than a pooler has connections some always wait, for as long as a few statements take. After so long, and that in two
 * windows in a row, nobody gives any back.
 */
const WAIT_S = 30;
/** Longer than any pause before. */
const PAUSE_FACTOR = 1.5;

/** Connections that a finding names; `events` have the others. */
const NAMED_MAX = 5;

export interface Known {
  readonly all: readonly Series[];
  readonly store: Store;
  readonly t: number;
}

/** The other series of a pool: same target and member, and equal labels where both have them. */
function siblingsOf(series: Series, all: readonly Series[]): (metric: string) => Series | null {
  const own = all.filter(({ source, target, member, labels }) => {
    const same = Object.entries(labels).every(([name, value]) => series.labels[name] === undefined || series.labels[name] === value);
    return same && source === series.source && target === series.target && member === series.member;
  });
  return (metric) => own.find(({ def }) => def.name === metric) ?? null;
}

/** Why stuck connections of a pool might not have been seen, however few there were; null when they would have been. */
export function unseenStuck(series: Series, { all, store, t }: Known, planned: number | null): string | null {
  const pool = siblingsOf(
    series,
    all.filter(({ source }) => source === series.source),
  );
  const ratio = joinRatio(series, all, store);
  if (ratio !== null && ratio < JOIN_MIN) {
    const says = all.some(({ def, target }) => def.name === REPORTED && target === series.target);
    const instead = says
      ? 'what it says of its pools itself is judged instead'
      : 'its own metrics (--scrape) or those of the pooler could tell';
    return `only ${Math.floor(ratio * 100)} % of its sockets are known to the server as they are here: something in between rewrites ports; ${instead}`;
  }
  // A leak of Redis clients opens one after the other: there is no pool that it could be hidden in.
  if (series.labels['db.system.name'] === 'redis' || t < 3 * paced(planned, POOL_WINDOW_S)) return null;
  const moved = [pool(OPENED), pool(CLOSED)].some(
    (counter) => counter !== null && countedAfter(counter, store, 2 * paced(planned, POOL_WINDOW_S)),
  );
  if (moved) return null;
  const first = formatDuration(2 * paced(planned, POOL_WINDOW_S));
  return `no connection was opened or closed after the first ${first}, and without that one that was not given back looks like an idle one until none is left`;
}

/** Of the role as a whole, over the run so far. */
function joinRatio(series: Series, all: readonly Series[], store: Store): number | null {
  const ratio = siblingsOf({ ...series, member: null }, all)(JOIN_RATIO);
  if (ratio === null) return null;
  const { sum, count, length } = store.bins(ratio.id);
  let [total, samples] = [0, 0];
  for (let i = 0; i < length; i++) [total, samples] = [total + sum[i]!, samples + count[i]!];
  return samples === 0 ? null : total / samples;
}

function countedAfter({ id }: Series, store: Store, seconds: number): boolean {
  const bins = store.bins(id);
  for (let i = 0; i < bins.length; i++) if (bins.middle(i) > seconds && bins.sum[i]! > 0) return true;
  return false;
}

export interface PoolFinding {
  readonly kind: 'pool_leak' | 'pool_exhausted' | 'pool_unseen' | 'pool_divergence';
  readonly fails: boolean;
  readonly series: Series;
  readonly why: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

export interface PoolMatters {
  readonly series: readonly SeriesJudgement[];
  readonly work: ReadonlyMap<string, Work>;
  readonly stuck: readonly StuckConnection[];
}

/** In order of weight. */
export function poolFindings(matters: PoolMatters, known: Known, planned: number | null): PoolFinding[] {
  const judged = matters.series.filter(({ series }) => series.def.name === STUCK);
  // The role's total stands for its members: each would say the same of the same connections.
  const pools = judged.filter((one) => one.series.member === null || !judged.some((total) => isTotalOf(total.series, one.series)));
  return [
    ...pools.filter(({ outcome }) => outcome === 'fail').map((one) => leak(one, matters.stuck)),
    ...pools.flatMap((one) => exhausted(one, matters, known, planned)),
    ...pools.flatMap((one) => unseen(one, known, planned)),
    ...reportFindings(known, planned),
  ];
}

function isTotalOf(total: Series, series: Series): boolean {
  return (
    total.member === null &&
    series.member !== null &&
    total.target === series.target &&
    Object.entries(total.labels).every(([name, value]) => series.labels[name] === value)
  );
}

function leak({ series, why, judged, level, limit, exhaustion }: SeriesJudgement, all: readonly StuckConnection[]): PoolFinding {
  const own = all.filter((one) => isOf(one, series));
  const evidence = { stuck: level, limit: limit?.value ?? null, limitFrom: limit?.from ?? null, connections: named(own) };
  const full = exhaustion === null ? '' : `; it is exhausted in ${formatDuration(Math.max(0, exhaustion.at - (judged?.to ?? 0)))}`;
  const who = own[0] === undefined ? '' : `; the latest: ${describe(own.at(-1)!)}`;
  const said = why.replace(seriesLabel(series), `stuck connections of ${nameOf(series)}`);
  return {
    kind: 'pool_leak',
    fails: true,
    series,
    why: `${said}: they are taken and not given back${full}${who}`,
    from: judged?.from ?? null,
    to: judged?.to ?? null,
    evidence,
  };
}

/** Full because of what is stuck, with clients that wait in vain, or at a standstill while the program works. */
function exhausted(
  { series }: SeriesJudgement,
  { work, stuck }: PoolMatters,
  { all, store, t }: Known,
  planned: number | null,
): PoolFinding[] {
  const pool = siblingsOf(series, all);
  const [utilization, standstill, wait, max] = [pool(UTILIZATION), pool(STANDSTILL), pool(WAIT), pool(MAX)];
  const name = `the pool of ${nameOf(series)}`;
  const own = stuck.filter((one) => isOf(one, series));
  const evidence = {
    max: max === null ? null : store.value(max.id),
    maxFrom: max?.labels['soak.pool.max.source'] ?? null,
    connections: named(own),
  };
  const target = work.get(series.target ?? '');
  const full = utilization === null || max === null ? null : fullSince(series, utilization, store.value(max.id), store, t, planned);
  if (full !== null) {
    const why = `${name} is full since ${clockTime(full)}, at least half of it with connections that are not given back`;
    return [{ kind: 'pool_exhausted', fails: true, series, why, from: full, to: t, evidence }];
  }
  const waits = wait === null ? null : waitsFor(wait, store, t, paced(planned, POOL_WINDOW_S));
  if (waits !== null) {
    const why = `${name} has none left to take: clients wait for a connection of the pooler, one for ${formatDuration(waits.longest)}`;
    return [{ kind: 'pool_exhausted', fails: true, series, why, from: waits.from, to: t, evidence }];
  }
  const still = standstill === null ? null : stillFor(standstill, store, t);
  if (still === null) return [];
  const asked = target !== undefined && target.signal === REQUESTS && target.steady && target.stoppedAt === null;
  const works = asked && still >= Math.max(STILL_WORKING_S, STILL_WORKING_SHARE * t);
  const means = works ? 'while requests go on: none is left to take' : 'it has none left to take, or nothing to do';
  const why = `${name} stands still for ${formatDuration(still)}: all its connections are open, none is at work and none has changed, ${means}`;
  return [{ kind: 'pool_exhausted', fails: works, series, why, from: t - still, to: t, evidence }];
}

/** End of the first window in which the pool was full, half of it with connections that got stuck one after the other; or null. */
function fullSince(series: Series, utilization: Series, max: number, store: Store, until: number, planned: number | null): number | null {
  const seconds = paced(planned, POOL_WINDOW_S);
  const life = lifeOf(store.bins(series.id), seconds, 0, until);
  if (riseOf(life, FULL_STUCK * max) === null) return null;
  const stuck = new Map(life.windows.map((window) => [window.from, window.floor]));
  const { windows } = lifeOf(store.bins(utilization.id), seconds, 0, until);
  return windows.find(({ from, floor }) => floor >= FULL && (stuck.get(from) ?? 0) >= FULL_STUCK * max)?.to ?? null;
}

/** The longest wait, when in each of the last two windows somebody waited for too long. */
function waitsFor({ id }: Series, store: Store, t: number, seconds: number): { readonly longest: number; readonly from: number } | null {
  const bins = store.bins(id);
  const last = lifeOf(bins, seconds, 0, t).windows.slice(-2);
  const longest = last.map(({ from, to }) => {
    let most = 0;
    for (let i = 0; i < bins.length; i++)
      if (bins.count[i]! > 0 && bins.middle(i) > from && bins.middle(i) < to) most = Math.max(most, bins.max[i]!);
    return most;
  });
  const isLate = last.length < 2 || t - last[1]!.to > 2 * (last[1]!.to - last[1]!.from); // it is not told any more
  return isLate || Math.min(...longest) < WAIT_S ? null : { longest: Math.max(...longest), from: last[0]!.from };
}

/** Seconds, when it is longer than any standstill before; null otherwise. */
function stillFor({ id, period }: Series, store: Store, t: number): number | null {
  const still = store.value(id);
  if (!(still >= STILL_S) || t - store.at(id) > 3 * period) return null;
  const bins = store.bins(id);
  let before = 0;
  for (let i = 0; i < bins.length; i++) if (bins.count[i]! > 0 && bins.middle(i) < t - still) before = Math.max(before, bins.max[i]!);
  return still > PAUSE_FACTOR * before ? still : null;
}

/** Stuck ones that are few and stay, or a reason for which none may have been seen. */
function unseen({ series, why, outcome, grade, judged }: SeriesJudgement, known: Known, planned: number | null): PoolFinding[] {
  if (outcome !== 'inconclusive' || judged === null) return [];
  const reason = grade === 'suspected' ? null : unseenStuck(series, known, planned);
  if (grade !== 'suspected' && reason === null) return [];
  const lasting = why.replace(seriesLabel(series), `the number of stuck connections of ${nameOf(series)}`);
  const said =
    reason === null
      ? `${lasting}: they may be held on purpose`
      : `whether connections of ${nameOf(series)} are given back cannot be told: ${reason}`;
  return [{ kind: 'pool_unseen', fails: false, series, why: said, from: judged.from, to: judged.to, evidence: {} }];
}

/** `api/2 to orders (database app, user app)`. */
function nameOf({ target, member, labels }: Series): string {
  const of = Object.entries({ database: labels['db.namespace'], user: labels['user.name'] }).filter(([, value]) => value);
  const which = of.map(([what, value]) => `${what} ${value}`).join(', ');
  return `${target}${member === null ? '' : `/${member}`} to ${labels['soak.server']}${which && ` (${which})`}`;
}

function isOf({ target, member, data }: StuckConnection, { labels, ...series }: Series): boolean {
  if (target !== series.target || (series.member !== null && member !== series.member)) return false;
  return data['server'] === labels['soak.server'] && data['database'] === labels['db.namespace'] && data['user'] === labels['user.name'];
}

function named(stuck: readonly StuckConnection[]): string {
  const more = stuck.length > NAMED_MAX ? `; and ${stuck.length - NAMED_MAX} more` : '';
  return stuck.slice(-NAMED_MAX).map(describe).join('; ') + more;
}

const EVIDENCE: Readonly<Record<string, string>> = {
  newer: 'others were opened since, which a pool with an idle one does not do',
  closed: 'others that were idle for less time were closed since',
  transaction: 'in a transaction',
};

function describe({ t, data }: StuckConnection): string {
  const { pid, port, application, age, query, statement, evidence } = data;
  const parts = [
    typeof pid === 'number' ? `backend ${pid}` : `session ${String(data['session'])}`,
    `port ${port}`,
    typeof application === 'string' && application !== '' ? `application ${application}` : '',
    typeof statement === 'string' ? `last statement ${statement}` : query === null ? '' : `last statement ${query}`,
    `left alone since ${clockTime(Math.max(0, t - Number(age)))}`,
    EVIDENCE[String(evidence)] ?? '',
  ];
  return parts.filter(Boolean).join(', ');
}
