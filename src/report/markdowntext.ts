/** What Markdown is made of, for reports and comparisons: text that is no markup, and tables of it. */

/**
 * What Markdown or HTML would read as more than text, as entities: also mentions, references to issues and bare addresses, which GitHub
 * makes links of. Entities are read after all of these.
 */
export function markdownText(plain: string): string {
  return plain.replaceAll(/[&<>"'`|*_[\]~@#\\$]|:(?=\/\/)|(?<=\bwww)\./g, (one) => `&#${one.codePointAt(0)};`);
}

/** @param cells Markdown already */
export function markdownTable(titles: readonly string[], cells: readonly (readonly string[])[]): string[] {
  const row = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  return [row(titles), row(titles.map(() => '---')), ...cells.map(row)];
}
