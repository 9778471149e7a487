/**
 * What is printed of a run: a line a minute where there is no terminal, and the summary at the end. No library.
 */
import type { Capacity } from '../analysis/capacity.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { parseRfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import { clean, fit, wrapped } from '../terminal/clean.ts';
import { showRange, showRate, showValue, UNKNOWN } from './quantities.ts';
import { table } from './table.ts';

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** A terminal breaks long lines within words; files and pipes keep them whole, to be searched. */
  readonly wraps?: boolean;
}

/** What a line says beyond the verdict so far. */
export interface LiveFigures {
  /** Run time, seconds. */
  readonly now: number;
  readonly plannedEnd: number | null;
  /** Current values by series id of the verdict. */
  readonly current: (seriesId: string) => number | null;
}

const COLORS = { fail: 31, inconclusive: 33, pass: 32, dim: 2, bold: 1 } as const;

/** Text in a style, where the screen has any. */
export function paint(screen: Screen, style: keyof typeof COLORS, text: string): string {
  return screen.color ? `\u001B[${COLORS[style]}m${text}\u001B[0m` : text;
}

/** The gated series, then advisory ones that are not quiet, worst first. */
export function shown(verdict: Verdict, most: number): VerdictSeries[] {
  const rank = (s: VerdictSeries): number =>
    ({ fail: 0, inconclusive: 2, pass: 3 })[s.outcome] - (s.grade === 'suspected' || s.grade === 'confirmed' ? 1 : 0);
  const worth = verdict.series.filter((s) => s.gated || s.grade === 'suspected' || s.grade === 'confirmed');
  return worth.toSorted((a, b) => Number(b.gated) - Number(a.gated) || rank(a) - rank(b)).slice(0, most);
}

/** Labels of a mount point or a queue may be long; what tells series apart is mostly at both ends. */
const NAME = { least: 18, most: 36 } as const;
/** What the other columns of the summary mostly take. */
const BESIDE_NAMES = 58;

function shortened(name: string, { columns }: Screen): string {
  return fit(clean(name), Math.min(NAME.most, Math.max(NAME.least, columns - BESIDE_NAMES)), 'middle');
}

/** A text, on lines of its own where the screen has an end. */
function lineOf(text: string, { columns, wraps = false }: Screen, first: string, rest: string): string[] {
  return wraps ? wrapped(clean(text), columns, first, rest) : [first + clean(text)];
}

/** One line for logs and pipes: how long, how it stands, and the figure that matters most. */
export function minuteLine(verdict: Verdict, figures: LiveFigures): string {
  const first = shown(verdict, 3).map((s) =>
    `${s.id} ${showValue(figures.current(s.id), s.unit)} ${s.slope ? showRate(s.slope.perHour, s.unit) : ''}`.trim(),
  );
  const left = figures.plannedEnd === null ? '' : `, ${formatDuration(Math.max(0, figures.plannedEnd - figures.now))} left`;
  return `${formatDuration(figures.now)}${left}  ${verdict.outcome} so far  ${first.join('; ')}`;
}

/**
 * The verdict of a run, readable: why, what was found, and what could not be judged.
 * @param soFar run time of the verdict of a run that has not ended
 */
export function summary(verdict: Verdict, screen: Screen, soFar: number | null = null): string[] {
  const seconds = soFar ?? (parseRfc3339(verdict.run.end ?? '') ?? Number.NaN) - (parseRfc3339(verdict.run.start) ?? Number.NaN);
  const coverage = verdict.coverage === null ? '' : `, ${Math.floor(verdict.coverage * 100)} % of the samples taken`;
  const lines = [
    paint(screen, verdict.outcome, verdict.outcome.toUpperCase()) +
      `${soFar === null ? '' : ' so far,'} after ${Number.isFinite(seconds) ? formatDuration(seconds) : 'an unknown time'}${coverage}`,
  ];
  for (const reason of verdict.reasons) lines.push(...lineOf(reason, screen, '  ', '    '));
  const judged = shown(verdict, 30);
  if (judged.length > 0) {
    lines.push('');
    const rows = judged.map((s) => [
      s.outcome,
      shortened(s.id, screen),
      showValue(s.level, s.unit),
      slopeOf(s),
      limitOf(s),
      s.gated ? '' : 'advisory',
    ]);
    lines.push(...table([['', 'signal', 'level', 'growth (interval)', 'limit', ''], ...rows], screen.columns, new Set([2, 4])));
  }
  lines.push(...verdict.capacity.flatMap((one) => capacityLines(one, screen)));
  const told = new Set(verdict.reasons);
  const findings = verdict.findings.filter((finding) => !told.has(finding.why));
  const points = findings.map(({ outcome, why }) => (outcome === 'pass' ? `note: ${why}` : why));
  if (points.length > 0) lines.push('', ...points.flatMap((text) => lineOf(text, screen, '- ', '  ')));
  return verdict.blind.length === 0 ? lines : [...lines, '', 'Not readable:', ...blindLines(verdict.blind, screen)];
}

/** How each level of the load was served. */
function capacityLines({ target, bands, usersPerInstance }: Capacity, { columns }: Screen): string[] {
  const share = (value: number | null): string => (value === null ? UNKNOWN : showValue(value, '1'));
  const time = (value: number | null): string => (value === null ? UNKNOWN : showValue(value, 's'));
  const rows = bands.map(({ from, to, users, latency, p95, errors, cpu }) => [
    `${showValue(from, '')} to ${showValue(to, '')}`,
    users === null ? UNKNOWN : showValue(users, ''),
    time(latency),
    time(p95),
    share(errors),
    share(cpu),
  ]);
  const titles = [`${target === null ? '' : `${target}: `}requests/s`, 'users', 'mean', 'p95', 'errors', 'CPU'];
  const enough = usersPerInstance === null ? [] : [`served well up to ${showValue(usersPerInstance, '')} users per instance`];
  return ['', ...table([titles, ...rows], columns, new Set([1, 2, 3, 4, 5])), ...enough];
}

/** One line per reason: a control group that cannot be read is a dozen signals. */
function blindLines(blind: Verdict['blind'], screen: Screen): string[] {
  const groups = Map.groupBy(blind, ({ target, reason }) => JSON.stringify([target ?? 'host', reason]));
  return [...groups].flatMap(([key, alike]) => {
    const [whose, reason] = JSON.parse(key) as [string, string];
    return lineOf(`${whose}: ${alike.map(({ metric }) => metric).join(', ')}: ${reason}`, screen, '- ', '  ');
  });
}

function slopeOf(s: VerdictSeries): string {
  return s.slope === null ? UNKNOWN : `${showRate(s.slope.perHour, s.unit)} (${showRange(s.slope.lo, s.slope.hi, s.unit)})`;
}

function limitOf(s: VerdictSeries): string {
  return s.limit === null ? '' : showValue(s.limit.value, s.unit);
}
