/** How far a chart goes up and down: its curve, what is to be in sight beside it, and round figures. */
import type { Signal } from '../report/value.ts';

/** A limit far away would press the curve flat: it is drawn when it is within so many times what the curve spans. */
const LIMIT_NEAR = 4;

type Reaching = Pick<Signal, 'fit' | 'limits' | 'chart'>;

/** Values that are to be in sight beside those of the curve. */
export function reachOf(signal: Reaching, isLarge: boolean): number[] {
  const limit = signal.limits.at(-1)?.value;
  return [...(limit !== undefined && isLimitNear(signal, isLarge) ? [limit] : []), ...aheadOf(signal, isLarge)];
}

/** Whether the latest limit is in sight. */
export function isLimitNear(signal: Reaching, isLarge: boolean): boolean {
  const values = signal.chart.mean.filter((value) => value !== null);
  const ahead = aheadOf(signal, isLarge);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high, ...ahead) - Math.min(low, ...ahead);
  const limit = signal.limits.at(-1)?.value;
  return limit !== undefined && limit - high <= Math.max(span * LIMIT_NEAR, high * 0.2);
}

function aheadOf({ fit }: Reaching, isLarge: boolean): readonly number[] {
  return isLarge ? (fit?.forecast?.y ?? []) : [];
}

/** There is no half descriptor; but there is half a processor, and half of whatever users count. Rates are of anything. */
const IN_PARTS: ReadonlySet<string> = new Set(['{cpu}', '{value}']);

export function isWhole({ unit, counter }: Pick<Signal, 'unit' | 'counter'>): boolean {
  return unit.startsWith('{') && !counter && !IN_PARTS.has(unit);
}

/** Distances of marks between whole numbers. */
export const WHOLE_STEPS = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** Below this, the ends are whole numbers, too, so that there is a mark at all. */
const FEW = 5;

/** Room above and below; a constant stands in the middle; what cannot be negative begins at zero when that is near. */
export function spanOf(low: number | null, high: number | null, reach: readonly number[], whole: boolean): [number, number] {
  const values = [...reach, ...(low === null ? [] : [low]), ...(high === null ? [] : [high])].filter(Number.isFinite);
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least) * 0.08 || Math.abs(most) * 0.1 || 1;
  const near = least >= 0 && least < (most - least) * 0.6 ? 0 : least - room;
  const [bottom, top] = [least >= 0 ? Math.max(0, near) : near, most + room];
  return whole && top - bottom < FEW ? [Math.floor(bottom), Math.ceil(top)] : [bottom, top];
}
