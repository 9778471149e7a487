/** Panels of the load and how it is served, as several dashboards show them. */
import type { Panel } from './grafana.ts';
import { of } from './query.ts';
import { RUN, TARGET } from './selected.ts';
import { THRESHOLDS } from './thresholds.ts';

const NO_LOAD = 'no load is told of';
const per = (counter: string): string => `sum by (soak_run, soak_target) (rate(${of(counter, RUN, TARGET)}[$__rate_interval]))`;

export function requestRate(): Panel {
  return {
    title: 'Requests per second',
    about: 'As the load tool or the program tells them, failed ones included.',
    type: 'timeseries',
    unit: 'reqps',
    queries: [{ expr: per('soak.traffic.requests'), legend: '{{soak_target}}' }],
    emptyWhen: NO_LOAD,
  };
}

export function latency(): Panel {
  return {
    title: 'Latency',
    about: 'Quantiles of the requests completed in each window, never since the start of the run. Lines are the limits of the alerts.',
    type: 'timeseries',
    unit: 's',
    queries: [{ expr: of('soak.traffic.duration.quantile', RUN, TARGET), legend: '{{soak_target}} p{{soak_quantile}}' }],
    thresholds: [
      { color: 'green', from: null },
      { color: 'yellow', from: THRESHOLDS.latencyP95 },
      { color: 'red', from: THRESHOLDS.latencyP99 },
    ],
    emptyWhen: NO_LOAD,
  };
}

export function errorShare(): Panel {
  return {
    title: 'Errors',
    about: 'Share of the requests that fail.',
    type: 'timeseries',
    unit: 'percentunit',
    queries: [{ expr: `${per('soak.traffic.errors')} / ${per('soak.traffic.requests')}`, legend: '{{soak_target}}' }],
    thresholds: [
      { color: 'green', from: null },
      { color: 'yellow', from: THRESHOLDS.errorsWarn },
      { color: 'red', from: THRESHOLDS.errors },
    ],
    emptyWhen: NO_LOAD,
  };
}

/** Of all requests of the window that Grafana shows, by the histogram, which adds up over targets and runs. */
export function spread(selector: string, by: string, legend: string): Panel {
  const quantile = (q: string): string =>
    `histogram_quantile(${q}, sum by (${by}, le) (rate(${of('soak.traffic.duration', selector).replace('{', '_bucket{')}[$__rate_interval])))`;
  return {
    title: 'Latency by the histogram',
    about: 'Quantiles within the bounds of the histogram. Coarser than those of the windows; they add up over targets, agents and runs.',
    type: 'timeseries',
    unit: 's',
    queries: ['0.5', '0.95', '0.99'].map((q) => ({ expr: quantile(q), legend: `${legend} p${q}` })),
    emptyWhen: 'no load is told of, or not in buckets',
  };
}
