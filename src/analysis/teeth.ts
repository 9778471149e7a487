/**
 * Teeth of a sawtooth: a climb that ends in a sudden fall, which gives back what the climb had gained: a log that is rotated, a cache that is
 * emptied, workers that are replaced, a collector that waits. A line with one step down explains two teeth, too, and each climb by itself
 * is as steep as a leak; but what was given back before will be given back again. Only what rises from tooth to tooth is growth: the
 * floors from which they climb, or a climb that goes beyond every earlier top.
 */
import { clearEdges, type Edge } from './excursions.ts';
import { median } from './stats.ts';

/** Fewer points tell no tooth from noise. */
const POINTS_MIN = 12;
/** Of a climb, to know its pace. */
const CLIMB_MIN = 3;
/**
 * A climb gains at least this share of what was given back: a level that merely changed is no tooth. Of a daily tooth a day shows half before
 * its fall or half after it, less what is left out as warm-up.
 */
const GAINED = 0.4;
/** Teeth are alike: a climb before a fall is at least this share as steep as the newest. */
const AS_STEEP = 0.5;
/** Of the height of a tooth: by so much more than every earlier one the newest may climb, and a floor may lie above the floors before. */
const HIGHER = 0.5;
const RAISED = 0.1;

interface Tooth {
  /** First point of the climb, and the last before the fall. */
  readonly from: number;
  readonly to: number;
  readonly floor: number;
  readonly top: number;
  /** Per point. */
  readonly pace: number;
}

/** Whether the newest climb is a tooth like those before it, on floors that do not rise. Of the points of one life, at about equal distances. */
export function isTooth(y: Float64Array): boolean {
  if (y.length < POINTS_MIN) return false;
  const falls = clearEdges(y).filter((edge) => !edge.up);
  if (falls.length === 0) return false;
  const teeth = teethOf(y, falls);
  // What has just begun to climb says nothing yet: the one before is the newest.
  if (teeth.at(-1)!.pace === 0) teeth.pop();
  const newest = teeth.pop()!;
  const last = teeth.at(-1);
  if (last === undefined) return false;
  const height = Math.max(...teeth.map((tooth) => tooth.top)) - newest.floor;
  const gained = Math.max(...[...teeth, newest].map(({ from, to, pace }) => pace * (to - from)));
  const steep = Math.max(...teeth.map((tooth) => tooth.pace));
  if (!(newest.pace > 0) || gained < GAINED * (last.top - newest.floor) || steep < AS_STEEP * newest.pace) return false;
  return newest.top < newest.floor + (1 + HIGHER) * height && newest.floor - floorBefore(teeth) < RAISED * height;
}

/** The climbs between falls, the newest last. */
function teethOf(y: Float64Array, falls: readonly Edge[]): Tooth[] {
  const starts = [0, ...falls.map(({ end }) => end)];
  return starts.map((from, i) => {
    const to = falls[i]?.first ?? y.length - 1;
    return { from, to, floor: lowest(y, from), top: highest(y, to), pace: paceOf(y, from, to) };
  });
}

/** The block in which it fell has some of both, and so may its neighbour. */
function lowest(y: Float64Array, from: number): number {
  return Math.min(y[from]!, y[from + 1] ?? Infinity);
}

function highest(y: Float64Array, to: number): number {
  return Math.max(y[to]!, y[to - 1] ?? -Infinity);
}

function paceOf(y: Float64Array, from: number, to: number): number {
  return to - from < CLIMB_MIN ? 0 : median(Float64Array.from({ length: to - from }, (_, i) => y[from + i + 1]! - y[from + i]!));
}

/** Where the first tooth began is known only when it is not the one that was going on when judging began. */
function floorBefore(teeth: readonly Tooth[]): number {
  return (teeth[1] ?? teeth[0]!).floor;
}
