/** Signals of the user's own, as a configuration file declares them. */
import type { Rule } from '../analysis/rules.ts';
import type { Unit } from '../catalog.ts';
import { parseSelector, type Selector } from '../intake/match.ts';
import { SIGNAL_NAME, signalLimits } from '../intake/signals-metric.ts';
import {
  AGGREGATE_OF,
  AGGREGATES,
  GROWTH_OF,
  GROWTHS,
  INBOUND,
  KINDS,
  MEANINGS,
  type ScrapeSpec,
  type SignalKind,
  type SignalSpec,
} from '../intake/signals-spec.ts';
import { Entry } from './entry.ts';
import type { Faults, Given } from './faults.ts';
import type { Settings } from './settings.ts';

/** Every point is looked up among their names, and each may have 21 series: 100 of them are a fifth of the record. */
export const SIGNALS_MAX = 100;

export const SIGNAL_KEYS = [
  'name',
  'match',
  'over',
  'kind',
  'aggregate',
  'by',
  'unit',
  'scale',
  'growth',
  'limit',
  'from',
  'target',
  'as',
] as const;

/** Labels kept: each multiplies what a table shows. */
const BY_MAX = 5;
const LABEL = /^[a-zA-Z_][\w.]{0,63}$/;

/** Words for units, and what the end of a name tells of its own. */
const UNITS: Readonly<Record<string, Unit>> = { bytes: 'By', By: 'By', seconds: 's', s: 's', ratio: '1', '1': '1' };
const UNIT_OF_NAME = /_(bytes|seconds|ratio)(?:_total|_sum|_count|_bucket)?$/;

export interface Around {
  readonly scrapes: readonly ScrapeSpec[];
  /** Points may be pushed. */
  readonly inbound: boolean;
  readonly roles: readonly string[];
}

export function buildSignals(settings: Settings, around: Around, faults: Faults): SignalSpec[] {
  const given = settings.list('signals');
  if (given.length > SIGNALS_MAX) faults.addGiven('CONFIG', given[SIGNALS_MAX]!, `signals: ${given.length} are more than ${SIGNALS_MAX}`);
  const specs = given.slice(0, SIGNALS_MAX).flatMap((one) => {
    const entry = new SignalEntry(one, faults);
    const spec = entry.spec(around);
    if (spec === null) faults.doubt('signals');
    return spec === null ? [] : [{ spec, entry }];
  });
  const seen = new Set<string>();
  for (const { spec, entry } of specs) {
    if (seen.has(spec.name))
      entry.wrong(entry.field('name') ?? entry.given, `signals.name: ${spec.name} is declared twice; each signal needs a name of its own`);
    seen.add(spec.name);
    if (spec.kind === 'latency') seen.add(`${spec.name}_quantile`); // Prometheus would spell both alike
  }
  return specs.map(({ spec }) => spec);
}

/** What is wrong with a limit is told at its place. */
export function signalRules(settings: Settings, signals: readonly SignalSpec[], parse: (text: string) => Rule, faults: Faults): Rule[] {
  return signals.flatMap((signal) => {
    const [rule] = signalLimits(signal);
    if (rule === undefined) return [];
    const { name } = signal;
    const entry = settings.list('signals').find(({ beside }) => (beside?.['name'] as Given | undefined)?.text === name);
    const place = (entry?.beside?.['limit'] as Given | undefined) ?? entry;
    return place === undefined ? parse(rule) : (faults.attempt(place, () => parse(rule)) ?? []);
  });
}

class SignalEntry extends Entry {
  spec(around: Around): SignalSpec | null {
    const name = this.#name();
    const kind = this.word('kind', KINDS, 'level');
    const match = this.#selectors('match');
    const over = this.#selectors('over');
    if (match.length === 0 && this.field('match') === null)
      this.wrong(this.given, 'signals.match is missing: it says which series are meant, as app_queue_depth{queue!="dead"}');
    if (kind === 'ratio' && over.length === 0) this.wrong(this.given, 'signals.over is missing: a ratio says what it is a share of');
    if (kind !== 'ratio' && this.field('over')) this.wrong(this.field('over')!, `signals.over belongs to the kind ratio, not to ${kind}`);
    const as = this.word('as', MEANINGS, null);
    const from = this.#from(around);
    const scale = this.#scale();
    const by = this.#by();
    const limit = this.#limit(kind, as);
    if (as !== null && by.length > 0)
      this.wrong(this.given, 'signals.by: what stands for a metric of the agent (as) has no labels of its own');
    if (as === 'requests' || as === 'errors') this.#counted(as, kind);
    const aggregate = this.word('aggregate', AGGREGATES, AGGREGATE_OF[kind]);
    const unit = this.#unit(kind, match[0]?.name ?? '', scale);
    const growth = this.word('growth', GROWTHS, GROWTH_OF[kind]);
    if (name === null || match.length === 0 || from === null) return null;
    return {
      name,
      match,
      over: kind === 'ratio' ? over : null,
      kind,
      aggregate,
      by,
      unit,
      scale,
      growth,
      limit,
      from,
      target: this.field('target')?.text ?? null,
      as,
      within: [-Infinity, Infinity],
      preset: null,
    };
  }

  #name(): string | null {
    const field = this.field('name');
    if (field !== null && SIGNAL_NAME.test(field.text)) return field.text;
    this.wrong(
      field ?? this.given,
      'signals.name should be a lower-case letter, then lower-case letters, digits and _: it is part of a metric',
    );
    return null;
  }

  #selectors(key: 'match' | 'over'): Selector[] {
    return this.list(key).flatMap((given) => this.attempt(given, parseSelector) ?? []);
  }

  #by(): string[] {
    const given = this.list('by');
    if (given.length > BY_MAX) this.wrong(given[BY_MAX]!, `signals.by should be at most ${BY_MAX} labels`);
    for (const one of given) {
      if (!LABEL.test(one.text) || one.text === 'member' || /^soak[._]/.test(one.text))
        this.wrong(one, "signals.by should be names of labels of the series; member and soak_... are the agent's own");
    }
    return given.map(({ text }) => text);
  }

  #scale(): number {
    const field = this.field('scale');
    if (field === null) return 1;
    const scale = /^\d+(?:\.\d+)?(?:e-?\d+)?$/i.test(field.text) ? Number(field.text) : 0;
    if (!(scale > 0)) this.wrong(field, 'signals.scale should be a number above 0, such as 0.001 for milliseconds');
    return scale || 1;
  }

  /** What is scaled is no longer in the unit of its name. */
  #unit(kind: SignalKind, metric: string, scale: number): Unit {
    const field = this.field('unit');
    const told = field && (UNITS[field.text] ?? (/^\{[\w ]{1,32}\}$/.test(field.text) ? (field.text as Unit) : null));
    if (field && told === null)
      this.wrong(field, 'signals.unit should be bytes, seconds, ratio, or what is counted in braces, as {message}');
    if (told) return told;
    if (kind === 'ratio') return '1';
    if (kind === 'latency') return 's';
    const named = scale === 1 ? UNIT_OF_NAME.exec(metric)?.[1] : undefined;
    return (named !== undefined && UNITS[named]) || '{value}';
  }

  /** `1000` is `< 1000`; `>= 92%` is as it stands. */
  #limit(kind: SignalKind, as: SignalSpec['as']): string | null {
    const field = this.field('limit');
    if (field === null) return null;
    if (kind === 'counter') this.wrong(field, 'signals.limit: a counter only ever counts up and has no level that could be limited');
    if (as !== null) this.wrong(field, `signals.limit: as ${as} it is the metric ${as}; give a rule on that`);
    const isBoth = kind !== 'counter' && as === null;
    return isBoth ? (/^\s*[<>]/.test(field.text) ? field.text.trim() : `< ${field.text.trim()}`) : null;
  }

  /** Where there is only one place it could come from, it need not be said. */
  #from({ scrapes, inbound }: Around): string | null {
    const names = [...scrapes.map(({ name }) => name), ...(inbound ? [INBOUND] : [])];
    const field = this.field('from');
    if (field === null && names.length === 1) return names[0]!;
    if (field !== null && names.includes(field.text)) return field.text;
    const which =
      names.length === 0
        ? 'there is neither a scrape nor an inbound listener that it could come from'
        : `it should be one of ${names.join(', ')}`;
    this.faults.addMissing('CONFIG', field ?? this.given, `signals.from: ${which}`, 'pages', 'inbound');
    return null;
  }

  #counted(as: string, kind: SignalKind): void {
    if (kind !== 'counter') this.wrong(this.field('kind') ?? this.given, `signals.kind should be counter for what stands for ${as}`);
  }
}
