/** What is compared: something that is fed samples and asked whether there is a leak. */
import type { Unit } from './families/family.ts';

export interface Given {
  /** Seconds between samples. */
  readonly dt: number;
  readonly unit: Unit;
  readonly limit?: number;
  readonly hasLoad: boolean;
}

export interface Said {
  readonly leak: boolean;
  /** An earlier, weaker grade than `leak`, where there is one. */
  readonly suspects?: boolean;
  /** Grows with the belief in a leak. */
  readonly score?: number;
  readonly slopePerHour?: number;
  /** Interval of 95 %. */
  readonly ci?: readonly [number, number];
  /** Seconds from the start of the run; null is never. */
  readonly exhaustsAtS?: number | null;
  readonly outcome?: 'pass' | 'fail' | 'inconclusive';
}

export interface Running {
  /** @param t seconds from the start; `load` in requests per second where the series has one */
  push(t: number, value: number, load?: number): void;
  restart?(t: number): void;
  verdict(at: { readonly final: boolean }): Said;
}

export interface Detector {
  readonly name: string;
  readonly create: (given: Given) => Running;
}
