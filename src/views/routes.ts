/** The pages of a run: metrics, health, the verdict as JSON, and a status page that a person can read. */
import type { Verdict } from '../analysis/verdict.ts';
import { type Clock, rfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import type { Target } from '../targets.ts';
import { type Page, type Route, type Routes, textOf } from './http.ts';
import { prefersHtml } from './negotiation.ts';
import type { MetricsPage } from './metricspage.ts';
import { showRange, showRate, showValue, UNKNOWN } from './quantities.ts';
import type { ExportedRun } from './runmetrics.ts';
import { table } from './table.ts';
import { visible } from '../visible.ts';

export interface RunPages {
  readonly run: ExportedRun;
  readonly clock: Clock;
  /** Null: there is no /metrics. */
  readonly metrics: MetricsPage | null;
  /** What a browser is given at `/`; without it the status page, as everybody else. */
  readonly page?: Route['answer'];
}

/** @param more pages of others; the status page lists them too */
export function runRoutes({ run, clock, metrics, page }: RunPages, more: Routes = {}): Routes {
  const routes: Routes = {
    ...(metrics ? { '/metrics': { about: 'Prometheus text format and OpenMetrics', answer: metrics.answer } } : {}),
    '/healthz': { about: 'whether the agent works', answer: healthRoute(run, clock) },
    '/readyz': { about: 'whether there are samples', answer: () => readiness(run) },
    '/api/verdict': { about: 'the verdict so far, as in verdict.json', answer: () => verdictPage(run) },
    ...more,
  };
  const status = (): Page => textOf(200, statusText(run, routes, clock).join('\n'));
  return { '/': { about: 'this page', answer: (asked) => (page && prefersHtml(asked.accept) ? page(asked) : status()) }, ...routes };
}

/** The longest interval is 60 s; after three of them without a tick the loop is stuck. */
const STUCK_S = 180;

function healthRoute(run: ExportedRun, clock: Clock): Route['answer'] {
  let seen = { n: run.state.n, at: clock.monotonic() };
  return () => {
    const now = clock.monotonic();
    if (run.state.n !== seen.n) seen = { n: run.state.n, at: now };
    const isUnderWay = run.state.n >= 0 && run.end() === null; // before the first sample it waits for its target, as long as it is told to
    if (isUnderWay && now - seen.at > STUCK_S) return textOf(503, `no sample for ${formatDuration(now - seen.at)}`);
    return textOf(200, 'ok');
  };
}

function readiness(run: ExportedRun): Page {
  return run.state.n < 0 ? textOf(503, 'not a sample yet') : textOf(200, 'ready');
}

function verdictPage(run: ExportedRun): Page {
  const verdict = run.verdict();
  if (verdict === null) return textOf(503, 'there is no verdict before the first look at the data', { 'retry-after': '60' });
  return { status: 200, type: 'application/json', body: `${JSON.stringify(verdict)}\n` };
}

/** Rows of the status page; the metrics page and the verdict have the rest. */
const ROWS_MAX = 100;

const COLUMNS = 160;

function statusText(run: ExportedRun, routes: Routes, clock: Clock): string[] {
  const end = run.end();
  const verdict = run.verdict();
  const so = end === null ? `${formatDuration(Math.max(0, clock.wall() - run.start))} so far` : `ended ${rfc3339(end)}`;
  const planned = run.planned === null ? 'runs until told to stop' : `planned end ${rfc3339(run.planned)}`;
  const phase = run.phase() === '' ? '' : `, phase ${run.phase()}`;
  return [
    `soak-agent ${run.version}  run ${run.id}`,
    `began ${rfc3339(run.start)}, ${so}, ${planned}${phase}`,
    ...section('Verdict', verdictLines(verdict, end !== null)),
    ...section('Targets', capped(run.targets().map(targetLine))),
    ...section('Judged series', seriesLines(verdict)),
    ...section(
      'Pages',
      table(
        Object.entries(routes).map(([path, { about }]) => [path, about]),
        COLUMNS,
      ),
    ),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  // A command name or a mount point may hold a line end, and would forge a line.
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${visible(line)}`)];
}

function capped(lines: readonly string[]): string[] {
  return lines.length <= ROWS_MAX ? [...lines] : [...lines.slice(0, ROWS_MAX), `and ${lines.length - ROWS_MAX} more`];
}

function verdictLines(verdict: Verdict | null, ended: boolean): string[] {
  if (verdict === null) return ['none yet'];
  return [ended ? verdict.outcome : `${verdict.outcome} so far`, ...capped(verdict.reasons.map((reason) => `- ${reason}`))];
}

function targetLine({ role, procs, goneSince }: Target): string {
  if (procs.length > 0) return `${role}: ${procs.length === 1 ? '1 process' : `${procs.length} processes`} (${names(procs)})`;
  return goneSince === null ? `${role}: not found yet` : `${role}: gone`;
}

function names(procs: Target['procs']): string {
  return [...new Set(procs.map(({ comm }) => comm))].slice(0, 5).join(', ');
}

function seriesLines(verdict: Verdict | null): string[] {
  const gated = (verdict?.series ?? []).filter((series) => series.gated);
  if (gated.length === 0) return [];
  const rows = gated.map(({ target, member, metric, labels, level, unit, slope, grade, outcome }) => [
    `${target ?? 'host'}${member === null ? '' : `/${member}`}`,
    [metric, ...Object.values(labels)].join(' '),
    showValue(level, unit),
    slope === null ? UNKNOWN : `${showRate(slope.perHour, unit)} (${showRange(slope.lo, slope.hi, unit)})`,
    grade,
    outcome,
  ]);
  return capped(table([['target', 'metric', 'level', 'growth (interval)', 'grade', 'so far'], ...rows], COLUMNS));
}
