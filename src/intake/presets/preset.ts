/** How a preset is written: what the names of an exporter mean. Names are those of the exporter's own source or documentation. */
import type { Growth, Unit } from '../../catalog.ts';
import { parseSelector } from '../match.ts';
import { type Aggregate, AGGREGATE_OF, GROWTH_OF, type Meaning, type SignalKind, type SignalSpec } from '../signals-spec.ts';

/** Without whom it is told: where it is found and whose it is. */
export type PresetSignal = Omit<SignalSpec, 'from' | 'target'>;

export interface Preset {
  readonly name: string;
  /** What it is for, in a few words of the documentation. */
  readonly of: string;
  readonly signals: readonly PresetSignal[];
  /**
   * Whose figures these are: of the program that gives the page, which is worth judging only when that is a target; of one that is not
   * watched as a process here, where /proc tells more; or of something else, which the page is about.
   */
  readonly tells: 'program' | 'remote program' | 'others';
}

interface Written {
  /** Selectors of the same thing as different exporters spell it, the best first. */
  readonly match: readonly string[];
  readonly over?: readonly string[];
  readonly kind?: SignalKind;
  readonly aggregate?: Aggregate;
  readonly by?: readonly string[];
  readonly unit?: Unit;
  readonly scale?: number;
  readonly growth?: Growth;
  readonly as?: Meaning;
  readonly within?: readonly [number, number];
}

export function preset({ name, of, tells }: Omit<Preset, 'signals'>, signals: Readonly<Record<string, Written>>): Preset {
  return { name, of, tells, signals: Object.entries(signals).map(([called, written]) => signalOf(called, name, written)) };
}

function signalOf(name: string, ofPreset: string, written: Written): PresetSignal {
  const { match, over, kind = 'level', by = [], unit = '{value}', scale = 1, as = null, within = [-Infinity, Infinity] } = written;
  return {
    name,
    match: match.map(parseSelector),
    over: over?.map(parseSelector) ?? null,
    kind,
    aggregate: written.aggregate ?? AGGREGATE_OF[kind],
    by,
    unit,
    scale,
    growth: written.growth ?? GROWTH_OF[kind],
    limit: null,
    as,
    within,
    preset: ofPreset,
  };
}
