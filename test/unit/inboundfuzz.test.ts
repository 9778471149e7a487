/** Real bodies, spoilt: read or refused, whatever they are. `node bench/fuzz-inbound.ts 100000` does the same at length. */
import { expect, test } from 'vitest';
import { Deltas } from '../../src/intake/deltas.ts';
import { outcomeOf, type Outcome, PARSERS } from '../inboundparsers.ts';
import { mutated, numbers } from '../mutation.ts';
import { tries } from '../property.ts';

test.each(PARSERS)('$name', async (parser) => {
  const below = numbers(20_261_121);
  const deltas = new Deltas({ from: 0 });
  const seen = new Set<Outcome>();
  expect(await Promise.all(parser.bodies.map((body) => outcomeOf(parser, body, deltas)))).toEqual(parser.bodies.map(() => 'taken'));
  for (let i = 0; i < tries(4000); i++) {
    seen.add(await outcomeOf(parser, mutated(parser.bodies[i % parser.bodies.length]!, parser.bodies, below), deltas));
  }
  expect(seen.size).toBeGreaterThan(1); // some are still read, and some are not
});
