/**
 * The agent's log: NDJSON on standard error through pino, or nothing but warnings on a terminal. A message that repeats is
 * written once a minute with the number of times it was held back, because a log on a full disk is a leak too.
 */
import { pino } from 'pino';
import type { Clock } from './clock.ts';

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

type Fields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const REPEAT_S = 60;

/** Different messages remembered; ours are a few dozen, and when more come the oldest is forgotten (and may repeat early). */
const REMEMBERED = 256;

/** Keys under which a secret might arrive from a configuration or a client's error. */
const SECRET_KEYS = ['password', 'token', 'authorization', 'headers', 'url', 'connectionString', 'dsn'];

export function createLogger(clock: Clock, level: LogLevel): Logger {
  const redact = { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' };
  // A synchronous destination: a worker thread costs 26 MB, and what was logged before a crash must be there.
  const sink = pino({ level, base: null, redact, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
  return suppressRepeats(clock, (at, message, fields) => sink[at](fields, message));
}

type Level = Exclude<LogLevel, 'silent'>;

/** Lets a message through at once, then at most once a minute. Exported for its test. */
export function suppressRepeats(clock: Clock, write: (level: Level, message: string, fields: Fields) => void): Logger {
  const seen = new Map<string, { at: number; held: number }>();
  const log = (level: Level, message: string, fields: Fields = {}): void => {
    const now = clock.monotonic();
    const last = seen.get(message);
    if (last && now - last.at < REPEAT_S) {
      last.held++;
      return;
    }
    seen.delete(message); // so that the map stays in order of last use
    seen.set(message, { at: now, held: 0 });
    const oldest = seen.keys().next().value;
    if (seen.size > REMEMBERED && oldest !== undefined) seen.delete(oldest);
    write(level, message, last?.held ? { ...fields, repeated: last.held } : fields);
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
  };
}

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
