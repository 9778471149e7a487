/** The records that are merged: when each agent watched, by one clock, and which replicas of which roles. Times are seconds. */
import { basename, dirname, resolve } from 'node:path';
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
  /** What people know it by: the folder that its record was copied into, else the id of the run. A record holds no name of a machine. */
  readonly name: string;
  /** For sentences: `on pod-a`, `in run 1a2b3c4d`. */
  readonly where: string;
  /** Containers on one machine share its boot id; an agent that knows none is on a machine of its own. */
  readonly machine: string;
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
 * @param given seconds by the id of a run, or by its name
 */
export function partsOf(readers: readonly RecordReader[], given: ReadonlyMap<string, number>): Part[] {
  const raw = readers.map((reader) => ({ reader, events: eventsOf(reader) }));
  const [first] = raw;
  const known = first === undefined ? new Map<string, number>() : momentsOf(first);
  const nameOf = namesOf(readers);
  const parts = raw.map(({ reader, events }) => {
    const { id, bootId, config } = reader.header;
    const name = nameOf(reader);
    const where = name === id ? `in run ${id}` : `on ${name}`;
    const said = given.get(id) ?? given.get(name);
    const offset = said ?? (reader === first?.reader ? 0 : offsetOf(known, momentsOf({ reader, events })));
    const length = reader.last()?.t ?? 0;
    return { reader, id, name, where, machine: bootId ?? id, config: config as PartConfig, events, length, offset };
  });
  for (const name of given.keys()) {
    if (parts.some((part) => part.id === name || part.name === name)) continue;
    throw new Problem('USAGE', {
      place: '--offset',
      message: `there is no run ${messageOf(name)} among those that are merged: they are called ${[...new Set(parts.map((part) => part.name))].slice(0, 5).join(', ')}`,
    });
  }
  const start = Math.min(...parts.map(({ reader, offset }) => reader.header.start + offset));
  return parts
    .map((part) => ({ ...part, shift: part.reader.header.start + part.offset - start }))
    .toSorted((a, b) => a.shift - b.shift || (a.name + a.id < b.name + b.id ? -1 : 1));
}

/** Records that were copied from several places, each into a folder of its own, are called by these folders; folders of one name say nothing. */
function namesOf(readers: readonly RecordReader[]): (reader: RecordReader) => string {
  const folders = new Set(readers.map(({ folder }) => dirname(resolve(folder))));
  const names = new Set([...folders].map((folder) => basename(folder)));
  const isNamed = folders.size > 1 && names.size === folders.size;
  return ({ folder, header }) => (isNamed ? basename(dirname(resolve(folder))) : header.id);
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
