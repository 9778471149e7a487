/**
 * Products of many columns with a few vectors. Several sums go on at a time, because each waits for its last addition, and what is read
 * once is used for all of them; every sum adds its terms in order, so that it is the same whatever is worked out beside it.
 */
import { dot } from './gls.ts';

/** @param columns one after the other; `out[v]` gets the product of each with `vectors[v]` */
export function multiply(columns: Float64Array, count: number, vectors: readonly Float64Array[], out: readonly Float64Array[]): void {
  let v = 0;
  for (; v + 4 <= vectors.length; v += 4) four(columns, count, vectors, out, v);
  for (; v < vectors.length; v++) one(columns, count, vectors[v]!, out[v]!);
}

/** Two columns with four vectors at a time. */
function four(columns: Float64Array, count: number, vectors: readonly Float64Array[], out: readonly Float64Array[], v: number): void {
  const [d, e, f, g] = [vectors[v]!, vectors[v + 1]!, vectors[v + 2]!, vectors[v + 3]!];
  const [od, oe, of, og] = [out[v]!, out[v + 1]!, out[v + 2]!, out[v + 3]!];
  const n = d.length;
  for (let c = 0; c < count; c += 2) {
    // Of an odd number of columns the last is multiplied twice.
    const next = c + 1 < count ? n : 0;
    let d0 = 0;
    let e0 = 0;
    let f0 = 0;
    let g0 = 0;
    let d1 = 0;
    let e1 = 0;
    let f1 = 0;
    let g1 = 0;
    for (let i = 0, at = c * n; i < n; i++, at++) {
      const x = columns[at]!;
      const y = columns[at + next]!;
      const dx = d[i]!;
      const ex = e[i]!;
      const fx = f[i]!;
      const gx = g[i]!;
      d0 += x * dx;
      e0 += x * ex;
      f0 += x * fx;
      g0 += x * gx;
      d1 += y * dx;
      e1 += y * ex;
      f1 += y * fx;
      g1 += y * gx;
    }
    const last = next > 0 ? c + 1 : c;
    od[c] = d0;
    oe[c] = e0;
    of[c] = f0;
    og[c] = g0;
    od[last] = d1;
    oe[last] = e1;
    of[last] = f1;
    og[last] = g1;
  }
}

/** Four columns at a time. */
function one(columns: Float64Array, count: number, vector: Float64Array, out: Float64Array): void {
  const n = vector.length;
  let c = 0;
  for (; c + 4 <= count; c += 4) {
    let p = 0;
    let q = 0;
    let r = 0;
    let s = 0;
    for (let i = 0, at = c * n; i < n; i++, at++) {
      const value = vector[i]!;
      p += columns[at]! * value;
      q += columns[at + n]! * value;
      r += columns[at + 2 * n]! * value;
      s += columns[at + 3 * n]! * value;
    }
    out[c] = p;
    out[c + 1] = q;
    out[c + 2] = r;
    out[c + 3] = s;
  }
  for (; c < count; c++) out[c] = dot(columns, c * n, vector, 0, n);
}
