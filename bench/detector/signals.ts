/** What series are made of. A signal is a value over the time of the run in hours; it is called with ascending times, once each. */
import type { Random } from './random.ts';

export type Signal = (hours: number) => number;

export const MB = 1_000_000;
export const MINUTE = 1 / 60;
export const SECOND = 1 / 3600;

export function sum(...signals: readonly Signal[]): Signal {
  return (t) => signals.reduce((total, signal) => total + signal(t), 0);
}

export function times(factor: number, signal: Signal): Signal {
  return (t) => factor * signal(t);
}

export function line(perHour: number, from = 0): Signal {
  return (t) => perHour * Math.max(0, t - from);
}

/** Rises by `height` with time constant `tau`, then stays. */
export function settling(height: number, tau: number, from = 0): Signal {
  return (t) => (t < from ? 0 : height * (1 - Math.exp((from - t) / tau)));
}

/** Rises linearly by `height` between two times. */
export function ramp(height: number, from: number, to: number): Signal {
  return (t) => height * Math.min(1, Math.max(0, (t - from) / (to - from)));
}

export function step(height: number, at: number): Signal {
  return (t) => (t >= at ? height : 0);
}

export function cycle(peakToPeak: number, period: number, phase: number): Signal {
  return (t) => (peakToPeak / 2) * Math.sin(2 * Math.PI * (t / period + phase));
}

export function white(r: Random, sd: number): Signal {
  const own = r.fork();
  return () => sd * own.normal();
}

/** Ornstein-Uhlenbeck noise of correlation time `tau`, exact at any distance of times. */
export function ou(r: Random, sd: number, tau: number, shock: (own: Random) => number = (own) => own.normal()): Signal {
  const own = r.fork();
  let value = sd * own.normal();
  let last = 0;
  return (t) => {
    const rho = Math.exp((last - t) / tau);
    last = t;
    return (value = rho * value + sd * Math.sqrt(1 - rho * rho) * shock(own));
  };
}

/** Random walk whose standard deviation after 24 hours is `perDay`. */
export function walk(r: Random, perDay: number): Signal {
  const own = r.fork();
  let [value, last] = [0, 0];
  return (t) => {
    value += perDay * Math.sqrt((t - last) / 24) * own.normal();
    last = t;
    return value;
  };
}

/** Noise with a spectrum near 1/f: equal parts of correlation times from one minute to `longest`, a factor of 3 apart. */
export function pink(r: Random, sd: number, longest: number): Signal {
  const taus: number[] = [];
  for (let tau = longest; tau >= MINUTE; tau /= 3) taus.push(tau);
  return sum(...taus.map((tau) => ou(r, sd / Math.sqrt(taus.length), tau)));
}

/** Times of events that come by chance, or regularly with a jitter, up to `end`. */
export function events(end: number, wait: () => number, from = 0): number[] {
  const at: number[] = [];
  for (let t = from + wait(); t < end; t += wait()) at.push(t);
  return at;
}

/** Adds a height at each event. */
export function stairs(at: readonly number[], height: (i: number) => number): Signal {
  const heights = at.map((_, i) => height(i));
  let [next, value] = [0, 0];
  return (t) => {
    while (next < at.length && at[next]! <= t) value += heights[next++]!;
    return value;
  };
}

/** From each event on, `shape(hours since)`; 0 before the first. */
export function since(at: readonly number[], shape: (hours: number, i: number) => number): Signal {
  let i = -1;
  return (t) => {
    while (i + 1 < at.length && at[i + 1]! <= t) i++;
    return i < 0 ? 0 : shape(t - at[i]!, i);
  };
}

/** Collector's sawtooth: climbs to about `height` in about `period`, falls back; both scatter by `jitter`. */
export function sawtooth(r: Random, height: number, period: number, jitter = 0.15): Signal {
  const own = r.fork();
  let start = -period * own.uniform();
  let [length, top] = [period, height];
  return (t) => {
    while (t >= start + length) {
      start += length;
      length = period * Math.max(0.3, 1 + jitter * own.normal());
      top = height * Math.max(0.3, 1 + jitter * own.normal());
    }
    return (top * (t - start)) / length;
  };
}

/** The highest value so far. */
export function highWater(signal: Signal): Signal {
  let most = -Infinity;
  return (t) => (most = Math.max(most, signal(t)));
}

/** Follows a signal with time constant `tau`. */
export function lagged(signal: Signal, tau: number): Signal {
  let value = NaN;
  let last = 0;
  return (t) => {
    const now = signal(t);
    value = Number.isNaN(value) ? now : now + (value - now) * Math.exp((last - t) / tau);
    last = t;
    return value;
  };
}

/** Integral over time, of a signal that holds until the next call. */
export function integral(signal: Signal): Signal {
  let [total, last, rate] = [0, 0, 0];
  return (t) => {
    total += rate * (t - last);
    last = t;
    rate = signal(t);
    return total;
  };
}

/** One signal used in two places is computed once a time. */
export function shared(signal: Signal): Signal {
  let [last, value] = [NaN, NaN];
  return (t) => {
    if (t !== last) [last, value] = [t, signal(t)];
    return value;
  };
}

/** A number of things that come and go: births at `rate` an hour, each living `life` hours on average (M/M/inf). */
export function population(r: Random, mean: number, life: number): Signal {
  const own = r.fork();
  let count = poisson(own, mean);
  let last = 0;
  return (t) => {
    const stays = Math.exp((last - t) / life);
    last = t;
    let kept = 0;
    for (let i = 0; i < count; i++) if (own.uniform() < stays) kept++;
    return (count = kept + poisson(own, mean * (1 - stays)));
  };
}

/** A Poisson number; by its normal approximation above 50. */
export function poisson(r: Random, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * r.normal()));
  let [product, count] = [r.uniform(), 0];
  for (const limit = Math.exp(-mean); product > limit; product *= r.uniform()) count++;
  return count;
}
