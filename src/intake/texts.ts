/**
 * Short texts of a body, each made once: names of labels and most of their values come again with every point. A look at the bytes takes a
 * third of the time that a new text does, and what is not made need not be collected.
 */

/** A power of two. At most 1024 texts of 64 bytes: 100 kB. */
const SLOTS = 1024;

const LENGTH_MAX = 64;

export class Texts {
  readonly #slots = Array.from<string | undefined>({ length: SLOTS });

  /** The text of these bytes. One that is not ASCII is made anew each time. */
  read(bytes: Buffer, from: number, to: number): string {
    const length = to - from;
    if (length > LENGTH_MAX) return bytes.toString('utf8', from, to);
    const slot = slotOf(bytes, from, to);
    const known = this.#slots[slot];
    if (known !== undefined && known.length === length && isSame(known, bytes, from)) return known;
    const made = bytes.toString('utf8', from, to);
    if (made.length === length) this.#slots[slot] = made;
    return made;
  }
}

/** FNV-1a, 32 bits, folded. */
function slotOf(bytes: Buffer, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 16)) & (SLOTS - 1);
}

function isSame(text: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
