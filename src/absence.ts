/** What can be done about targets that are not there. */
import type { Place } from './place.ts';
import type { Detail } from './problem.ts';
import { namespaceHint } from './place.ts';
import { formatDuration } from './quantity.ts';
import type { Selector } from './selector.ts';

export interface Absence {
  readonly kind: Selector['kind'];
  readonly detail: Detail;
}

const START = 'start it first, or --wait 2m waits for it';

/** A program that the agent would start has its own sentence; the pid of a program that is not started yet cannot be known. */
const REMEDIES: Readonly<Record<Selector['kind'], string | null>> = {
  pid: 'name:, port: or pidfile: follow a program through restarts',
  name: START,
  cmd: START,
  port: START,
  pidfile: START,
  cgroup: START,
  exec: null,
};

/** Without /proc only a pid file says which process follows another one. */
export const PORTABLE_REMEDIES: typeof REMEDIES = { ...REMEDIES, pid: 'pidfile: follows a program through restarts' };

/** With what would be right, each piece of advice once. @param waited seconds for which they were waited for; 0: not at all */
export function withRemedies(absences: readonly Absence[], waited: number, place: Place, remedies = REMEDIES): Detail[] {
  const told = new Set<string>();
  return absences.map(({ kind, detail }) => {
    const remedy = waited > 0 && remedies[kind] === START ? null : remedies[kind];
    const advice = kind === 'exec' ? [] : [waited > 0 ? `waited ${formatDuration(waited)} for it` : null, remedy, namespaceHint(place)];
    const news = advice.filter((one) => one !== null && !told.has(one));
    for (const one of news) told.add(one!);
    return { ...detail, message: [detail.message, ...news].join('; ') };
  });
}
