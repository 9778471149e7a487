/**
 * One screen of a run, under way or over: how it stands, what its signals did, how fast they grow and what could be ruled out, what happened
 * last. It fits into the terminal whatever its size is, and whatever anything is called.
 */
import type { Outcome } from '../analysis/judgement.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { formatDuration } from '../quantity.ts';
import { showRange, showRate, showValue, UNKNOWN } from '../views/quantities.ts';
import { paint, type Screen, shown } from '../views/terminal.ts';
import { cellsOf, clean, fit, pad } from './clean.ts';
import { sparkline } from '../views/sparkline.ts';

export interface RunOnScreen {
  readonly verdict: Verdict;
  readonly standing: 'running' | 'finished' | 'cut off';
  /** Run time, and when it is planned to end; seconds. */
  readonly now: number;
  readonly plannedEnd: number | null;
  readonly phase: string | null;
  /** By id of the verdict: the latest value of a series that is being sampled, and what it was all along, gaps as null. */
  readonly current: (id: string) => number | null;
  readonly history: (id: string) => readonly (number | null)[];
  /** Smallest growth per hour that a run of so many hours could rule out; null where nothing can be said. */
  readonly certifiable: (id: string, hours: number) => number | null;
  /** Latest last. */
  readonly events: readonly { readonly t: number; readonly message: string }[];
  /** How it compares with a baseline; empty without one. */
  readonly against: string;
}

/** Eight hours are the night that most soaks last (needs). */
const CERTIFY_HOURS = 8;

const SPARK = { least: 8, most: 48 } as const;
const NAME = { least: 16, most: 44 } as const;
const EVENTS_MAX = 5;
const REASONS_MAX = 4;
const SERIES_MIN = 3;

/** Lines of at most the screen's width, and at most its height. */
export function statusScreen(run: RunOnScreen, screen: Screen): string[] {
  const columns = Math.max(20, screen.columns);
  const one = (text: string): string => fit(clean(text), columns);
  const events = run.events.slice(-EVENTS_MAX).map(({ t, message }) => one(`${clockOf(t)}  ${message}`));
  const reasons = run.verdict.reasons.slice(0, REASONS_MAX).map((reason) => one(`- ${reason}`));
  const head = headOf(run, columns, screen);
  const foot = [...(run.against === '' ? [] : ['', one(run.against)]), ...reasons];
  // What happened is what a small window leaves out first, then the reasons; never the table.
  const room = screen.rows - 1 - head.length - 2;
  const series = shown(run.verdict, Math.max(SERIES_MIN, room - foot.length - events.length - 1));
  const table = tableOf(run, series, { ...screen, columns });
  const lines = [...head, '', ...table, ...(foot.length > 0 ? ['', ...foot] : [])];
  const left = screen.rows - 1 - lines.length;
  const told = events.length > 0 && left > 1 ? ['', ...events.slice(-(left - 1))] : [];
  return [...lines, ...told].slice(0, Math.max(1, screen.rows - 1));
}

function headOf({ verdict, standing, now, plannedEnd, phase }: RunOnScreen, columns: number, screen: Screen): string[] {
  const over = standing === 'finished';
  const outcome = over ? verdict.outcome.toUpperCase() : `${verdict.outcome} so far`;
  const left =
    standing === 'cut off'
      ? 'its agent is gone, without a verdict'
      : over
        ? 'finished'
        : plannedEnd === null
          ? 'until told to stop'
          : `${formatDuration(Math.max(0, plannedEnd - now))} left`;
  const about = `  run ${clean(verdict.run.id)}, ${formatDuration(now)}${plannedEnd !== null && !over ? ` of ${formatDuration(plannedEnd)}` : ''}, ${left}`;
  const where = phase === null || over ? '' : `, phase ${clean(phase)}`;
  const first = fit(`${about}${where}`, columns - cellsOf(outcome));
  const bar = plannedEnd === null || over ? [] : [paint(screen, 'dim', progress(now / plannedEnd, columns))];
  return [paint(screen, verdict.outcome, outcome) + first, ...bar];
}

const BAR_MAX = 60;

function progress(share: number, columns: number): string {
  const width = Math.min(BAR_MAX, columns);
  const done = Math.round(width * Math.min(1, Math.max(0, share)));
  return '█'.repeat(done) + '░'.repeat(width - done);
}

interface Column {
  readonly title: string;
  readonly cell: (series: VerdictSeries) => string;
  readonly right?: true;
}

/** How little growth is told from none, now and by a whole night: the screen always says it, in a narrow window on a line of its own. */
const CERTIFIED = { now: 'rules out', later: `at ${CERTIFY_HOURS} h` } as const;

/** From the most to the least worth knowing: a narrow window has the first ones. */
function columnsOf(run: RunOnScreen): Column[] {
  return [
    { title: 'now', cell: (s) => showValue(run.current(s.id) ?? (run.standing === 'running' ? null : s.level), s.unit), right: true },
    { title: run.standing === 'finished' ? 'verdict' : 'so far', cell: (s) => stateOf(s) },
    { title: 'slope', cell: (s) => (s.slope === null ? UNKNOWN : showRate(s.slope.perHour, s.unit)), right: true },
    { title: '95 %', cell: (s) => (s.slope === null ? UNKNOWN : showRange(s.slope.lo, s.slope.hi, s.unit)) },
    { title: CERTIFIED.now, cell: (s) => showRate(s.smallestDetectablePerHour, s.unit), right: true },
    { title: CERTIFIED.later, cell: (s) => showRate(run.certifiable(s.id, CERTIFY_HOURS), s.unit), right: true },
    { title: 'limit', cell: (s) => (s.limit === null ? '' : showValue(s.limit.value, s.unit)), right: true },
  ];
}

const WORDS: Readonly<Record<Outcome, string>> = { pass: 'pass', fail: 'fail', inconclusive: 'open' };

function stateOf({ outcome, grade, gated }: VerdictSeries): string {
  const word = grade === 'suspected' || grade === 'confirmed' ? `${WORDS[outcome]}, ${grade}` : WORDS[outcome];
  return gated ? word : `(${word})`;
}

const GAP = 2;

const HISTORY = { long: 'over the run', short: 'history' } as const;

function tableOf(run: RunOnScreen, series: readonly VerdictSeries[], screen: Screen): string[] {
  if (series.length === 0) return ['nothing is judged yet'];
  const names = series.map(({ id }) => clean(id));
  const nameWidth = Math.min(NAME.most, Math.max(NAME.least, ...names.map(cellsOf)), Math.max(NAME.least, Math.floor(screen.columns / 3)));
  const all = columnsOf(run).map((column) => {
    const cells = series.map((one) => clean(column.cell(one)));
    return { column, cells, width: Math.max(cellsOf(column.title), ...cells.map(cellsOf)) };
  });
  const kept: typeof all = [];
  let used = nameWidth + GAP + SPARK.least;
  for (const one of all) {
    if (used + GAP + one.width > screen.columns) break;
    kept.push(one);
    used += GAP + one.width;
  }
  if (kept.at(-1)?.column.title === CERTIFIED.now) used -= GAP + kept.pop()!.width; // both of them, or both below the table
  const spark = Math.min(SPARK.most, screen.columns - used + SPARK.least);
  const row = (name: string, line: string, cells: readonly string[]): string => {
    const parts = cells.map((cell, i) => pad(cell, kept[i]!.width, kept[i]!.column.right ? 'left' : 'right'));
    return fit(
      [pad(fit(name, nameWidth, 'middle'), nameWidth), pad(line, spark), ...parts].join(' '.repeat(GAP)).trimEnd(),
      screen.columns,
    );
  };
  const head = row(
    'signal',
    spark < cellsOf(HISTORY.long) ? HISTORY.short : HISTORY.long,
    kept.map(({ column }) => column.title),
  );
  const rows = series.map((one, i) => {
    const text = row(
      names[i]!,
      sparkline(run.history(one.id), spark),
      kept.map(({ cells }) => cells[i]!),
    );
    return one.outcome === 'pass' || !one.gated ? text : paint(screen, one.outcome, text);
  });
  const isTold = run.standing === 'finished' || kept.some(({ column }) => column.title === CERTIFIED.later);
  return [paint(screen, 'dim', head), ...rows, ...(isTold ? [] : certifiedLine(run, series, screen.columns))];
}

/** As many series as the line has room for, the worst first. */
function certifiedLine(run: RunOnScreen, series: readonly VerdictSeries[], columns: number): string[] {
  const parts = series.flatMap((one) => {
    const [now, later] = [one.smallestDetectablePerHour, run.certifiable(one.id, CERTIFY_HOURS)];
    if (now === null && later === null) return [];
    return [`${clean(one.id)} ${showRate(now, one.unit)} (${showRate(later, one.unit)} ${CERTIFIED.later})`];
  });
  const fits = parts.findLastIndex((_, i) => cellsOf(certified(parts.slice(0, i + 1))) <= columns);
  return parts.length === 0 ? [] : [fit(certified(parts.slice(0, Math.max(1, fits + 1))), columns)];
}

function certified(parts: readonly string[]): string {
  return `${CERTIFIED.now} growth above: ${parts.join('; ')}`;
}

/** Hours of run time as a clock shows them. */
function clockOf(t: number): string {
  const seconds = Math.max(0, Math.floor(t));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
