/** What is known of exporters without being told: which of their names mean what. */
import { POOLS } from './presets/pools.ts';
import { KAFKA, QUEUES } from './presets/queues.ts';
import type { Preset, PresetSignal } from './presets/preset.ts';
import { GO, JVM, NODE, PROCESS, PYTHON } from './presets/runtimes.ts';
import { INBOUND, type ScrapeSpec, type SignalSpec } from './signals-spec.ts';

export const PRESETS: readonly Preset[] = [NODE, GO, JVM, PYTHON, POOLS, KAFKA, QUEUES, PROCESS];

export const PRESET_NAMES: readonly string[] = PRESETS.map(({ name }) => name);

/** Every signal that a preset could make. */
export const PRESET_SIGNALS: readonly PresetSignal[] = PRESETS.flatMap(({ signals }) => signals);

interface Asked {
  readonly scrapes: readonly Pick<ScrapeSpec, 'name' | 'presets' | 'target'>[];
  /** Of the user; one of the same name takes the place of a preset's. */
  readonly signals: readonly SignalSpec[];
  /** Roles whose processes are watched here. */
  readonly roles: readonly string[];
  /** Points may be pushed. */
  readonly inbound: boolean;
}

/** The declarations of the user and those of the presets that may apply, by origin. */
export function signalsOf({ scrapes, signals, roles, inbound }: Asked): SignalSpec[] {
  const own = new Set(signals.map(({ name }) => name));
  const origins = [...scrapes, ...(inbound ? [{ name: INBOUND, presets: null, target: null }] : [])];
  const known = origins.flatMap(({ name: from, presets, target }) =>
    PRESETS.filter(({ name, tells }) => presets?.includes(name) ?? applies(tells, target, roles)).flatMap((preset) =>
      preset.signals.flatMap((signal) => (own.has(signal.name) ? [] : [{ ...signal, from, target: null }])),
    ),
  );
  return [...signals, ...known];
}

/** The memory of an exporter itself is nobody's concern. */
function applies(tells: Preset['tells'], target: string | null, roles: readonly string[]): boolean {
  if (tells === 'others') return true;
  return target !== null && (tells === 'program' || !roles.includes(target));
}

/** Presets that know some of the names. */
export function recognised(names: { has(name: string): boolean }): string[] {
  const isThere = (name: string): boolean => names.has(name) || names.has(name.replace(/_(?:sum|count|bucket)$/, ''));
  return PRESETS.filter(({ signals }) => signals.some(({ match }) => match.some(({ name }) => isThere(name)))).map(({ name }) => name);
}
