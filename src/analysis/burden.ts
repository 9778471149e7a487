/**
 * What memory that is full costs. A heap at its limit stays flat: what it leaks is paid for in collections, and so in CPU time per request.
 * Memory that is flat while these climb has proved nothing (decision 30).
 */
import type { Store } from '../store.ts';
import { endsOf } from './ends.ts';
import type { SeriesJudgement } from './judgement.ts';
import { inWords } from './sentence.ts';

/** A cost that has climbed: the means of its first and of its last tenth. */
export interface Burden {
  readonly judged: SeriesJudgement;
  readonly from: number;
  readonly to: number;
}

/** In the order of what says most. */
const COSTS = ['collections', 'cpu.per_request'];

/** Less time in collections is nobody's trouble (tuning guides begin to worry between 5 and 10 %). */
const SHARE_MIN = 0.05;

/** What climbed and is not up by a quarter at the end was a visit. */
const DEARER = 1.25;

/** Memory that is this near to its limit may be full. */
const FULL = 0.8;

/** Costs that have certainly climbed and are still up; a heap that is full as can be costs no more than before. */
export function burdensOf(series: readonly SeriesJudgement[], store: Store): Burden[] {
  const climbed = series.filter((judged) => isCost(judged.series.def.alias) && wasConfirmed(judged));
  return climbed
    .flatMap((judged) => {
      const ends = judged.judged && endsOf(store.bins(judged.series.id), judged.judged);
      return ends !== null && ends.to >= DEARER * ends.from ? [{ judged, ...ends }] : [];
    })
    .toSorted((a, b) => COSTS.indexOf(a.judged.series.def.alias!) - COSTS.indexOf(b.judged.series.def.alias!));
}

/** Those of the same program as some memory; of anything else none. */
export function burdensBeside(memory: SeriesJudgement, all: readonly Burden[]): Burden[] {
  return isMemory(memory) ? all.filter(({ judged }) => isOfSame(judged.series, memory.series)) : [];
}

/** `collections take 4 % → 31 % of the time and a request takes 12 ms → 19 ms of CPU time`; empty without any. */
export function aboutBurdens(burdens: readonly Burden[]): string {
  const shares = burdens.filter(isShare).map(({ from, to }) => `collections take ${inWords(from, '1')} → ${inWords(to, '1')} of the time`);
  const costs = burdens
    .filter((one) => !isShare(one))
    .map(({ from, to }) => `a request takes ${inWords(from, 's')} → ${inWords(to, 's')} of CPU time`);
  return [...shares.slice(0, 1), ...costs.slice(0, 1)].join(' and ');
}

/** The same as figures. */
export function burdenFigures(burdens: readonly Burden[]): Record<string, number> {
  const [share, cost] = [burdens.find(isShare), burdens.find((one) => !isShare(one))];
  return {
    ...(share && { collectionsFrom: share.from, collectionsTo: share.to }),
    ...(cost && { cpuPerRequestFrom: cost.from, cpuPerRequestTo: cost.to }),
  };
}

/** Memory that would pass for being flat does not while it may be full and its price climbs: it is open. */
export function withoutFull(series: readonly SeriesJudgement[], burdens: readonly Burden[]): readonly SeriesJudgement[] {
  if (burdens.length === 0) return series;
  return series.map((judged) => {
    const beside = judged.gate !== 'advisory' && judged.outcome === 'pass' ? burdensBeside(judged, burdens) : [];
    if (!beside.some((one) => (isShare(one) ? isHeavy(one, judged, series) : isDear(judged, series)))) return judged;
    const why = `${judged.why}; but ${aboutBurdens(beside)}: memory that is full stays flat and leaks into CPU, so this proves nothing`;
    return { ...judged, outcome: 'inconclusive', why };
  });
}

/** A heap that is known to have room is not full, whatever its collector does. */
function isHeavy({ to }: Burden, judged: SeriesJudgement, all: readonly SeriesJudgement[]): boolean {
  const heaps = all.filter(({ series }) => series.def.resource === 'heap' && isOfSame(series, judged.series));
  const hasRoom = heaps.some(({ level, limit }) => level !== null && limit !== null && level < FULL * limit.value);
  return to >= SHARE_MIN && !hasRoom;
}

/** CPU time may climb for many reasons: only beside memory that is at its limit, or has grown and stopped, and when nobody tells of collections. */
function isDear(judged: SeriesJudgement, all: readonly SeriesJudgement[]): boolean {
  const { series, level, limit } = judged;
  const toldOfCollections = all.some((one) => one.series.def.alias === COSTS[0] && one.slope !== null && isOfSame(one.series, series));
  const isNear = level !== null && limit !== null && level >= FULL * limit.value;
  return !toldOfCollections && (isNear || wasConfirmed(judged));
}

/** At any look so far. */
function wasConfirmed({ book }: SeriesJudgement): boolean {
  return book.history.some(({ grade }) => grade === 'confirmed');
}

function isOfSame(a: SeriesJudgement['series'], b: SeriesJudgement['series']): boolean {
  return a.target === b.target && (a.member === b.member || a.member === null || b.member === null);
}

function isMemory({ series }: SeriesJudgement): boolean {
  return series.def.resource === 'memory' || series.def.resource === 'heap';
}

function isShare({ judged }: Burden): boolean {
  return judged.series.def.alias === COSTS[0];
}

function isCost(alias: string | undefined): boolean {
  return alias !== undefined && COSTS.includes(alias);
}
