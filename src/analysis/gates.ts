/** Which series decide the outcome of the run, which of them must be conclusive, and which cannot pass for want of a better signal. */
import type { Series } from '../series.ts';
import type { Store } from '../store.ts';
import { type BlindSpot, covers } from './blind.ts';
import type { Gate, JudgeOptions } from './judgement.ts';
import { unseenStuck } from './pools.ts';
import { isLimit, type Rule, ruleApplies } from './rules.ts';

type Gating = Pick<JudgeOptions, 'rules' | 'required' | 'plannedEnd' | 'generators'>;

/** Contracts: some 30 series at most, or chance would fail runs (research: 30 gated series cost 8 % of time to the same certainty). */
export const GATED_MAX = 30;

export interface Gates {
  /** Those that are not advisory. */
  readonly gates: ReadonlyMap<number, Gate>;
  /** Why a series cannot pass. */
  readonly noPass: ReadonlyMap<number, string>;
  /** Those that should be gated but are beyond the cap. */
  readonly left: ReadonlySet<number>;
}

export const HEAP_HIDDEN = 'its heap is not visible';
const PROVES_NOTHING = 'the runtime keeps a footprint in which a leak does not show, so a flat one proves nothing';

export const MEMORY = 'memory.private';
export const TREE = 'memory.tree';
const HEAP = 'heap';
const HEAP_METRIC = 'soak.runtime.heap.used_after_collection';
const HEAP_VISIBLE = 'soak.runtime.heap.visible';

/**
 * What the agent itself keeps is bounded, and fills in its first hours: bins of what is read every minute after 4.3 h, designs of fits (6 MB)
 * and compiled code before. Until then its memory fails no run (docs/decisions/0035-the-first-two-hours.md).
 */
const OWN_MEMORY = 'soak.agent.memory.private';
const OWN_FILLS_S = 6 * 3600;

/** A series counts from its first sample on; that of a heap from the moment it is waited for. */
export function isSeen(series: Series, store: Store): boolean {
  return store.isBinned(series.id) || series.def.alias === HEAP;
}

/** @param now run time */
export function gatesOf(all: readonly Series[], store: Store, options: Gating, blind: readonly BlindSpot[], now: number): Gates {
  const seen = all.filter((series) => isSeen(series, store));
  const known = new Known(seen, store);
  const wanted: { series: Series; gate: Gate; rank: number }[] = [];
  for (const series of seen) {
    const gate = gateOf(series, known, options, now);
    if (gate !== 'advisory') wanted.push({ series, gate, rank: rankOf(series, gate, options.rules) });
  }
  // The cap is for what chance may let fail: noise has a slope, but no rising floor.
  const [floors, others] = [wanted.filter(isFloor), wanted.filter((one) => !isFloor(one))];
  const ordered = others.toSorted((a, b) => a.rank - b.rank || a.series.id - b.series.id);
  const noPass = seen.filter(showsMemory).flatMap((series): [number, string][] => {
    if (!known.heapHidden(series)) return [];
    const reason = blind.find((spot) => spot.target === series.target && covers(spot, HEAP_METRIC))?.reason ?? PROVES_NOTHING;
    return [[series.id, `${HEAP_HIDDEN}: ${reason}`]];
  });
  const unseen = seen
    .filter((series) => isFloor({ series }))
    .flatMap((series): [number, string][] => {
      const spot = blind.find(
        ({ target, metric, at }) => target === series.target && covers({ metric }, series.def.name) && at >= store.at(series.id),
      );
      const reason = spot?.reason ?? unseenStuck(series, { all: seen, store, t: now }, options.plannedEnd);
      return reason === null ? [] : [[series.id, reason]];
    });
  return {
    gates: new Map([...ordered.slice(0, GATED_MAX), ...floors].map(({ series, gate }) => [series.id, gate])),
    noPass: new Map([...noPass, ...unseen]),
    left: new Set(ordered.slice(GATED_MAX).map(({ series }) => series.id)),
  };
}

/** Who comes first under the cap. What grows in any member grows the total of its role. */
function rankOf(series: Series, gate: Gate, rules: readonly Rule[]): number {
  if (gate === 'required') return 0;
  if (isRuled(series, rules)) return 1;
  return series.member === null ? 2 : 3;
}

function isFloor({ series: { def } }: { readonly series: Series }): boolean {
  return def.growth === 'floor';
}

function showsMemory({ def }: Series): boolean {
  return def.alias === MEMORY || def.alias === TREE || def.alias === HEAP;
}

function isRuled(series: Series, rules: readonly Rule[]): boolean {
  return rules.some((rule) => isLimit(rule) && ruleApplies(rule, series));
}

export function isRequired({ def }: Series, required: readonly string[]): boolean {
  return def.gate === 'required' || required.includes(def.alias ?? def.name) || required.includes(def.name);
}

function gateOf(series: Series, known: Known, { rules, required, generators = [] }: Gating, now: number): Gate {
  if (series.target !== null && generators.includes(series.target)) return 'advisory';
  const { alias } = series.def;
  const fills = series.def.name === OWN_MEMORY && now < OWN_FILLS_S;
  const may = (series.def.gate !== undefined && !fills) || isRuled(series, rules);
  if (series.target !== null) {
    // With the heap to judge, the kernel's view of the same memory can still fail the run but need not be conclusive.
    if (alias === MEMORY && known.heap(series)) return 'gated';
    // The total of a role stands for its members, which come and go.
    if (alias === TREE && known.members(series)) return 'required';
    if (series.member !== null && isRequired(series, required) && known.total(series)) return 'gated';
  }
  if (isRequired(series, required)) return 'required';
  return may ? 'gated' : 'advisory';
}

/** What is known of the roles that the series belong to. */
class Known {
  readonly #totals = new Set<string>();
  readonly #membered = new Set<string>();
  readonly #heaps = new Set<string>();
  readonly #collected = new Set<string>();
  readonly #hidden: Series[] = [];

  constructor(seen: readonly Series[], store: Store) {
    for (const series of seen) {
      const { target, member, def } = series;
      if (target === null) continue;
      if (member !== null) this.#membered.add(target);
      else if (def.gate !== undefined) this.#totals.add(JSON.stringify([target, def.alias === TREE ? MEMORY : def.alias]));
      if (def.alias === HEAP) this.#heaps.add(JSON.stringify([target, member]));
      if (def.alias === HEAP && store.isBinned(series.id)) this.#collected.add(JSON.stringify([target, member]));
      if (def.name === HEAP_VISIBLE && store.value(series.id) === 0) this.#hidden.push(series);
    }
  }

  total({ target, def }: Series): boolean {
    return this.#totals.has(JSON.stringify([target, def.alias]));
  }

  members({ target }: Series): boolean {
    return target !== null && this.#membered.has(target);
  }

  heap({ target, member }: Series): boolean {
    return this.#heaps.has(JSON.stringify([target, member]));
  }

  /** Of the process itself, or of any member when it is a total: nothing shows it, and no collection has. */
  heapHidden(series: Series): boolean {
    const own = this.#hidden.filter(
      ({ target, member }) => target === series.target && (series.member === null || member === series.member),
    );
    return own.some(({ target, member }) => !this.#collected.has(JSON.stringify([target, member])));
  }
}
