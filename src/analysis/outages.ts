/**
 * What outages of database servers did to the targets that had connections to them: whether they died of it, and how long after its end
 * their connections were back. Events and the counts of connections tell; nothing here asks a clock.
 */
import { formatDuration } from '../quantity.ts';
import type { SeriesTable } from '../series.ts';
import type { RunEvent, Tick } from '../tick.ts';
import { QueryRates, type QueryRatesSnapshot } from './queryrates.ts';
import { clockTime } from './sentence.ts';

/** The metric of the pool source whose sum over its states is what a target holds. */
const CONNECTIONS = 'soak.pool.connections';
const DATABASE = 'db.namespace';

/** Outages that are remembered, and deaths of targets: the newest, before them those of which no target died. */
const OUTAGES_MAX = 32;
const DEATHS_MAX = 64;

/** Seconds by which a death may be seen before the outage that it is of, or after it: a program ends 0.3 s after its server (research 3.6). */
const AROUND_S = 5;

/** Connections, and what is asked over them, are back when so much of it is. */
const BACK = 0.9;

/** Of a role with one process: workers that are recycled end all the time. */
const DEATHS: ReadonlySet<RunEvent['kind']> = new Set(['restart', 'target_gone']);

/** What a target had to do with an outage. */
interface Held {
  /** Connections before it. */
  readonly before: number;
  /** Run time at which they were back. */
  back: number | null;
  /** What was asked a second of its databases by everybody, as no server tells by whom; null where that is not told. */
  readonly rate: number | null;
  /** Run time at which so much was asked again. */
  asked: number | null;
  /** Run time at which a process of it ended in the outage. */
  died: number | null;
}

export interface Outage {
  readonly server: string;
  readonly from: number;
  to: number | null;
  /** What answered, or did not: `refused,starting_up`. */
  why: string;
  /** By target; only those that had connections. */
  readonly held: Record<string, Held>;
}

export interface OutagesSnapshot {
  readonly outages: readonly Outage[];
  readonly deaths: readonly (readonly [string, number])[];
  readonly now: readonly (readonly [string, Record<string, number>])[];
  readonly rates: QueryRatesSnapshot;
}

export class Outages {
  #outages: Outage[] = [];
  /** Target and run time. */
  #deaths: (readonly [string, number])[] = [];
  /** Connections by server and target, as last counted. */
  #now = new Map<string, Record<string, number>>();
  readonly #rates = new QueryRates();
  /** Databases that each target has connections to, by server and target. */
  readonly #databases = new Map<string, Set<string>>();
  /** Server and target by series that counts connections of a whole role. */
  readonly #counted = new Map<number, readonly [string, string]>();
  #met = 0;

  watch({ samples, events }: Pick<Tick, 'samples' | 'events'>, table: SeriesTable): void {
    this.#meet(table);
    this.#rates.meet(table);
    for (const event of events) this.#event(event);
    if (this.#counted.size > 0) this.#count(samples);
    if (this.#rates.watch(samples)) this.#ask();
  }

  all(): readonly Outage[] {
    return this.#outages;
  }

  snapshot(): OutagesSnapshot {
    const outages = this.#outages.map((outage) => ({ ...outage, held: structuredClone(outage.held) }));
    return { outages, deaths: this.#deaths, now: [...this.#now], rates: this.#rates.snapshot() };
  }

  restore({ outages, deaths, now, rates }: OutagesSnapshot): void {
    this.#rates.restore(rates);
    this.#outages = outages.map((outage) => ({ ...outage, held: structuredClone(outage.held) }));
    this.#deaths = [...deaths];
    this.#now = new Map(now);
  }

  #event({ kind, t, target, member, data }: RunEvent): void {
    if (kind === 'server_down') this.#down(String(data['server']), t, data);
    if (kind === 'server_up') this.#up(String(data['server']), t);
    if (!DEATHS.has(kind) || target === null || member !== null) return;
    this.#deaths = [...this.#deaths.slice(1 - DEATHS_MAX), [target, t]];
    for (const outage of this.#outages) blame(outage, target, t);
  }

  #down(server: string, t: number, data: RunEvent['data']): void {
    const why = String(data['class']);
    const open = this.#open(server);
    if (open) {
      if (!open.why.split(',').includes(why)) open.why += `,${why}`;
      return;
    }
    const since = typeof data['since'] === 'number' ? data['since'] : t;
    const held = Object.entries(this.#now.get(server) ?? {}).filter(([, before]) => before > 0);
    const outage: Outage = {
      server,
      from: since,
      to: null,
      why,
      held: Object.fromEntries(held.map(([target, before]) => [target, this.#held(server, target, before)])),
    };
    for (const [target, at] of this.#deaths) blame(outage, target, at);
    if (this.#outages.length === OUTAGES_MAX) {
      const harmless = this.#outages.findIndex((one) => Object.values(one.held).every(({ died }) => died === null));
      this.#outages.splice(Math.max(0, harmless), 1);
    }
    this.#outages.push(outage);
  }

  #held(server: string, target: string, before: number): Held {
    const databases = this.#databases.get(JSON.stringify([server, target])) ?? [];
    return { before, back: null, rate: this.#rates.usual(server, databases), asked: null, died: null };
  }

  #up(server: string, t: number): void {
    const open = this.#open(server);
    if (open) open.to = t;
  }

  #open(server: string): Outage | undefined {
    return this.#outages.findLast((outage) => outage.server === server && outage.to === null);
  }

  #meet(table: SeriesTable): void {
    for (; this.#met < table.size; this.#met++) {
      const { def, target, member, labels } = table.get(this.#met);
      const server = labels['soak.server'];
      if (def.name !== CONNECTIONS || member !== null || target === null || server === undefined) continue;
      this.#counted.set(this.#met, [server, target]);
      const key = JSON.stringify([server, target]);
      this.#databases.set(key, (this.#databases.get(key) ?? new Set()).add(labels[DATABASE] ?? ''));
    }
  }

  /** A reading has all states of a pool in one tick. */
  #count({ length, series, values, at }: Tick['samples']): void {
    const read = new Map<string, { server: string; target: string; sum: number; at: number }>();
    for (let i = 0; i < length; i++) {
      const whose = this.#counted.get(series[i]!);
      if (whose === undefined) continue;
      const [server, target] = whose;
      const key = JSON.stringify(whose);
      const known = read.get(key) ?? { server, target, sum: 0, at: at[i]! };
      known.sum += values[i]!;
      read.set(key, known);
    }
    for (const one of read.values()) this.#read(one.server, one.target, one.sum, one.at);
  }

  /** What is asked in an interval that began in an outage says nothing of what is asked after it. */
  #ask(): void {
    for (const { server, from, to, held } of this.#outages) {
      if (to === null) continue;
      for (const [target, own] of Object.entries(held)) {
        if (own.rate === null || own.asked !== null) continue;
        const now = this.#rates.now(server, this.#databases.get(JSON.stringify([server, target])) ?? [], from);
        if (now !== null && now.rate >= BACK * own.rate) own.asked = now.at;
      }
    }
  }

  #read(server: string, target: string, sum: number, at: number): void {
    this.#now.set(server, { ...this.#now.get(server), [target]: sum });
    for (const outage of this.#outages) {
      const held = outage.held[target];
      if (outage.server !== server || held === undefined || held.back !== null || outage.to === null || at < outage.to) continue;
      if (sum >= BACK * held.before) held.back = at;
    }
  }
}

function blame({ from, to, held }: Outage, target: string, at: number): void {
  const own = held[target];
  if (own && own.died === null && at >= from - AROUND_S && at <= (to ?? Infinity) + AROUND_S) own.died = at;
}

export interface OutageFinding {
  readonly target: string;
  readonly server: string;
  readonly fails: boolean;
  readonly why: string;
  readonly from: number;
  readonly to: number | null;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

/** Of each outage, what it did to each target that had connections. Only a death fails: a pool may well need fewer connections than before. */
export function outageFindings(outages: readonly Outage[]): OutageFinding[] {
  return outages.flatMap(({ server, from, to, why, held }) =>
    Object.entries(held).map(([target, own]) => {
      const { before, rate, died } = own;
      const lasted = to === null ? 'and is not over' : `for ${formatDuration(to - from)}`;
      const about = `the outage of ${server} that began at ${clockTime(from)} ${lasted} (${why})`;
      return {
        target,
        server,
        fails: died !== null,
        why:
          died === null
            ? `${target} lived through ${about}; ${afterwards(own, to)}`
            : `${target} crashed on a database outage: a process of it ended at ${clockTime(died)}, in ${about}`,
        from,
        to,
        evidence: { server, why, seconds: to === null ? null : to - from, connections: before, rate, recovery: recoveryOf(own, to), died },
      };
    }),
  );
}

/** Until both are back: what is not told need not be. */
function recoveryOf({ back, rate, asked }: Held, to: number | null): number | null {
  if (to === null || back === null || (rate !== null && asked === null)) return null;
  return Math.max(back, asked ?? back) - to;
}

function afterwards({ before, back, rate, asked }: Held, to: number | null): string {
  const queries = rate === null ? '' : `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} queries a second`;
  if (to === null) return `it had ${before} connections before${queries && `, and ${queries} were asked of what it uses`}`;
  const after = (t: number): string => `${formatDuration(t - to)} after the server`;
  const connections =
    back === null
      ? `of its ${before} connections nine tenths have not been back at once since`
      : `its ${before} connections were back ${after(back)}`;
  if (queries === '') return connections;
  return `${connections}; ${asked === null ? `of the ${queries} nine tenths have not been back since` : `the ${queries} on what it uses were back ${after(asked)}`}`;
}
