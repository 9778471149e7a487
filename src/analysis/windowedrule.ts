/** What a rule compares of windows, by its measure; quantiles of durations among it. */
import type { Series } from '../series.ts';
import type { Bucket } from '../quantiles.ts';
import { quantileIn } from './bucketquantile.ts';
import { type Rule, ruleApplies } from './rules.ts';
import { hasQuantiles, SHARES } from './rulewords.ts';
import { exactly, Extreme, type Feed, isBeside, Mean, Rate, Ratio, Total, Windowed, type WindowValue } from './windowed.ts';

const LATENCY = 'soak.traffic.duration.quantile';
const BUCKETS = 'soak.traffic.duration.bucket';

/** Of durations: from counts in buckets where there are any, otherwise the mean of what the tool says of its own windows. */
class Quantile extends Windowed {
  readonly #of: Series;
  readonly #q: number;
  readonly #bounds = new Map<string, { readonly over: number; readonly to: number }>();

  constructor(of: Series, q: number, endless: boolean) {
    super(endless);
    this.#of = of;
    this.#q = q;
  }

  feedOf(series: Series): Feed | null {
    if (!isBeside(series, this.#of)) return null;
    if (series.def.name === BUCKETS) return this.#bucket(series);
    if (!hasQuantiles(series.def) || Number(series.labels['soak.quantile']) !== this.#q) return null;
    const [sum, count] = [this.part('sum'), this.part('count')];
    return (value) => {
      sum.add(value);
      count.add(1);
    };
  }

  value(): WindowValue | null {
    const counted = [...this.#bounds].map(([name, bounds]): Bucket => ({ ...bounds, count: this.part(name).sum }));
    const count = this.part('count').sum;
    return quantileIn(counted, this.#q) ?? (count > 0 ? exactly(this.part('sum').sum / count) : null);
  }

  #bucket({ labels }: Series): Feed {
    const bounds = { over: boundOf(labels['soak.bucket.over']), to: boundOf(labels['soak.bucket.to']) };
    const name = `${bounds.over} ${bounds.to}`;
    this.#bounds.set(name, bounds);
    return this.counting(name);
  }
}

/** As Prometheus writes it. */
function boundOf(text: string | undefined): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

/**
 * What stands for a rule on windows of this series: others with the same text are the same windows. Quantiles of durations are one
 * thing, however many series tell them; null when the rule is not about the series.
 */
export function windowsOf(rule: Rule, series: Series): string | null {
  if (rule.measure.kind !== 'quantile') return ruleApplies(rule, series) ? String(series.id) : null;
  const { target, member, labels, def } = series;
  const tells = def.name === rule.metric || (def.name === BUCKETS && rule.metric === LATENCY);
  if (!tells || !ruleApplies({ ...rule, metric: def.name }, series)) return null;
  return JSON.stringify([target, member, labels['soak.operation'] ?? null]);
}

const DURATIONS = { 'soak.traffic.duration.mean': { above: 'soak.traffic.duration.sum', below: 'soak.traffic.duration.count' } };

/** What the rule compares of windows of this series; null when it compares something else. */
export function windowedOf({ measure }: Rule, series: Series, endless: boolean): Windowed | null {
  const { name } = series.def;
  const { kind } = measure;
  if (kind === 'mean')
    return Object.hasOwn(DURATIONS, name)
      ? new Ratio(series, DURATIONS[name as keyof typeof DURATIONS], endless)
      : new Mean(series, endless);
  if (kind === 'min' || kind === 'max') return new Extreme(series, kind, endless);
  if (kind === 'count') return new Total(series, endless);
  if (kind === 'rate') return new Rate(series, endless);
  if (kind === 'share') return new Ratio(series, { above: name, below: SHARES[name] ?? name }, endless);
  return kind === 'quantile' ? new Quantile(series, measure.q, endless) : null;
}
