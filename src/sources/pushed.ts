/** Ends a span of what is pushed: what the declared signals came to since the one before becomes samples. */
import type { Signals } from '../intake/signals.ts';
import { INBOUND } from '../intake/signals-spec.ts';
import type { Source } from './source.ts';

/** The span in which most SDKs and load tools push, or a part of it. */
const PERIOD_S = 10;

export function pushedSource(signals: Signals): Source {
  return {
    name: 'pushed',
    period: PERIOD_S,
    open: () => undefined,
    read: (sink) => signals.flush(INBOUND, sink, { at: sink.now(), period: PERIOD_S }),
    close: () => undefined,
  };
}
