/**
 * Programs instrumented by OpenTelemetry's conventions for HTTP, pushed or scraped: a server tells what it answered, and a client that is
 * no program we watch is taken for a load generator. What a watched program asks of others is not its own traffic.
 */
import type { HistogramPoint, Point } from '../../intake/point.ts';
import { failureOfStatus, failureOfText } from '../failure.ts';
import { operationName } from '../../series.ts';
import type { Failure } from '../window.ts';
import { inName, type Reading, secondsIn, type Tool } from './tool.ts';

/** The conventions since 1.23, those before (in milliseconds), and both as Prometheus spells them. */
const duration = inName(/^http[._](server|client)[._](?:request[._])?duration(?:_(?:seconds|milliseconds))?$/);
const active = inName(/^http[._]server[._]active[._]requests$/);

export const httpServer: Tool = {
  name: 'the server',
  witness: 'server',
  period: 60,
  knows: ({ name }) => duration(name)?.[1] === 'server' || active(name) !== null,
  read: readRequests,
};

export const httpClient: Tool = {
  name: 'an HTTP client',
  witness: 'generator',
  period: 60,
  knows: ({ name }) => duration(name)?.[1] === 'client',
  read: readRequests,
};

function readRequests(reading: Reading): void {
  for (const point of reading.points) {
    if (point.kind === 'histogram') readDurations(reading, point);
    if (point.kind !== 'gauge' || active(point.name) === null) continue;
    const draft = reading.draft(point, null);
    draft.inFlight = (draft.inFlight ?? 0) + point.value;
  }
}

function readDurations(reading: Reading, point: HistogramPoint): void {
  const increment = reading.increment(point);
  if (increment === null) return;
  const outcome = outcomeOf(point);
  const unit = secondsIn(point.unit, isOld(point) ? 0.001 : 1);
  const operation = operationOf(point);
  reading.answered(point, operation, (draft) => draft.durations(increment, unit, outcome));
}

function isOld({ name }: Point): boolean {
  return !name.includes('request') || name.endsWith('milliseconds');
}

/** A server fails with 5xx, a client with 4xx as well; `error.type` is a status, or what went wrong without one. */
function outcomeOf(point: Point): { failed: boolean; failure: Failure | null } {
  const status = label(point, 'http.response.status_code') ?? label(point, 'http.status_code');
  const type = label(point, 'error.type') ?? '';
  const isClient = duration(point.name)?.[1] === 'client';
  const failure = status === undefined ? (type === '' ? null : failureOfText(type)) : failureOfStatus(Number(status));
  const byType = type !== '' && !/^[1-4]\d\d$/.test(type);
  return { failed: byType || failure === 'http_5xx' || (isClient && failure !== null), failure };
}

function operationOf(point: Point): string | null {
  const route = operationName(label(point, 'http.route') ?? label(point, 'url.template'));
  const method = label(point, 'http.request.method') ?? label(point, 'http.method');
  return route === null ? null : operationName([method, route].filter((part) => part !== undefined).join(' '));
}

/** As it is, or as Prometheus spells it. */
function label({ labels }: Point, name: string): string | undefined {
  return labels[name] ?? labels[name.replaceAll('.', '_')];
}
