/** k6 by its OpenTelemetry output (`--out opentelemetry`, stable since 1.4; `experimental-opentelemetry` before it). */
import type { CounterPoint, GaugePoint, HistogramPoint, Point } from '../../intake/point.ts';
import { failureOfStatus, failureOfText } from '../failure.ts';
import { operationName } from '../../series.ts';
import { OTHER } from '../operations.ts';
import type { Failure } from '../window.ts';
import { inName, isOverflow, type Reading, secondsIn, type Tool } from './tool.ts';

/** k6's own metrics; with K6_OTEL_METRIC_PREFIX something stands before them. */
const own = inName(
  /^(?:k6[._])?((?:http_req_\w+|grpc_req_duration|http_reqs|vus|vus_max|iterations|iteration_duration|data_sent|data_received|checks|dropped_iterations|group_duration|ws_\w+|grpc_streams\w*|browser_\w+)(?:\.(?:total|occurred))?)$/,
);

const DURATIONS = new Set(['http_req_duration', 'grpc_req_duration']);

const OVERFLOW =
  'k6 has more sets of tags than its SDK keeps apart (2,000): totals stay right, operations beyond it are "other"; give requests a name tag, or leave the url tag out with --system-tags';

const DROPPED = 'k6 drops iterations: it has too few users to keep its rate, so that the load is less than planned';

export const k6: Tool = {
  name: 'k6',
  witness: 'generator',
  period: 10,
  hasTags: true,
  knows: ({ name }) => own(name) !== null,
  read(reading) {
    const rates = new Rates();
    for (const point of reading.points) {
      const name = own(point.name)?.[1] ?? '';
      if (isOverflow(point)) reading.note('overflow', OVERFLOW);
      if (point.kind === 'histogram' && DURATIONS.has(name)) readDurations(reading, point);
      else if (point.kind === 'gauge' && name === 'vus') addUsers(reading, point);
      else if (point.kind === 'counter') readCounter(reading, name, point, rates);
    }
    rates.apply(reading);
  },
};

function addUsers(reading: Reading, point: GaugePoint): void {
  const draft = reading.draft(point, null);
  draft.users = (draft.users ?? 0) + point.value;
}

function readDurations(reading: Reading, point: HistogramPoint): void {
  const increment = reading.increment(point);
  if (increment === null) return;
  const failure = failureOf(point);
  const expected = point.labels['expected_response'];
  const outcome = { failed: expected === undefined ? failure !== null : expected === 'false', failure };
  const unit = secondsIn(point.unit, 0.001);
  const operation = operationOf(point);
  reading.answered(point, operation, (draft) => draft.durations(increment, unit, outcome));
}

function operationOf(point: Point): string | null {
  const { name, url, group, scenario } = point.labels;
  if (isOverflow(point)) return OTHER;
  return operationName(name) ?? operationName(url) ?? operationName(group?.replace(/^::/, '')) ?? operationName(scenario);
}

/** Status 0 is a request without an answer; error codes are k6's own (1050 a time-out, 1211 one of connecting, 1212 refused). */
function failureOf({ labels }: Point): Failure | null {
  const { status = '', error_code: code = '', error = '' } = labels;
  if (status !== '0' && status !== '') return failureOfStatus(Number(status));
  if (code === '1050' || code === '1211') return 'timeout';
  if (code === '1212') return 'refused';
  if (error !== '') return failureOfText(error);
  return status === '0' || code !== '' ? 'other' : null;
}

function readCounter(reading: Reading, name: string, point: CounterPoint, rates: Rates): void {
  if (!/^(?:http_req_failed|checks|dropped_iterations)/.test(name)) return;
  const increment = reading.increment(point);
  if (increment === null) return;
  if (!name.startsWith('dropped_iterations')) rates.add(name, point, increment.count);
  else if (increment.count > 0) reading.note('dropped', DROPPED);
}

/** A rate of k6 is one counter with the attribute condition (since 1.4), or two counters: of what was not zero, and of all. */
class Rates {
  #failed: { readonly point: Point; count: number } | null = null;
  #checks: { readonly point: Point; passed: number; failed: number } | null = null;

  add(name: string, point: Point, count: number): void {
    const { condition } = point.labels;
    const isNonzero = condition === undefined ? name.endsWith('.occurred') : condition === 'nonzero';
    if (name.startsWith('http_req_failed')) {
      this.#failed ??= { point, count: 0 };
      this.#failed.count += isNonzero ? count : 0;
      return;
    }
    this.#checks ??= { point, passed: 0, failed: 0 };
    // Of two counters the second has them all.
    this.#checks.passed += isNonzero ? count : 0;
    this.#checks.failed += condition === undefined ? (isNonzero ? -count : count) : isNonzero ? 0 : count;
  }

  /** What k6 itself calls failed goes before what the statuses say. */
  apply(reading: Reading): void {
    if (this.#failed) {
      const draft = reading.draft(this.#failed.point, null);
      if (draft.requests > 0) draft.errors = Math.min(draft.requests, this.#failed.count);
    }
    if (this.#checks === null) return;
    const { point, passed, failed } = this.#checks;
    const draft = reading.draft(point, null);
    draft.checks = { passed, failed: Math.max(0, failed) };
    draft.failed('check', failed);
  }
}
