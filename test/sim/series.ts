/** Seeded series for simulations: noises with a known law, and what they are added to. Times are seconds, one value per call in order. */

/** Uniform numbers in (0, 1): a 32-bit xorshift-multiply mix of a counter, the same on every machine. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (((z ^ (z >>> 15)) >>> 0) + 0.5) / 4_294_967_296;
  };
}

/** Standard normal numbers (Box-Muller, one of each pair). */
export function normal(seed: number): () => number {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
}

/** Value of a signal at a run time; called with ascending times. */
export type Signal = (t: number) => number;

export function white(seed: number, sd: number): Signal {
  const next = normal(seed);
  return () => sd * next();
}

/** AR(1) from sample to sample with marginal standard deviation `sd`. */
export function ar1(seed: number, phi: number, sd: number): Signal {
  const next = normal(seed);
  let value = sd * next();
  return () => {
    const now = value;
    value = phi * value + sd * Math.sqrt(1 - phi * phi) * next();
    return now;
  };
}

/** Ornstein-Uhlenbeck noise of correlation time `tau`, exact at any distance of times. */
export function ou(seed: number, tau: number, sd: number): Signal {
  const next = normal(seed);
  let value = sd * next();
  let last = 0;
  return (t) => {
    const rho = Math.exp(-(t - last) / tau);
    last = t;
    value = rho * value + sd * Math.sqrt(1 - rho * rho) * next();
    return value;
  };
}

/** Growing by `height` over each period and falling back; `jitter` is the relative scatter of the periods. */
export function sawtooth(seed: number, height: number, period: number, jitter = 0): Signal {
  const next = normal(seed);
  let start = -period * uniform(seed + 1)();
  let length = period;
  return (t) => {
    while (t >= start + length) {
      start += length;
      length = period * Math.max(0.3, 1 + jitter * next());
    }
    return (height * (t - start)) / length;
  };
}

/** Arrivals of a Poisson process so far. */
export function poisson(seed: number, perHour: number): Signal {
  const next = uniform(seed);
  const wait = (): number => (-Math.log(next()) / perHour) * 3600;
  let count = 0;
  let arrival = wait();
  return (t) => {
    for (; arrival <= t; arrival += wait()) count++;
    return count;
  };
}

export function sum(...signals: readonly Signal[]): Signal {
  return (t) => signals.reduce((total, signal) => total + signal(t), 0);
}

export function constant(value: number): Signal {
  return () => value;
}

export function line(perHour: number, from = 0): Signal {
  return (t) => (perHour * Math.max(0, t - from)) / 3600;
}

/** Rises by `height` with time constant `tau`, then stays. */
export function settling(height: number, tau: number): Signal {
  return (t) => height * (1 - Math.exp(-t / tau));
}

export function step(height: number, at: number): Signal {
  return (t) => (t >= at ? height : 0);
}

/** Rises linearly until `full`, then stays. */
export function filling(height: number, full: number): Signal {
  return (t) => height * Math.min(1, t / full);
}

export function rounded(signal: Signal, to = 1): Signal {
  return (t) => Math.max(0, Math.round(signal(t) / to) * to);
}
