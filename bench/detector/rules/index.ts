/** The rules that people use today, each written from its published recipe, named on top of its file. */
import type { Detector } from '../detector.ts';
import { hamedRao, hamedRaoSen, kendall, kendallSen } from './mannkendall.ts';
import { deriv, predictLinear } from './prometheus.ts';
import { goodFit, lbr, olsTest } from './regression.ts';
import { fiveRises, growth, lastQuarter, tailSlope } from './thresholds.ts';

export const RULES: readonly Detector[] = [
  deriv,
  predictLinear,
  olsTest,
  goodFit,
  kendall,
  kendallSen,
  hamedRao,
  hamedRaoSen,
  lbr,
  growth,
  lastQuarter,
  tailSlope,
  fiveRises,
];
