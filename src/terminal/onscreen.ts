/** The state of a run as a screen shows it. */
import { certifiable } from '../analysis/power.ts';
import type { RunState } from '../runstate.ts';
import { type Series, seriesLabel } from '../series.ts';
import type { RunOnScreen } from './screen.ts';

type Shown = Pick<RunOnScreen, 'current' | 'history' | 'certifiable' | 'events' | 'phase'>;

/** Events that are told elsewhere on the screen, or are of no use to who looks at it. */
const UNSHOWN: ReadonlySet<string> = new Set(['blind', 'sender_seen']);

export function onScreen(state: RunState): Shown {
  const series = labelled(state);
  return {
    phase: state.timeline.phases.at(-1)?.name ?? null,
    events: state.events.filter(({ kind }) => !UNSHOWN.has(kind)),
    current: (id) => {
      const one = series.get(id);
      return one === undefined ? null : state.fresh(one);
    },
    history: (id) => historyOf(state, series.get(id)),
    certifiable: (id, hours) => {
      const judged = state.judge.judged(id);
      return judged === null ? null : certifiable(judged, hours);
    },
  };
}

/** A frame a second must not name 10,000 series anew: series are only ever added. */
const known = new WeakMap<RunState, Map<string, Series>>();

function labelled(state: RunState): ReadonlyMap<string, Series> {
  const labels = known.get(state) ?? new Map<string, Series>();
  known.set(state, labels);
  for (let id = labels.size; id < state.series.size; id++) labels.set(seriesLabel(state.series.get(id)), state.series.get(id));
  return labels;
}

/** Means of the bins from the beginning of the run to now; of a counter its rate a second. */
function historyOf({ store, t }: RunState, series: Series | undefined): (number | null)[] {
  if (series === undefined) return [];
  const bins = store.bins(series.id);
  const isCounter = series.def.kind === 'counter';
  return Array.from({ length: Math.max(bins.first + bins.length, Math.floor(t / bins.width)) }, (_, slot) => {
    const i = slot - bins.first;
    const count = bins.count[i] ?? 0;
    return i < 0 || i >= bins.length || count === 0 ? null : bins.sum[i]! / (isCounter ? bins.width : count);
  });
}
