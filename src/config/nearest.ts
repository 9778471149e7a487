/** "Did you mean": the one of some known words that somebody probably meant. */

/** Words longer than this are not compared: the work grows with the square of the length. */
const WORD_MAX = 64;

/** A word cut short counts as one slip, if this much of it is there. */
const PREFIX_MIN = 4;

/** The nearest of the candidates, or null when none is near: one slip in three characters, compared without case and separators. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > WORD_MAX) return null;
  const plain = simplify(word);
  let best: string | null = null;
  let least = Math.floor(plain.length / 3) + 0.5;
  for (const candidate of candidates) {
    const other = simplify(candidate);
    const slips = plain.length >= PREFIX_MIN && other.startsWith(plain) ? Math.min(1, other.length - plain.length) : distance(plain, other);
    if (slips >= least) continue;
    least = slips;
    best = candidate;
  }
  return best;
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === null ? '' : `; did you mean ${meant}?`;
}

function simplify(word: string): string {
  return word.toLowerCase().replaceAll(/[-_.]/g, '');
}

/** Insertions, deletions, replacements, and swaps of neighbours that make `b` of `a` (optimal string alignment distance). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(before, j - 2) + 1 : Infinity;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    before = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
