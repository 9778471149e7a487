/** A page as pieces of whole lines, so that no more than one of them is text at a time. */

/** Bytes: some hundred lines. */
const PIECE = 65_536;

/** Bytes: 64 labels with names and values of the lengths that are taken (exposition-line.ts) are 280,000. */
const LINE_MAX = 300_000;

const NEWLINE = 10;

export interface Piece {
  /** Null: a line that is too long. */
  readonly text: string | null;
  /** Number of its first line, from 1. */
  readonly line: number;
}

export function* pieces(page: Buffer): Generator<Piece> {
  let line = 1;
  for (let from = 0; from < page.length;) {
    const last = from + PIECE >= page.length ? page.length - 1 : page.lastIndexOf(NEWLINE, from + PIECE);
    const next = page.indexOf(NEWLINE, from + PIECE);
    const end = last >= from ? last : next === -1 ? page.length - 1 : next;
    if (end - from > LINE_MAX) {
      yield { text: null, line };
      line++;
    } else {
      const text = page.toString('utf8', from, end + 1);
      yield { text, line };
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) line++;
    }
    from = end + 1;
  }
}
