/** Runs a source by hand and keeps what it reports: what tests of sources look at. */
import type { MetricDef } from '../src/catalog.ts';
import { SimClock, type Clock } from '../src/clock.ts';
import { SILENT } from '../src/log.ts';
import { SeriesTable } from '../src/series.ts';
import type { Roots, Sink, Source, SourceContext } from '../src/sources/source.ts';
import { type Proc, Targets, type TargetSpec } from '../src/targets.ts';
import { Servers } from '../src/servers.ts';
import type { EventKind, RunEvent } from '../src/tick.ts';

export interface Sample {
  readonly metric: string;
  readonly member: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly at: number;
}

export class Readings implements Sink {
  readonly clock: Clock;
  readonly series = new SeriesTable();
  readonly targets: Targets;
  readonly ctx: SourceContext;
  samples: Sample[] = [];
  /** Series of the samples of the last read. */
  ids: number[] = [];
  events: Pick<RunEvent, 'kind' | 'message' | 'target' | 'member' | 'data'>[] = [];

  constructor(roots: Roots, spec: Partial<TargetSpec> = {}, clock: Clock = new SimClock({ monotonic: 0 })) {
    this.clock = clock;
    this.targets = new Targets([{ role: 'api', selector: { kind: 'name', name: 'api' }, many: false, children: false, ...spec }]);
    this.ctx = { series: this.series, targets: this.targets, servers: new Servers([]), clock, log: SILENT, roots };
  }

  bind(...procs: (Partial<Proc> & { pid: number })[]): void {
    const full = procs.map((proc) => ({ startTime: 1, comm: 'api', member: null, ...proc }));
    this.targets.bind(this.targets.all()[0]!, full, this.now());
  }

  now(): number {
    return this.clock.monotonic();
  }

  set(series: number, value: number, at = this.now()): void {
    if (series < 0) return;
    const { def, member, labels } = this.series.get(series);
    this.ids.push(series);
    this.samples.push({ metric: def.name, member, labels, value, at });
  }

  event(kind: EventKind, message: string, about: Partial<Pick<RunEvent, 'target' | 'member' | 'data'>> = {}): void {
    this.events.push({ kind, message, target: about.target ?? null, member: about.member ?? null, data: about.data ?? {} });
  }

  /** One read, forgetting what was read before. */
  async read(source: Source): Promise<void> {
    this.samples = [];
    this.ids = [];
    this.events = [];
    await source.read(this, new AbortController().signal);
  }

  /** The value of one series of the last read; undefined when it was not set. */
  value(def: MetricDef, labels: Readonly<Record<string, string>> = {}, member: string | null = null): number | undefined {
    const same = (sample: Sample): boolean =>
      sample.metric === def.name &&
      sample.member === member &&
      Object.keys(sample.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([name, value]) => sample.labels[name] === value);
    return this.samples.findLast(same)?.value;
  }

  blind(): string[] {
    return this.events.flatMap(({ kind, data }) => (kind === 'blind' ? [String(data['metric'])] : []));
  }
}
