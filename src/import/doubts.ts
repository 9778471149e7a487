/** Why judged columns cannot pass, however flat they look: what the data does not hold of them. */
import { clockTime, inWords } from '../analysis/sentence.ts';
import { rfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import type { Column } from './columns.ts';
import type { Dataset } from './dataset.ts';
import { type Fed, RESETS_MAX } from './feed.ts';
import { coverageOf, COVERAGE_MIN } from './coverage.ts';
import { isPaged } from './meaning.ts';

type AxisKind = Dataset['axis']['kind'];

export interface Doubt {
  /** What of them is in doubt; also the name of the finding. */
  readonly about: string;
  readonly columns: readonly Column[];
  readonly kind: 'leak' | 'coverage';
  readonly why: string;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

export function doubtsOf(fed: Fed, { axis: { kind }, ends }: Pick<Dataset, 'axis' | 'ends'>): Doubt[] {
  const torn = apart(fed, kind, ends);
  if (torn !== null) return [torn];
  return [...restless(fed), ...valueless(fed), ...unmeasured(fed), ...impossible(fed), ...partial(fed, kind)];
}

/** A moment of the data, to the minute. */
export function moment(kind: AxisKind, time: number): string {
  return kind === 'wall' ? (rfc3339(time) ?? '').slice(0, 16).replace('T', ' ') : clockTime(Math.max(0, time));
}

/** A gap longer than all that was measured: there is no one run to judge, and nothing else about it is worth a word. */
function apart({ longestGap, from, to, gapSeconds, gaps, columns }: Fed, kind: AxisKind, ends: Dataset['ends']): Doubt | null {
  if (longestGap === null) return null;
  const long = longestGap.to - longestGap.from;
  if (long <= to - from - gapSeconds) return null;
  const alone = longestGap.from === from ? ends?.first : longestGap.to === to ? ends?.last : undefined;
  const line = alone === undefined ? '' : ` (line ${alone} alone is beyond it: is its time right?)`;
  const one = gaps === 1 ? 'there is 1 gap' : `of ${gaps} gaps there is one`;
  const why = `${one} of ${formatDuration(long)}, from ${moment(kind, longestGap.from)} to ${moment(kind, longestGap.to)}, which is longer than the data${line}; analyse the parts before and after it separately`;
  const judged = columns.filter(({ use }) => use === 'judged');
  return { about: 'data', columns: judged, kind: 'coverage', why, evidence: { gap: long } };
}

/** Lives that are not known are not told apart: neither a leak nor its absence shows over them. */
function restless({ columns, resets }: Fed): Doubt[] {
  const judged = columns.filter(({ use }) => use === 'judged');
  return columns.flatMap(({ field: { name } }, i) => {
    if (resets[i]! <= RESETS_MAX) return [];
    const why = `${backwards(name, resets[i]!)}: name what tells of restarts with --restarts (or --restarts-query), or say --kind ${name}=gauge if it is no counter`;
    return [{ about: `${name} went back`, columns: judged, kind: 'leak' as const, why, evidence: { resets: resets[i]! } }];
  });
}

/** Counters that were not believed, also where the data fails. */
export function restlessNotes({ columns, resets }: Fed): string[] {
  return columns.flatMap(({ field }, i) => (resets[i]! > RESETS_MAX ? [`${backwards(field.name, resets[i]!)} (--restarts)`] : []));
}

function backwards(name: string, times: number): string {
  return `${name} went back ${times} times, and only the first ${RESETS_MAX} count as restarts`;
}

function valueless({ columns, presences, rows }: Fed): Doubt[] {
  const empty = columns.filter(({ use }, i) => use === 'judged' && Number.isNaN(presences[i]!.first));
  return empty.map((column) => ({
    about: column.field.name,
    columns: [column],
    kind: 'leak',
    why: `${column.field.name} has no value in ${rows} ${rows === 1 ? 'row' : 'rows'}; if it is not to be judged, name those that are with --only`,
    evidence: { rows },
  }));
}

/** As bytes, no program that is soaked is as small. */
const MEMORY_MIN = 1_000_000;

/** Kilobytes of 50 GB: figures above are bytes. */
const KILOBYTES_MAX = 50_000_000;

/**
 * Figures that nobody says the unit of and that are too small for bytes, or no whole pages where the kernel counts them: `ps` and `pidstat` write
 * kilobytes, panels megabytes. Judged as bytes they would not grow by as much as matters, whatever they do.
 */
function unmeasured({ columns, highest, isOdd }: Fed): Doubt[] {
  return columns.flatMap((column, i) => {
    const { field, use, isGuess } = column;
    const most = highest[i]!;
    const isTooSmall = most < MEMORY_MIN || (most < KILOBYTES_MAX && isOdd[i]! && isPaged(field));
    if (use !== 'judged' || !isGuess || most <= 0 || !isTooSmall) return [];
    const why = `the unit of ${field.name} is not known: as bytes its highest figure would be ${inWords(most, 'By')}, and ps, top and pidstat write kB; say it with --unit ${field.name}=kB, MB or B`;
    return [{ about: `unit of ${field.name}`, columns: [column], kind: 'leak' as const, why, evidence: { highest: most } }];
  });
}

const HELD: ReadonlySet<string | undefined> = new Set(['memory', 'heap', 'latency']);

/** Nothing holds less than nothing: figures below zero stand for no value, as -1 often does, or the column is something else. */
function impossible({ columns, negative, rows }: Fed): Doubt[] {
  return columns.flatMap((column, i) => {
    const { field, use, def } = column;
    const below = negative[i]!;
    const isHeld = def?.kind === 'gauge' && (def.unit === '{count}' || HELD.has(def.resource));
    if (use !== 'judged' || !isHeld || below === 0) return [];
    const why = `${field.name} is below zero in ${below} of ${rows} rows: leave such cells empty if they stand for no value, or say --kind ${field.name}=gauge if it is no memory, count or latency`;
    return [{ about: `sign of ${field.name}`, columns: [column], kind: 'leak' as const, why, evidence: { negative: below } }];
  });
}

/** Pods come and go: what counts is whether any series of a metric has values. A column of a table is the only one of its metric. */
function partial(fed: Fed, kind: AxisKind): Doubt[] {
  const judged = fed.columns.flatMap((column, i) => (column.use === 'judged' && !Number.isNaN(fed.last[i]!) ? [{ column, i }] : []));
  return [...Map.groupBy(judged, ({ column }) => column.field.metric)].flatMap(([metric, own]) => {
    const presence = fed.metrics.get(metric)!;
    const share = presence.share(fed);
    if (share >= needed(fed)) return [];
    const { column, i } = own.find((one) => fed.presences[one.i]!.last === presence.last)!;
    const about = own.length === 1 ? column.field.name : metric;
    const last = column.def?.kind === 'counter' ? '' : `, ${inWords(fed.last[i]! * column.factor, column.def?.unit ?? '')},`;
    const why = `${about} has values for only ${percent(share)} of the time of the data, and 90 % are needed; its last value${last} is of ${moment(kind, presence.last)}`;
    return [{ about, columns: own.map((one) => one.column), kind: 'coverage' as const, why, evidence: { coverage: share } }];
  });
}

/** What the data as a whole does not cover is told once, and not of each column. */
function needed(fed: Fed): number {
  const coverage = coverageOf(fed) ?? 1;
  return COVERAGE_MIN * (coverage < COVERAGE_MIN ? coverage : 1);
}

/** Series that began later or ended earlier than the data, where others of their metric cover the rest. */
export function partsOf(fed: Fed, kind: AxisKind): string[] {
  const parts = fed.columns.flatMap(({ use, field }, i) => {
    const { first, last } = fed.presences[i]!;
    const share = fed.presences[i]!.share(fed);
    if (use !== 'judged' || Number.isNaN(first) || share >= needed(fed) || fed.metrics.get(field.metric)!.share(fed) < needed(fed))
      return [];
    return [`${field.name} has values from ${moment(kind, first)} to ${moment(kind, last)} only (${percent(share)})`];
  });
  const shown = parts.slice(0, PARTS_MAX).map((part) => `${part}; other series of its metric cover the rest`);
  return parts.length > PARTS_MAX ? [...shown, `${parts.length - PARTS_MAX} more series have values for a part of the time only`] : shown;
}

const PARTS_MAX = 10;

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
