/** Real bodies, spoilt: read or refused, whatever they are. `node bench/fuzz.ts 100000` does the same at length. */
import { expect, test } from 'vitest';
import { Deltas } from '../../src/intake/deltas.ts';
import { type Outcome, PARSERS } from '../parsersunderfuzz.ts';
import { mutated, numbers } from '../mutation.ts';
import { tries } from '../property.ts';

test.each(PARSERS)('$name', async (parser) => {
  const below = numbers(20_261_121);
  const deltas = new Deltas({ from: 0 });
  const seen = new Set<Outcome>();
  for (const body of parser.bodies) expect(await parser.feed(body, deltas)).toBe('taken');
  for (let i = 0; i < tries(4000); i++) {
    seen.add(await parser.feed(mutated(parser.bodies[i % parser.bodies.length]!, parser.bodies, below), deltas));
  }
  expect(seen.size).toBeGreaterThan(1); // some are still read, and some are not
});
