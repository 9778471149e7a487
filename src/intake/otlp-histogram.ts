/**
 * Buckets of histograms with their bounds. The lowest begins at minus infinity: an explicit histogram does not say where its values begin,
 * and below the zero bucket of an exponential one there is nothing, because one with values below zero is refused.
 */
import type { Bucket } from './point.ts';
import { field, type Message, messageOf, numberOf, numberOrZero } from './otlp-value.ts';

/** SDKs make at most 160 exponential buckets and some 15 explicit ones. */
export const BUCKETS_MAX = 640;

/** What is wrong with them, as a sentence; a text instead of buckets. */
export type Buckets = readonly Bucket[] | string;

export function explicitBuckets(point: Message, count: number): Buckets {
  const counts = numbers(point, 'bucketCounts');
  const bounds = numbers(point, 'explicitBounds');
  if (counts.length === 0 && bounds.length === 0) return [{ over: -Infinity, to: Infinity, count }];
  if (counts.length !== bounds.length + 1) return `${counts.length} buckets should have ${counts.length - 1} bounds, not ${bounds.length}`;
  if (counts.length > BUCKETS_MAX) return `it has ${counts.length} buckets, more than ${BUCKETS_MAX}`;
  const buckets = counts.map((n, i) => ({ over: bounds[i - 1] ?? -Infinity, to: bounds[i] ?? Infinity, count: n }));
  return checked(buckets, count);
}

export function exponentialBuckets(point: Message, count: number): Buckets {
  const negative = messageOf(field(point, 'negative'));
  if (negative && numbers(negative, 'bucketCounts').some((n) => n !== 0)) return 'it has values below zero, which no duration or size has';
  const scale = numberOrZero(point, 'scale');
  // Source: OpenTelemetry specification, "Exponential Histogram": SDKs use scales from -10 to 20.
  if (!Number.isInteger(scale) || scale < -10 || scale > 20) return 'its scale should be from -10 to 20';
  const zero = numberOrZero(point, 'zeroCount');
  const threshold = numberOrZero(point, 'zeroThreshold');
  const buckets = [...(zero === 0 ? [] : [{ over: -Infinity, to: threshold, count: zero }]), ...positiveBuckets(point, scale)];
  if (buckets.length > BUCKETS_MAX) return `it has ${buckets.length} buckets, more than ${BUCKETS_MAX}`;
  return checked(buckets, count);
}

/** Those with values in them: bucket i lies above base^(offset + i), where base is 2^(2^-scale). */
function positiveBuckets(point: Message, scale: number): Bucket[] {
  const positive = messageOf(field(point, 'positive'));
  if (positive === null) return [];
  const offset = numberOrZero(positive, 'offset');
  const bound = (index: number): number => 2 ** (index / 2 ** scale);
  return numbers(positive, 'bucketCounts').flatMap((count, i) =>
    count === 0 ? [] : [{ over: bound(offset + i), to: bound(offset + i + 1), count }],
  );
}

function checked(buckets: readonly Bucket[], count: number): Buckets {
  let sum = 0;
  for (const [i, one] of buckets.entries()) {
    if (!Number.isInteger(one.count) || one.count < 0) return 'a bucket holds no whole number of values';
    const before = buckets[i - 1]?.to ?? -Infinity;
    if (!(one.over < one.to) || one.over < before) return 'its bounds do not ascend';
    sum += one.count;
  }
  return sum === count ? buckets : `its buckets hold ${sum} values, but it says that it has ${count}`;
}

/** What is no number in a list is NaN, which no check lets through. */
function numbers(message: Message, name: string): readonly number[] {
  const list = field(message, name);
  return Array.isArray(list) ? list.map(numberOf) : [];
}
