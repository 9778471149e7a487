/** A page of metrics as a whole, for tests: the program itself never has all of its points at once. */
import { type Page, readPage, type Refusal } from '../src/intake/exposition.ts';
import type { Point } from '../src/intake/point.ts';

export interface WholePage extends Omit<Page, 'points'> {
  readonly points: readonly Point[];
}

export function parsePage(text: string, openMetrics: boolean | null = null): WholePage | Refusal {
  const points: Point[] = [];
  const page = readPage(Buffer.from(text), openMetrics, (batch) => void points.push(...batch));
  return 'none' in page ? page : { ...page, points };
}
