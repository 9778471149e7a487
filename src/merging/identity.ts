/** Which series of the merged run a series of a part is: members by slot, what several agents see of one thing once. */
import { CATALOG } from '../metrics.ts';
import type { RecordedSeries } from '../record/reader.ts';
import type { Owner, Series } from '../series.ts';
import type { Part } from './parts.ts';
import { OTHER, type Replica } from './replicas.ts';

export interface Identity extends Owner {
  readonly def: Series['def'];
  readonly labels: Series['labels'];
}

const TREE = CATALOG.get('soak.target.memory.private');

export class Identities {
  readonly #replicas: readonly Replica[];
  readonly #hosts: readonly string[];
  readonly #agents: readonly Part[];
  /** Who watches a server, by its name and address: the first part that does. */
  readonly #servers = new Map<string, Part>();

  constructor(parts: readonly Part[], replicas: readonly Replica[]) {
    this.#replicas = replicas;
    this.#agents = parts;
    this.#hosts = [...new Set(parts.map(({ host }) => host))];
    for (const part of parts)
      for (const { name, display } of part.config.servers ?? [])
        if (!this.#servers.has(`${name} ${display}`)) this.#servers.set(`${name} ${display}`, part);
  }

  /** The replica whose series it is, or null when it is no role's. */
  replicaOf(part: Part, series: Pick<Series, 'target' | 'member'>): Replica | null {
    const own = this.#replicas.filter((replica) => replica.part === part && replica.role === series.target);
    return own.find(({ member }) => member === series.member) ?? own[0] ?? null;
  }

  /** Null for what another part tells already, and for what says nothing when it is summed. @param all series of the part */
  of(part: Part, series: RecordedSeries, all: readonly RecordedSeries[]): Identity | null {
    const { source, target, period, def, labels } = series;
    const as = (member: string | null): Identity => ({ source, target, member, period, def, labels });
    if (target === null) return this.#ofMachine(part, series, as);
    const server = (part.config.servers ?? []).find(({ name }) => name === target);
    if (server !== undefined) return this.#ofServer(part, `${server.name} ${server.display}`, as);
    const replica = this.replicaOf(part, series);
    if (replica === null) return as(series.member);
    // Totals of a part are parts of a total, which is made anew.
    const isTotal = series.member === null && (def.name === TREE.name || all.some((one) => isMemberOf(one, series)));
    if (isTotal || (replica.slot === OTHER && def.kind !== 'counter' && totalOf(series) === null)) return null;
    return as(replica.slot);
  }

  #ofMachine(part: Part, { source }: RecordedSeries, as: (member: string | null) => Identity): Identity | null {
    if (this.#agents.length === 1) return as(null);
    if (source === 'self') return as(String(this.#agents.indexOf(part) + 1));
    if (this.#agents.find(({ host }) => host === part.host) !== part) return null;
    return as(this.#hosts.length === 1 ? null : String(this.#hosts.indexOf(part.host) + 1));
  }

  #ofServer(part: Part, key: string, as: (member: string | null) => Identity): Identity | null {
    if (this.#servers.get(key) !== part) return null;
    const alike = [...this.#servers.keys()].filter((other) => other.split(' ')[0] === key.split(' ')[0]);
    return as(alike.length === 1 ? null : String(alike.indexOf(key) + 1));
  }
}

function isMemberOf(one: RecordedSeries, total: RecordedSeries): boolean {
  return one.target === total.target && one.member !== null && one.def.name === total.def.name;
}

/** Of what is summed the ceilings are summed as well. */
const LIMITS: ReadonlySet<string> = new Set(
  CATALOG.all().flatMap(({ gate, unit, limit }) => (gate !== undefined && unit.startsWith('{') && limit !== undefined ? [limit] : [])),
);

/** The metric of a role's total, or null where a sum of members says nothing. */
export function totalOf({ def }: Pick<Series, 'def'>): Series['def'] | null {
  if (LIMITS.has(def.name)) return def;
  if (def.gate === undefined || def.kind === 'counter' || def.unit === '1' || def.unit === 's') return null;
  return def.alias === 'memory.private' ? TREE : def;
}
