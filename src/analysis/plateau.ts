/** Where the load of a run reached its plateau: what came before is a ramp, in which size follows load and says nothing of its end. */
import { type Rates, WINDOWS_MIN } from './rates.ts';

/** The plateau: windows within a quarter of their level, four fifths of them, for at least as long as the ramp. */
const WITHIN = 0.25;
const EVEN = 0.8;

/** The ramp ends with the first window that has so much of the level, and is no ramp unless it began with less than half. */
const REACHED = 0.9;
const LOW = 0.5;

/** A longer rise is the shape of the load, not a ramp before it. */
const LONGEST = 1 / 3;

/**
 * Run time at which the plateau was reached; null when there was no ramp, or no plateau after it.
 * @param level the rate that was sustained
 */
export function plateauFrom({ from, width, rate, judged }: Rates, level: number): number | null {
  const reached = rate.findIndex((value) => value >= REACHED * level);
  if (reached < 1 || reached > LONGEST * judged || judged - reached < Math.max(WINDOWS_MIN, reached)) return null;
  const ramp = rate.subarray(0, reached);
  const rising = ramp.every(
    (value, i) => Number.isNaN(value) || i === 0 || value >= (1 - WITHIN) * ramp[i - 1]! || Number.isNaN(ramp[i - 1]!),
  );
  const first = ramp.find((value) => !Number.isNaN(value)) ?? 0;
  if (!rising || first > LOW * level) return null;
  const after = rate.subarray(reached, judged).filter((value) => !Number.isNaN(value));
  const even = after.filter((value) => Math.abs(value / level - 1) <= WITHIN).length;
  return even >= EVEN * after.length ? from + reached * width : null;
}
