/** Data that somebody already has, judged: opened, fed, and the verdict with what stands behind it. */
import type { Explanation } from '../analysis/explain.ts';
import { Judge } from '../analysis/judge.ts';
import type { Rule } from '../analysis/rules.ts';
import type { Verdict } from '../analysis/verdict.ts';
import type { MetricDef } from '../catalog.ts';
import { Faults } from '../config/faults.ts';
import { didYouMean } from '../config/nearest.ts';
import { RunState } from '../runstate.ts';
import { seriesLabel } from '../series.ts';
import { VERSION } from '../version.ts';
import { type ColumnOptions, Columns } from './columns.ts';
import type { Dataset, Row } from './dataset.ts';
import { partsOf, restlessNotes } from './doubts.ts';
import { type Fed, Feeder } from './feed.ts';
import { inOrder, type OrderNotes, OutOfOrder, sorted } from './order.ts';
import { outcomeOfData } from './outcome.ts';
import { gapNotes, hourNotes } from './disorder.ts';
import { distances } from './presence.ts';
import { listed } from './sheet.ts';
import { warmupNotes } from './warmup.ts';

export interface AnalysisOptions extends ColumnOptions {
  readonly mustLive: number;
  readonly warmup: number | null;
  readonly assumeWork: boolean;
  /** The user's rules and limits, once the columns are known. */
  readonly rulesOf: (columns: ReadonlyMap<string, RuledColumn>) => readonly Rule[];
}

/** A column by its name, or all columns of a metric by that. */
export interface RuledColumn {
  readonly def: MetricDef;
  readonly labels: Readonly<Record<string, string>>;
}

/** A verdict with the state that it was made of. */
export interface Analysis {
  readonly verdict: Verdict;
  readonly state: RunState;
  /** By id of the verdict's series. */
  readonly evidence: ReadonlyMap<string, Explanation>;
  /** Seconds on the axis of the data at which run time begins. */
  readonly origin: number;
  readonly kind: 'wall' | 'elapsed';
}

export interface DataAnalysis extends Analysis {
  readonly dataset: Dataset;
  readonly fed: Fed;
  readonly notes: readonly string[];
}

/** Throws `DATA`, `PROMETHEUS` or `RULE`. */
export async function analyseData(dataset: Dataset, options: AnalysisOptions): Promise<DataAnalysis> {
  checkNames(dataset, options);
  const columns = new Columns(dataset.fields, options);
  const order: OrderNotes = { replaced: 0, again: [] };
  let disorder: readonly string[] = [];
  const attempt = (rows: AsyncIterable<readonly Row[]>, firstTimes: readonly number[]): Promise<Attempt> =>
    feed({ dataset, columns, options, firstTimes }, inOrder(rows, order, dataset.axis.local === true && disorder.length === 0));
  const { state, fed } = await attempt(dataset.rows(), dataset.firstTimes).catch(async (error: unknown) => {
    if (!(error instanceof OutOfOrder)) throw error;
    order.replaced = 0;
    order.again.length = 0;
    const { rows, firstTimes, notes } = await sorted(dataset, dataset.rows());
    disorder = notes;
    return attempt(rows, firstTimes);
  });
  const start = dataset.axis.kind === 'wall' ? fed.from : 0;
  const run = { id: 'analyze', start, end: start + state.t, planned: null, agent: VERSION, configHash: '' };
  const verdict = outcomeOfData(state.judge.verdict(run, state), fed, { dataset, vouched: options.assumeWork });
  return {
    verdict,
    state,
    evidence: evidenceOf(state),
    origin: fed.from,
    kind: dataset.axis.kind,
    dataset,
    fed,
    notes: [
      ...disorder,
      ...hourNotes(order.again, dataset.axis),
      ...notesOf(fed, order.replaced, dataset.axis),
      ...restlessNotes(fed),
      ...partsOf(fed, dataset.axis.kind),
      ...warmupNotes(options.warmup, fed.to - fed.from),
      ...dataset.notes,
    ],
  };
}

/** Options that name a column that is not there, all at once. */
function checkNames({ fields, place, time }: Dataset, options: AnalysisOptions): void {
  const faults = new Faults();
  const names = fields.map(({ name }) => name);
  const known = new Set(fields.flatMap(({ name, metric }) => [name, metric]));
  const check = (flag: string, name: string | null): void => {
    if (name !== null && !known.has(name))
      faults.add('USAGE', flag, `${place} has no column ${name}${didYouMean(name, names) || `; it has ${listed(names)}`}`);
  };
  check('--load', options.load);
  check('--restarts', options.restarts);
  for (const name of options.kinds.keys()) check('--kind', name);
  for (const name of options.scales.keys()) if (name !== time) check('--unit', name);
  for (const { name, isText } of fields)
    if (isText && options.kinds.has(name)) faults.add('DATA', '--kind', `column ${name} of ${place} holds text, and no figures`);
  faults.throwIfAny();
}

interface Attempt {
  readonly state: RunState;
  readonly fed: Fed;
}

interface Feed {
  readonly dataset: Dataset;
  readonly columns: Columns;
  readonly options: AnalysisOptions;
  readonly firstTimes: readonly number[];
}

async function feed({ dataset, columns, options, firstTimes }: Feed, rows: AsyncIterable<readonly Row[]>): Promise<Attempt> {
  const ruled = new Map<string, RuledColumn>();
  for (const field of dataset.fields) {
    const { def } = columns.of(field);
    if (def === null) continue;
    ruled.set(field.metric, { def, labels: {} });
    ruled.set(field.name, { def, labels: field.labels });
  }
  const { step } = distances(firstTimes);
  const { mustLive, warmup } = options;
  const judge = new Judge({
    requiredLifetime: mustLive,
    plannedEnd: null,
    warmup,
    rules: options.rulesOf(ruled),
    required: [],
    interval: step,
  });
  const state = new RunState(judge);
  return { state, fed: await new Feeder(state, { dataset, columns, firstTimes, assumeWork: options.assumeWork }).feed(rows) };
}

/** What stands behind the judgement of every series that was judged. */
export function evidenceOf(state: RunState): Map<string, Explanation> {
  const series = state.series.all().slice(0, state.store.size);
  const found = state.judge.explain(
    series.map(({ id }) => id),
    state,
  );
  return new Map(series.flatMap((one, i) => (found[i] ? [[seriesLabel(one), found[i]] as const] : [])));
}

function notesOf(fed: Fed, replaced: number, axis: Dataset['axis']): string[] {
  return [
    ...(replaced > 0 ? [`${replaced} ${replaced === 1 ? 'row has' : 'rows have'} the time of another; the later one of each counts`] : []),
    ...gapNotes(fed, axis),
    ...(fed.restarts > 0
      ? [`${fed.restarts} ${fed.restarts === 1 ? 'restart' : 'restarts'}: each life is judged by itself and all together`]
      : []),
  ];
}
