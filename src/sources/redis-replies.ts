/** What the less common commands answer. Replies are judged by their shape alone: whatever does not fit is left out. */
import type { Reply } from './redis-connection.ts';

export function textOf(reply: Reply | undefined): string | null {
  return typeof reply === 'string' ? reply : null;
}

export function countOf(reply: Reply | undefined): number | null {
  return typeof reply === 'number' && Number.isFinite(reply) && reply >= 0 ? reply : null;
}

/** Names and values in turn, as maps come in both protocols. */
export function pairsOf(reply: Reply | undefined): ReadonlyMap<string, Reply> {
  const pairs = new Map<string, Reply>();
  if (!Array.isArray(reply)) return pairs;
  const list = reply as readonly Reply[];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i];
    if (typeof name === 'string') pairs.set(name, list[i + 1]!);
  }
  return pairs;
}

function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}

export interface SlowEntry {
  readonly id: number;
  /** Seconds. */
  readonly duration: number;
  /** The name alone, in lower case: what follows it may be somebody's data. */
  readonly command: string;
}

/** Entries of SLOWLOG GET, newest first as they come. */
export function parseSlowlog(reply: Reply): SlowEntry[] {
  return listOf(reply).flatMap((entry): SlowEntry[] => {
    const [id, , usec, args] = listOf(entry);
    const [name] = listOf(args);
    const [known, duration] = [countOf(id), countOf(usec)];
    return known === null || duration === null ? [] : [{ id: known, duration: duration / 1e6, command: commandName(textOf(name)) }];
  });
}

/** A client can send anything as the name of a command, and the slow log keeps what was sent. */
const COMMAND = /^[a-z][a-z0-9._|-]{0,31}$/;

function commandName(text: string | null): string {
  const name = text?.toLowerCase() ?? '';
  return COMMAND.test(name) ? name : 'other';
}

/** Calls so far by the upper bound of their duration in microseconds: cumulative, so each bound has those below it as well. */
export type Histogram = ReadonlyMap<number, number>;

/** LATENCY HISTOGRAM, by command. */
export function parseHistograms(reply: Reply): ReadonlyMap<string, Histogram> {
  const commands = new Map<string, Histogram>();
  for (const [command, figures] of pairsOf(reply)) {
    const bounds = listOf(pairsOf(figures).get('histogram_usec'));
    const histogram = new Map<number, number>();
    for (let i = 0; i + 1 < bounds.length; i += 2) {
      const [bound, calls] = [countOf(bounds[i]), countOf(bounds[i + 1])];
      if (bound !== null && calls !== null) histogram.set(bound, calls);
    }
    if (histogram.size > 0) commands.set(command.toLowerCase(), histogram);
  }
  return commands;
}

export interface LatencyEvent {
  readonly name: string;
  /** Seconds since the epoch, by the server's clock. */
  readonly wall: number;
  /** Seconds. */
  readonly latest: number;
}

/** LATENCY LATEST. */
export function parseLatest(reply: Reply): LatencyEvent[] {
  return listOf(reply).flatMap((event): LatencyEvent[] => {
    const [name, wall, latest] = listOf(event);
    const [text, at, ms] = [textOf(name), countOf(wall), countOf(latest)];
    return text === null || at === null || ms === null ? [] : [{ name: text, wall: at, latest: ms / 1000 }];
  });
}

export interface StreamGroup {
  readonly name: string;
  /** Entries delivered and not acknowledged. */
  readonly pending: number | null;
  /** Entries not yet delivered, since 7.0; null when the server cannot tell. */
  readonly lag: number | null;
}

/** XINFO GROUPS. */
export function parseGroups(reply: Reply): StreamGroup[] {
  return listOf(reply).flatMap((group): StreamGroup[] => {
    const fields = pairsOf(group);
    const name = textOf(fields.get('name'));
    return name === null ? [] : [{ name, pending: countOf(fields.get('pending')), lag: countOf(fields.get('lag')) }];
  });
}

export interface Pending {
  readonly count: number;
  /** Seconds since the epoch at which the oldest entry that is not acknowledged was added, by its id; null when there is none. */
  readonly oldest: number | null;
}

/** The summary of XPENDING. */
export function parsePending(reply: Reply): Pending | null {
  const [count, smallest] = listOf(reply);
  const known = countOf(count);
  if (known === null) return null;
  const ms = /^(\d+)-\d+$/.exec(textOf(smallest) ?? '')?.[1];
  return { count: known, oldest: ms === undefined ? null : Number(ms) / 1000 };
}
