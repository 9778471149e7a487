/** The one time axis that all charts share: which part of the run is shown, and where the cursor is. */
import { rfc3339 } from '../analysis/instant.ts';
import { clockTime } from '../analysis/sentence.ts';

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Seconds; closer than this there is nothing to see. */
const NARROWEST = 5;

export class Axis {
  /** Seconds since the Unix epoch at which the run began. */
  start = 0;
  /** The whole run. */
  #whole: Range = { from: 0, to: 1 };
  #zoomed: Range | null = null;
  readonly #listeners = new Set<() => void>();

  /** The run has grown: who looks at a part of it goes on doing so. */
  set whole(range: Range) {
    this.#whole = { from: range.from, to: Math.max(range.from + NARROWEST, range.to) };
    this.#tell();
  }

  get range(): Range {
    return this.#zoomed ?? this.#whole;
  }

  get isZoomed(): boolean {
    return this.#zoomed !== null;
  }

  zoom(range: Range | null): void {
    this.#zoomed = range && this.#within(range);
    this.#tell();
  }

  /** @param factor below 1 shows less, @param shift as a share of what is shown */
  move(factor: number, shift = 0): void {
    const { from, to } = this.range;
    const width = (to - from) * factor;
    const middle = (from + to) / 2 + shift * (to - from);
    this.zoom({ from: middle - width / 2, to: middle + width / 2 });
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Run time, and the time of the world. */
  text(t: number): string {
    return `${clockTime(Math.max(0, t))} · ${rfc3339(this.start + t)
      .slice(0, 19)
      .replace('T', ' ')} UTC`;
  }

  /** Null when that is the whole run. */
  #within({ from, to }: Range): Range | null {
    const width = Math.max(NARROWEST, to - from);
    const whole = this.#whole;
    if (width >= whole.to - whole.from) return null;
    const start = Math.min(Math.max(from, whole.from), whole.to - width);
    return { from: start, to: start + width };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const axis = new Axis();

/** Distances of marks on the axis, in seconds, that people count in. */
export const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
