/**
 * Fixed thresholds, as soak tests in repositories have them.
 * - `>10% and >20MB`: the mean of the last tenth against that of the first tenth after a warm-up of 10 minutes. Source: the soak verdict
 *   of rocky-data/rocky (issue 1255). Counts: 10 % and 5.
 * - `last quarter`: a least-squares slope of the last quarter of the run above 1 % of the level an hour. Source: its successor (1308).
 * - `tail slope`: Coroot, auditor/memory.go: growth of 10 %/h over the last hour, unless the slope of the last quarter of the window
 *   is below 0.3 of the whole one; the window begins anew where usage drops by half; for 15 minutes.
 * - `5 rises`: the heap after collection higher five times in a row. Source: node-memwatch; here the minima of five minutes.
 */
import type { Detector } from '../detector.ts';
import { Held, type Line, ols, Spans } from './window.ts';

const WARM_UP_S = 600;

const perHour = (line: Line | null): { slopePerHour?: number } => (line === null ? {} : { slopePerHour: line.slope });

export const growth: Detector = {
  name: '>10% and >20MB',
  create: ({ unit }) => {
    const window = new Spans(60);
    const least = { bytes: 20e6, count: 5, seconds: 0.001 }[unit];
    return {
      push: (t, value) => t >= WARM_UP_S && window.push(t, value),
      restart: () => window.clear(),
      verdict() {
        const { t, y } = window;
        const tenth = Math.floor(y.length / 10);
        if (tenth < 3) return { leak: false, score: 0 };
        const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
        const before = mean(y.slice(0, tenth));
        const more = mean(y.slice(-tenth)) - before;
        const score = more / Math.max(1, before);
        return { leak: more > least && more > 0.1 * before, score, slopePerHour: more / (0.9 * (t.at(-1)! - t[0]!)) };
      },
    };
  },
};

export const lastQuarter: Detector = {
  name: 'last quarter >1%/h',
  create: () => {
    const window = new Spans(60);
    return {
      push: (t, value) => t >= WARM_UP_S && window.push(t, value),
      restart: () => window.clear(),
      verdict() {
        const { t, y } = window;
        const line = t.length < 60 ? null : ols(t, y, Math.floor(0.75 * t.length));
        const score = line === null ? 0 : line.slope / Math.max(1, Math.abs(line.last));
        return { leak: score > 0.01, score, ...perHour(line) };
      },
    };
  },
};

export const tailSlope: Detector = {
  name: 'tail slope (coroot)',
  create: () => {
    const window = new Spans(60);
    const held = new Held(900);
    let [now, last] = [0, 0];
    return {
      push(t, value) {
        if (value < 0.5 * last) window.clear();
        window.push((now = t), (last = value));
      },
      restart: () => window.clear(),
      verdict() {
        const { t, y } = window;
        const line = t.length < 60 ? null : ols(t, y);
        const tail = ols(t, y, Math.min(Math.floor(0.75 * t.length), t.length - 15));
        if (line === null || tail === null) return { leak: held.at(now, false), score: 0 };
        const share = line.slope / Math.max(1, Math.abs(line.last));
        return { leak: held.at(now, share > 0.1 && tail.slope >= 0.3 * line.slope), score: share, slopePerHour: line.slope };
      },
    };
  },
};

export const fiveRises: Detector = {
  name: '5 rises',
  create: () => {
    const window = new Spans(300, 6, 'minimum');
    return {
      push: (t, value) => window.push(t, value),
      restart: () => window.clear(),
      verdict() {
        const { t, y } = window;
        const rises = y.slice(1).filter((value, i) => value > y[i]!).length;
        return { leak: y.length === 6 && rises === 5, score: rises, ...perHour(ols(t, y)) };
      },
    };
  },
};
