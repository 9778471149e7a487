/** Bodies as they never were: real ones with bytes changed, moved, doubled and cut, the same for the same seed. */

/** A generator of whole numbers below `max`. Source: "xorshift", George Marsaglia, 2003, with its triple 13, 17, 5. */
export function numbers(seed: number): (max: number) => number {
  let state = seed | 1;
  return (max) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % max;
  };
}

/** Bytes that mean something: ends of ranges, brackets, quotes, lengths. */
const BYTES = [0, 1, 2, 0x0a, 0x12, 0x7f, 0x80, 0xff, ...Buffer.from('{}[]",:\\ =#-.eE09ntf\n')];

/** Mostly one change, so that much of the body is still understood, and up to eight. `others` are bodies of which pieces are put in. */
export function mutated(body: Buffer, others: readonly Buffer[], below: (max: number) => number): Buffer {
  let made: Buffer = Buffer.from(body);
  for (let changes = below(3) === 0 ? 1 + below(8) : 1; changes > 0 && made.length > 0; changes--)
    made = changed(made, others[below(others.length)] ?? made, below);
  return made;
}

function changed(body: Buffer, other: Buffer, below: (max: number) => number): Buffer {
  const at = below(body.length);
  const length = below(Math.min(64, body.length - at) + 1);
  switch (below(6)) {
    case 0:
      body[at] = BYTES[below(BYTES.length)]!;
      return body;
    case 1:
      body[at] = body[at]! ^ (1 << below(8));
      return body;
    case 2: // left out
      return Buffer.concat([body.subarray(0, at), body.subarray(at + length)]);
    case 3: // twice
      return Buffer.concat([body.subarray(0, at + length), body.subarray(at)]);
    case 4: // a piece of another
      return Buffer.concat([body.subarray(0, at), other.subarray(below(other.length)).subarray(0, 64), body.subarray(at)]);
    default: // cut off, seldom: there is nothing to be seen behind the end
      return below(8) === 0 ? body.subarray(0, at) : body;
  }
}
