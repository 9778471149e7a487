/**
 * A text of its own. What is cut out of a page is a view into the page, and whoever keeps such a view keeps the whole page in memory:
 * names and values that outlive their page are copied first.
 */
export function owned(text: string): string {
  return Buffer.from(text).toString();
}
