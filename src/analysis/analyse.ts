/** The judgement: a pure function of the folded bins and of what is known beside them. */
import type { MetricDef } from '../catalog.ts';
import { MATTERS } from '../catalog.ts';
import { formatDuration } from '../quantity.ts';
import { type Series, seriesLabel } from '../series.ts';
import { judgeFloor } from './floor.ts';
import { CONFIDENCE, type Growth, growthOf, type Interval, isFull, unitOf } from './growth.ts';
import { nextBook, SPAN_UNLIMITED_S } from './grades.ts';
import type { AnalysisInput, Judgement, Outcome, SeriesInput, SeriesJudgement } from './judgement.ts';
import { longerLives, shortLifeOf } from './lives.ts';
import { isLoadTime, mayFollowLoad, mayHideGrowth, trendOfLoad } from './loadtrend.ts';
import { certifiableIn, hoursToSee } from './power.ts';
import { movedBefore } from './before.ts';
import { whyOf } from './sentence.ts';
import { BEYOND_SLACK_S, type Within, withinLives } from './within.ts';

const HOUR = 3600;

/** Half of what would reach the limit within the required life is what matters (contracts). */
const LIMIT_SHARE = 0.5;

/** A run fails for growth that is real by odds of 4:1 at its end. */
export const FAIL_SCORE = 1.4;

/** Advisory series that are examined in full in one analysis: 1,000 take 0.8 s, 10,000 would take as long as all of shutdown may. */
const ADVISORY_FULL_MAX = 1000;

export function analyse(input: AnalysisInput): Judgement {
  let full = ADVISORY_FULL_MAX;
  const series = input.series.map((one) => {
    const judged = judgeSeries(one, input, full > 0);
    if (judged.examined && one.gate === 'advisory') full--;
    return judged;
  });
  return { now: input.now, series };
}

/** Growth of a load explains others, and what has no meaning is only shown; neither is judged, though a rule may bound it. */
export function isJudged(series: Series): boolean {
  return isFitted(series) || series.def.growth === 'floor';
}

/** Judged by the slope at its end; what has a floor is judged by that alone, so that a series has one verdict. */
export function isFitted({ def, labels }: Series): boolean {
  if (Object.entries(def.growthOf ?? {}).some(([label, value]) => labels[label] !== value)) return false;
  return def.growth === 'leak' || def.growth === 'capacity' || def.growth === 'drift';
}

function judgeSeries(series: SeriesInput, input: AnalysisInput, full: boolean): SeriesJudgement {
  const { def, target } = series.series;
  const limit = series.limits.at(-1) ?? null;
  const work = target === null ? null : (input.work.get(target) ?? null);
  const end = Math.min(input.now, input.options.judgedUntil ?? Infinity);
  // What is lost stays lost, and a pool that has lost all its connections is why the work stopped.
  if (def.growth === 'floor') return judgeFloor(series, input, end);
  const until = Math.min(end, work?.stoppedAt ?? Infinity);
  const floorOf = floorOfSeries(series, input);
  const growth = isFitted(series.series) ? growthOf(series, input, until, floorOf, full) : null;
  const short = growth === null && isFitted(series.series) ? withinOf(series, input, until, floorOf) : null;
  const look = { now: input.now, plannedEnd: input.plannedEnd, final: input.options.final };
  const evidence = growth?.evidence ?? short?.within.evidence;
  const floor = growth?.floor ?? short?.floor ?? 0;
  const book = evidence === undefined ? series.book : nextBook(series.book, evidence, look, floor);
  const known = {
    series: series.series,
    gate: series.gate,
    limit: limit && { value: limit.value, from: limit.from },
    grade: book.grade,
    book,
  };
  if (growth !== null) return judgedByPoints(series, input, until, growth, known);
  if (short !== null) return judgedByLives(series, input, until, short, known);
  return { ...known, ...unknown(series, isFitted(series.series), until) };
}

type Known = Pick<SeriesJudgement, 'series' | 'gate' | 'limit' | 'grade' | 'book'>;
type Judged = Omit<SeriesJudgement, 'why'>;

/** What the outcome follows from, however the slope was found. */
interface Found {
  readonly interval: Interval;
  readonly floor: number;
  readonly score: number;
  /** Nothing else speaks against a pass. */
  readonly mayPass: boolean;
}

function judgedByPoints(series: SeriesInput, input: AnalysisInput, until: number, growth: Growth, known: Known): SeriesJudgement {
  const { stream, noise, floor } = growth;
  const interval = known.grade === 'confirmed' ? growth.going() : growth.interval;
  const level = levelNow(growth, known.grade, interval.perHour, until);
  const found = { interval, floor, score: growth.evidence.score, mayPass: growth.interval.hi < floor };
  const basis = basisOf(found, series, input, until, level, known);
  const byLoad = isOpenByLoad(growth, basis.outcome);
  const outcome = byLoad ? 'inconclusive' : basis.outcome;
  const judged: Judged = {
    ...basis,
    outcome,
    shape: shapeOf(growth),
    onset: growth.onset && { at: growth.onset.at * HOUR, lo: growth.onset.lo * HOUR, hi: growth.onset.hi * HOUR },
    smallestDetectablePerHour: certifiableIn(noise, until / HOUR),
    hoursToSettle: outcome === 'inconclusive' && !byLoad ? hoursToSettle(growth, known.limit !== null, until) : null,
    judged: { from: stream.from * HOUR, to: stream.to * HOUR },
    examined: isFull(growth.slope),
    noise,
  };
  const over = stream.lives > 1 ? `, over ${stream.lives} lives` : '';
  const doubt = series.noPass ?? (byLoad ? OPEN_BY_LOAD : null);
  const before = stream.lives > 1 ? null : movedBefore(series.bins, series.series.def.kind, stream.from * HOUR);
  return { ...judged, why: whyOf(judged, doubt, over, { value: lastOf(series, level), now: input.now, before }) };
}

const OPEN_BY_LOAD =
  'its load changed with the time alone, and what follows it looks like growth: a load that is steady, or goes up and down, would tell them apart';

/** What follows the load may be all of what grows, or less than is taken off; or it matters, and there may be as much growth. */
function isOpenByLoad({ stream, interval, floor }: Growth, outcome: Outcome): boolean {
  if (outcome === 'fail') return mayFollowLoad(stream);
  if (interval.hi < 0) return mayHideGrowth(stream);
  return interval.lo <= floor && interval.hi >= floor && isLoadTime(stream) && Math.abs(trendOfLoad(stream)) * unitOf(stream) > floor;
}

/** Of lives that are too short for its bins; of a total, whose own line must be flat besides, as more and more members are growth as well. */
function judgedByLives(series: SeriesInput, input: AnalysisInput, until: number, short: Short, known: Known): SeriesJudgement {
  const { within, life, floor, steady } = short;
  const interval = known.grade === 'confirmed' ? within.going() : within.interval;
  const found = { interval, floor, score: within.evidence.score, mayPass: within.interval.hi < floor && steady };
  const basis = basisOf(found, series, input, until, series.value, known);
  const judged: Judged = {
    ...basis,
    shape: plainShape(interval, floor),
    onset: null,
    smallestDetectablePerHour: within.detectable,
    hoursToSettle: null,
    judged: { from: within.from, to: within.to },
    examined: true,
    noise: null,
  };
  const doubt = steady ? doubtIn(within, longerLives(series, life, until)) : 'its processes do not grow, but their number may';
  const over = `, within ${within.lives} lives of ${formatDuration(life)}`;
  return { ...judged, why: whyOf(judged, series.noPass ?? doubt, over, { value: series.value, now: input.now, before: null }) };
}

function basisOf(
  { interval, floor, score, mayPass }: Found,
  series: SeriesInput,
  input: AnalysisInput,
  until: number,
  level: number,
  known: Known,
): Known & Pick<Judged, 'outcome' | 'level' | 'floorPerHour' | 'floorRise' | 'slope' | 'perRequest' | 'exhaustion'> {
  const { perHour, lo, hi } = interval;
  const limit = known.limit?.value ?? null;
  const exhaustion = exhaustionOf(level, interval, limit, until);
  const requests = series.series.target === null ? null : input.work.get(series.series.target)?.requestsPerHour;
  return {
    ...known,
    outcome: outcomeOf(series, input, { score, mayPass }, known.grade, limit, exhaustion, until),
    level,
    floorPerHour: floor,
    floorRise: null,
    slope: { perHour, lo, hi, confidence: CONFIDENCE },
    perRequest: requests ? perHour / requests : null,
    exhaustion,
  };
}

interface Short {
  readonly within: Within;
  /** Usual length of a life, seconds. */
  readonly life: number;
  readonly floor: number;
  /** Of a total: it does not grow as a whole. */
  readonly steady: boolean;
}

/** Null where lives are long enough to be seen in the bins, or too few have ended. */
function withinOf(series: SeriesInput, input: AnalysisInput, until: number, floorOf: (level: number) => number): Short | null {
  const life = shortLifeOf(series, until);
  if (life === null || Number.isNaN(series.value)) return null;
  const floor = floorOf(series.value);
  const members = Math.max(1, series.memberLives.length);
  const within = withinLives(series, series.ended(), members, life, floor);
  if (within === null) return null;
  const whole = members > 1 ? growthOf({ ...series, lives: [], memberLives: [] }, input, until, floorOf, false) : null;
  return { within, life, floor, steady: members === 1 || (whole !== null && whole.interval.hi < whole.floor) };
}

/** What speaks against what its lives show, and what would show more; null when nothing does. */
function doubtIn({ doubt }: Within, longer: string): string | null {
  if (doubt === 'fills') return `it slows down within a life, as what fills up does, and whether it ends is not known: ${longer}`;
  if (doubt === 'may slow') return `whether it goes on in a longer life is not known: ${longer}`;
  if (doubt === null) return null;
  return `in lives so short, what a collector leaves lying looks the same: lives of ${formatDuration(BEYOND_SLACK_S)} would tell`;
}

/** What grows is higher now than in the middle of the last stretch: half of that is 5 % of the run, and so much too late for its limit. */
function levelNow({ stream, interval }: Growth, grade: SeriesJudgement['grade'], perHour: number, until: number): number {
  const grows = grade === 'confirmed' || (grade === 'suspected' && interval.lo > 0);
  return stream.level + (grows ? perHour * (until / HOUR - stream.levelAt) : 0);
}

/** Of what is counted the last sample; of all else, which goes up and down besides, the level. */
function lastOf({ series: { def }, value }: SeriesInput, level: number): number {
  return def.unit.startsWith('{') && def.kind !== 'counter' ? value : level;
}

/** Not judged, or too little seen of it: an outcome, but no figures. */
function unknown(
  series: SeriesInput,
  judged: boolean,
  until: number,
): Omit<SeriesJudgement, 'series' | 'gate' | 'limit' | 'grade' | 'book'> {
  const nothing = { shape: null, floorPerHour: null, slope: null, floorRise: null, perRequest: null, onset: null, exhaustion: null };
  const rest = { smallestDetectablePerHour: null, hoursToSettle: null, judged: null, examined: false, noise: null };
  const level = Number.isNaN(series.value) ? null : series.value;
  if (!judged) return { ...nothing, ...rest, level, outcome: 'pass', why: 'only its level is judged, by rules' };
  const why = tooLittle(series, until);
  return { ...nothing, ...rest, level, outcome: 'inconclusive', why: series.noPass ? `${why}; ${series.noPass}` : why };
}

const UNCOLLECTED = ': there is one after each collection of the whole heap, which a longer run or a smaller heap brings';

function tooLittle(input: SeriesInput, until: number): string {
  const { series, bins, lives } = input;
  if (bins.length === 0) return `${seriesLabel(series)} has no sample yet${series.def.resource === 'heap' ? UNCOLLECTED : ''}`;
  const life = shortLifeOf(input, until);
  if (life !== null) {
    const why = `its processes live for ${formatDuration(life)}, too short to see growth within one`;
    return `whether ${seriesLabel(series)} grows is not known: ${why}: ${longerLives(input, life, until)}`;
  }
  const few = lives.length > 2 ? `too little time between restarts (${lives.length} lives)` : 'too few samples yet';
  return `${few} to judge growth of ${seriesLabel(series)}`;
}

/** Growth per hour that matters at a level. What is confirmed goes on to matter: a leak that raises its level raises no floor over itself. */
export function floorOfSeries({ series, limits, book }: SeriesInput, { requiredLifetime }: AnalysisInput): (level: number) => number {
  const confirmed = book.grade === 'confirmed' ? (book.floor ?? Infinity) : Infinity;
  return (level) => Math.min(floorPerHour(series.def, level, limits.at(-1)?.value ?? null, requiredLifetime), confirmed);
}

/** Growth per hour that matters: half of what would reach the limit in the required life, else what the metric declares. */
export function floorPerHour(def: MetricDef, level: number, limit: number | null, requiredLifetime: number): number {
  if (limit !== null && requiredLifetime > 0) return Math.max(0, (LIMIT_SHARE * (limit - level)) / (requiredLifetime / HOUR));
  const matters = def.matters ?? defaultMatters(def);
  return Math.max(matters.share * Math.abs(level), matters.perHour);
}

function defaultMatters({ unit, kind }: MetricDef): { share: number; perHour: number } {
  if (kind === 'counter') return MATTERS.rate;
  if (unit === 'By') return MATTERS.memory;
  return unit.startsWith('{') ? MATTERS.count : { share: 0.01, perHour: 0.001 };
}

/** Beyond a hundred years a limit is never reached. */
const NEVER_S = 100 * 8766 * HOUR;

function exhaustionOf(level: number, interval: Interval, limit: number | null, until: number): SeriesJudgement['exhaustion'] {
  if (limit === null || !(interval.perHour > 0)) return null;
  const room = Math.max(0, limit - level);
  const reached = (perHour: number): number => (perHour > 0 ? until + (room / perHour) * HOUR : Infinity);
  const [at, lo, hi] = [reached(interval.perHour), reached(interval.hi), reached(interval.lo)];
  return at < NEVER_S ? { at, lo, hi: hi < NEVER_S ? hi : null } : null;
}

function outcomeOf(
  { series, noPass }: SeriesInput,
  input: AnalysisInput,
  { score, mayPass }: Pick<Found, 'score' | 'mayPass'>,
  grade: SeriesJudgement['grade'],
  limit: number | null,
  exhaustion: SeriesJudgement['exhaustion'],
  until: number,
): Outcome {
  if (grade === 'confirmed') {
    if (score < FAIL_SCORE) return 'inconclusive';
    if (limit === null) return series.def.growth === 'capacity' ? 'inconclusive' : 'fail';
    const latest = exhaustion?.hi ?? Infinity;
    return latest - until <= input.requiredLifetime ? 'fail' : 'inconclusive';
  }
  const work = series.target === null ? null : input.work.get(series.target);
  const worked = work === null || work === undefined || work.steady;
  return mayPass && grade !== 'suspected' && worked && noPass === null ? 'pass' : 'inconclusive';
}

/** Odds of 20:1 over plain shapes before a bend is spoken of. */
const SHAPE_LEAD = 3;

function shapeOf({ slope, interval, floor }: Growth): string {
  const { kind } = slope.best;
  if (slope.lead > SHAPE_LEAD) {
    if (kind === 'step' || kind === 'line+step') return 'step';
    if (['fill', 'ramp', 'settle', 'log', 'line+settle'].includes(kind)) return 'bounded';
    if (kind === 'wave') return 'cycle';
    if (kind === 'late') return 'late';
    if (kind === 'work') return 'per request';
    if (kind === 'root') return 'slowing';
    if (kind === 'square') return 'accelerating';
    if (kind === 'knee') return slope.after > slope.before ? 'late' : 'slowing';
  }
  return plainShape(interval, floor);
}

function plainShape(interval: Interval, floor: number): string {
  if (interval.lo > floor) return 'linear';
  return interval.hi < -floor ? 'falling' : interval.hi < floor ? 'flat' : 'unclear';
}

/** To show that growth goes on takes 2.4 times as long as to show growth (research: the variance of the end slope is 16 times larger). */
const GOES_ON = 2.4;

/** Length of run that would tell: that a flat series is flat, or that growth goes on (with a limit: that it reaches it); null when none would. */
function hoursToSettle({ interval, floor, noise }: Growth, limited: boolean, until: number): number | null {
  const grows = interval.perHour > floor;
  const fails = limited ? floor / LIMIT_SHARE : floor;
  const distance = grows ? interval.perHour - fails : floor - Math.max(0, interval.perHour);
  const hours = distance > 0 ? hoursToSee(noise, distance) : null;
  if (hours === null) return null;
  const needed = grows ? Math.max(hours * GOES_ON, limited ? 0 : SPAN_UNLIMITED_S / HOUR / noise.share) : hours;
  return needed > until / HOUR ? needed : null;
}
