/** What the flags of `analyze` mean. Everything that is wrong with them is told at once. */
import { parseRule } from '../analysis/ruleparser.ts';
import { PLAIN, type Rule } from '../analysis/rules.ts';
import type { Env } from '../config/environment.ts';
import { Faults } from '../config/faults.ts';
import { didYouMean } from '../config/nearest.ts';
import { duration, orNone } from '../config/optionvalue.ts';
import { readSecret } from '../config/smallfile.ts';
import { DURATION_HINT, parseDuration, parseSize, SIZE_HINT } from '../quantity.ts';
import type { AnalysisOptions, RuledColumn } from './analysis.ts';
import { FIELDS_MAX } from './dataset.ts';
import { ANALYZE_FLAGS } from './flags.ts';
import { type ColumnKind, KINDS } from './meaning.ts';
import { basicAuth, type Credentials, type ServerAddress, serverOf } from './prometheus.ts';
import { LOAD_METRIC, type RangeOptions, RESTARTS_METRIC } from './range.ts';
import { readDate } from './dates.ts';
import { type Scale, scaleOf, UNIT_HINT } from './units.ts';

/** What was given: flag without dashes to its texts, in order. */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;

export interface AnalyzeOptions {
  readonly input: string | null;
  readonly analysis: AnalysisOptions;
  readonly time: string | null;
  /** By column, as they were given. */
  readonly units: ReadonlyMap<string, string>;
  readonly maxSeries: number;
  /** Null without `--prometheus`. */
  readonly server: { readonly address: ServerAddress; readonly range: RangeOptions } | null;
  readonly explain: string | null;
  readonly evidence: boolean;
  readonly json: boolean;
  /** What the user said of the judgement itself; a record has settings of its own otherwise. */
  readonly said: { readonly mustLive: boolean; readonly warmup: boolean; readonly rules: boolean };
}

const DAY = 86_400;
const MUST_LIVE_S = 14 * DAY;
const LONGEST = 3650 * DAY;

/** Throws one Problem with all that is wrong. @param now seconds since the epoch */
export function parseFlags(input: string | null, given: GivenFlags, env: Env, now: number): AnalyzeOptions {
  const flags = new FlagReader(given);
  const { faults } = flags;
  const units = flags.pairs('unit');
  const time = flags.one('time');
  const server = serverOptions(flags, env, now);
  const analysis = analysisOptions(flags, units, server !== null);
  if (input === null && server === null)
    faults.add('USAGE', 'analyze', 'what is to be analysed? A file, the folder of a run, or --prometheus URL --query QUERY');
  if (input !== null && server !== null) faults.add('USAGE', input, 'either a file or --prometheus, not both');
  const maxSeries = flags.number('max-series', 200, FIELDS_MAX);
  faults.throwIfAny();
  const said = { mustLive: flags.has('must-live'), warmup: flags.has('warmup'), rules: flags.has('rule') || flags.has('limit') };
  const output = { said, explain: flags.one('explain'), evidence: flags.has('evidence'), json: flags.has('json') };
  return { input, analysis, time, units, maxSeries, server, ...output };
}

/** Throws one `USAGE` of all options that say what columns mean: a record has none, and its series mean what they are. */
export function refuseColumnsOf(given: GivenFlags): void {
  const faults = new Faults();
  for (const { name, group } of ANALYZE_FLAGS)
    if (given.has(name) && (group === 'Columns' || OF_DATA.has(name)))
      faults.add('USAGE', `--${name}`, 'is for data; the record of a run has meanings of its own');
  faults.throwIfAny();
}

/** Beside the columns: what a record settles itself. */
const OF_DATA: ReadonlySet<string> = new Set(['assume-work', 'max-series']);

class FlagReader {
  readonly faults = new Faults();
  readonly #given: GivenFlags;

  constructor(given: GivenFlags) {
    this.#given = given;
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  all(name: string): readonly string[] {
    return this.#given.get(name) ?? [];
  }

  one(name: string): string | null {
    return this.all(name).at(-1) ?? null;
  }

  /** Column to what is said of it; the name may hold `=` itself, as labels do. */
  pairs(name: string): Map<string, string> {
    const pairs = new Map<string, string>();
    for (const text of this.all(name)) {
      const at = text.lastIndexOf('=');
      if (at > 0 && at < text.length - 1) pairs.set(text.slice(0, at).trim(), text.slice(at + 1).trim());
      else this.faults.add('USAGE', `--${name}`, `${JSON.stringify(text)} should be COLUMN=VALUE`);
    }
    return pairs;
  }

  parsed<T>(name: string, text: string | null, parse: (text: string) => T | undefined, hint: string): T | null {
    if (text === null) return null;
    const value = parse(text);
    if (value === undefined) this.faults.add('USAGE', `--${name}`, `${JSON.stringify(text)} should be ${hint}`);
    return value ?? null;
  }

  number(name: string, standard: number, max: number): number {
    const parse = (text: string): number | undefined =>
      /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= max ? Number(text) : undefined;
    return this.parsed(name, this.one(name), parse, `a whole number from 1 to ${max}`) ?? standard;
  }
}

function analysisOptions(flags: FlagReader, units: ReadonlyMap<string, string>, isServer: boolean): AnalysisOptions {
  const { faults } = flags;
  const scales = new Map<string, Scale>();
  for (const [column, unit] of units) {
    const scale = flags.parsed('unit', unit, (text) => scaleOf(text) ?? undefined, UNIT_HINT);
    if (scale !== null && column !== flags.one('time')) scales.set(column, scale);
  }
  const kinds = new Map<string, ColumnKind>();
  for (const [column, text] of flags.pairs('kind')) {
    const kind = flags.parsed('kind', text, (word) => KINDS.find((one) => one === word), `one of ${KINDS.join(', ')}`);
    if (kind !== null) kinds.set(column, kind);
  }
  const lives = duration({ min: 1, max: LONGEST });
  const warm = orNone(duration({ max: LONGEST }), 'auto');
  const limits = flags.pairs('limit');
  const rules = flags.all('rule');
  const loadIs = flags.parsed(
    'load-is',
    flags.one('load-is'),
    (text) => (['rate', 'total'] as const).find((one) => one === text),
    'rate or total',
  );
  if (isServer)
    for (const name of ['load', 'restarts'])
      if (flags.has(name)) faults.add('USAGE', `--${name}`, `names a column; with --prometheus say --${name}-query`);
  return {
    kinds,
    scales,
    load: isServer ? (flags.has('load-query') ? LOAD_METRIC : null) : flags.one('load'),
    loadIs: loadIs ?? (isServer ? loadOf(flags.one('load-query') ?? '') : null),
    restarts: isServer ? (flags.has('restarts-query') ? RESTARTS_METRIC : null) : flags.one('restarts'),
    only: flags.all('only'),
    mustLive: flags.parsed('must-live', flags.one('must-live'), lives.parse, lives.hint) ?? MUST_LIVE_S,
    warmup: flags.parsed('warmup', flags.one('warmup'), warm.parse, warm.hint),
    assumeWork: flags.has('assume-work'),
    rulesOf: (columns) => rulesOf(limits, rules, columns),
  };
}

/** A counter that is asked for as it is counts up; what a function has made of it is a rate. */
function loadOf(query: string): 'rate' | 'total' {
  return /_(?:total|count)\b/.test(query) && !/\b\w*(?:rate|increase|deriv|delta)\s*\(/.test(query) ? 'total' : 'rate';
}

/** Rules need the columns that they are about. Throws `USAGE` or `RULE`. */
function rulesOf(limits: ReadonlyMap<string, string>, rules: readonly string[], columns: ReadonlyMap<string, RuledColumn>): Rule[] {
  const faults = new Faults();
  const made = [...limits].flatMap(([name, text]) => {
    const column = columns.get(name);
    if (column === undefined) {
      faults.add('USAGE', '--limit', `no judged column is called ${name}${didYouMean(name, columns.keys())}`);
      return [];
    }
    const value = valueOf(text, column.def.unit);
    if (value === null) faults.add('USAGE', '--limit', `${JSON.stringify(text)} should be ${hintOf(column.def.unit)}`);
    return value === null ? [] : [limitRule(name, text, column, value)];
  });
  const judged = [...columns.keys()];
  const parsed = rules.flatMap((text) => {
    const unknown = /^\s*([\w.]+)/.exec(text)?.[1] ?? '';
    if (columns.has(unknown) || !/^\s*[\w.]+\s*[<>{]/.test(text))
      return faults.attempt({ text, place: '--rule' }, () => parseRule(text, (name) => columns.get(name)?.def)) ?? [];
    faults.add(
      'RULE',
      '--rule',
      `${JSON.stringify(text)}: no judged column is called ${unknown}${didYouMean(unknown, judged) || `; there are ${judged.slice(0, 12).join(', ')}`}`,
    );
    return [];
  });
  faults.throwIfAny();
  return [...made, ...parsed];
}

function limitRule(name: string, text: string, { def, labels }: RuledColumn, value: number): Rule {
  return { ...PLAIN, text: `${name} < ${text}`, metric: def.name, labels, op: '<', value };
}

function valueOf(text: string, unit: string): number | null {
  if (unit === 'By') return parseSize(text);
  if (unit === 's') return parseDuration(text);
  const percent = /^(.+?)\s*%$/.exec(text)?.[1];
  const plain = percent ?? text;
  return /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(plain) ? Number(plain) / (percent === undefined ? 1 : 100) : null;
}

function hintOf(unit: string): string {
  if (unit === 'By') return SIZE_HINT;
  return unit === 's' ? DURATION_HINT : unit === '1' ? 'a share such as 80% or 0.8' : 'a plain number such as 200';
}

const BEARER_ENV = 'SOAK_PROMETHEUS_BEARER';
const BASIC_ENV = 'SOAK_PROMETHEUS_BASIC_AUTH';

function serverOptions(flags: FlagReader, env: Env, now: number): AnalyzeOptions['server'] {
  const text = flags.one('prometheus');
  if (text === null) {
    for (const { name, group } of ANALYZE_FLAGS) {
      if (group === 'Prometheus' && name !== 'max-series' && flags.has(name))
        flags.faults.add('USAGE', `--${name}`, 'needs --prometheus URL');
    }
    return null;
  }
  const server = serverOf(text);
  // The text may hold a password, so it is not repeated.
  if (server === null) flags.faults.add('USAGE', '--prometheus', 'should be the URL of a server such as http://localhost:9090');
  const queries = flags.all('query');
  if (queries.length === 0) flags.faults.add('USAGE', '--query', 'is missing: say what to judge, such as process_resident_memory_bytes');
  const credentials = credentialsOf(flags, env) ?? server?.credentials ?? null;
  const range = rangeOf(flags, now);
  const maxSeries = flags.number('max-series', 200, FIELDS_MAX);
  const asked = { queries, load: flags.one('load-query'), restarts: flags.one('restarts-query'), range, maxSeries };
  return { address: { url: server?.url ?? '', credentials }, range: asked };
}

function credentialsOf(flags: FlagReader, env: Env): Credentials | null {
  const secret = (flag: string, variable: string): { text: string; from: string; place: string } | null => {
    const path = flags.one(flag);
    const text = path === null ? (env[variable]?.trim() ?? '') || null : readSecret(path, `--${flag}`, flags.faults);
    return text === null ? null : { text, from: path ?? variable, place: path === null ? variable : `--${flag}` };
  };
  const [bearer, basic] = [secret('bearer-file', BEARER_ENV), secret('basic-auth-file', BASIC_ENV)];
  if (bearer !== null && basic !== null)
    flags.faults.add('USAGE', '--bearer-file', 'either a bearer token or basic authentication, not both');
  if (basic !== null && !basic.text.includes(':')) flags.faults.add('USAGE', basic.place, 'should hold user:password');
  // A line break would end the header.
  if (bearer !== null && /[^\x21-\x7e]/.test(bearer.text)) flags.faults.add('USAGE', bearer.place, 'should hold one token, without spaces');
  if (bearer !== null) return { header: `Bearer ${bearer.text}`, told: `the token of ${bearer.from}` };
  return basic === null ? null : basicAuth(basic.text, basic.from);
}

/** About this many points are asked for: the judge keeps 256 bins, and each wants a few. */
const POINTS = 2000;
const STEP_MIN_S = 15;
const POINTS_MAX = 1_000_000;
const TIME_HINT = 'a time such as 2026-11-01T00:00:00Z, epoch seconds, or how long ago, such as 30d';

function rangeOf(flags: FlagReader, now: number): RangeOptions['range'] {
  const from = flags.parsed('from', flags.one('from') ?? '1d', (text) => instant(text, now), TIME_HINT) ?? now - DAY;
  const to = flags.parsed('to', flags.one('to') ?? 'now', (text) => instant(text, now), TIME_HINT) ?? now;
  if (!(to > from)) flags.faults.add('USAGE', '--from', 'should be before --to');
  const wanted = Math.max(STEP_MIN_S, Math.ceil((to - from) / POINTS / STEP_MIN_S) * STEP_MIN_S);
  const step = flags.parsed('step', flags.one('step'), (text) => positive(parseDuration(text)), DURATION_HINT) ?? wanted;
  if ((to - from) / step > POINTS_MAX)
    flags.faults.add('USAGE', '--step', `gives more than ${POINTS_MAX} points a series; take a longer one`);
  return { from, to, step };
}

function positive(seconds: number | null): number | undefined {
  return seconds !== null && seconds >= 0.001 ? seconds : undefined;
}

/** Durations count back from now: `30d`, `-30d`, `now-30d`, `30d ago`. */
function instant(text: string, now: number): number | undefined {
  const plain = text.trim();
  if (plain === 'now') return now;
  if (/^\d{9,11}(?:\.\d+)?$/.test(plain)) return Number(plain);
  const ago = /^(?:now\s*)?-?\s*([\d.]+\s*[a-z].*?)(?:\s+ago)?$/.exec(plain)?.[1];
  const seconds = ago === undefined ? null : parseDuration(ago);
  if (seconds !== null) return now - seconds;
  const date = readDate(plain);
  return Number.isNaN(date) ? undefined : date;
}
