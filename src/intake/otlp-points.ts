/** The points of a decoded ExportMetricsServiceRequest, whichever encoding it came in. A point that cannot be used costs no other one. */
import type { Point, Temporality } from './point.ts';
import { type AttributeSet, type Labels, sameLabels } from './attribute-sets.ts';
import { type Buckets, explicitBuckets, exponentialBuckets } from './otlp-histogram.ts';
import {
  dataPointsOf,
  type DataPoints,
  field,
  LABELS,
  labelsOf,
  type Message,
  messageOf,
  messagesOf,
  numberOf,
  numberOrZero,
  seconds,
  textOf,
} from './otlp-value.ts';
import { LABELS_MAX, type Parsed, POINTS_MAX, type Reason, Refusals, Unreadable } from './refusals.ts';

/** What of a resource says whose points they are. Everything else of it (host, process, container) is another identity with every start. */
const WHOSE = new Set(['service.name', 'service.instance.id', 'service.version', 'host.name', 'soak.target']);

/**
 * @param points where those of some data are
 * @throws {Unreadable} when it is no request at all
 */
export function pointsOf(request: unknown, points: (data: Message) => DataPoints = dataPointsOf): Parsed {
  const message = messageOf(request);
  if (message === null) throw new Unreadable('it should be an object with resourceMetrics');
  const reading = new Reading(points);
  for (const resource of messagesOf(message, 'resourceMetrics')) {
    const whose = resourceLabels(resource);
    for (const scope of messagesOf(resource, 'scopeMetrics')) {
      for (const metric of messagesOf(scope, 'metrics')) reading.metric(metric, whose);
    }
  }
  return reading;
}

function resourceLabels(message: Message): Labels {
  const resource = messageOf(field(message, 'resource'));
  if (resource === null) return sameLabels({});
  // Resources have many attributes of their own; only the few are made texts.
  const attributes = messagesOf(resource, 'attributes').filter((one) => WHOSE.has(textOf(field(one, 'key'))));
  return sameLabels(labelsOf({ attributes }) ?? {});
}

/** The kinds of data, and how a point of each is read. */
const KINDS = {
  gauge: numberPoint,
  sum: sumPoint,
  histogram: (point: Message, data: Message) => histogramPoint(point, data, explicitBuckets),
  exponentialHistogram: (point: Message, data: Message) => histogramPoint(point, data, exponentialBuckets),
  summary: summaryPoint,
} as const;

class Reading implements Parsed {
  readonly points: Point[] = [];
  readonly refused = new Refusals();
  readonly #pointsOf: (data: Message) => DataPoints;

  constructor(of: (data: Message) => DataPoints) {
    this.#pointsOf = of;
  }

  metric(metric: Message, whose: Labels): void {
    const name = textOf(field(metric, 'name'));
    for (const [kind, read] of Object.entries(KINDS)) {
      const data = messageOf(field(metric, kind));
      if (data === null) continue;
      const { count, each } = this.#pointsOf(data);
      if (name === '') return this.refused.add('malformed', 'a metric has no name', count);
      const unit = textOf(field(metric, 'unit'));
      for (const point of each) this.#point({ name, unit }, point, whose, () => read(point, data));
      return;
    }
    this.refused.add(
      'malformed',
      `${name || 'a metric'} has no data: it should be a gauge, sum, histogram, exponentialHistogram or summary`,
    );
  }

  #point(of: { readonly name: string; readonly unit: string }, point: Message, whose: Labels, read: () => Read): void {
    // Set in the place of a value that is not there; it says nothing else.
    if ((numberOrZero(point, 'flags') & NO_RECORDED_VALUE) !== 0) return;
    if (this.points.length >= POINTS_MAX) return this.refused.add('bound', `a body may have ${POINTS_MAX} points: send smaller ones`);
    const value = read();
    if ('wrong' in value) return this.refused.add(value.reason, `${of.name}: ${value.wrong}`);
    const labels = pointLabels(point, whose);
    if (labels === null) return this.refused.add('labels', `${of.name}: a point should have at most ${LABELS_MAX} attributes`);
    this.points.push({
      ...of,
      labels,
      wall: seconds(point, 'timeUnixNano'),
      since: seconds(point, 'startTimeUnixNano'),
      ...value,
    });
  }
}

/** What a point says of itself goes before what its resource says. */
function pointLabels(point: Message, whose: Labels): Labels | null {
  // Of a point in protobuf they have been made already.
  const made = (point as { readonly [LABELS]?: AttributeSet })[LABELS];
  if (made !== undefined) return made.of(whose);
  const labels = labelsOf(point);
  return labels && { ...whose, ...labels };
}

/** Source: metrics.proto, DataPointFlags. */
const NO_RECORDED_VALUE = 1;

type OwnPart<P> = P extends Point ? Omit<P, 'name' | 'unit' | 'labels' | 'wall' | 'since'> : never;

type Read = OwnPart<Point> | { readonly wrong: string; readonly reason: Reason };

function numberPoint(point: Message): Read {
  const value = numberOf(field(point, 'asDouble') ?? field(point, 'asInt'));
  return Number.isFinite(value) ? { kind: 'gauge', value } : wrong('value', 'a point has no finite value');
}

function sumPoint(point: Message, data: Message): Read {
  const temporality = temporalityOf(data);
  const read = numberPoint(point);
  if (temporality === null) return wrong('temporality', NO_TEMPORALITY);
  if (!('kind' in read) || read.kind !== 'gauge') return read;
  if (field(data, 'isMonotonic') === true) {
    return read.value < 0 ? wrong('value', 'a counter is below zero') : { kind: 'counter', temporality, value: read.value };
  }
  // Increments of what also falls are no level, and where they began nobody has told.
  return temporality === 'delta'
    ? wrong('temporality', 'a sum that may fall should be cumulative, because deltas of it have no level')
    : read;
}

const NO_TEMPORALITY = 'its aggregationTemporality should be delta (1) or cumulative (2)';

const TEMPORALITIES: ReadonlyMap<unknown, Temporality> = new Map<unknown, Temporality>([
  [1, 'delta'],
  ['AGGREGATION_TEMPORALITY_DELTA', 'delta'],
  [2, 'cumulative'],
  ['AGGREGATION_TEMPORALITY_CUMULATIVE', 'cumulative'],
]);

function temporalityOf(data: Message): Temporality | null {
  return TEMPORALITIES.get(field(data, 'aggregationTemporality')) ?? null;
}

function histogramPoint(point: Message, data: Message, bucketsOf: (point: Message, count: number) => Buckets): Read {
  const temporality = temporalityOf(data);
  if (temporality === null) return wrong('temporality', NO_TEMPORALITY);
  const count = numberOrZero(point, 'count');
  if (!isCount(count)) return wrong('value', 'its count should be a whole number');
  const buckets = bucketsOf(point, count);
  if (typeof buckets === 'string') return wrong('buckets', buckets);
  return { kind: 'histogram', temporality, count, sum: finiteOrNull(point, 'sum'), buckets };
}

/** The quantiles 0 to 1 in steps of a percent, a few times over. */
const QUANTILES_MAX = 256;

function summaryPoint(point: Message): Read {
  const count = numberOrZero(point, 'count');
  if (!isCount(count)) return wrong('value', 'its count should be a whole number');
  const quantiles = messagesOf(point, 'quantileValues')
    .slice(0, QUANTILES_MAX)
    .map((one) => ({ quantile: numberOrZero(one, 'quantile'), value: numberOrZero(one, 'value') }))
    .filter(({ quantile, value }) => quantile >= 0 && quantile <= 1 && Number.isFinite(value));
  return { kind: 'summary', count, sum: finiteOrNull(point, 'sum'), quantiles };
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

function finiteOrNull(message: Message, name: string): number | null {
  const value = numberOf(field(message, name));
  return Number.isFinite(value) ? value : null;
}

function wrong(reason: Reason, text: string): Read {
  return { wrong: text, reason };
}
