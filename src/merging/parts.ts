/** The records that are merged: when each agent watched, by one clock, and which replicas of which roles. Times are seconds. */
import type { RunEvent } from '../tick.ts';
import { median } from '../analysis/stats.ts';
import { messageOf, Problem } from '../problem.ts';
import type { RecordedEvent, RecordReader } from '../record/reader.ts';

/** What is known of the configuration that a record holds. */
export interface PartConfig {
  readonly mustLive: number;
  readonly duration: number | null;
  readonly warmup: number | null;
  readonly rules: readonly string[];
  readonly required: readonly string[];
  readonly targets: readonly { readonly role: string; readonly load?: boolean }[];
  readonly servers?: readonly { readonly name: string; readonly display?: string }[];
  readonly signals?: readonly { readonly name: string }[];
  readonly phases?: readonly { readonly name: string }[];
}

export interface Part {
  readonly reader: RecordReader;
  readonly id: string;
  /** Of the machine or pod that the agent ran on. */
  readonly host: string;
  readonly config: PartConfig;
  readonly events: readonly RecordedEvent[];
  /** Run time of its last tick. */
  readonly length: number;
  /** What is added to its wall time, and to its run time to get that of the merged run. */
  readonly offset: number;
  readonly shift: number;
}

/** Moments that several agents were told of from outside at once: marks, and phases that none of them had planned. */
const SHARED: ReadonlySet<RunEvent['kind']> = new Set(['mark', 'phase']);

/** Clocks of machines under NTP agree to some milliseconds, and a message to many takes a second: less is not corrected. */
const OFFSET_MIN = 1;

/** Marks of the same text that are further apart are different moments. */
const SAME_MOMENT_S = 120;

/** Events of one record that are read; as many as a record keeps. */
const EVENTS_MAX = 100_000;

/**
 * Wall time is the start of a run and its own clock from there: that is not moved by a clock that is set in the middle. Where agents were told
 * of the same moments their clocks are set by these, after the first run; what the user says goes first.
 * @param given seconds by the id of a run, or by its host
 */
export function partsOf(readers: readonly RecordReader[], given: ReadonlyMap<string, number>): Part[] {
  const raw = readers.map((reader) => ({ reader, events: eventsOf(reader) }));
  const [first] = raw;
  const known = first === undefined ? new Map<string, number>() : momentsOf(first);
  const parts = raw.map(({ reader, events }) => {
    const { id, host, config } = reader.header;
    const name = typeof host['hostname'] === 'string' ? host['hostname'] : id;
    const said = given.get(id) ?? given.get(name);
    const offset = said ?? (reader === first?.reader ? 0 : offsetOf(known, momentsOf({ reader, events })));
    return { reader, id, host: name, config: config as PartConfig, events, length: reader.last()?.t ?? 0, offset };
  });
  for (const name of given.keys()) {
    if (parts.some(({ id, host }) => id === name || host === name)) continue;
    throw new Problem('USAGE', {
      place: '--offset',
      message: `there is no run and no host ${messageOf(name)} among those that are merged`,
    });
  }
  const start = Math.min(...parts.map(({ reader, offset }) => reader.header.start + offset));
  return parts
    .map((part) => ({ ...part, shift: part.reader.header.start + part.offset - start }))
    .toSorted((a, b) => a.shift - b.shift || (a.host + a.id < b.host + b.id ? -1 : 1));
}

function eventsOf(reader: RecordReader): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  for (const event of reader.events()) {
    if (events.length === EVENTS_MAX) break;
    events.push(event);
  }
  return events;
}

/** Wall times of what was told from outside, by what was said; what was said twice is no one moment. */
function momentsOf({ reader, events }: { readonly reader: RecordReader; readonly events: readonly RecordedEvent[] }): Map<string, number> {
  const { start, config } = reader.header;
  const planned = new Set(((config as PartConfig).phases ?? []).map(({ name }) => name));
  const told = events.filter(({ kind, data }) => SHARED.has(kind) && !(kind === 'phase' && planned.has(String(data['phase']))));
  const groups = Map.groupBy(told, ({ kind, message }) => `${kind} ${message}`);
  return new Map([...groups].flatMap(([key, alike]) => (alike.length === 1 ? [[key, start + alike[0]!.t] as const] : [])));
}

function offsetOf(of: ReadonlyMap<string, number>, own: ReadonlyMap<string, number>): number {
  const apart = [...own].flatMap(([key, at]) => {
    const other = of.get(key);
    return other === undefined || Math.abs(other - at) > SAME_MOMENT_S ? [] : [other - at];
  });
  const offset = apart.length === 0 ? 0 : median(apart);
  return Math.abs(offset) < OFFSET_MIN ? 0 : offset;
}
