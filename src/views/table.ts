/** Plain text tables for terminals: columns as wide as their widest cell, the last one cut to the terminal's width. */

/** Display width is taken as the number of code points: our own texts and comm names hold no wide characters worth a library. */
function width(text: string): number {
  return Array.from(text).length;
}

function cutTo(text: string, columns: number): string {
  return width(text) <= columns
    ? text
    : `${Array.from(text)
        .slice(0, Math.max(0, columns - 1))
        .join('')}…`;
}

const BETWEEN = '  ';

/** Columns of a terminal that a table takes where none of it is cut. */
export function tableWidth(rows: readonly (readonly string[])[]): number {
  const widths = widthsOf(rows);
  return widths.reduce((sum, one) => sum + one, 0) + BETWEEN.length * (widths.length - 1);
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  return (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => width(row[i] ?? ''))));
}

/** Rows of equal length; numbers look best when their column is named in `right`. */
export function table(rows: readonly (readonly string[])[], columns: number, right: ReadonlySet<number> = new Set()): string[] {
  const widths = widthsOf(rows);
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const pad = ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(cell)));
      return right.has(i) ? pad + cell : cell + pad;
    });
    return cutTo(cells.join(BETWEEN).trimEnd(), columns);
  });
}
