/** Every family of the benchmark. `research`: what people describe where they report leaks; `mechanisms`: what else programs do; `fresh`: what was written afterwards. */
import { CLEAN_FRESH } from './clean-fresh.ts';
import { CLEAN_MECHANISMS } from './clean-mechanisms.ts';
import { CLEAN_RESEARCH } from './clean-research.ts';
import type { Family } from './family.ts';
import { LEAKY_FRESH } from './leaky-fresh.ts';
import { LEAKY_MECHANISMS } from './leaky-mechanisms.ts';
import { LEAKY_RESEARCH } from './leaky-research.ts';

export type { Family } from './family.ts';

export interface Group {
  readonly name: 'research' | 'mechanisms' | 'fresh';
  readonly leaky: readonly Family[];
  readonly clean: readonly Family[];
}

export const GROUPS: readonly Group[] = [
  { name: 'research', leaky: LEAKY_RESEARCH, clean: CLEAN_RESEARCH },
  { name: 'mechanisms', leaky: LEAKY_MECHANISMS, clean: CLEAN_MECHANISMS },
  { name: 'fresh', leaky: LEAKY_FRESH, clean: CLEAN_FRESH },
];
