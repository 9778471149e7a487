/**
 * Rules on one least-squares line.
 * - `ols p<1%`: the t-test of the slope, residuals taken as independent: any textbook, and the trend test of most spreadsheets.
 * - `r2>=0.8 on 6h`: a line that fits. Source: the leak sentinel of screenpipe (pull request 4781): at most six hours, the first half
 *   hour left out, R2 of 0.8, and a smallest slope, here 0.2 % of the level an hour.
 * - `lbr`: line-based regression of Jindal et al. (arXiv 2101.09799, 2106.08938): five-minute means; windows that grow back from the
 *   end; a leak when one fits with R2 of 0.8 and a positive slope. Their seasonal decomposition is left out: no season is given.
 */
import { studentCdf } from '../../../src/analysis/stats.ts';
import type { Detector } from '../detector.ts';
import { type Line, ols, Spans } from './window.ts';

/** Quantile 0.975 of the normal distribution: the interval as if the residuals were independent. */
const WIDE = 1.96;

function said(leak: boolean, score: number, line: Line | null) {
  if (line === null) return { leak: false, score: 0 };
  const ci = [line.slope - WIDE * line.error, line.slope + WIDE * line.error] as const;
  return { leak, score, slopePerHour: line.slope, ci };
}

export const olsTest: Detector = {
  name: 'ols p<1%',
  create: () => {
    const window = new Spans(60);
    return {
      push: (t, value) => window.push(t, value),
      restart: () => window.clear(),
      verdict() {
        const line = window.t.length < 30 ? null : ols(window.t, window.y);
        const t = line === null ? 0 : line.slope / Math.max(1e-12, line.error);
        return said(line !== null && 1 - studentCdf(t, line.n - 2) < 0.01, t, line);
      },
    };
  },
};

export const goodFit: Detector = {
  name: 'r2>=0.8 on 6h',
  create: () => {
    const window = new Spans(60, 360);
    return {
      push: (t, value) => t >= 1800 && window.push(t, value),
      restart: () => window.clear(),
      verdict() {
        const line = window.t.length < 180 ? null : ols(window.t, window.y);
        const grows = line !== null && line.slope > 0.002 * Math.abs(line.last);
        return said(grows && line.r2 >= 0.8, line === null ? 0 : Math.sign(line.slope) * line.r2, line);
      },
    };
  },
};

/** Smallest window, half an hour, and how the next one is chosen. */
const LBR_POINTS = 6;
const LBR_GROWTH = 1.25;

export const lbr: Detector = {
  name: 'lbr',
  create: () => {
    const window = new Spans(300);
    return {
      push: (t, value) => window.push(t, value),
      restart: () => window.clear(),
      verdict() {
        let best: Line | null = null;
        for (let n = LBR_POINTS; n <= window.t.length; n = Math.ceil(n * LBR_GROWTH)) {
          const line = ols(window.t, window.y, window.t.length - n);
          if (line !== null && line.slope > 0 && line.r2 > (best?.r2 ?? 0)) best = line;
        }
        return said(best !== null && best.r2 >= 0.8, best?.r2 ?? 0, best);
      },
    };
  },
};
