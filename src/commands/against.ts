/** A run that is under way against a baseline: how it compares so far, and at its end. */
import type { Agent } from '../agent.ts';
import { compare, type Comparison } from '../comparison/compare.ts';
import { comparisonPage } from '../comparison/comparisonpage.ts';
import { measure, type MeasuredRun } from '../comparison/measured.ts';
import { runsCalled } from '../comparison/stored.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../problem.ts';
import { writeComparison } from '../record/files.ts';

/** Run time between two comparisons, each some 20 ms. */
const COMPARE_S = 60;

export class Against {
  readonly #bases: readonly MeasuredRun[];
  #line = '';
  #next = COMPARE_S;

  /** Null without a baseline. @throws {Problem} before anything is started, when it cannot be read */
  static of({ baseline, out }: Config): Against | null {
    if (baseline === null) return null;
    try {
      return new Against(runsCalled(baseline.called, { out, baselines: baseline.folder }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const details = error.details.map(({ place, message }) => ({
        place: '--baseline',
        message: place === '' ? message : `${place}: ${message}`,
      }));
      throw new Problem(error.code, details, { cause: error });
    }
  }

  private constructor(bases: readonly MeasuredRun[]) {
    this.#bases = bases;
  }

  /** A phrase on how it stands; empty before there is something to compare. */
  line(agent: Agent): string {
    const now = agent.now();
    if (now < this.#next) return this.#line;
    this.#next = now + COMPARE_S - (now % COMPARE_S);
    const { signals } = this.#compared(agent);
    const count = (call: string): number => signals.filter((one) => one.call === call).length;
    const worse = signals.filter(({ call }) => call === 'regressed').map(({ id }) => id);
    const named = worse.length === 0 ? '' : ` (${worse.slice(0, 3).join(', ')}${worse.length > 3 ? ', …' : ''})`;
    this.#line = `against the baseline: ${worse.length} regressed${named}, ${count('no change')} unchanged, ${count('cannot tell')} open`;
    return this.#line;
  }

  /** After the end of the run; it stands beside its verdict from then on. */
  final(agent: Agent): Comparison {
    const comparison = this.#compared(agent);
    writeComparison(agent.folder, { json: `${JSON.stringify(comparison, null, 2)}\n`, page: comparisonPage(comparison) });
    return comparison;
  }

  #compared(agent: Agent): Comparison {
    const { series, store, timeline, t } = agent.state;
    const generators = agent.config.targets.filter(({ load }) => load === true).map(({ role }) => role);
    const run = measure({ series, store, timeline, t, verdict: agent.verdict(), warmup: agent.config.warmup, generators });
    return compare(this.#bases, [run], { between: null, strict: false });
  }
}
