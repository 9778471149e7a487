/**
 * What a program says of its pools itself, held against its sockets. Metrics of pools are known to be wrong in both directions: a pool that
 * is made for each request is in none of them, and those of pools that are gone may be counted on.
 */
import { paced, POOL_WINDOW_S } from '../pace.ts';
import { formatDuration } from '../quantity.ts';
import type { Series } from '../series.ts';
import type { Store } from '../store.ts';
import type { Known, PoolFinding } from './pools.ts';
import { clockTime } from './sentence.ts';

/** Metrics of the pool source. */
export const REPORTED = 'soak.pool.reported.connections';
const SIZE = 'soak.pool.size';

/** Windows in a row, up to now, in each of which they must be apart. */
const WINDOWS = 3;

/** A client that listens for notifications is in no pool, and opens no second connection. */
const LEAST = 2;

interface Range {
  readonly least: number;
  readonly most: number;
}

/** By how many connections the sockets are more than is reported, at least; below zero they are fewer, and null is not known. */
type Gap = number | null;

export function reportFindings(known: Known, planned: number | null): PoolFinding[] {
  const reports = known.all.filter(({ def, target }) => def.name === REPORTED && target !== null);
  return reports.flatMap((series) => {
    const pools = known.all.filter(({ def, target }) => def.name === SIZE && target === series.target);
    // Of several processes nobody knows which one has told.
    if (new Set(pools.map(({ member }) => member).filter((member) => member !== null)).size > 1) return [];
    const own = pools.filter(({ member }) => member === null);
    // No shorter than a bin, so that one is in each.
    const seconds = Math.max(paced(planned, POOL_WINDOW_S), ...[series, ...own].map(({ id }) => known.store.bins(id).width));
    return own.length === 0 ? [] : apart(series, own, known, seconds);
  });
}

function apart(series: Series, pools: readonly Series[], { store, t }: Known, seconds: number): PoolFinding[] {
  const windows = Array.from({ length: WINDOWS }, (_, i) => ({ from: t - (i + 1) * seconds, to: t - i * seconds }));
  const gaps = windows.map((window) => gapIn(window, series, pools, store));
  if (windows.at(-1)!.from < 0 || gaps.some((gap) => gap === null || Math.abs(gap) < LEAST)) return [];
  const known = gaps.map((gap) => gap!);
  const sign = Math.sign(known[0]!);
  if (known.some((gap) => Math.sign(gap) !== sign)) return [];
  const [least, reported] = [Math.min(...known.map((gap) => Math.abs(gap))), store.value(series.id)];
  const sockets = pools.reduce((sum, { id }) => sum + (store.value(id) || 0), 0);
  const figures = `${sockets} sockets with a session, ${reported} in its pools by its own metrics, at least ${least} apart for ${formatDuration(WINDOWS * seconds)}`;
  const means =
    sign > 0
      ? 'some connections are opened beside its pools, or by pools that its metrics do not know'
      : 'its metrics are wrong, or count pools to servers that are not watched';
  const from = windows.at(-1)!.from;
  const why = `${series.target} does not have the connections that it says it has: ${figures}, since ${clockTime(from)} or before: ${means}`;
  return [{ kind: 'pool_divergence', fails: false, series, why, from, to: t, evidence: { reported, sockets, least: sign * least } }];
}

/**
 * The smallest that any way to count the sockets leaves, because nobody knows to which of the servers the pools are that the program tells
 * of: all of them, those to Postgres, or those to one server.
 */
function gapIn({ from, to }: { from: number; to: number }, series: Series, pools: readonly Series[], store: Store): Gap {
  const told = rangeOf(series, store, from, to);
  if (told === null) return null;
  const sql = pools.filter(({ labels }) => labels['db.system.name'] === 'postgresql');
  const ways = [pools, sql, ...Map.groupBy(pools, ({ labels }) => labels['soak.server']).values()].filter((way) => way.length > 0);
  const gaps = ways.flatMap((way) => {
    const ranges = way.flatMap((pool) => rangeOf(pool, store, from, to) ?? []);
    return ranges.length === 0 ? [] : [between(ranges, told)];
  });
  return gaps.toSorted((a, b) => Math.abs(a) - Math.abs(b))[0] ?? null;
}

function between(ranges: readonly Range[], { least, most }: Range): number {
  const [fewest, greatest] = [ranges.reduce((sum, one) => sum + one.least, 0), ranges.reduce((sum, one) => sum + one.most, 0)];
  return fewest > most ? fewest - most : greatest < least ? greatest - least : 0;
}

/** Null without a sample of that time. */
function rangeOf({ id }: Series, store: Store, from: number, to: number): Range | null {
  const bins = store.bins(id);
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < bins.length; i++) {
    if (bins.count[i] === 0 || bins.middle(i) <= from || bins.middle(i) > to) continue;
    [least, most] = [Math.min(least, bins.min[i]!), Math.max(most, bins.max[i]!)];
  }
  return most < least ? null : { least, most };
}
