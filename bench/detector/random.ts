/**
 * Numbers by chance that are the same on every machine: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 47, 2021), its state filled by splitmix32 from a hash of a name. A name gives the same numbers for ever.
 */
export class Random {
  readonly #name: string;
  readonly #s: Uint32Array;
  #forks = 0;
  #spare = NaN;

  constructor(name: string) {
    this.#name = name;
    let state = hash(name);
    this.#s = Uint32Array.from({ length: 4 }, () => mix((state = (state + 0x9e3779b9) >>> 0)));
  }

  /** A generator of its own: what one part of a series draws does not shift what another one does. */
  fork(): Random {
    return new Random(`${this.#name}/${this.#forks++}`);
  }

  /** Uniform in (0, 1). */
  uniform(): number {
    const s = this.#s;
    const out = Math.imul(rotl(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotl(s[3]!, 11);
    return (out + 0.5) / 4_294_967_296;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Log-uniform between two positive numbers. */
  log(low: number, high: number): number {
    return low * (high / low) ** this.uniform();
  }

  /** Log-uniform between typical / factor and typical x factor. */
  around(typical: number, factor = 3): number {
    return this.log(typical / factor, typical * factor);
  }

  /** A whole number from low to high, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Standard normal (polar method of Marsaglia). */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare;
      this.#spare = NaN;
      return spare;
    }
    for (;;) {
      const [u, v] = [2 * this.uniform() - 1, 2 * this.uniform() - 1];
      const square = u * u + v * v;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  /** Exponential with mean 1. */
  wait(): number {
    return -Math.log(this.uniform());
  }

  /** Student's t with 3 degrees of freedom, scaled to variance 1: shocks with heavy tails. */
  heavy(): number {
    const chi = this.normal() ** 2 + this.normal() ** 2 + this.normal() ** 2;
    return this.normal() / Math.sqrt(chi);
  }
}

function rotl(x: number, k: number): number {
  return ((x << k) | (x >>> (32 - k))) >>> 0;
}

/** The finalizer of splitmix32. */
function mix(state: number): number {
  let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** FNV-1a, 32 bits. */
function hash(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
