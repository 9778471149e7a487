/**
 * Time, as a parameter. This is the only file that touches Date, performance or timers (`test/tidy.test.ts` enforces it):
 * everything else is given a Clock, so that a 24 h run is a test that takes a second.
 */
export interface Clock {
  /** Seconds on a clock that never steps. The origin is arbitrary, but shared by all processes of one boot. */
  monotonic(): number;
  /** Seconds since the Unix epoch; may step forwards and backwards. */
  wall(): number;
  /** CPU seconds (user + system) this process has used. */
  cpu(): number;
  /** Seconds in which the event loop had nothing to do and waited. */
  idle(): number;
  /** Resolves at the given monotonic time, at once if it has passed. Rejects with the signal's reason when aborted. */
  sleepUntil(monotonic: number, signal?: AbortSignal): Promise<void>;
  /** Whatever else is due has its turn, and no time passes by itself: for work in slices. */
  turn(): Promise<void>;
}

/** Node's timers fire up to 1 ms early or late and take whole milliseconds; the rest of a deadline is waited for in one more turn. */
const TIMER_STEP_S = 0.001;

/** setTimeout overflows above 2^31 ms (24.8 days) and would fire at once: long waits are taken in pieces of a day. */
const LONGEST_WAIT_S = 86_400;

/** The clock of this machine. CLOCK_MONOTONIC stands still while the machine is suspended; the agent compares it with `wall`. */
export class SystemClock implements Clock {
  monotonic(): number {
    return Number(process.hrtime.bigint()) / 1e9;
  }

  wall(): number {
    return Date.now() / 1000;
  }

  cpu(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  idle(): number {
    return performance.nodeTiming.idleTime / 1000;
  }

  async sleepUntil(monotonic: number, signal: AbortSignal = NEVER): Promise<void> {
    signal.throwIfAborted();
    for (let left = monotonic - this.monotonic(); left > 0; left = monotonic - this.monotonic()) {
      const ms = Math.max(TIMER_STEP_S, Math.min(left, LONGEST_WAIT_S)) * 1000;
      await sleepersOf(signal).sleep(ms);
    }
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

const NEVER = new AbortController().signal;

/** Those that wait under one signal. A listener of each wait's own, as `timers/promises` has it, takes longer than all else of a wait. */
class Sleepers {
  readonly #waking = new Set<(why: unknown) => void>();

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.#waking.forEach((wake) => wake(signal.reason)), { once: true });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waking.delete(wake);
        resolve();
      }, ms);
      const wake = (why: unknown): void => {
        clearTimeout(timer);
        this.#waking.delete(wake);
        reject(why);
      };
      this.#waking.add(wake);
    });
  }
}

const sleepers = new WeakMap<AbortSignal, Sleepers>();

function sleepersOf(signal: AbortSignal): Sleepers {
  const known = sleepers.get(signal);
  if (known !== undefined) return known;
  const made = new Sleepers(signal);
  sleepers.set(signal, made);
  return made;
}

/** A clock that moves only when somebody sleeps on it, or when a test moves it. */
export class SimClock implements Clock {
  #monotonic: number;
  #wall: number;

  constructor(start: { monotonic?: number; wall?: number } = {}) {
    this.#monotonic = start.monotonic ?? 1000;
    this.#wall = start.wall ?? 1_767_225_600; // 2026-01-01T00:00:00Z
  }

  monotonic(): number {
    return this.#monotonic;
  }

  wall(): number {
    return this.#wall;
  }

  cpu(): number {
    return 0;
  }

  idle(): number {
    return this.#monotonic;
  }

  sleepUntil(monotonic: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    this.advance(Math.max(0, monotonic - this.#monotonic));
    return Promise.resolve();
  }

  turn(): Promise<void> {
    return Promise.resolve();
  }

  /** Both clocks move on, as in real life. */
  advance(seconds: number): void {
    this.#monotonic += seconds;
    this.#wall += seconds;
  }

  /** Only wall time moves: an operator, NTP, or a suspended machine. */
  stepWall(seconds: number): void {
    this.#wall += seconds;
  }
}

export interface Deadline {
  readonly signal: AbortSignal;
  /** The time runs from now on. */
  start(): void;
  abort(why: Error): void;
  end(): void;
}

/**
 * A deadline for one read of a source, of which many may be in the air. The timer is cleared with `end()`; AbortSignal.any and
 * AbortSignal.timeout are not used because both kept memory for ever on Node releases that are still in use.
 */
export function deadline(seconds: number, reason: string): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: controller.signal,
    start: () => (timer = setTimeout(() => controller.abort(new Error(reason)), seconds * 1000).unref()),
    abort: (why) => controller.abort(why),
    end: () => clearTimeout(timer),
  };
}

/** Whether the promise settled in time. The timer is cleared, and what settles late is ignored: it must report its own errors. */
export async function within(promise: Promise<unknown>, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), seconds * 1000);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 3339 in UTC with milliseconds, or null for an unknown time. */
export function rfc3339(wall: number | null): string | null {
  return wall === null || !Number.isFinite(wall) ? null : new Date(wall * 1000).toISOString();
}

/** Seconds since the epoch of an RFC 3339 text, or null if it is not one. */
export function parseRfc3339(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms / 1000;
}
