/**
 * JSON of OTLP, bounded: what would unfold to more than the heap holds is refused before it is parsed. An object of three bytes (`{},`)
 * takes fifty in memory, and 4 MB of them would end the agent.
 */
import { Unreadable } from './refusals.ts';

/**
 * Opening brackets and commas. An attribute of 50 bytes has four of them, so that 4 MB of points come to 320,000; 400,000 of the worst are
 * 25 MB, two fifths of the standard heap.
 */
const SIGNS_MAX = 400_000;

const [OBJECT, LIST, COMMA] = ['{', '[', ','].map((sign) => sign.charCodeAt(0));

/** @throws {Unreadable} */
export function parseJson(body: Buffer): unknown {
  if (signsOf(body) > SIGNS_MAX) throw new Unreadable('it holds more values than one body may: send smaller ones');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Unreadable('this is no JSON'); // what the parser says quotes the body
  }
}

/** Those within texts count, too. */
function signsOf(body: Buffer): number {
  let signs = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === COMMA || byte === OBJECT || byte === LIST) signs++;
  }
  return signs;
}
