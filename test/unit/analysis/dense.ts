/** Generalised least squares by brute force, for tests: the full covariance matrix, inverted by Gauss-Jordan elimination. */

export type Matrix = number[][];

/** Inverse and ln of the determinant of a positive definite matrix. */
export function inverse(matrix: Matrix): { inverse: Matrix; logDet: number } {
  const n = matrix.length;
  const work = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => Number(i === j))]);
  let logDet = 0;
  for (let p = 0; p < n; p++) {
    const pivot = work[p]![p]!;
    logDet += Math.log(pivot);
    work[p] = work[p]!.map((value) => value / pivot);
    for (let r = 0; r < n; r++) {
      const factor = work[r]![p]!;
      if (r !== p && factor !== 0) work[r] = work[r]!.map((value, c) => value - factor * work[p]![c]!);
    }
  }
  return { inverse: work.map((row) => row.slice(n)), logDet };
}

/** Covariance of AR(1) noise of variance 1: phi^(distance / step) within a life, 0 between lives. */
export function covariance(t: ArrayLike<number>, life: ArrayLike<number>, step: number, phi: number): Matrix {
  const index = Array.from(t, (_, i) => i);
  return index.map((i) => index.map((j) => (life[i] === life[j] ? (i === j ? 1 : phi ** (Math.abs(t[i]! - t[j]!) / step)) : 0)));
}

export function product(a: ArrayLike<number>, matrix: Matrix, b: ArrayLike<number>): number {
  return matrix.reduce((sum, row, i) => sum + a[i]! * row.reduce((inner, value, j) => inner + value * b[j]!, 0), 0);
}

/** Coefficients of the columns, their covariance for noise of variance 1, and the weighted squares left. */
export function gls(
  columns: readonly ArrayLike<number>[],
  y: ArrayLike<number>,
  v: Matrix,
): { beta: number[]; unit: Matrix; rest: number } {
  const { inverse: w } = inverse(v);
  const information = columns.map((a) => columns.map((b) => product(a, w, b)));
  const { inverse: unit } = inverse(information);
  const right = columns.map((a) => product(a, w, y));
  const beta = unit.map((row) => row.reduce((sum, value, i) => sum + value * right[i]!, 0));
  const left = Array.from(y, (value, i) => value - columns.reduce((sum, column, c) => sum + beta[c]! * column[i]!, 0));
  return { beta, unit, rest: product(left, w, left) };
}
