/** What decides the outcome of a run, one finding each: growth, broken rules, work, coverage, hidden heaps, blind signals, absent targets. */
import { formatDuration } from '../quantity.ts';
import { seriesLabel, type Series } from '../series.ts';
import { type At, finding, type Matters } from './finding.ts';
import type { BlindSpot } from './blind.ts';
import type { Classes } from './classes.ts';
import { aboutBurdens, type Burden, burdenFigures, burdensBeside, burdensOf } from './burden.ts';
import { isExhausted } from './exhausted.ts';
import { GATED_MAX, HEAP_HIDDEN } from './gates.ts';
import type { JudgeOptions, Outcome } from './judgement.ts';
import { type About, aboutLeak, type Leak, leaksAside, leaksOf } from './leaks.ts';
import type { JudgedState } from './round.ts';
import { recoveryFindings } from './recoveryfindings.ts';
import { ruleFindings } from './rulefindings.ts';
import { diagnosesOf } from './diagnosis.ts';
import { generatorFindings, isOfGenerator } from './generator.ts';
import { idleFindings } from './idlefloor.ts';
import { outageFindings } from './outages.ts';
import { poolFindings } from './pools.ts';
import type { LoadEnded } from './loadend.ts';
import { clockTime, inWords } from './sentence.ts';
import { isOfServer } from './servers.ts';
import { targetEndFindings } from './targetend.ts';
import type { Breach } from './thresholds.ts';
import type { Finding } from './verdict.ts';
import type { Work } from './work.ts';

/** Contracts: below this the run is inconclusive. */
const COVERAGE_MIN = 0.9;

export function breachesOf(series: Series, { breaches }: Pick<Matters, 'breaches'>): Breach[] {
  return breaches.filter((breach) => breach.series === series.id);
}

/** In order of weight: what fails, then what is open. `matters.blind` holds only signals that must be seen. */
export function findingsOf(matters: Matters, classes: Classes, state: JudgedState, options: JudgeOptions, at: At): Finding[] {
  const generators = generating(matters, options, at);
  const leaks = leaksOf(matters.series);
  const burdens = burdensOf(matters.series, state.store);
  const about = { classes, burdens };
  return [
    ...generators,
    ...growing(leaks, matters, about, at).map((one) => (generators.length > 0 ? doubted(one, matters) : one)),
    ...exhausted(matters, at),
    ...pools(leaks, matters, about, state, options, at),
    ...outages(matters, at),
    ...recoveries(matters, state, options, at),
    ...ruleFindings(matters, state, options, at),
    ...loads(matters, state, at),
    ...ended(matters, options, at),
    ...unworked(matters, at),
    ...uncovered(matters),
    ...matters.blind.map((spot) => blindFinding(spot, at)),
    ...missing(matters, options),
    ...open(matters, burdens, at),
    ...beyond(matters, at),
    ...aside(leaks, matters, state, options, at),
    ...diagnoses(matters, state),
    ...costly(burdens, at),
    ...idle(matters, state, at),
  ];
}

function idle({ series }: Matters, { store, timeline, t }: JudgedState, at: At): Finding[] {
  return idleFindings(series, timeline.phases, store, t).map(({ series: name, target, why, from, to, evidence }) =>
    finding('idle', name, 'pass', why, { target, series: [name], from: at(from), to: at(to), evidence }),
  );
}

function generating({ series }: Matters, { generators }: JudgeOptions, at: At): Finding[] {
  return generatorFindings(series, generators).map(({ role, series: own, why, from, evidence }) =>
    finding('generator', own.join(' '), 'pass', why, { target: role, series: own, from: from === null ? null : at(from), evidence }),
  );
}

/** What only a sick generator has measured is not held against the service. */
function doubted(one: Finding, { series }: Matters): Finding {
  const lead = series.find((judged) => seriesLabel(judged.series) === one.series[0]);
  if (lead === undefined || !isOfGenerator(lead.series.def.name)) return one;
  return { ...one, outcome: 'inconclusive', why: `${one.why}; the load generator itself is not well, so look at it first` };
}

function diagnoses(matters: Matters, { series, store, t }: JudgedState): Finding[] {
  const all = series.all().slice(0, store.size);
  return diagnosesOf({ series: matters.series, work: matters.work, all, store, now: t }).map(
    ({ pattern, target, series: own, why, evidence }) =>
      finding('diagnosis', `${pattern} ${target ?? 'run'}`, 'pass', why, { target, series: own, evidence }),
  );
}

function growing(leaks: readonly Leak[], { series }: Matters, about: About, at: At): Finding[] {
  const own = leaks.filter(({ lead }) => lead.series.def.growth !== 'floor'); // a pool is told as such
  return own.map((leak) => {
    const judged = leak.lead;
    const { slope, level, limit, floorPerHour, onset } = judged;
    const from = onset?.at ?? judged.judged?.from ?? null;
    return finding('leak', seriesLabel(judged.series), 'fail', judged.why + aboutLeak(leak, series, about), {
      target: judged.series.target,
      series: [judged, ...leak.others].map((one) => seriesLabel(one.series)),
      from: from === null ? null : at(from),
      to: judged.judged && at(judged.judged.to),
      evidence: {
        perHour: slope?.perHour ?? null,
        lo: slope?.lo ?? null,
        hi: slope?.hi ?? null,
        level,
        limit: limit?.value ?? null,
        limitFrom: limit?.from ?? null,
        floorPerHour,
        perRequest: judged.perRequest,
        ...burdenFigures(burdensBeside(judged, about.burdens)),
      },
    });
  });
}

function exhausted({ series }: Matters, at: At): Finding[] {
  return series
    .filter((judged) => judged.outcome !== 'fail' && isExhausted(judged))
    .map(({ series: own, level, limit, judged }) => {
      const name = seriesLabel(own);
      const why = `${name} has reached its limit of ${inWords(limit!.value, own.def.unit)} (${limit!.from}) and stays there: there is no room left to grow`;
      const evidence = { level, limit: limit!.value, limitFrom: limit!.from };
      return finding('leak', name, 'fail', why, { target: own.target, series: [name], from: judged && at(judged.from), evidence });
    });
}

function pools(
  leaks: readonly Leak[],
  matters: Matters,
  about: About,
  { series, store, t }: JudgedState,
  { plannedEnd }: JudgeOptions,
  at: At,
): Finding[] {
  const all = series.all().slice(0, store.size);
  return poolFindings(matters, { all, store, t }, plannedEnd).map(({ kind, fails, series: pool, why, from, to, evidence }) => {
    const leak = kind === 'pool_leak' ? leaks.find(({ lead }) => lead.series === pool) : undefined;
    const others = leak?.others ?? [];
    return finding(kind, seriesLabel(pool), fails ? 'fail' : 'pass', leak ? why + aboutLeak(leak, matters.series, about) : why, {
      target: pool.target,
      series: [seriesLabel(pool), ...others.map((one) => seriesLabel(one.series))],
      from: from === null ? null : at(from),
      to: to === null ? null : at(to),
      evidence,
    });
  });
}

function outages(matters: Matters, at: At): Finding[] {
  return outageFindings(matters.outages).map(({ target, server, fails, why, from, to, evidence }) =>
    finding('outage', `${target} ${server} ${clockTime(from)}`, fails ? 'fail' : 'pass', why, {
      target,
      from: at(from),
      to: to === null ? null : at(to),
      evidence,
    }),
  );
}

/** Required series that say neither; what is suspected before what only needs time, of which a role of 32 members has 32. */
function open({ series }: Matters, burdens: readonly Burden[], at: At): Finding[] {
  const undecided = series
    .filter((judged) => judged.gate === 'required' && judged.outcome === 'inconclusive' && !isExhausted(judged))
    .toSorted((a, b) => Number(b.grade === 'suspected') - Number(a.grade === 'suspected'));
  return undecided.map((judged) => {
    const kind = judged.why.includes(HEAP_HIDDEN) ? 'heap' : 'leak';
    return finding(kind, seriesLabel(judged.series), 'inconclusive', judged.why, {
      target: judged.series.target,
      series: [seriesLabel(judged.series)],
      from: judged.judged && at(judged.judged.from),
      to: judged.judged && at(judged.judged.to),
      evidence: {
        hi: judged.slope?.hi ?? null,
        floorPerHour: judged.floorPerHour,
        hoursToSettle: judged.hoursToSettle,
        ...burdenFigures(burdensBeside(judged, burdens)),
      },
    });
  });
}

/** Growth that would decide if fewer series did: not a failure, because so many may fail by chance, but no pass either. */
function beyond({ series, left }: Matters, at: At): Finding[] {
  const growing = series.filter((judged) => judged.outcome === 'fail' && left.has(judged.series.id));
  return growing.map((judged) =>
    finding('leak', seriesLabel(judged.series), 'inconclusive', `${judged.why}; it is beyond the ${GATED_MAX} series that decide`, {
      target: judged.series.target,
      series: [seriesLabel(judged.series)],
      from: judged.judged && at(judged.judged.from),
      to: judged.judged && at(judged.judged.to),
      evidence: { perHour: judged.slope?.perHour ?? null, lo: judged.slope?.lo ?? null, hi: judged.slope?.hi ?? null },
    }),
  );
}

/** Growth that decides nothing: shared memory, of which a buffer of fixed size is filled, what is told by a program itself, and what is only suspected. */
function aside(
  leaks: readonly Leak[],
  { series, left }: Matters,
  state: JudgedState,
  { generators = [] }: JudgeOptions,
  at: At,
): Finding[] {
  const shared = sharedGroups(state);
  const own = series.filter(({ series: { id, target, source } }) => {
    const isOthers = target !== null && (generators.includes(target) || (source === 'cgroup' && shared.has(target)));
    return !isOthers && !left.has(id);
  });
  return leaksAside(own, leaks).map(({ lead, others }) =>
    finding(
      'leak',
      seriesLabel(lead.series),
      'pass',
      `${lead.why}; ${lead.gate === 'advisory' ? 'it is advisory and decides nothing' : 'it decides nothing yet'}`,
      {
        target: lead.series.target,
        series: [lead, ...others].map((one) => seriesLabel(one.series)),
        from: lead.judged && at(lead.judged.from),
        to: lead.judged && at(lead.judged.to),
        evidence: { perHour: lead.slope?.perHour ?? null, lo: lead.slope?.lo ?? null, hi: lead.slope?.hi ?? null },
      },
    ),
  );
}

/** Targets in whose control group others are, too: what grows there may be theirs. */
function sharedGroups({ series, store }: JudgedState): Set<string> {
  const others = series.all().filter(({ def, id }) => def.name === 'soak.container.process.foreign' && store.value(id) > 0);
  return new Set(others.flatMap(({ target }) => target ?? []));
}

/** Worth a word of its own, also beside memory that has room: the next run is slower. */
function costly(burdens: readonly Burden[], at: At): Finding[] {
  return [...Map.groupBy(burdens, ({ judged }) => judged.series.target)].map(([target, own]) => {
    const [{ judged }] = own as [Burden, ...Burden[]];
    const why = `work gets dearer: in ${target ?? 'the run'} ${aboutBurdens(own)}; likely memory that is nearly full, or work on something that grows`;
    return finding('diagnosis', `cost ${target ?? 'run'}`, 'pass', why, {
      target,
      series: own.map((one) => seriesLabel(one.judged.series)),
      from: judged.judged && at(judged.judged.from),
      to: judged.judged && at(judged.judged.to),
      evidence: burdenFigures(own),
    });
  });
}

function recoveries({ disturbances, unfollowed }: Matters, { series: table, t }: JudgedState, { rules }: JudgeOptions, at: At): Finding[] {
  return recoveryFindings(disturbances, rules, { table, now: t, unfollowed }).map(({ name, series, outcome, why, from, to, evidence }) =>
    finding('recovery', name, outcome, why, {
      target: series[0]?.target ?? null,
      series: series.map(seriesLabel),
      from: at(from),
      to: to === null ? null : at(to),
      evidence,
    }),
  );
}

/** A failure that somebody asked for: what a tool finds broken by its own thresholds. Of a load that was cut off nobody knows the rest. */
function loads({ loadEnds }: Matters, state: JudgedState, at: At): Finding[] {
  return loadEnds.map((end) =>
    finding('load', clockTime(end.at), outcomeOfLoad(end, state), `the load: ${end.message}${aboutFailures(end, state)}`, {
      from: at(end.at),
      evidence: { class: end.class, tool: end.tool },
    }),
  );
}

/** Some failed requests are for the rules to weigh, provided that there was a load. */
function outcomeOfLoad({ class: how }: LoadEnded, state: JudgedState): Outcome {
  if (how === 'failures') return hasTraffic(state) ? 'pass' : 'inconclusive';
  return how === 'thresholds' ? 'fail' : 'inconclusive';
}

function aboutFailures({ class: how }: LoadEnded, state: JudgedState): string {
  if (how !== 'failures') return '';
  return hasTraffic(state)
    ? '; how many requests may fail is for rules such as errors rate < 1% to say'
    : '; no traffic of it was seen, so that it may never have begun';
}

function hasTraffic({ series, store }: JudgedState): boolean {
  const all = series.all().slice(0, store.size);
  return all.some(({ def, id }) => def.name === 'soak.traffic.requests' && store.value(id) > 0);
}

function ended({ targetEnds }: Matters, options: JudgeOptions, at: At): Finding[] {
  return targetEndFindings(targetEnds, options).map(({ role, outcome, why, at: from, exitCode, signal }) =>
    finding('target', `${role} ended`, outcome, why, { target: role, from: at(from), evidence: { exitCode, signal } }),
  );
}

function unworked({ work }: Matters, at: At): Finding[] {
  return [...work].flatMap(([target, { signal, steady, stoppedAt, ended, refusedBy }]) => {
    if (stoppedAt !== null) {
      const what = WORK_ENDED[ended ?? 'gone'](refusedBy);
      const why = `${target}: ${what} at ${clockTime(stoppedAt)}, ${formatDuration(stoppedAt)} judged (by ${signal})`;
      return [finding('work', target, 'inconclusive', why, { target, from: at(stoppedAt), evidence: { signal, ended, refusedBy } })];
    }
    if (steady) return [];
    const why =
      signal === null
        ? `${target}: nothing that shows work can be read, and an idle program passes everything`
        : ended === 'refused'
          ? `${target}: most of its answers were errors${byClass(refusedBy)}; who refuses everything has nothing to leak`
          : `${target}: no steady work was seen (by ${signal}); an idle program passes everything, so this one cannot${counting(signal)}`;
    return [finding('work', target, 'inconclusive', why, { target, evidence: { signal, ended, refusedBy } })];
  });
}

/** What works on little of a core, or costs ever less, is seen by its requests alone. */
function counting(signal: string): string {
  return signal === 'requests' ? '' : '; if it did work, its requests show it where they are counted';
}

const WORK_ENDED: Readonly<Record<NonNullable<Work['ended']>, (refusedBy: string | null) => string>> = {
  gone: () => 'work stopped',
  faded: () => 'its load fell to less than a fifth',
  refused: (refusedBy) => `its answers became errors${byClass(refusedBy)}, which are no work,`,
  halved: () => 'its load fell to less than half',
};

/** `http_401` as ` (401)`. */
function byClass(refusedBy: string | null): string {
  return refusedBy === null ? '' : ` (${refusedBy.replace(/^http_/, '')})`;
}

function uncovered({ coverage }: Matters): Finding[] {
  if (coverage === null) return [finding('target', 'none', 'inconclusive', 'no sample of any target was taken')];
  if (coverage >= COVERAGE_MIN) return [];
  const percent = (share: number): string => `${Math.floor(share * 100)} %`;
  const why = `only ${percent(coverage)} of the samples were taken, and ${percent(COVERAGE_MIN)} are needed`;
  return [finding('coverage', 'run', 'inconclusive', why, { evidence: { coverage } })];
}

/** What every target must show, any one of each list (contracts): memory or the heap, and descriptors. */
const MUST_SHOW = [['memory.private', 'heap', 'memory.tree'], ['fds']] as const;

/** A required signal that no source has told of, not even that it is blind: a run without it must not pass for want of a series. */
function missing({ series, work, blind }: Matters, { required, generators = [] }: JudgeOptions): Finding[] {
  const isWatched = ({ series: { source, target } }: Matters['series'][number]): boolean =>
    source === 'process' && !(target !== null && generators.includes(target));
  if (!series.some(isWatched)) return withoutProcesses(series, required);
  // A gauge of a server is nobody else's to show.
  const shown = new Set(series.filter((judged) => isOfServer(judged.series)).flatMap(({ series: { def } }) => [def.alias, def.name]));
  const lists: readonly (readonly string[])[] = [...MUST_SHOW, ...required.filter((name) => !shown.has(name)).map((name) => [name])];
  const known = new Map([...work.keys()].map((target) => [target, new Set<string>()]));
  for (const { series: one } of series) {
    const own = one.target === null ? undefined : known.get(one.target);
    own?.add(one.def.name);
    if (one.def.alias !== undefined) own?.add(one.def.alias);
  }
  return [...known].flatMap(([target, own]) => {
    const absent = lists.filter((names) => !names.some((name) => own.has(name)));
    if (blind.some((spot) => spot.target === target)) return [];
    return absent.map(([name]) =>
      finding('target', `${target} ${name}`, 'inconclusive', `${name} of ${target} must be seen and was never sampled`, { target }),
    );
  });
}

/** Pages tell what a program chose to tell: what of it certifies the run is for the user to say. */
function withoutProcesses(series: Matters['series'], required: readonly string[]): Finding[] {
  const why =
    'no process was seen, so neither memory nor descriptors are judged; --require says which signals of the pages must be instead';
  if (required.length === 0) return [finding('target', 'none', 'inconclusive', why)];
  const shown = new Set(series.flatMap(({ series: { def } }) => [def.alias, def.name]));
  const absent = required.filter((name) => !shown.has(name));
  return absent.map((name) => finding('target', name, 'inconclusive', `${name} must be seen and was never sampled`));
}

function blindFinding({ target, metric, reason, at: since }: BlindSpot, at: At): Finding {
  const why = `${metric} of ${target ?? 'the host'} must be seen and cannot be read: ${reason}`;
  return finding('target', `${target ?? 'host'} ${metric}`, 'inconclusive', why, { target, from: at(since), evidence: { metric, reason } });
}
