/** Writes what the load tools have told into series, once every ten seconds, so that several senders of one load become one figure. */
import type { Traffic } from '../traffic/writer.ts';
import type { Sink, Source } from './source.ts';

export { METRICS, QUANTILES } from './traffic-metrics.ts';

/** The span in which k6, Artillery and most others push: shorter spans would see one sender at a time. */
const PERIOD_S = 10;

export function trafficSource(traffic: Traffic): Source {
  return {
    name: 'traffic',
    period: PERIOD_S,
    open: (sink: Sink) => traffic.open(sink),
    read: () => traffic.flush(),
    finish: async () => traffic.finish(),
    close: () => traffic.close(),
  };
}
