/** When nobody watched: gaps of the merged run, and of a role while others were watched. */
import { missedAfter } from '../continuity.ts';
import { formatDuration } from '../quantity.ts';
import type { RunEvent } from '../tick.ts';
import type { Span } from '../timeline.ts';
import type { Part } from './parts.ts';

/** What one agent tells of a gap is that of all when it begins and ends there. */
const SAME_S = 1;

/** Agents that are stopped together end within this time, the last ones of a role before those of others. */
const ENDING_S = 30;

/** Who watched before and who watched after are two agents, of which each may have been told of another load. */
const BETWEEN = { agents: 'others' } as const;

/** After a hole counting begins anew, as after a single agent was started again: what was counted meanwhile belongs to no moment. */
export function holeEvents(parts: readonly Part[], holes: readonly Span[], interval: number): RunEvent[] {
  const ofRun = holes.flatMap(({ from, to }): RunEvent[] => {
    const event = { t: to, target: null, member: null };
    const own = parts.flatMap((part) => gapsOf(part)).find((gap) => isSame(gap, { from, to }));
    const message = own?.message ?? `no agent was there for ${formatDuration(to - from)}`;
    const gap = { ...event, kind: 'gap', message, data: own === undefined ? { from, ...BETWEEN } : { ...own.data, from } } as const;
    const isStarted = own === undefined || parts.some((part) => isResumedAt(part, to));
    return isStarted ? [{ ...event, kind: 'run_resume', message: 'an agent was there again', data: {} }, gap] : [gap];
  });
  const end = endOf(parts);
  const roles = [...new Set(parts.flatMap(({ config }) => config.targets.map(({ role }) => role)))];
  const ofRoles = roles.flatMap((target) => {
    const watching = parts.filter(({ config }) => config.targets.some(({ role }) => role === target));
    return holesIn(watching, end, interval)
      .filter((one) => !holes.some((hole) => isSame(hole, one)))
      .map(({ from, to }): RunEvent => {
        const message = `no agent watched ${target} for ${formatDuration(to - from)}`;
        return { t: to, kind: 'gap', target, member: null, message, data: { from, ...BETWEEN } };
      });
  });
  return [...ofRun, ...ofRoles];
}

/** Between the first sample and the end of the merged run. */
export function holesOf(parts: readonly Part[], interval: number): Span[] {
  return holesIn(parts, endOf(parts), interval);
}

/** Whether a gap of one agent is a hole, which tells it. */
export function isHole(gap: Span, holes: readonly Span[]): boolean {
  return holes.some((hole) => isSame(hole, gap));
}

function endOf(parts: readonly Part[]): number {
  return Math.max(...parts.map(({ shift, length }) => shift + length));
}

function holesIn(parts: readonly Part[], end: number, interval: number): Span[] {
  const watched = parts.flatMap((part) => watchedBy(part)).toSorted((a, b) => a.from - b.from);
  const holes: Span[] = [];
  let to = watched[0]?.from ?? end;
  for (const span of [...watched, { from: end, to: end }]) {
    const least = span.from === end ? ENDING_S : missedAfter(interval);
    if (span.from - to > least) holes.push({ from: to, to: span.from });
    to = Math.max(to, span.to);
  }
  return holes;
}

function watchedBy(part: Part): Span[] {
  const spans: Span[] = [];
  let from = part.shift;
  for (const gap of gapsOf(part)) {
    spans.push({ from, to: gap.from });
    from = gap.to;
  }
  return [...spans, { from, to: part.shift + part.length }];
}

interface Gap extends Span {
  readonly message: string;
  readonly data: RunEvent['data'];
}

function gapsOf({ events, shift }: Part): Gap[] {
  return events.flatMap(({ kind, t, target, data, message }) =>
    kind === 'gap' && target === null ? [{ from: shift + Number(data['from']), to: shift + t, message, data }] : [],
  );
}

function isResumedAt({ events, shift }: Part, at: number): boolean {
  return events.some(({ kind, t }) => kind === 'run_resume' && Math.abs(shift + t - at) <= SAME_S);
}

function isSame(a: Span, b: Span): boolean {
  return Math.abs(a.from - b.from) <= SAME_S && Math.abs(a.to - b.to) <= SAME_S;
}
