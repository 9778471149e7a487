/** `soak-agent analyze DATA`: the judgement of a run, applied to data that somebody already has. */
import { existsSync } from 'node:fs';
import { seriesLabel } from '../series.ts';
import type { Explanation } from '../analysis/explain.ts';
import { parseRfc3339, rfc3339 } from '../clock.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { analyseData, type DataAnalysis, evidenceOf, type RuledColumn } from '../import/analysis.ts';
import type { Use } from '../import/columns.ts';
import { TARGET } from '../import/feed.ts';
import { openData } from '../import/open.ts';
import { type AnalyzeOptions, type GivenFlags, parseFlags, refuseColumnsOf } from '../import/options.ts';
import { warmupNotes } from '../import/warmup.ts';
import { EXIT, type ExitCode, Problem } from '../problem.ts';
import { formatDuration } from '../quantity.ts';
import { recordPath } from '../record/schema.ts';
import type { RunState } from '../runstate.ts';
import { didYouMean } from '../config/nearest.ts';
import { type Analysed, explained, periodOf, report, whenOf } from '../views/analysed.ts';
import type { Io } from './io.ts';
import { judgeRecord } from './replay.ts';
import { screenOf, type Terminal } from './view.ts';

/** What is told, and the state that its pictures are drawn from. */
interface Told {
  readonly analysed: Analysed;
  readonly state: RunState;
  /** For JSON: what was analysed. */
  readonly about: object;
}

export async function analyze(input: string | null, given: GivenFlags, io: Io): Promise<ExitCode> {
  const options = parseFlags(input, given, io.env, io.clock.wall());
  const isRecord = options.input !== null && existsSync(recordPath(options.input));
  if (isRecord) refuseColumnsOf(given);
  const told = isRecord ? ofRecord(options.input, options) : ofData(await fetched(options, io));
  const { verdict } = told.analysed;
  const screen = screenOf(io);
  if (options.json) io.stdout.write(`${JSON.stringify(asJson(told), null, 2)}\n`);
  else if (options.explain === null) io.stdout.write(`${report(told.analysed, screen, options.evidence).join('\n')}\n`);
  else io.stdout.write(`${pictures(options.explain, told, screen).join('\n')}\n`);
  return EXIT[verdict.outcome];
}

/** Rewrites the line it stands on. */
const CLEAR_LINE = '\r\u001B[K';

/** A server may take minutes for a month of data: somebody who watches sees how far it is. */
async function fetched(options: AnalyzeOptions, { stderr, clock }: Io): Promise<DataAnalysis> {
  const isWatched = (stderr as Terminal).isTTY === true;
  const show = (line: string): void => void (isWatched && stderr.write(CLEAR_LINE + line));
  try {
    const data = await openData(options, clock, (done, of) => show(`fetched ${Math.floor((100 * done) / of)} %`));
    return await analyseData(data, options.analysis);
  } finally {
    show('');
  }
}

/** Uses of columns that the table does not show. */
const UNSHOWN: ReadonlySet<Use> = new Set(['load', 'work', 'restarts', 'shown', 'skipped']);

function ofData({ verdict, state, evidence, origin, kind, dataset, fed, notes }: DataAnalysis): Told {
  const span = fed.to - fed.from;
  const when = whenOf(kind, origin, span);
  const rows = `${fed.rows} ${fed.rows === 1 ? 'row' : 'rows'}`;
  const every = fed.rows > 1 ? `, one each ${formatDuration(fed.step)}, ${periodOf(kind, origin, span)} (${formatDuration(span)})` : '';
  const advisory = fed.columns.filter(({ use }) => use === 'advisory');
  const others = [...fed.columns.filter(({ use }) => UNSHOWN.has(use)), ...advisory].map(({ field, as }) => ({
    name: field.name,
    as,
  }));
  const judged = fed.columns.filter(({ use }) => use === 'judged').map(({ field, as }) => ({ name: field.name, as }));
  const analysed = {
    verdict,
    evidence,
    title: `${dataset.place}: ${rows}${every}`,
    when,
    nameOf: (id: string) => id.replace(new RegExp(`^${TARGET}(?:/\\w+)? `), ''),
    notes: [timeNote(dataset), ...notes],
    others: [...judged, ...others],
  };
  const columns = fed.columns.map(({ field, use, as }) => ({ name: field.name, use, as }));
  const about = { input: dataset.place, format: dataset.format, time: dataset.axis.text, rows: fed.rows, step: fed.step, columns, notes };
  return { analysed, state, about };
}

function timeNote({ axis: { text, kind, local } }: DataAnalysis['dataset']): string {
  const zone = local === true ? '' : ', in UTC';
  return `time: ${text}${kind === 'wall' ? zone : ''}`;
}

function ofRecord(folder: string, options: AnalyzeOptions): Told {
  const { rulesOf, mustLive, warmup } = options.analysis;
  const { said } = options;
  const {
    state,
    verdict,
    start,
    notes: noticed,
  } = judgeRecord(folder, (series) => {
    const columns = new Map<string, RuledColumn>();
    for (const { def } of series) for (const name of [def.name, def.alias ?? def.name]) columns.set(name, { def, labels: {} });
    return {
      ...(said.rules ? { rules: rulesOf(columns) } : {}),
      ...(said.mustLive ? { mustLive } : {}),
      ...(said.warmup ? { warmup } : {}),
    };
  });
  const notes = [...noticed, ...warmupNotes(said.warmup ? warmup : null, state.t)];
  const evidence = evidenceOf(state);
  const title = `${folder}: a run of ${formatDuration(state.t)}, ${periodOf('wall', start, state.t)}`;
  const analysed = { verdict, evidence, title, when: whenOf('wall', start, state.t), nameOf: (id: string) => id, notes, others: [] };
  return { analysed, state, about: { input: folder, format: 'record', notes } };
}

/** Additive to the shape of verdict.json (contracts): what was analysed, and what each series' judgement rests on. */
function asJson({ analysed: { verdict, evidence }, about }: Told): object {
  const series = verdict.series.map((s) => ({ ...s, evidence: evidenceJson(evidence.get(s.id) ?? null, verdict) }));
  return { ...verdict, series, analysed: about };
}

function evidenceJson(e: Explanation | null, { run }: Verdict): object | null {
  if (e === null) return null;
  const at = (t: number): string | null => rfc3339((parseRfc3339(run.start) ?? NaN) + t);
  const shapes = e.shapes.map(({ kind, weight }) => ({ kind, weight: Number(weight.toPrecision(4)) }));
  return {
    stream: e.stream,
    window: { from: at(e.from), to: at(e.to) },
    points: e.t.length,
    stepSeconds: e.step,
    lives: e.lives,
    examined: e.examined,
    best: e.best,
    bend: e.bend === null ? null : at(e.bend),
    shapes,
    noise: e.noise,
  };
}

function pictures(name: string, { analysed, state }: Told, screen: ReturnType<typeof screenOf>): string[] {
  const { verdict, nameOf, evidence } = analysed;
  const found = find(name, verdict.series, nameOf);
  return found.flatMap((s, i) => [
    ...(i > 0 ? [''] : []),
    ...explained(s, evidence.get(s.id) ?? null, measuredOf(s, state), analysed, screen),
  ]);
}

/** Several series have the name when it is that of a metric with labels. */
const PICTURES_MAX = 4;

function find(name: string, series: readonly VerdictSeries[], nameOf: (id: string) => string): VerdictSeries[] {
  const names = series.map(({ id }) => nameOf(id));
  const exact = series.filter((s) => s.id === name || nameOf(s.id) === name || s.metric === name);
  const near = exact.length > 0 ? exact : series.filter((s) => nameOf(s.id).includes(name));
  if (near.length > 0 && near.length <= PICTURES_MAX) return near;
  const message =
    near.length > 0
      ? `${near.length} series are called so; say which: ${near
          .slice(0, 8)
          .map(({ id }) => nameOf(id))
          .join(', ')}${near.length > 8 ? ', …' : ''}`
      : `no judged series is called ${name}${didYouMean(name, names) || `; there are ${names.slice(0, 12).join(', ')}`}`;
  throw new Problem('USAGE', { place: '--explain', message });
}

/** The means of the bins; of a counter, its rate a second. */
function measuredOf({ id }: VerdictSeries, { series, store }: RunState): { t: number[]; y: number[] } {
  const own = series.all().find((one) => seriesLabel(one) === id);
  const [t, y]: [number[], number[]] = [[], []];
  if (own === undefined) return { t, y };
  const bins = store.bins(own.id);
  for (let i = 0; i < bins.length; i++) {
    if (bins.count[i] === 0) continue;
    t.push(bins.middle(i));
    y.push(bins.sum[i]! / (own.def.kind === 'counter' ? bins.width : bins.count[i]!));
  }
  return { t, y };
}
