/**
 * Whether statements become slower: mean times by queryid from pg_stat_statements, without their texts (which cost the server a file to
 * read, and may hold anything). Everything is told from differences: what was counted since the last reset hides what happens now.
 */
import type { Facts } from './postgres-facts.ts';
import { amount, type Figures, type Question, type Stamp, text } from './postgres-figures.ts';
import { METRICS, STATEMENTS_MAX } from './postgres-object-metrics.ts';
import { APPLICATION, type Row } from './postgres-session.ts';

/** Candidates before the ten are chosen. */
const CANDIDATES = 50;

/** A mean of fewer calls is one slow call away from another. */
const CALLS_MIN = 100;

const WINDOW_S = 300;

interface Reading {
  readonly at: number;
  readonly calls: number;
  /** Seconds. */
  readonly time: number;
}

export class Statements {
  readonly #figures: Figures;
  readonly #period: number;
  readonly #followed = new Map<string, Drift>();
  /** Time spent before the run had warmed up belongs to what it did then. */
  #candidates: ReadonlyMap<string, Reading> | null = null;
  #isChosen = false;

  constructor(figures: Figures, period: number) {
    this.#figures = figures;
    this.#period = period;
    for (const id of figures.known(METRICS.statementTime, 'statement')) this.#followed.set(id, new Drift());
    this.#isChosen = this.#followed.size > 0;
  }

  questions(facts: Facts, warm: boolean): Question[] {
    if (facts.statements === null || !facts.readsAll) return [];
    return [this.#times(facts.statements, facts.user, warm), ...(facts.hasStatementsInfo ? [this.#dropped(facts.statements)] : [])];
  }

  #times(schema: string, user: string, warm: boolean): Question {
    const known = [...this.#followed.keys()].filter((id) => /^-?\d+$/.test(id));
    // Texts are read once in a run, when the ten are chosen: to leave out our own.
    const isChoosing = warm && !this.#isChosen;
    const which = this.#isChosen
      ? `queryid IN (${known.join(', ') || '0'})`
      : `queryid IS NOT NULL${isChoosing ? ` AND query NOT LIKE '%/* ${APPLICATION} */%'` : ''}`;
    return {
      metric: METRICS.statementTime,
      grant: `GRANT pg_monitor TO ${user}`,
      sql: `SELECT queryid::text AS id, sum(calls)::float8 AS calls, sum(total_exec_time)::float8 / 1000 AS time
        FROM ${schema}.pg_stat_statements(${isChoosing}) WHERE ${which} GROUP BY queryid ORDER BY 3 DESC LIMIT ${CANDIDATES}`,
      take: (rows, at, sink) => this.#take(readingsOf(rows, at), warm, { sink, at, period: this.#period }),
    };
  }

  #dropped(schema: string): Question {
    return {
      metric: METRICS.statementsDropped,
      sql: `SELECT dealloc::float8 AS dropped FROM ${schema}.pg_stat_statements_info`,
      take: ([row], at, sink) => this.#figures.set({ sink, at, period: this.#period }, METRICS.statementsDropped, amount(row, 'dropped')),
    };
  }

  #take(now: ReadonlyMap<string, Reading>, warm: boolean, stamp: Stamp): void {
    if (!this.#isChosen) this.#choose(now, warm);
    for (const [id, drift] of this.#followed) {
      const reading = now.get(id);
      if (reading === undefined) continue; // forgotten by the extension, or not called yet
      const { mean, ratio } = drift.add(reading);
      this.#figures.set(stamp, METRICS.statementTime, mean, { statement: id });
      this.#figures.set(stamp, METRICS.statementDrift, ratio, { statement: id });
    }
  }

  /** Those that took most of the time between two readings of the warm run. */
  #choose(now: ReadonlyMap<string, Reading>, warm: boolean): void {
    const before = this.#candidates;
    this.#candidates = now;
    if (!warm || before === null) return;
    // One that was not among the candidates had taken no more than the last of them.
    const least = before.size < CANDIDATES ? 0 : Math.min(...[...before.values()].map(({ time }) => time));
    const spent = [...now].map(([id, { time }]) => ({ id, time: time - (before.get(id)?.time ?? least) })).filter(({ time }) => time > 0);
    if (spent.length === 0) return; // no work yet
    for (const { id } of spent.toSorted((a, b) => b.time - a.time).slice(0, STATEMENTS_MAX)) this.#followed.set(id, new Drift());
    this.#isChosen = true;
  }
}

function readingsOf(rows: readonly Row[], at: number): Map<string, Reading> {
  return new Map(
    rows.flatMap((row) => {
      const [id, calls, time] = [text(row, 'id'), amount(row, 'calls'), amount(row, 'time')];
      return id === null || calls === null || time === null ? [] : [[id, { at, calls, time }] as const];
    }),
  );
}

/** One statement: its mean now, and the mean of its last window as a multiple of that of its first. */
export class Drift {
  #last: Reading | null = null;
  #from: Reading | null = null;
  #first: number | null = null;
  #ratio: number | null = null;

  /** Null: not called since the reading before; no two windows of enough calls yet. */
  add(now: Reading): { readonly mean: number | null; readonly ratio: number | null } {
    const last = this.#last;
    this.#last = now;
    if (last === null || now.calls < last.calls || now.time < last.time) {
      this.#from = now; // the statistics were reset: this window begins anew, the first one stands
      return { mean: null, ratio: this.#ratio };
    }
    this.#close(now);
    return { mean: meanOf(last, now), ratio: this.#ratio };
  }

  #close(now: Reading): void {
    const from = this.#from;
    if (from === null || now.at - from.at < WINDOW_S || now.calls - from.calls < CALLS_MIN) return;
    const mean = meanOf(from, now);
    this.#from = now;
    if (mean === null) return;
    if (this.#first === null) this.#first = mean;
    else this.#ratio = this.#first > 0 ? mean / this.#first : null;
  }
}

function meanOf(from: Reading, to: Reading): number | null {
  return to.calls > from.calls ? (to.time - from.time) / (to.calls - from.calls) : null;
}
