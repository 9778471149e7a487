/**
 * Text of others on a terminal. Names of processes, files, labels and messages may hold escape sequences, line ends, controls that turn the
 * direction of writing, marks that pile up on one cell, or ten thousand letters: what is shown is one line of known width, whatever they hold.
 */
import { visible } from '../visible.ts';

/** Marks on one letter: two are in use (Vietnamese, Hebrew), a hundred are a tower over other lines. */
const MARKS = /(\p{M}{2})\p{M}+/gu;

/** Nothing that is shown on a screen is longer; what is cut off would be work for nothing. */
const TEXT_MAX = 4096;

export function clean(text: string): string {
  return visible(text.slice(0, TEXT_MAX)).replaceAll(MARKS, '$1');
}

/** East Asian and emoji take two cells (Unicode TR 11, as far as it is a matter of scripts). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const ZERO = /^\p{M}$/u;

/** Cells that a cleaned text takes. */
export function cellsOf(text: string): number {
  let cells = 0;
  for (const letter of text) cells += ZERO.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
  return cells;
}

/** Cut to so many cells, with an ellipsis at the end or in the middle, where what tells names apart may be at both ends. */
export function fit(text: string, cells: number, where: 'end' | 'middle' = 'end'): string {
  if (cellsOf(text) <= cells) return text;
  if (cells < 1) return '';
  const letters = Array.from(text);
  const tail = where === 'middle' ? Math.floor((cells - 1) / 2) : 0;
  return `${taken(letters, cells - 1 - tail)}…${taken(letters.toReversed(), tail, true)}`;
}

function taken(letters: readonly string[], cells: number, reversed = false): string {
  const kept: string[] = [];
  let left = cells;
  for (const letter of letters) {
    left -= cellsOf(letter);
    if (left < 0) break;
    kept.push(letter);
  }
  return (reversed ? kept.toReversed() : kept).join('');
}

/** Filled with spaces to so many cells. */
export function pad(text: string, cells: number, side: 'left' | 'right' = 'right'): string {
  const fill = ' '.repeat(Math.max(0, cells - cellsOf(text)));
  return side === 'right' ? text + fill : fill + text;
}

/** Breaks at blanks; a word longer than a line stays whole. `first` and `rest` are what lines begin with. */
export function wrapped(text: string, columns: number, first = '', rest = first): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (!isEmpty && cellsOf(line) + 1 + cellsOf(word) > columns) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line.trimEnd()];
}
