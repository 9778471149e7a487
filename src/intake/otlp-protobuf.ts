/**
 * Protobuf of OTLP by protobufjs, bounded: lengths that lie are refused where they stand, nesting ends at a hundred levels, and a budget
 * ends what would unfold (an empty message takes two bytes on the wire and fifty in memory). Loaded when the first such body arrives.
 */
import protobuf from 'protobufjs/light.js';
import { cut, messageOf } from '../problem.ts';
import { PassedOver } from './otlp-attributes.ts';
import { DEFINITIONS } from './otlp-definitions.ts';
import { LABELS } from './otlp-value.ts';
import { Unreadable } from './refusals.ts';
import { Texts } from './texts.ts';

/**
 * A message costs four, a number one. 4 MB of points with five attributes of 50 bytes come to 160,000 messages and 100,000 numbers, half of
 * this; 350,000 messages of some 60 bytes are 21 MB, 1.4 million numbers 11 MB: a third of the standard heap at most.
 */
const BUDGET = 1_400_000;
const MESSAGE_COST = 4;

/** Of the body that is being decoded: decoding is synchronous, so that there is one at a time. */
let left = 0;

function spend(cost: number): void {
  left -= cost;
  if (left < 0) throw new RangeError('it holds more values than one body may: send smaller ones');
}

const texts = new Texts();

const HIGH = 2 ** 32;
const BITS_28 = 2 ** 28;
const BITS_56 = 2 ** 56;

const END = { value: 0, more: false } as const;

/** Numbers of 64 bits become doubles: counts are exact up to 2^53, times to a quarter of a microsecond. */
class BoundedReader extends protobuf.BufferReader {
  override fixed64(): protobuf.Long {
    spend(1);
    const low = this.fixed32();
    return asDeclared(low + HIGH * this.fixed32());
  }

  override sfixed64(): protobuf.Long {
    spend(1);
    const low = this.fixed32();
    return asDeclared(low + HIGH * this.sfixed32());
  }

  override uint64(): protobuf.Long {
    spend(1);
    const [low, middle, high] = this.#varint();
    return asDeclared(low + middle * BITS_28 + high * BITS_56);
  }

  /** The complement is taken before parts are added up: near -1 their sum would round to nothing. */
  override int64(): protobuf.Long {
    const [low, middle, high] = this.#varint();
    if (high < 128) return asDeclared(low + middle * BITS_28 + high * BITS_56);
    return asDeclared(-1 - (BITS_28 - 1 - low) - (BITS_28 - 1 - middle) * BITS_28 - (255 - high) * BITS_56);
  }

  override double(): number {
    spend(1);
    return super.double();
  }

  /** The library cuts a text whose length goes beyond its message. */
  override string(): string {
    const length = this.uint32();
    if (length > this.len - this.pos) throw new RangeError('a text is longer than what holds it');
    const from = this.pos;
    this.pos += length;
    return texts.read(this.buf as Buffer, from, this.pos);
  }

  /** Bits 0 to 27, 28 to 55, and 56 to 63, in at most ten bytes of seven bits each. */
  #varint(): readonly [number, number, number] {
    const low = this.#sevens(4);
    const middle = low.more ? this.#sevens(4) : END;
    const high = middle.more ? this.#sevens(2) : END;
    if (high.more) throw new RangeError('a number is longer than ten bytes');
    return [low.value, middle.value, high.value & 255];
  }

  #sevens(bytes: number): { readonly value: number; readonly more: boolean } {
    let value = 0;
    for (let i = 0; i < bytes; i++) {
      if (this.pos >= this.len) throw new RangeError('a number is cut off');
      const byte = this.buf[this.pos++]!;
      value |= (byte & 127) << (7 * i);
      if (byte < 128) return { value, more: false };
    }
    return { value, more: true };
  }
}

/** The decoder puts in the message what the reader returns, of whatever type. */
function asDeclared(value: number): protobuf.Long {
  return value as unknown as protobuf.Long;
}

/** The messages with attributes of which a body has thousands. */
const POINTS = ['NumberDataPoint', 'HistogramDataPoint', 'ExponentialHistogramDataPoint', 'SummaryDataPoint'];

const TYPES = load();

function load() {
  const root = protobuf.Root.fromJSON(DEFINITIONS);
  for (const type of root.nestedArray) {
    // Without the arrays that the library's own constructor makes for every repeated field; and counted.
    if (type instanceof protobuf.Type) type.ctor = messageClass();
  }
  const keyValue = root.lookupType('KeyValue');
  const attributes = new PassedOver(keyValue.setup().decode.bind(keyValue) as PassedOver['keyValue']);
  keyValue.decode = attributes.keyValue as typeof keyValue.decode;
  for (const name of POINTS) labelAtOnce(root.lookupType(name), attributes);
  return { request: root.lookupType('Request'), response: root.lookupType('Response'), status: root.lookupType('Status') };
}

/** Finds the labels of a point as soon as it is read. */
function labelAtOnce(type: protobuf.Type, attributes: PassedOver): void {
  const decode = type.setup().decode.bind(type);
  type.decode = (reader, ...given) => {
    const point = attributes.point(() => decode(reader, ...given)) as protobuf.Message & { attributes?: unknown; [LABELS]?: unknown };
    point[LABELS] = attributes.set(reader as protobuf.Reader);
    point.attributes = undefined;
    return point;
  };
}

function messageClass() {
  return class extends protobuf.Message {
    constructor() {
      super();
      spend(MESSAGE_COST);
    }
  };
}

/** An ExportMetricsServiceRequest with the names of its JSON form. @throws {Unreadable} */
export function decodeRequest(body: Buffer): unknown {
  left = BUDGET;
  try {
    return TYPES.request.decode(new BoundedReader(body));
  } catch (error) {
    throw new Unreadable(`this is no ExportMetricsServiceRequest in protobuf: ${messageOf(error)}`);
  }
}

/** ExportMetricsServiceResponse; everything was taken when nothing was refused. */
export function encodeResponse(refused: { readonly count: number; readonly message: string } | null): Uint8Array {
  const partialSuccess = refused && { rejectedDataPoints: refused.count, errorMessage: cut(refused.message) };
  return TYPES.response.encode(partialSuccess === null ? {} : { partialSuccess }).finish();
}

/** google.rpc.Status, in which OTLP tells errors. */
export function encodeStatus(code: number, message: string): Uint8Array {
  return TYPES.status.encode({ code, message: cut(message) }).finish();
}
