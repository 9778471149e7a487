/** Queries of the user's own, each once a minute: one number, or rows of a label and a number. */
import { GAUGE_KEYS_MAX, gaugeMetric } from '../gauges.ts';
import type { GaugeSpec } from '../servers.ts';
import { Refused } from './postgres-fault.ts';
import { type Figures, OTHER } from './postgres-figures.ts';
import type { Cells, Session } from './postgres-session.ts';
import type { ReportBlind, Sink } from './source.ts';

/** Seconds between two runs of a gauge that works, and of one that does not. */
export const GAUGE_S = 60;
const AGAIN_S = 600;

const LABEL_MAX = 64;

/** What came of a query: values by label (empty for a single number), or what is wrong with it. */
export type Taken = { readonly values: ReadonlyMap<string, number>; readonly left: number } | { readonly wrong: string };

export class Gauge {
  readonly #spec: GaugeSpec;
  readonly #figures: Figures;
  readonly #blind: ReportBlind;
  readonly #keys: Set<string>;
  #due = -Infinity;
  #isCapped = false;

  constructor(spec: GaugeSpec, figures: Figures, blind: ReportBlind) {
    this.#spec = spec;
    this.#figures = figures;
    this.#blind = blind;
    this.#keys = new Set(figures.known(gaugeMetric(spec), 'key'));
  }

  /** Run time at which it is to be asked next. */
  get due(): number {
    return this.#due;
  }

  /** @throws {Unreachable} */
  async read(session: Session, sink: Sink, user: string): Promise<void> {
    const taken = await this.#ask(session, user);
    const at = sink.now();
    this.#due = at + ('wrong' in taken ? AGAIN_S : GAUGE_S) - 1; // a second for the jitter of the round
    const metric = gaugeMetric(this.#spec);
    if ('wrong' in taken) return this.#blind(sink, metric.name, taken.wrong, { target: this.#figures.target });
    let { left } = taken;
    for (const [key, value] of taken.values) {
      if (this.#keys.has(key) || this.#keys.size < GAUGE_KEYS_MAX) {
        this.#keys.add(key);
        // A single number has no label.
        const labels = (key === '' ? {} : { key }) as { readonly key: string };
        this.#figures.set({ sink, at, period: GAUGE_S }, metric, value, labels);
      } else left++;
    }
    if (left > 0) this.#tellCap(sink);
  }

  async #ask(session: Session, user: string): Promise<Taken> {
    try {
      return valuesOf(await session.cells(bounded(this.#spec.query)));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { wrong: reasonOf(error, user) };
    }
  }

  #tellCap(sink: Sink): void {
    if (this.#isCapped) return;
    this.#isCapped = true;
    const what = `rows of the gauge ${this.#spec.name} of ${this.#figures.target}`;
    sink.event('cap', `no more ${what} than ${GAUGE_KEYS_MAX}: what is beyond is not recorded`, {
      target: this.#figures.target,
      data: { what },
    });
  }
}

/** As a part of ours a query can hold no second statement, write nothing, and return no table of a million rows. */
export function bounded(query: string): string {
  return `SELECT * FROM (\n${query.replace(/[\s;]+$/, '').trim()}\n) AS gauge LIMIT ${GAUGE_KEYS_MAX + 1}`;
}

export function valuesOf({ columns, rows }: Cells): Taken {
  if (columns > 2) return { wrong: `it returns ${columns} columns; one number, or a label and a number, are what it may return` };
  if (columns === 1 && rows.length > 1)
    return { wrong: 'it returns several numbers without labels; the first of two columns is the label' };
  const values = new Map<string, number>();
  for (const row of rows.slice(0, GAUGE_KEYS_MAX)) {
    const raw = row[columns - 1];
    if (raw === null || raw === undefined) continue; // not known now
    const value = numberOf(raw);
    if (value === null) return { wrong: 'it returns something that is no number' };
    const key = columns === 2 ? labelOf(row[0]) : '';
    if (values.has(key)) return { wrong: 'it returns the same label twice' };
    values.set(key, value);
  }
  return { values, left: Math.max(0, rows.length - GAUGE_KEYS_MAX) };
}

/** Integers of 8 bytes and decimals come as text, so that nobody rounds them unasked. */
function numberOf(raw: unknown): number | null {
  const value = typeof raw === 'string' && /^-?\d+(\.\d+)?$/.test(raw) ? Number(raw) : raw;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function labelOf(raw: unknown): string {
  if (raw === null || raw === undefined) return OTHER;
  const label = typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : JSON.stringify(raw);
  return label.slice(0, LABEL_MAX);
}

function reasonOf({ code, message }: Refused, user: string): string {
  if (code === '57014') return 'it takes longer than 2 s; give it an index, or ask for an estimate';
  if (code === '55P03') return 'it waits for a lock of somebody else';
  if (code === '25006' || code === '0A000') return 'it writes, and the agent only reads';
  if (code !== '42501') return `${message} (SQLSTATE ${code})`;
  const [, kind = 'table', name = '...'] = /permission denied for (\w+) (.+)$/.exec(message) ?? [];
  const right =
    kind === 'schema'
      ? 'USAGE ON SCHEMA'
      : kind === 'function'
        ? 'EXECUTE ON FUNCTION'
        : kind === 'sequence'
          ? 'SELECT ON SEQUENCE'
          : 'SELECT ON';
  return `${message}: GRANT ${right} ${name} TO ${user}`;
}
