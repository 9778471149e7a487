/** Windows of several senders for the same role become one. */
import { countOf } from '../quantiles.ts';
import { mergeBuckets } from './buckets.ts';
import { FAILURES, type TrafficWindow } from './window.ts';

/**
 * One window of several that overlap in time. Requests and errors add up; users and requests in flight are those of each sender's last
 * window; durations are known only as far as every one of them tells them. A tool's own quantiles are of its own requests only.
 */
export function joined(windows: readonly [TrafficWindow, ...TrafficWindow[]]): TrafficWindow {
  const last = [...new Map(windows.map((window) => [window.sender, window])).values()];
  const busy = windows.filter(({ requests }) => requests > 0);
  const buckets = busy.map((window) => window.buckets);
  return {
    ...windows[0],
    sender: [...new Set(windows.map(({ sender }) => sender))].toSorted().join('+'),
    from: Math.min(...windows.map(({ from }) => from)),
    to: Math.max(...windows.map(({ to }) => to)),
    requests: total(windows.map(({ requests }) => requests)) ?? 0,
    errors: total(windows.map(({ errors }) => errors)),
    failures: failuresOf(windows),
    checks: checksOf(windows),
    inFlight: total(last.map(({ inFlight }) => inFlight)),
    users: total(last.map(({ users }) => users)),
    sum: busy.every(({ sum }) => sum !== null) ? total(busy.map(({ sum }) => sum)) : null,
    buckets: buckets.every((one) => one !== null) && buckets.length > 0 ? mergeBuckets(buckets) : null,
    quantiles: null,
    kind: windows.every(({ kind }) => kind === 'exact') ? 'exact' : 'buckets',
  };
}

/** Of those that are known; null when none is. */
function total(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 ? null : known.reduce((sum, figure) => sum + figure, 0);
}

function checksOf(windows: readonly TrafficWindow[]): TrafficWindow['checks'] {
  const told = windows.flatMap(({ checks }) => checks ?? []);
  if (told.length === 0) return null;
  return { passed: told.reduce((sum, { passed }) => sum + passed, 0), failed: told.reduce((sum, { failed }) => sum + failed, 0) };
}

function failuresOf(windows: readonly TrafficWindow[]): TrafficWindow['failures'] {
  const told = windows.flatMap(({ failures }) => failures ?? []);
  if (told.length === 0) return null;
  const sums = FAILURES.map((failure) => [failure, total(told.map((one) => one[failure] ?? null))] as const);
  return Object.fromEntries(sums.filter(([, sum]) => sum !== null));
}

/** Whether the buckets hold all requests of the window: a tool may count a request before it knows how long it took. */
export function isComplete({ buckets, requests }: TrafficWindow): boolean {
  return buckets !== null && countOf(buckets) >= requests * 0.99;
}
