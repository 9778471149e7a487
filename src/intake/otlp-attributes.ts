/**
 * Attributes of points in protobuf. While a point is decoded they are only passed over, and the bytes of all of them are looked up as one:
 * each would be two messages, which is most of what a point comes to. A set that is not known is decoded then.
 */
import { type AttributeSet, AttributeSets, type Labels } from './attribute-sets.ts';
import { labelsOf } from './otlp-value.ts';
import { LABELS_MAX } from './refusals.ts';

/** Of the library, as far as it is needed here. */
interface Reader {
  readonly buf: Uint8Array;
  readonly len: number;
  pos: number;
}

type Decode = (reader: Reader, length: number, end?: number, depth?: number) => unknown;

export class PassedOver {
  readonly #sets = new AttributeSets();
  readonly #decode: Decode;
  readonly #from = new Int32Array(LABELS_MAX);
  readonly #to = new Int32Array(LABELS_MAX);
  #count = 0;
  #first = 0;
  #last = 0;
  /**
   * They lie one after the other, so that nothing else of the point is among their bytes, and the first length is written as short as can be,
   * so that it begins where it is taken to begin.
   */
  #isRun = true;
  #isInPoint = false;

  /** @param decode a KeyValue */
  constructor(decode: Decode) {
    this.#decode = decode;
  }

  /** In the place of the decoder of KeyValue: what it returns of a point is thrown away. */
  readonly keyValue: Decode = (reader, length, end, depth) =>
    this.#isInPoint ? this.#note(reader, length) : this.#decode(reader, length, end, depth);

  /** Decodes a point with `decode`. */
  point<T>(decode: () => T): T {
    this.#count = 0;
    this.#isRun = true;
    this.#isInPoint = true;
    try {
      return decode();
    } finally {
      this.#isInPoint = false;
    }
  }

  /** Those of the point before. */
  set(reader: Reader): AttributeSet {
    const labels = (): Labels | null => this.#labels(reader);
    if (this.#count === 0) return this.#sets.of(reader.buf as Buffer, 0, 0, labels);
    return this.#isRun ? this.#sets.of(reader.buf as Buffer, this.#first, this.#last, labels) : this.#sets.single(labels());
  }

  #note(reader: Reader, length: number): void {
    const from = reader.pos;
    const to = from + length;
    if (to > reader.len) throw new RangeError('index out of range');
    const head = from - sizeOf(length);
    if (this.#count === 0) this.#first = head;
    this.#isRun &&= reader.buf[head - 1]! < 128 && (this.#count === 0 || head - 1 === this.#last);
    if (this.#count < LABELS_MAX) {
      this.#from[this.#count] = from;
      this.#to[this.#count] = to;
    }
    this.#count++;
    this.#last = to;
    reader.pos = to;
  }

  #labels(reader: Reader): Labels | null {
    if (this.#count > LABELS_MAX) return null;
    const after = reader.pos;
    const attributes = Array.from({ length: this.#count }, (_, i) => {
      reader.pos = this.#from[i]!;
      return this.#decode(reader, this.#to[i]! - this.#from[i]!);
    });
    reader.pos = after;
    return labelsOf({ attributes });
  }
}

/** Bytes that a length takes, as short as can be. */
function sizeOf(length: number): number {
  return length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
}
