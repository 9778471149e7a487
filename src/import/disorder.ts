/** What is told of times that do not follow each other in a file. */
import { rfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import type { Dataset } from './dataset.ts';
import { coverageOf } from './coverage.ts';
import type { Fed } from './feed.ts';
import { backsOf, type Order, type Step } from './steps.ts';

/** Rows in the order of the file. */
interface Recorded {
  readonly times: Float64Array;
  readonly lineOf: (row: number) => number;
  readonly axis: Dataset['axis'];
}

/** Steps that are told one by one. */
const TOLD_MAX = 5;

const HOUR_S = 3600;

/** Why rows are not one recording: what is the matter at the line where it begins, and what can be done. */
export function whyRefused(order: Exclude<Order, { kind: 'steps' }>, { times, axis }: Recorded): string {
  const by = formatDuration(times[order.at - 1]! - times[order.at]!);
  if (order.kind === 'clocks')
    return `the time goes back ${by} here, and the rows of several clocks take turns from here on: ${order.count} of ${times.length} are behind the others, and go on by themselves; give each source a file of its own`;
  const zone = axis.local === true ? ', with their zone' : '';
  return `the time goes back ${by} here, ${fromTo(order.at, { times, axis })}, and the rows run on over time that has rows already: a second recording, or a clock that was set; analyse the parts before and after this line separately, or mend the times${zone}`;
}

export function notesOf(steps: readonly Step[], recorded: Recorded): string[] {
  const told = steps.slice(0, TOLD_MAX).map((step) => stepNote(step, recorded));
  const more = steps.length > TOLD_MAX ? [`the clock steps back ${steps.length - TOLD_MAX} more times`] : [];
  return [...told, ...more, ...sortedNote(steps, recorded)];
}

function stepNote({ at, size }: Step, recorded: Recorded): string {
  const saving = recorded.axis.local === true && size === HOUR_S ? ', as where daylight saving ends' : '';
  const by = formatDuration(size);
  return `line ${recorded.lineOf(at)}: the clock steps back ${by}, ${fromTo(at, recorded)}${saving}; the rows run on, so that all times from there on are ${by} later here than in the file`;
}

/** Where a row an hour shows no step. */
export function hourNotes(again: readonly { readonly line: number; readonly time: number }[], { kind }: Dataset['axis']): string[] {
  return again.map(
    ({ line, time }) =>
      `line ${line}: ${told(time, kind)} comes twice, as where daylight saving ends; the rows run on, so that all times from there on are 1h later here than in the file`,
  );
}

/** What went back and is no step. */
function sortedNote(steps: readonly Step[], { times, lineOf }: Recorded): string[] {
  const known = new Set(steps.map(({ at }) => at));
  const late = backsOf(times).filter((i) => !known.has(i));
  const [first] = late;
  if (first === undefined) return [];
  const by = formatDuration(times[first - 1]! - times[first]!);
  const line = lineOf(first) > 0 ? `line ${lineOf(first)}` : 'a point';
  const where = late.length === 1 ? `${line} goes back ${by}` : `${late.length} go back, ${line} the first, by ${by}`;
  return [`the rows were not in order of time (${where}); they were sorted`];
}

export function gapNotes(fed: Fed, { kind, local }: Dataset['axis']): string[] {
  if (fed.longestGap === null) return [];
  const { from, to, line } = fed.longestGap;
  const one = fed.gaps === 1 ? '1 gap in the data,' : `${fed.gaps} gaps in the data, the longest`;
  const place = line === null ? '' : ` before line ${line},`;
  const saving =
    local === true && Math.abs(to - from - fed.step - HOUR_S) <= fed.step / 2 ? ', an hour as where daylight saving begins' : '';
  const covered = Math.floor((coverageOf(fed) ?? 1) * 100);
  return [
    `${one} of ${formatDuration(to - from)}${place} from ${told(from, kind)} to ${told(to, kind)}${saving}; the data covers ${covered} % of its time`,
  ];
}

function fromTo(at: number, { times, axis: { kind } }: Pick<Recorded, 'times' | 'axis'>): string {
  return `from ${told(times[at - 1]!, kind)} to ${told(times[at]!, kind)}`;
}

function told(time: number, kind: 'wall' | 'elapsed'): string {
  return kind === 'wall' ? (rfc3339(time) ?? '').slice(0, 19).replace('T', ' ') : `${time} s`;
}
