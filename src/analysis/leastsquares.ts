/** Ordinary least squares with a few columns, for what needs no noise model: which lag fits best, what the load explains. */

/** A pivot of which this share or less is left makes its column superfluous: it gets the coefficient 0. */
const SINGULAR = 1e-10;

export interface Fitted {
  readonly coefficients: Float64Array;
  /** Sum of squared residuals. */
  readonly rest: number;
}

/** Coefficients of the columns, which should contain a constant one. */
export function leastSquares(columns: readonly Float64Array[], y: Float64Array): Fitted {
  const k = columns.length;
  const matrix = columns.map((a) => [...columns.map((b) => product(a, b)), product(a, y)]);
  const scale = matrix.map((row, i) => row[i]!);
  const kept = columns.map(() => false);
  for (let p = 0; p < k; p++) {
    const pivot = matrix[p]![p]!;
    if (!(pivot > SINGULAR * scale[p]!)) continue;
    kept[p] = true;
    for (let r = 0; r < k; r++) if (r !== p) subtract(matrix[r]!, matrix[p]!, matrix[r]![p]! / pivot);
  }
  const coefficients = new Float64Array(k);
  for (let i = 0; i < k; i++) coefficients[i] = kept[i] ? matrix[i]![k]! / matrix[i]![i]! : 0;
  let rest = 0;
  for (let i = 0; i < y.length; i++) {
    let fitted = 0;
    for (let c = 0; c < k; c++) fitted += coefficients[c]! * columns[c]![i]!;
    const left = y[i]! - fitted;
    rest += left * left;
  }
  return { coefficients, rest };
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function subtract(row: number[], by: readonly number[], factor: number): void {
  for (let i = 0; i < row.length; i++) row[i]! -= factor * by[i]!;
}
