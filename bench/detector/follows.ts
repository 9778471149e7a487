/**
 * Memory that follows the load in one way or another, healthy or with a leak (decision 48): how such runs end. A healthy one that fails is a false
 * alarm, a leak of what matters that passes is a miss; that most of what only rises with its load stays open is right.
 *
 *   node tools/run.mjs bench/detector/follows.ts [--runs 100] [--seed TEXT]
 */
import type { Outcome } from '../../src/analysis/judgement.ts';
import { HOURS, INTERVAL_S, LOADS, outcomeOf, WAYS } from './following.ts';
import { percent, table } from './table.ts';
import { given } from './usage.ts';

const { values: options } = given(import.meta.url, { runs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } });
const runs = Number(options.runs);

/** Times the growth that matters. */
const LEAKS = [0, 1, 8];

const rows = Object.keys(LOADS).flatMap((load) =>
  Object.keys(WAYS).flatMap((how) =>
    LEAKS.map((leak) => {
      const ended = Array.from({ length: runs }, (_, i) => outcomeOf(options.seed, load, how, i, leak));
      const share = (outcome: Outcome): string => percent(ended.filter((one) => one === outcome).length / runs);
      return [load, how, leak, share('pass'), share('inconclusive'), share('fail')];
    }),
  ),
);
console.log(`${HOURS} h, a sample each ${INTERVAL_S} s, ${runs} runs a row, seed ${options.seed}\n`);
console.log(table(['load', 'memory follows', 'leak, of what matters', 'pass', 'open', 'fail'], rows));
