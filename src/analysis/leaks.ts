/** What several signals show of one leak: the one closest to the code that leaks leads, the others move with it. */
import { formatDuration } from '../quantity.ts';
import { seriesLabel } from '../series.ts';
import { aboutBurdens, type Burden, burdensBeside } from './burden.ts';
import type { Classes } from './classes.ts';
import type { SeriesJudgement } from './judgement.ts';
import { inWords } from './sentence.ts';

export interface Leak {
  readonly lead: SeriesJudgement;
  /** Series of the same target that grow with it, whether they decide anything or not. */
  readonly others: readonly SeriesJudgement[];
}

/**
 * Aliases of what leads after a heap, which is a part of the process, and a pool, which names what was not given back: the role, whose parts
 * its processes are, then the process; of sockets those that nobody closes after the other side, then all; children that nobody waits for are
 * among all children. Descriptors may be any of them.
 */
const LEADS = ['memory.tree', 'memory.private', 'sockets.close_wait', 'sockets.outbound', 'zombies', 'children'];

/** Memory held and memory used for the same objects: overhead, fragmentation and shares of several members lie within this factor. */
const BYTES_FACTOR = 2;

/** Named in a sentence; the finding has them all. */
const NAMED_MAX = 3;

/** Series that decide nothing and are told of beside those that do: each is compared with each. The others are in the list of series. */
const ASIDE_MAX = 64;

/** The leaks behind the series that fail the run. */
export function leaksOf(series: readonly SeriesJudgement[]): Leak[] {
  return grouped(
    series.filter((judged) => judged.gate !== 'advisory' && judged.outcome === 'fail'),
    series,
    [],
  );
}

/** The leaks of targets that decide nothing, but what grows with one that does: advisory ones, and what is suspected and need not be conclusive. */
export function leaksAside(series: readonly SeriesJudgement[], leaks: readonly Leak[]): Leak[] {
  const ofTargets = series.filter(({ series: { def, target } }) => def.growth === 'leak' && target !== null);
  const grown = ofTargets.filter(growsAside).slice(0, ASIDE_MAX);
  return grouped(
    grown,
    grown,
    leaks.flatMap(({ lead, others }) => [lead, ...others]),
  );
}

function growsAside({ gate, outcome, grade, slope }: SeriesJudgement): boolean {
  if (slope === null || gate === 'required') return false;
  return (gate === 'advisory' && outcome === 'fail') || (outcome === 'inconclusive' && grade === 'suspected');
}

function grouped(leads: readonly SeriesJudgement[], series: readonly SeriesJudgement[], told: readonly SeriesJudgement[]): Leak[] {
  const taken = new Set<SeriesJudgement>(told);
  const ordered = leads.toSorted((a, b) => rankOf(a) - rankOf(b) || a.series.id - b.series.id);
  return ordered.flatMap((lead): Leak[] => {
    if (taken.has(lead)) return [];
    const others = series.filter((judged) => judged !== lead && !taken.has(judged) && isGrowing(judged) && movesWith(lead, judged));
    for (const judged of [lead, ...others]) taken.add(judged);
    return [{ lead, others }];
  });
}

function rankOf({ series }: SeriesJudgement): number {
  if (series.def.resource === 'heap' || series.def.growth === 'floor') return -1;
  const rank = LEADS.indexOf(series.def.alias ?? '');
  return rank < 0 ? LEADS.length : rank;
}

/** What else is known of a leak. */
export interface About {
  readonly classes: Classes;
  readonly burdens: readonly Burden[];
}

/** Where it is, and what shows it too; begins with a semicolon, or is empty. */
export function aboutLeak({ lead, others }: Leak, all: readonly SeriesJudgement[], { classes, burdens }: About): string {
  const where = WHERE[classes.of(lead) ?? ''] ?? '';
  const collector = all.find((judged) => judged.series.def.resource === 'collector' && isOfSame(judged, lead) && isGrowing(judged));
  const names = others.map(({ series }) => seriesLabel(series));
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  const parts = [
    where,
    classes.isPerRequest(lead) ? 'it grows by what is asked, not by time' : '',
    aboutBurdens(burdensBeside(lead, burdens)) || (where !== '' && collector ? 'collections take more and more time' : ''),
    names.length > 0 ? `with it grow ${names.slice(0, NAMED_MAX).join(', ')}${more}` : '',
    sooner(lead, others),
  ];
  return parts.map((part) => (part === '' ? '' : `; ${part}`)).join('');
}

/** A limit of another signal that is reached before that of the lead. */
function sooner(lead: SeriesJudgement, others: readonly SeriesJudgement[]): string {
  const reached = ({ exhaustion }: SeriesJudgement): number => exhaustion?.at ?? Infinity;
  const first = others.toSorted((a, b) => reached(a) - reached(b))[0];
  if (first === undefined || !(reached(first) < reached(lead)) || first.limit === null || first.judged === null) return '';
  const away = formatDuration(Math.max(0, reached(first) - first.judged.to));
  return `${seriesLabel(first.series)} reaches its limit of ${inWords(first.limit.value, first.series.def.unit)} sooner, in ${away}`;
}

const WHERE: Readonly<Record<string, string>> = {
  heap: 'it is in the heap of the runtime',
  native: 'it is outside the heap of the runtime: native memory, or an allocator that does not give back',
  'page cache': 'what it grew by are pages of files, which the kernel takes back when it needs the room',
  'arena ratchet':
    'it is as high as the highest load so far asked for, and does not fall with the load: likely an allocator or a pool that keeps its peaks',
};

export function isGrowing({ slope, outcome, grade }: SeriesJudgement): boolean {
  return slope !== null && (outcome === 'fail' || grade === 'confirmed' || grade === 'suspected');
}

/** The machine and the agent are no target, and nothing of one is held by the other. */
function isOfSame({ series: a }: SeriesJudgement, { series: b }: SeriesJudgement): boolean {
  return a.target === b.target && (a.target !== null || a.source === b.source);
}

/** Whether two series of one target may grow by the same things: as many, or as many bytes. */
export function movesWith(a: SeriesJudgement, b: SeriesJudgement): boolean {
  const [one, other] = [a.slope ?? a.floorRise, b.slope ?? b.floorRise];
  if (!isOfSame(a, b) || one === null || other === null) return false;
  const bytes = a.series.def.unit === 'By';
  if (bytes !== (b.series.def.unit === 'By') || (!bytes && !(isCount(a) && isCount(b)))) return false;
  const factor = bytes ? BYTES_FACTOR : 1;
  return one.lo <= factor * other.hi && other.lo <= factor * one.hi;
}

function isCount({ series }: SeriesJudgement): boolean {
  return series.def.unit.startsWith('{');
}

export function isHeap({ series, slope }: SeriesJudgement): boolean {
  return series.def.resource === 'heap' && slope !== null;
}
