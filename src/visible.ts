/**
 * Text of others on one line. What a terminal obeys or nobody sees: controls, formats (bidi, joiners, tags), private use, lone surrogates,
 * line and paragraph ends, which would forge a line, and letters that no standard knows.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** The same text with a mark in the place of each of them. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, '\u{FFFD}');
}
