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
}

export class ProcessPool {
  readonly #setting: PoolSetting;
  readonly #checkouts: Checkouts;
  readonly #maximum: Maximum | null;

  /** @param from run time of the reading before the first one of this pool */
  constructor(setting: PoolSetting, from: number) {
    this.#setting = setting;
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
    const max = this.#max();
    const most = max?.value ?? this.#maximum?.constant ?? null;
    const still = standsStill(now, { total, active: total - counts.idle - counts.stuck - counts.subscribed, most, changedAt });
    const standstill = most === null ? null : still ? now - changedAt : 0;
    return { figures: { ...reading, max, standstill }, changes };
  }

  end(now: number): readonly Change[] {
    return this.#checkouts.end(now);
  }

  #max(): ProcessFigures['max'] {
    if (this.#setting.configured !== null) return { value: this.#setting.configured, source: 'configured' };
    const learned = this.#maximum?.learned ?? null;
    return learned === null ? null : { value: learned, source: 'learned' };
  }
}
