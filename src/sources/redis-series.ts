/** Values of one tier of one server, each with its series. */
import type { LabelsOf, MetricDef } from '../catalog.ts';
import type { Owner, SeriesTable } from '../series.ts';
import type { Sink } from './source.ts';

export const SOURCE = 'redis';

export class RedisSeries {
  readonly owner: Owner;
  readonly table: SeriesTable;

  /** @param period seconds between readings of the tier */
  constructor(table: SeriesTable, server: string, period: number) {
    this.table = table;
    this.owner = { source: SOURCE, target: server, member: null, period };
  }

  /** Null is unknown, and is not set. */
  set<D extends MetricDef>(
    sink: Sink,
    at: number,
    def: D,
    value: number | null | undefined,
    ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]
  ): void {
    if (value !== null && value !== undefined) sink.set(this.table.open(this.owner, def, ...labels), value, at);
  }

  /** Values that this label has in the run so far: a run that goes on keeps them. */
  labelsOf(def: MetricDef, label: string): string[] {
    const own = this.table.all().filter((series) => series.def === def && series.target === this.owner.target);
    return own.flatMap(({ labels }) => labels[label] ?? []);
  }
}
