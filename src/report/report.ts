/**
 * A run state and its verdict as a report: a pure function, so that a live run, a finished one, one that was cut off and one that is
 * replayed from its record give the same bytes for the same ticks and the same rules.
 */
import type { Explanation } from '../analysis/explain.ts';
import { LimitIndex, limitHistory } from '../analysis/limits.ts';
import type { Verdict } from '../analysis/verdict.ts';
import { parseRfc3339 } from '../clock.ts';
import type { RunState } from '../runstate.ts';
import { type Series, seriesLabel } from '../series.ts';
import { rounded } from './chart.ts';
import { inOrder, reportedFindings, sentenceOf } from './findings.ts';
import { plainData, plainName, plainSentence } from './plain.ts';
import { type Known, poolsOf, shownSeries, signalOf } from './signals.ts';
import { costOf } from './cost.ts';
import { REPORT_SCHEMA, type Report, type Signal } from './value.ts';
import { timelineOf } from './timeline.ts';

/** What the record's header says of a run. */
export interface ReportedHeader {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly start: number;
  readonly agent: string;
  readonly configHash: string;
  readonly config: unknown;
  readonly interval: number;
  readonly planned: number | null;
  readonly host: Readonly<Record<string, string | number | null>>;
}

export interface ReportInput {
  readonly header: ReportedHeader;
  readonly phase: Report['run']['state'];
  readonly state: RunState;
  readonly verdict: Verdict;
  /** What the reader should know of how it was judged. */
  readonly notes?: readonly string[];
}

/** Judged series listed: those with a chart, and room for as many again. */
const SERIES_MAX = 1000;

/** Series whose fit is shown. To lay it through the points again takes a millisecond each; a live page asks for it once a minute. */
const FITS_MAX = 64;
const FITS_MAX_LIVE = 16;

export function reportOf({ header, phase, state, verdict: whole, notes = [] }: ReportInput): Report {
  const { shown, left } = shownSeries(state, whole);
  const labels = new Set(shown.map(seriesLabel));
  const listed = [...whole.series.filter(({ id }) => labels.has(id)), ...whole.series.filter(({ id }) => !labels.has(id))].slice(
    0,
    SERIES_MAX,
  );
  const kept = new Set(listed);
  const series = whole.series.filter((one) => kept.has(one));
  const known: Known = {
    state,
    judged: new Map(series.map((one, index) => [one.id, { index, series: one }])),
    evidence: evidenceOf(state, { ...whole, series }, shown, phase === 'running' ? FITS_MAX_LIVE : FITS_MAX),
    seconds: (at) => (parseRfc3339(at) ?? NaN) - header.start,
    limits: limitsOf(state, series),
  };
  const run = runOf(header, phase, state, notes);
  const indexes = new Map(shown.map((one, i) => [seriesLabel(one), i]));
  const span = { start: header.start, now: header.start + state.t };
  const { list, left: findingsLeft } = reportedFindings({ ...whole, series }, indexes, span);
  return {
    schema: REPORT_SCHEMA,
    sentence: sentenceOf(whole.outcome, whole.reasons, list, run),
    run,
    verdict: plainData({ ...whole, series, findings: inOrder(whole.findings).slice(0, list.length) }),
    findings: list,
    signals: shown.map((one) => signalOf(one, known)),
    pools: poolsOf(shown),
    timeline: timelineOf(state, whole, known.seconds),
    cost: costOf(state),
    config: configOf(header.config),
    reproduce: [
      `soak-agent report RUN   (RUN: the folder of run ${plainName(header.id)}; soak-agent ${plainName(header.agent)})`,
      'soak-agent replay RUN --json   (the same bytes as verdict.json)',
    ],
    left: { signals: left, series: whole.series.length - series.length, findings: findingsLeft },
  };
}

function runOf(header: ReportedHeader, state: Report['run']['state'], { t }: RunState, notes: readonly string[]): Report['run'] {
  const { id, start, planned, interval, agent, configHash, host } = header;
  return plainData({ id, state, start, t: rounded(t), planned, interval, agent, configHash, host, notes: notes.map(plainSentence) });
}

/** As JSON has it, so that a live run's is the one that its record has. */
function configOf(config: unknown): Report['config'] {
  const plain = plainData(JSON.parse(JSON.stringify(config ?? {})) as unknown);
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain) ? (plain as Report['config']) : {};
}

/** Of what is found and graded first, then of what decides. */
function evidenceOf(state: RunState, verdict: Verdict, shown: readonly Series[], most: number): Map<number, Explanation> {
  const told = new Set(verdict.findings.filter(({ outcome }) => outcome !== 'pass').flatMap(({ series }) => series));
  const judged = new Map(verdict.series.map((one) => [one.id, one]));
  const rank = (label: string): number => {
    const own = judged.get(label);
    if (own === undefined || own.slope === null) return Infinity;
    if (told.has(label)) return own.gated ? 0 : 1;
    return own.grade !== 'none' ? 2 : own.gated ? 3 : Infinity;
  };
  const wanted = shown
    .map(({ id, ...series }) => ({ id, rank: rank(seriesLabel(series)) }))
    .filter((one) => one.rank < Infinity)
    .toSorted((a, b) => a.rank - b.rank || a.id - b.id)
    .slice(0, most)
    .map(({ id }) => id)
    .toSorted((a, b) => a - b);
  const found = state.judge.explain(wanted, state);
  return new Map(wanted.flatMap((id, i) => (found[i] ? [[id, found[i]] as const] : [])));
}

/** The ceiling over time, and the limit that the judgement used where that is of a rule. */
function limitsOf(state: RunState, judged: Verdict['series']): (series: Series) => Signal['limits'] {
  const all = state.series.all().slice(0, state.store.size);
  const index = new LimitIndex(all);
  const byId = new Map(judged.map((one) => [one.id, one]));
  return (series) => {
    const ceiling = index.find(series);
    const history = ceiling
      ? limitHistory(state.store.bins(ceiling.id), state.store.value(ceiling.id), state.store.at(ceiling.id), ceiling.def.name)
      : [];
    const own = byId.get(seriesLabel(series))?.limit ?? null;
    const ruled = own !== null && own.value !== history.at(-1)?.value ? [{ t: 0, value: own.value, from: own.from }] : [];
    const listed = ruled.length > 0 ? ruled : history;
    return listed.map(({ t, value, from }) => ({ t: rounded(t), value, from: plainName(from) }));
  };
}
