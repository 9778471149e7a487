/** How a judgement of data is told: a table, the reasons, what every column was taken for, and a picture of one series. */
import type { Explanation } from '../analysis/explain.ts';
import { MOVED } from '../analysis/sentence.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { parseRfc3339, rfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import { wrapped } from '../terminal/clean.ts';
import { chart, legend, type Plot } from './chart.ts';
import { showRange, showRate, showValue, UNKNOWN } from './quantities.ts';
import { dated } from './dated.ts';
import { table, tableWidth } from './table.ts';
import { paint, type Screen } from './terminal.ts';

export interface Analysed {
  readonly verdict: Verdict;
  readonly evidence: ReadonlyMap<string, Explanation>;
  /** What was analysed, in a line. */
  readonly title: string;
  /** A run time as people write it. */
  readonly when: (t: number) => string;
  /** Names of series without what is the same for all of them. */
  readonly nameOf: (id: string) => string;
  readonly notes: readonly string[];
  /** What was made of the columns that are not in the table. */
  readonly others: readonly { readonly name: string; readonly as: string }[];
}

/** Rows of the table; those that fail, are open or were gated come first. */
const ROWS_MAX = 60;
const WHY_MAX = 20;

export function report(analysed: Analysed, screen: Screen, withEvidence: boolean): string[] {
  const { verdict } = analysed;
  return [
    ...headOf(analysed, screen),
    ...indented(timed(reasonsOf(verdict), analysed), screen.columns, analysed),
    ...indented(timed(diagnosesOf(verdict), analysed), screen.columns, analysed),
    '',
    ...tableOf(analysed, screen),
    ...told('Why', timed(whys(analysed), analysed), screen, analysed),
    ...(withEvidence ? told('Evidence', evidenceLines(analysed), screen, analysed) : []),
    ...told('Notes', [...analysed.notes, ...othersOf(analysed)], screen, analysed),
  ];
}

/** What the verdict says counts from the start. */
function timed(sentences: readonly string[], { when }: Analysed): string[] {
  return sentences.map((sentence) => dated(sentence, when));
}

const REASONS_MAX = 5;

function reasonsOf({ reasons }: Verdict): readonly string[] {
  return reasons.length > REASONS_MAX ? [...reasons.slice(0, REASONS_MAX), `and ${reasons.length - REASONS_MAX} more`] : reasons;
}

function headOf({ verdict, title }: Analysed, screen: Screen): string[] {
  const word = verdict.outcome.toUpperCase();
  const [first = '', ...rest] = wrapped(title, screen.columns, `${word}  `, '    ');
  return [paint(screen, verdict.outcome, word) + first.slice(word.length), ...rest];
}

/** Patterns decide nothing, so that no reason names them. */
function diagnosesOf({ findings, reasons }: Verdict): string[] {
  return findings.flatMap(({ kind, why }) => (kind === 'diagnosis' && !reasons.includes(why) ? [why] : []));
}

function ordered({ series }: Verdict): VerdictSeries[] {
  const rank = ({ outcome, grade, gated }: VerdictSeries): number =>
    (gated ? 0 : 10) + { fail: 0, inconclusive: 2, pass: 4 }[outcome] - (grade === 'confirmed' || grade === 'suspected' ? 1 : 0);
  return series.toSorted((a, b) => rank(a) - rank(b));
}

function tableOf(analysed: Analysed, screen: Screen): string[] {
  const { verdict, evidence, nameOf } = analysed;
  const all = ordered(verdict);
  if (all.length === 0) return ['no column was judged'];
  const shown = all.slice(0, ROWS_MAX);
  const limited = shown.some(({ limit }) => limit !== null);
  const rows = shown.map((s) => [
    s.outcome === 'inconclusive' ? 'open' : s.outcome,
    shortened(nameOf(s.id), NAME_MAX),
    showValue(s.level, s.unit),
    s.slope === null ? UNKNOWN : showRate(s.slope.perHour, s.unit),
    s.slope === null ? '' : showRange(s.slope.lo, s.slope.hi, s.unit),
    sinceOf(s, evidence.get(s.id) ?? null, analysed),
    ...(limited ? [untilLimit(s, verdict.run.end)] : []),
    [s.grade === 'none' ? '' : s.grade, s.class ?? '', s.gated ? '' : 'advisory'].filter(Boolean).join(', '),
  ]);
  const titles = ['', 'series', 'level', 'growth', '95 % interval', 'since', ...(limited ? ['limit'] : []), ''];
  const [first, ...lines] = table(fitted([titles, ...rows], screen.columns), screen.columns, new Set([2, 3]));
  const painted = lines.map((line, i) => colored(line, shown[i]!, screen));
  const more = all.length - shown.length;
  return [paint(screen, 'dim', first ?? ''), ...painted, ...(more > 0 ? [`and ${more} more, none of which decides`] : [])];
}

/** What tells series with labels apart is mostly at both ends. */
const NAME_MAX = 44;

const NAME_MIN = 24;

function shortened(name: string, most: number): string {
  const end = Math.floor(most / 2);
  return name.length <= most ? name : `${name.slice(0, most - end - 1)}…${name.slice(-end)}`;
}

/** What a narrow terminal can do without, in this order: the interval, which the sentences have, and the time. */
const SPARED = [4, 4];

/** What may be cut off. */
const LAST = /,? ?advisory$/;

/** What leaks stands at the end of each row, which must not be cut off: names are shortened before, and columns left out. */
function fitted(rows: readonly (readonly string[])[], columns: number): readonly (readonly string[])[] {
  const over = (all: typeof rows): number => tableWidth(all.map((row) => [...row.slice(0, -1), row.at(-1)!.replace(LAST, '')])) - columns;
  const longest = Math.max(...rows.map(([, name]) => name!.length));
  let left = rows;
  for (const spared of SPARED) {
    if (over(left) <= longest - Math.min(longest, NAME_MIN)) break;
    left = left.map((row) => row.toSpliced(spared, 1));
  }
  const most = Math.max(NAME_MIN, longest - Math.max(0, tableWidth(left) - columns));
  return left.map((row) => row.with(1, shortened(row[1]!, most)));
}

/** Only the first word: a table of red lines is hard to read. */
function colored(line: string, { outcome, gated }: VerdictSeries, screen: Screen): string {
  const end = line.indexOf(' ');
  return gated ? paint(screen, outcome, line.slice(0, end)) + line.slice(end) : paint(screen, 'dim', line);
}

/** Since when it grows, where that was seen; else, in brackets, from when on it was judged. */
function sinceOf(s: VerdictSeries, evidence: Explanation | null, { verdict, when }: Analysed): string {
  if (s.slope !== null && s.slope.lo > 0 && s.onset !== null) return when(seconds(s.onset.at) - seconds(verdict.run.start));
  return evidence === null ? UNKNOWN : `(${when(evidence.from)})`;
}

function untilLimit(s: VerdictSeries, end: string | null): string {
  if (s.limit === null) return '';
  const limit = showValue(s.limit.value, s.unit);
  if (s.level !== null && s.level >= s.limit.value) return `${limit} reached`;
  return s.exhaustion === null ? limit : `${limit} in ${formatDuration(Math.max(0, seconds(s.exhaustion.at) - seconds(end ?? '')))}`;
}

function seconds(instant: string): number {
  return parseRfc3339(instant) ?? NaN;
}

function whys({ verdict, nameOf }: Analysed): string[] {
  // A reason may say more than its series does.
  const isTold = ({ why }: VerdictSeries): boolean => verdict.reasons.some((reason) => reason.startsWith(why));
  // What grows for certain and passes is told with the growth that would matter, and what moved before it was judged with that.
  const isQuiet = ({ outcome, grade, slope, why }: VerdictSeries): boolean =>
    outcome === 'pass' && grade === 'none' && !(slope !== null && slope.lo > 0) && !why.includes(MOVED);
  const open = ordered(verdict).filter((s) => !isQuiet(s) && !isTold(s) && (s.gated || s.grade !== 'none'));
  const lines = open.slice(0, WHY_MAX).map(({ id, why }) => (why.includes(id) ? why : `${nameOf(id)}: ${why}`));
  return open.length > WHY_MAX ? [...lines, `and ${open.length - WHY_MAX} more`] : lines;
}

function evidenceLines({ verdict, evidence, nameOf, when }: Analysed): string[] {
  return ordered(verdict).flatMap((s) => {
    const known = evidence.get(s.id);
    return known === undefined
      ? []
      : [
          `${nameOf(s.id)}: ${factsOf(s, known, when)
            .map(([name, text]) => `${name} ${text}`)
            .join('; ')}`,
        ];
  });
}

/** Columns with the same fate share a line. */
function othersOf({ others }: Analysed): string[] {
  return [...Map.groupBy(others, ({ as }) => as)].map(([as, alike]) => {
    const names = alike.map(({ name }) => name);
    return `${names.slice(0, 12).join(', ')}${names.length > 12 ? ` and ${names.length - 12} more` : ''}: ${as}`;
  });
}

function told(title: string, lines: readonly string[], screen: Screen, analysed: Analysed): string[] {
  return lines.length === 0 ? [] : ['', paint(screen, 'bold', title), ...indented(lines, screen.columns, analysed)];
}

/** Each text indented by two, its further lines by four. */
function indented(texts: readonly string[], columns: number, { verdict, nameOf }: Analysed): string[] {
  const plain = (text: string): string => verdict.series.reduce((known, { id }) => known.replaceAll(id, nameOf(id)), text);
  return texts.flatMap((text) => wrapped(plain(text), columns, '  ', '    '));
}

/** The picture of one series and what stands behind its judgement. */
export function explained(
  s: VerdictSeries,
  evidence: Explanation | null,
  measured: Plot['measured'],
  analysed: Analysed,
  screen: Screen,
): string[] {
  const { nameOf, when } = analysed;
  const head = `${paint(screen, s.outcome, s.outcome.toUpperCase())}  ${nameOf(s.id)}`;
  const reason = indented(timed([s.why], analysed), screen.columns, analysed);
  if (evidence === null) return [head, ...reason];
  const { t, y, life, fitted, bend, from } = evidence;
  const plot: Plot = { measured, judged: { t, y, life, fitted }, unit: s.unit, from, bend, when };
  const rows = Math.min(CHART_ROWS, Math.max(CHART_ROWS_MIN, screen.rows - 12));
  const lines = factsOf(s, evidence, when).map(([name, text]) => [`  ${name}`, text]);
  return [
    head,
    ...reason,
    '',
    ...chart(plot, { ...screen, rows }),
    paint(screen, 'dim', legend(plot)),
    '',
    ...table(lines, screen.columns),
  ];
}

const CHART_ROWS = 24;
const CHART_ROWS_MIN = 15;

const STREAMS: Readonly<Record<string, string>> = {
  mean: 'trimmed means of blocks',
  floor: 'lowest values of blocks, because it is a sawtooth',
  lows: 'lowest values of blocks, because it is a sawtooth',
  cycles: 'means of whole cycles',
};

function factsOf(s: VerdictSeries, e: Explanation, when: Analysed['when']): [string, string][] {
  const shapes = e.shapes.filter(({ weight }) => weight >= 0.01).slice(0, 6);
  return [
    [
      'growth',
      s.slope === null
        ? UNKNOWN
        : `${showRate(s.slope.perHour, s.unit)} at the end (${Math.round(s.slope.confidence * 100)} %: ${showRange(s.slope.lo, s.slope.hi, s.unit)})`,
    ],
    ['matters', `${showRate(e.floor, s.unit)} and more${s.limit === null ? '' : `, by the limit of ${showValue(s.limit.value, s.unit)}`}`],
    [
      'could see',
      s.smallestDetectablePerHour === null
        ? UNKNOWN
        : `${showRate(s.smallestDetectablePerHour, s.unit)}${s.hoursToSettle === null ? '' : `; ${formatDuration(s.hoursToSettle * 3600)} of data would settle it`}`,
    ],
    [
      'stream',
      `${STREAMS[e.stream] ?? e.stream}: ${e.t.length} points, ${formatDuration(e.step)} apart${e.lives > 1 ? `, over ${e.lives} lives` : ''}`,
    ],
    ['window', `${when(e.from)} to ${when(e.to)} (${formatDuration(e.to - e.from)})`],
    [
      'shapes',
      e.examined
        ? shapes.map(({ kind, weight }) => `${kind} ${Math.round(weight * 100)} %`).join(', ')
        : 'a few at a first look, which found no growth; no more were tried',
    ],
    ['noise', `${showValue(e.noise.deviation, s.unit)}, correlation ${e.noise.correlation.toFixed(2)} from point to point`],
  ];
}

/** Run times as dates (UTC), or as hours and minutes of the data. */
export function whenOf(kind: 'wall' | 'elapsed', origin: number, span: number): (t: number) => string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  if (kind === 'elapsed') {
    return (t) => {
      const at = Math.max(0, Math.round(origin + t));
      const seconds = span < SHORT_S ? `:${two(at % 60)}` : '';
      return `${Math.floor(at / 3600)}:${two((at % 3600) / 60)}${seconds}`;
    };
  }
  return (t) => {
    const text = (rfc3339(origin + t) ?? '').replace('T', ' ');
    return span < SHORT_S ? text.slice(11, 19) : text.slice(0, 16);
  };
}

/** From when to when, always with the date where one is known. */
export function periodOf(kind: 'wall' | 'elapsed', origin: number, span: number): string {
  const when = whenOf(kind, origin, span);
  if (kind === 'elapsed' || span >= SHORT_S) return `${when(0)} to ${when(span)}`;
  const dayOf = (t: number): string => (rfc3339(t) ?? '').slice(0, 10);
  const [first, last] = [dayOf(origin), dayOf(origin + span)];
  return `${first} ${when(0)} to ${last === first ? '' : `${last} `}${when(span)}`;
}

/** Below this the seconds matter, above it the date, which the first line has anyway. */
const SHORT_S = 2 * 3600;
