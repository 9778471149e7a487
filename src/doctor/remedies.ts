/** What would let an agent read what it cannot: as which user, with which capabilities, and how that is said where it runs. */
import { access, capabilityNames, type Identity, type Obstacle, type Watched } from './identity.ts';
import type { Place } from '../place.ts';

export interface Remedy {
  readonly what: string;
  /** A command line or setting. */
  readonly how: string;
}

/** `uid 1000 (app)`. */
export function userText(uid: number, users: ReadonlyMap<number, string>): string {
  const name = users.get(uid);
  return name === undefined ? `uid ${uid}` : `uid ${uid} (${name})`;
}

interface Closed {
  readonly target: Watched;
  readonly traces: boolean;
  readonly searches: boolean;
  readonly obstacles: readonly Obstacle[];
}

/** Ways to read what only the user of these processes may, of which one is enough; none when nothing stands in the way. */
export function accessRemedies(agent: Identity, targets: readonly Watched[], users: ReadonlyMap<number, string>, place: Place): Remedy[] {
  const closed = targets.map((target) => ({ target, ...access(agent, target) })).filter(({ traces, searches }) => !traces || !searches);
  if (closed.length === 0) return [];
  const capabilities = [
    ...(closed.some(({ traces }) => !traces) ? ['SYS_PTRACE'] : []),
    ...(closed.some(({ searches }) => !searches) ? ['DAC_READ_SEARCH'] : []),
  ];
  const same = sameUser(closed, users, place);
  return [...(same ? [same] : []), withCapabilities(capabilities, same ? '' : becauseOf(closed), place)];
}

/** Only where changing to one user and group is all that is missing: then it is the better way, because it needs no capability. */
function sameUser(closed: readonly Closed[], users: ReadonlyMap<number, string>, place: Place): Remedy | null {
  const { uids, gids } = closed[0]!.target;
  const [uid, gid] = [uids[0]!, gids[0]!];
  const isOne = closed.every(({ target }) => target.uids.every((id) => id === uid) && target.gids.every((id) => id === gid));
  if (!isOne || closed.some(({ obstacles }) => !obstacles.includes('user') && !obstacles.includes('group'))) return null;
  if (closed.some(({ obstacles }) => obstacles.includes('undumpable'))) return null;
  if (uid === 0 && place === 'host') return { what: 'run soak-agent as root', how: 'sudo soak-agent ...' };
  if (closed.some(({ target }) => target.permitted !== 0n)) return null; // its user would need the same capabilities
  return { what: `run soak-agent as ${userText(uid, users)} and gid ${gid}, without any capability`, how: SAME_USER[place](uid, gid) };
}

const SAME_USER: Readonly<Record<Place, (uid: number, gid: number) => string>> = {
  host: (uid, gid) => `setpriv --reuid ${uid} --regid ${gid} --clear-groups soak-agent ...`,
  container: (uid, gid) => `docker run --user ${uid}:${gid} ...`,
  pod: (uid, gid) => `securityContext: { runAsUser: ${uid}, runAsGroup: ${gid} }`,
};

/** Why to be its user would not do. */
function becauseOf(closed: readonly Closed[]): string {
  const has = (obstacle: Obstacle): boolean => closed.some(({ obstacles }) => obstacles.includes(obstacle));
  const held = capabilityNames(closed.reduce((all, { target }) => all | target.permitted, 0n));
  if (has('undumpable')) return ': it is not dumpable (a set-user-id program, or by prctl), so that even its own user may not look into it';
  if (held.length > 0) return `: it holds capabilities (${listText(held)}), so that its own user without them may not look into it`;
  return closed.length > 1 ? ': its processes belong to several users' : '';
}

/** A process of a usual root has all capabilities of its kernel; a list of them helps nobody. */
const LISTED_MAX = 6;

export function listText(names: readonly string[]): string {
  return names.length > LISTED_MAX ? `${names.slice(0, LISTED_MAX).join(', ')} and ${names.length - LISTED_MAX} more` : names.join(', ');
}

/** Containers give added capabilities to root only: without ambient ones another user loses them when the program is started. */
function withCapabilities(names: readonly string[], because: string, place: Place): Remedy {
  const full = names.map((name) => `CAP_${name}`);
  const forms: Readonly<Record<Place, string>> = {
    host: `sudo soak-agent ..., or in a systemd unit AmbientCapabilities=${full.join(' ')}`,
    container: `docker run --user 0 ${names.map((name) => `--cap-add ${name}`).join(' ')} ...`,
    pod: `securityContext: { runAsUser: 0, capabilities: { add: [${names.join(', ')}] } }`,
  };
  return { what: `run soak-agent with ${full.join(' and ')}${because}`, how: forms[place] };
}
