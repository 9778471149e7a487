/** Of one target or server: which signals were read, by the panels of the catalog, and which could not be and why. */
import { covers } from '../analysis/blind.ts';
import type { Catalog, MetricDef } from '../catalog.ts';
import type { RunState } from '../runstate.ts';
import type { Series } from '../series.ts';
import { METRICS as CGROUP } from '../sources/cgroup-metrics.ts';
import { METRICS as PROCESS } from '../sources/process-metrics.ts';
import { METRICS as RUNTIME } from '../sources/runtime-metrics.ts';
import type { Target } from '../targets.ts';
import { showValue } from '../views/quantities.ts';

/** A signal that a source reported as blind. */
export interface BlindSpot {
  readonly target: string | null;
  readonly metric: string;
  readonly reason: string;
}

export interface SignalRow {
  readonly group: string;
  readonly readable: 'yes' | 'part' | 'no';
  /** What was read, with its values. */
  readonly figures: readonly string[];
  /** What was not: the metrics (empty when it is the whole group) and why. */
  readonly missing: readonly { readonly metrics: readonly string[]; readonly reason: string }[];
}

type Missing = SignalRow['missing'][number];

/** What is blind without belonging to a panel. */
const OTHER = 'Other';

/** How many processes share the control group, and its limits, belong beside what it accounts. */
const OF_CGROUPS: ReadonlySet<MetricDef> = new Set(Object.values(CGROUP));

function panelOf(def: MetricDef): string {
  return def.panel ?? (OF_CGROUPS.has(def) ? CGROUP.memoryUsage.panel : OTHER);
}

const GATES = ['required', 'gated', undefined];

/** What decides the outcome comes first, then as the catalog names the panels. A group of which nothing was read and nothing is blind is left out. */
export function signalRows(
  state: RunState,
  catalog: Pick<Catalog, 'all'>,
  blind: readonly BlindSpot[],
  target: Pick<Target, 'role' | 'procs'>,
): SignalRow[] {
  const sampled = state.series.all().filter((series) => series.target === target.role && !Number.isNaN(state.store.value(series.id)));
  const spots = blind.filter((spot) => spot.target === target.role);
  const defs = catalog.all().toSorted((a, b) => GATES.indexOf(a.gate) - GATES.indexOf(b.gate));
  const panels = [...new Set(defs.map(panelOf))];
  return panels.flatMap((group): SignalRow[] => {
    const own = sampled.filter(({ def }) => panelOf(def) === group);
    const missing = merged([
      ...missingOf(
        defs.filter((def) => panelOf(def) === group),
        spots,
      ),
      ...missingMembers(own, target),
    ]);
    if (missing.length === 0 && (own.length === 0 || group === OTHER)) return [];
    if (own.length === 0)
      return [{ group, readable: 'no', figures: [], missing: missing.length === 1 ? [{ ...missing[0]!, metrics: [] }] : missing }];
    return [{ group, readable: missing.length === 0 ? 'yes' : 'part', figures: figuresOf(own, state), missing }];
  });
}

function missingOf(defs: readonly MetricDef[], spots: readonly BlindSpot[]): Missing[] {
  return spots.flatMap((spot) => {
    const covered = defs.filter((def) => covers(spot, def.name));
    return covered.length === 0 ? [] : [{ metrics: covered.map(nameOf), reason: spot.reason }];
  });
}

/** A metric that some processes have and others have not, while the role has no total of it. */
function missingMembers(own: readonly Series[], { procs }: Pick<Target, 'procs'>): Missing[] {
  const slots = new Set(procs.map(({ member }) => member)).size;
  const defs = [...new Set(own.filter(({ source }) => source === 'process').map(({ def }) => def))];
  return defs.flatMap((def) => {
    const members = new Set(own.filter((series) => series.def === def).map(({ member }) => member));
    if (members.has(null) || members.size >= slots) return [];
    return [{ metrics: [nameOf(def)], reason: `known of ${members.size} of ${slots} processes` }];
  });
}

/** One entry per reason. */
function merged(missing: readonly Missing[]): Missing[] {
  const byReason = new Map<string, Set<string>>();
  for (const { metrics, reason } of missing) byReason.set(reason, new Set([...(byReason.get(reason) ?? []), ...metrics]));
  return [...byReason].map(([reason, metrics]) => ({ reason, metrics: [...metrics] }));
}

function nameOf({ alias, name }: MetricDef): string {
  return alias ?? name;
}

/** More figures of one group are more than a line or two take. */
const FIGURES_MAX = 4;

/** Metrics with a short name, else those without; and two facts that say more in words. */
function figuresOf(own: readonly Series[], state: RunState): string[] {
  const plain = own.filter(({ def }) => def !== RUNTIME.visible && def !== CGROUP.foreign);
  const named = plain.filter(({ def }) => def.alias !== undefined);
  const byFigure = new Map<string, Series[]>();
  for (const series of named.length > 0 ? named : plain) {
    const figure = [nameOf(series.def), ...Object.values(series.labels)].join(' ');
    byFigure.set(figure, [...(byFigure.get(figure) ?? []), series]);
  }
  const figures = [...byFigure].slice(0, FIGURES_MAX).map(([figure, list]) => `${figure} ${spanOf(list, state)}`);
  return [...runtimeTexts(own, state), ...figures, ...sharedText(own, state)];
}

/** The role's total, else the span over its members. */
function spanOf(list: readonly Series[], { store }: RunState): string {
  const total = list.filter(({ member }) => member === null);
  const values = (total.length > 0 ? total : list).map(({ id }) => store.value(id));
  const { unit } = list[0]!.def;
  const [low, high] = [showValue(Math.min(...values), unit), showValue(Math.max(...values), unit)];
  return low === high ? low : `${low} to ${high}`;
}

/** Only a JVM has a heap series of its own; of other runtimes `visible` says that private memory shows the heap's growth. */
function runtimeTexts(own: readonly Series[], { store }: RunState): string[] {
  const texts = own.flatMap(({ def, labels, id }) => {
    if (def !== RUNTIME.visible) return [];
    const runtime = labels['soak.runtime'];
    const visible = runtime === 'jvm' ? 'heap visible' : 'growth of its heap shows in private memory';
    return [`${runtime}: ${store.value(id) === 1 ? visible : 'heap not visible'}`];
  });
  return [...new Set(texts)];
}

/** A control group shared with others says little about the target. */
function sharedText(own: readonly Series[], { store }: RunState): string[] {
  const others = own.filter(({ def }) => def === CGROUP.foreign).reduce((most, { id }) => Math.max(most, store.value(id)), 0);
  return others > 0 ? [`shared with ${others} other processes`] : [];
}

/** Seconds of age at which the runtime source says what a process runs, and its period. */
const SETTLED_S = 10 + 5;

/** A process that has just started may still become something else, so that nobody says yet whether its heap is visible. */
export function youngSpots({ series, store }: RunState, target: string): BlindSpot[] {
  const sampled = series.all().filter((one) => one.target === target && !Number.isNaN(store.value(one.id)));
  const isYoung = sampled.some(({ def, id }) => def === PROCESS.uptime && store.value(id) < SETTLED_S);
  if (!isYoung || sampled.some(({ def }) => def === RUNTIME.visible)) return [];
  return [{ target, metric: RUNTIME.heap.name, reason: `it has just started: look again when it is ${SETTLED_S} s old` }];
}
