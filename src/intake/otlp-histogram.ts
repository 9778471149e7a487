/**
 * Buckets of histograms with their bounds. The lowest begins at minus infinity: an explicit histogram does not say where its values begin,
 * and below the zero bucket of an exponential one there is nothing, because one with values below zero is refused.
 */
import { type Counts, hasSameBounds } from '../quantiles.ts';
import { field, type Message, messageOf, numberOf, numberOrZero } from './otlp-value.ts';

/** SDKs make at most 160 exponential buckets and some 15 explicit ones. */
export const BUCKETS_MAX = 640;

/** What is wrong with them, as a sentence; a text instead of buckets. */
export type Buckets = Counts | string;

const ALL = [-Infinity, Infinity];

export function explicitBuckets(point: Message, count: number): Buckets {
  const counts = numbers(point, 'bucketCounts');
  const edges = numbers(point, 'explicitBounds');
  if (counts.length === 0 && edges.length === 0) return { bounds: ALL, counts: [count] };
  if (counts.length !== edges.length + 1) return `${counts.length} buckets should have ${counts.length - 1} bounds, not ${edges.length}`;
  if (counts.length > BUCKETS_MAX) return `it has ${counts.length} buckets, more than ${BUCKETS_MAX}`;
  return checked(explicitBounds(edges), counts, count);
}

/** Of the histogram before: those of one instrument come one after the other. */
let last: { readonly edges: readonly number[]; readonly bounds: readonly number[] | null } = { edges: [], bounds: null };

/** Null when they do not ascend. */
function explicitBounds(edges: readonly number[]): readonly number[] | null {
  if (!hasSameBounds(edges, last.edges))
    last = { edges, bounds: ascending([-Infinity, ...edges.flatMap((edge) => [edge, edge]), Infinity]) };
  return last.bounds;
}

export function exponentialBuckets(point: Message, count: number): Buckets {
  const negative = messageOf(field(point, 'negative'));
  if (negative && numbers(negative, 'bucketCounts').some((n) => n !== 0)) return 'it has values below zero, which no duration or size has';
  const scale = numberOrZero(point, 'scale');
  // Source: OpenTelemetry specification, "Exponential Histogram": SDKs use scales from -10 to 20.
  if (!Number.isInteger(scale) || scale < -10 || scale > 20) return 'its scale should be from -10 to 20';
  const bounds: number[] = [];
  const counts: number[] = [];
  const zero = numberOrZero(point, 'zeroCount');
  if (zero !== 0) {
    bounds.push(-Infinity, numberOrZero(point, 'zeroThreshold'));
    counts.push(zero);
  }
  addPositive(point, scale, { bounds, counts });
  if (counts.length > BUCKETS_MAX) return `it has ${counts.length} buckets, more than ${BUCKETS_MAX}`;
  return checked(ascending(bounds), counts, count);
}

/** Those with values in them: bucket i lies above base^(offset + i), where base is 2^(2^-scale). */
function addPositive(point: Message, scale: number, { bounds, counts }: { readonly bounds: number[]; readonly counts: number[] }): void {
  const positive = messageOf(field(point, 'positive'));
  if (positive === null) return;
  const offset = numberOrZero(positive, 'offset');
  const bound = (index: number): number => 2 ** (index / 2 ** scale);
  for (const [i, count] of numbers(positive, 'bucketCounts').entries()) {
    if (count === 0) continue;
    bounds.push(bound(offset + i), bound(offset + i + 1));
    counts.push(count);
  }
}

function ascending(bounds: readonly number[]): readonly number[] | null {
  let end = -Infinity;
  for (let i = 0; i < bounds.length; i += 2) {
    const [over, to] = [bounds[i]!, bounds[i + 1]!];
    if (!(over < to) || over < end) return null;
    end = to;
  }
  return bounds;
}

function checked(bounds: readonly number[] | null, counts: readonly number[], count: number): Buckets {
  let sum = 0;
  for (const one of counts) {
    if (!Number.isInteger(one) || one < 0) return 'a bucket holds no whole number of values';
    sum += one;
  }
  if (bounds === null) return 'its bounds do not ascend';
  return sum === count ? { bounds, counts } : `its buckets hold ${sum} values, but it says that it has ${count}`;
}

/** What is no number in a list is NaN, which no check lets through. */
function numbers(message: Message, name: string): readonly number[] {
  const list = field(message, name);
  if (!Array.isArray(list)) return [];
  return list.every((one) => typeof one === 'number') ? list : list.map(numberOf); // those of protobuf are numbers
}
