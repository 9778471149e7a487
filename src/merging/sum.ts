/** A figure of several replicas together. */
import type { Replica } from './replicas.ts';

interface Sampled {
  readonly value: number;
  readonly at: number;
}

export interface Summing {
  /** Seconds after which a sample says nothing of now. */
  readonly stale: number;
  /** What has been counted of who is gone stays counted, and nobody counts what was before it was seen. */
  readonly isCounter: boolean;
}

export class Sum {
  readonly #replicas: readonly Replica[];
  readonly #summing: Summing;
  readonly #latest = new Map<Replica, Sampled>();
  #counted = 0;
  /** Some replica was sampled since the last sum. */
  #isDue = false;

  constructor(replicas: readonly Replica[], summing: Summing) {
    this.#replicas = replicas;
    this.#summing = summing;
  }

  note(replica: Replica, value: number, at: number): void {
    const before = this.#latest.get(replica)?.value ?? value;
    this.#counted += value >= before ? value - before : value; // it began anew
    this.#latest.set(replica, { value, at });
    this.#isDue = true;
  }

  /** Of all replicas that are there; null where one of them has not just been sampled, or none has. */
  due(t: number): number | null {
    if (!this.#isDue) return null;
    const there = this.#replicas.filter(({ from, to, until }) => from <= t && to >= t && until > t);
    let sum = 0;
    for (const replica of there) {
      const sampled = this.#latest.get(replica);
      if (sampled === undefined || t - sampled.at > this.#summing.stale) return null;
      sum += sampled.value;
    }
    if (there.length === 0) return null;
    this.#isDue = false;
    return this.#summing.isCounter ? this.#counted : sum;
  }
}
