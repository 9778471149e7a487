/** What INFO says. Any `key:value` is taken, whatever the version or product; what is not understood is not there. */

/** Values by key, of all sections. */
export type Info = ReadonlyMap<string, string>;

export function parseInfo(text: string): Info {
  const info = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && line[0] !== '#') info.set(line.slice(0, colon), line.slice(colon + 1).trimEnd());
  }
  return info;
}

/** A server that subtracted too much tells a number just below 2^64, and -1 is how it says that it does not know. */
const ABSURD = 2 ** 63;

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;

/** The figure of that key; null when it is missing, unknown, no number, or absurd. @param signed it may be below zero */
export function figureOf(info: Info, key: string, signed = false): number | null {
  return numberOf(info.get(key), signed);
}

export function numberOf(text: string | undefined, signed = false): number | null {
  if (text === undefined || !NUMBER.test(text)) return null;
  const value = Number(text);
  return Math.abs(value) >= ABSURD || (value < 0 && !signed) ? null : value;
}

export interface Product {
  readonly name: string;
  readonly version: string;
}

/** Valkey says 7.2.4 as its `redis_version`, for clients that look for nothing else, so its own names come first. */
export function productOf(info: Info): Product | null {
  const valkey = info.get('valkey_version');
  if (valkey) return { name: 'Valkey', version: valkey };
  const version = info.get('redis_version');
  const name = info.get('server_name');
  if (version) return { name: name ? name[0]!.toUpperCase() + name.slice(1) : 'Redis', version };
  return null;
}

export type Mode = 'cluster' | 'sentinel';

/** Null for a server that stands alone, or in a chain of replicas. */
export function modeOf(info: Info): Mode | null {
  const mode = info.get('redis_mode') ?? info.get('server_mode');
  return mode === 'cluster' || mode === 'sentinel' ? mode : null;
}

/** The server that a sentinel watches, the first of them: `main at 10.0.0.5:6379`. */
export function watchedBySentinel(info: Info): string | null {
  const [, name, address] = /^name=([^,]{1,64}),.*\baddress=([^,]{1,256})/.exec(info.get('master0') ?? '') ?? [];
  return address === undefined ? null : `${name} at ${address}`;
}

/** Whether the product is of that version or later, by Redis numbers; Valkey began with 7.2. */
export function isAtLeast(product: Product, major: number, minor = 0): boolean {
  if (product.name === 'Valkey') return major < 7 || (major === 7 && minor <= 2);
  const [a = 0, b = 0] = product.version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

/** The fields of a value such as `calls=1,usec=5`; fields that are no numbers are left out. */
export function parseFields(value: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>();
  for (const part of value.split(',')) {
    const equals = part.indexOf('=');
    const number = numberOf(part.slice(equals + 1));
    if (equals > 0 && number !== null) fields.set(part.slice(0, equals), number);
  }
  return fields;
}

export interface CommandFigures {
  readonly calls: number;
  /** Seconds. */
  readonly time: number;
  /** Calls that were refused or failed; null before 6.2. */
  readonly failed: number | null;
}

/** What was counted per command, by its name in lower case (`client|list`). */
export function commandsOf(info: Info): ReadonlyMap<string, CommandFigures> {
  const commands = new Map<string, CommandFigures>();
  for (const [key, value] of info) {
    if (!key.startsWith('cmdstat_')) continue;
    const fields = parseFields(value);
    const [calls, usec] = [fields.get('calls'), fields.get('usec')];
    if (calls === undefined || usec === undefined) continue;
    const [rejected, failed] = [fields.get('rejected_calls'), fields.get('failed_calls')];
    commands.set(key.slice('cmdstat_'.length).toLowerCase(), {
      calls,
      time: usec / 1e6,
      failed: rejected === undefined && failed === undefined ? null : (rejected ?? 0) + (failed ?? 0),
    });
  }
  return commands;
}

/** Error replies by their code, since 6.2. */
export function errorsOf(info: Info): ReadonlyMap<string, number> {
  const errors = new Map<string, number>();
  for (const [key, value] of info) {
    const count = key.startsWith('errorstat_') ? parseFields(value).get('count') : undefined;
    if (count !== undefined) errors.set(key.slice('errorstat_'.length), count);
  }
  return errors;
}

export interface Database {
  readonly name: string;
  readonly keys: number;
  readonly expires: number;
  /** Seconds; null when no key expires or the server does not tell. */
  readonly meanTtl: number | null;
}

/** Databases with keys in them: an empty one is not listed. */
export function databasesOf(info: Info): Database[] {
  return [...info].flatMap(([key, value]): Database[] => {
    const name = /^db(\d+)$/.exec(key)?.[1];
    if (name === undefined) return [];
    const fields = parseFields(value);
    const [keys, expires, ttl] = [fields.get('keys'), fields.get('expires'), fields.get('avg_ttl')];
    return keys === undefined || expires === undefined ? [] : [{ name, keys, expires, meanTtl: ttl ? ttl / 1000 : null }];
  });
}

export interface Replication {
  /** Seconds since the furthest behind replica was heard; of a replica, since it heard its primary. Null: there is no other side. */
  readonly lag: number | null;
  /** Bytes that the furthest behind replica has yet to confirm. */
  readonly lagBytes: number | null;
  /** Whether a replica is connected to its primary; null for a primary. */
  readonly isLinked: boolean | null;
}

export function replicationOf(info: Info): Replication {
  const linked = info.get('master_link_status');
  if (linked !== undefined) return { lag: figureOf(info, 'master_last_io_seconds_ago'), lagBytes: null, isLinked: linked === 'up' };
  const offset = figureOf(info, 'master_repl_offset');
  // One that is being sent everything has confirmed nothing yet.
  const replicas = [...info].flatMap(([key, value]) =>
    /^slave\d+$/.test(key) && /,state=online,/.test(value) ? [parseFields(value)] : [],
  );
  const lags = replicas.flatMap((replica) => replica.get('lag') ?? []);
  const behind = replicas.flatMap((replica) => {
    const confirmed = replica.get('offset');
    return confirmed === undefined || offset === null ? [] : [Math.max(0, offset - confirmed)];
  });
  return { lag: lags.length === 0 ? null : Math.max(...lags), lagBytes: behind.length === 0 ? null : Math.max(...behind), isLinked: null };
}
