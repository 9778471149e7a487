/** A value on its way out: what is exported, of whom, and when it was zero. */
import { IDENTITY, type MetricDef } from '../catalog.ts';

/** One value to export. */
export interface Point {
  readonly def: MetricDef;
  /** By OpenTelemetry attribute name. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
  /** When a counter was zero, in seconds since the epoch; null where that is not known. */
  readonly start: number | null;
}

export function point(def: MetricDef, attributes: Readonly<Record<string, string>>, value: number, start: number | null = null): Point {
  return { def, attributes, value, start };
}

export function identity(run: string, target: string | null, member: string | null): Record<string, string> {
  const attributes: Record<string, string> = { [IDENTITY.run]: run };
  if (target !== null) attributes[IDENTITY.target] = target;
  if (member !== null) attributes[IDENTITY.member] = member;
  return attributes;
}

/** A closed set as Prometheus takes it: one point a state, 1 for the one that holds. */
export function states(
  def: MetricDef,
  own: Readonly<Record<string, string>>,
  label: string,
  all: readonly string[],
  current: string,
): Point[] {
  return all.map((state) => point(def, { ...own, [label]: state }, state === current ? 1 : 0));
}
