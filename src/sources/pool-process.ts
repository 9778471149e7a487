/** One pool of one process: what its connections do, how many there may be, and whether it stands still. */
import { type Change, Checkouts, type Member, type Rule } from './pool-evidence.ts';
import { Maximum, standsStill } from './pool-maximum.ts';
import { type ProcessFigures, totalOf } from './pool-series.ts';

export interface PoolSetting {
  readonly rule: Rule;
  /** Seconds of the windows in which a maximum is learned; null where there are no pools (one connection serves everybody). */
  readonly window: number | null;
  /** As the user says. */
  readonly configured: number | null;
  /** As the program itself says now; null when it says nothing of this pool. */
  readonly reported: () => number | null;
  /** The server is a pooler, which tells who waits for one of its connections. */
  readonly pooler: boolean;
}

export class ProcessPool {
  readonly #setting: PoolSetting;
  readonly #checkouts: Checkouts;
  readonly #maximum: Maximum | null;
  readonly #from: number;

  /** @param from run time of the reading before the first one of this pool */
  constructor(setting: PoolSetting, from: number) {
    this.#setting = setting;
    this.#from = from;
    this.#checkouts = new Checkouts(setting.rule, from);
    this.#maximum = setting.window === null ? null : new Maximum(setting.window);
  }

  update(
    now: number,
    members: readonly Member[],
    isOpen: (id: string) => boolean,
  ): { figures: ProcessFigures; changes: readonly Change[] } {
    const { changedAt, changes, ...reading } = this.#checkouts.update(now, members, isOpen);
    const { counts } = reading;
    const total = totalOf(counts);
    this.#maximum?.update(now, total, counts.idle);
    const max = this.#max(total);
    const most = max?.value ?? this.#maximum?.constant ?? null;
    const still = standsStill(now, { total, active: total - counts.idle - counts.stuck - counts.subscribed, most, changedAt });
    const standstill = most === null ? null : still ? now - changedAt : 0;
    const wait = this.#setting.pooler ? longestWait(now, members, this.#from) : null;
    return { figures: { ...reading, max, standstill, wait }, changes };
  }

  end(now: number): readonly Change[] {
    return this.#checkouts.end(now);
  }

  #max(total: number): ProcessFigures['max'] {
    if (this.#setting.configured !== null) return { value: this.#setting.configured, source: 'configured' };
    const reported = this.#setting.reported();
    if (reported !== null && total <= reported) return { value: reported, source: 'reported' }; // else it is of another pool
    const learned = this.#maximum?.learned ?? null;
    return learned === null ? null : { value: learned, source: 'learned' };
  }
}

/**
 * How long clients of a pooler have waited for one of its connections: those that wait have none.
 * @param from run time since which one waits that nobody saw begin
 */
function longestWait(now: number, members: readonly Member[], from: number): number {
  const waiting = members.filter(({ session }) => session.state === 'waiting_lock' && session.pid === null);
  return Math.max(0, ...waiting.map(({ session }) => now - (session.changedAt ?? from)));
}
