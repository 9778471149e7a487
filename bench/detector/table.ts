/** Tables in Markdown, columns aligned, so that they read as well in a terminal as in the documentation. */

export type Cell = string | number;

export function table(head: readonly string[], body: readonly (readonly Cell[])[]): string {
  const rows = [head, ...body].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}

export function percent(value: number | null, digits = 0): string {
  return value === null ? '-' : `${(100 * value).toFixed(digits)}%`;
}

export function decimal(value: number | null, digits = 2): string {
  return value === null ? '-' : value.toFixed(digits);
}
