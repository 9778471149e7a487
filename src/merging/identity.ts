/** Which series of the merged run a series of a part is: members by slot, what several agents see of one thing once. */
import { isCost } from '../costmetrics.ts';
import { CATALOG } from '../metrics.ts';
import type { RecordedSeries } from '../record/reader.ts';
import type { Owner, Series } from '../series.ts';
import type { Part } from './parts.ts';
import { OTHER, type Replica } from './replicas.ts';

export interface Identity extends Owner {
  readonly def: Series['def'];
  readonly labels: Series['labels'];
  /** Run time of the merged run up to which another part has told it. */
  readonly after: number;
}

const TREE = CATALOG.get('soak.target.memory.private');

export class Identities {
  readonly #replicas: readonly Replica[];
  /** Machines, agents and servers in the order in which they are numbered. */
  readonly #things: Readonly<Record<Thing['kind'], Set<string>>> = { machine: new Set(), agent: new Set(), server: new Set() };
  /** Of what an earlier part tells too: until when it does. */
  readonly #after = new Map<RecordedSeries, number>();

  /** @param known series of each part, in the order of the parts */
  constructor(known: ReadonlyMap<Part, readonly RecordedSeries[]>, replicas: readonly Replica[]) {
    this.#replicas = replicas;
    const until = new Map<string, number>();
    for (const [part, all] of known)
      for (const series of all) {
        const thing = thingOf(part, series);
        if (thing === null) continue;
        this.#things[thing.kind].add(thing.key);
        const { source, member, def, labels } = series;
        const key = JSON.stringify([thing, source, member, def.name, labels]);
        const before = until.get(key) ?? -Infinity;
        this.#after.set(series, before);
        until.set(key, Math.max(before, part.shift + part.length));
      }
  }

  /** The replica whose series it is, or null when it is no role's. */
  replicaOf(part: Part, series: Pick<Series, 'target' | 'member'>): Replica | null {
    const own = this.#replicas.filter((replica) => replica.part === part && replica.role === series.target);
    return own.find(({ member }) => member === series.member) ?? own[0] ?? null;
  }

  /** Null for what says nothing when it is summed, and for what is made anew of all parts. @param all series of the part */
  of(part: Part, series: RecordedSeries, all: readonly RecordedSeries[]): Identity | null {
    const { source, target, period, def, labels } = series;
    if (isCost(def)) return null;
    const after = this.#after.get(series) ?? -Infinity;
    const as = (member: string | null): Identity => ({ source, target, member, period, def, labels, after });
    const thing = thingOf(part, series);
    if (thing !== null) return as(this.#numberOf(thing, target) ?? (thing.kind === 'server' ? series.member : null));
    const replica = this.replicaOf(part, series);
    if (replica === null) return as(series.member);
    // Totals of a part are parts of a total, which is made anew.
    const isTotal = series.member === null && (def.name === TREE.name || all.some((one) => isMemberOf(one, series)));
    if (isTotal || (replica.slot === OTHER && def.kind !== 'counter' && totalOf(series) === null)) return null;
    return as(replica.slot);
  }

  /** Null for the only one; servers are numbered among those of one name. */
  #numberOf({ kind, key }: Thing, target: string | null): string | null {
    const alike = [...this.#things[kind]].filter((other) => kind !== 'server' || other.split(' ')[0] === target);
    return alike.length === 1 ? null : String(alike.indexOf(key) + 1);
  }
}

/** What is the same whoever tells of it, and told once. */
interface Thing {
  readonly kind: 'machine' | 'agent' | 'server';
  readonly key: string;
}

/** Sources whose figures without a target are those of the machine; those of the others are what one agent has seen. */
const OF_MACHINE: ReadonlySet<string> = new Set(['host', 'sockets']);

/** Null for a role. The machines and agents of a run that was merged before are its members. */
function thingOf({ id, machine, config }: Part, { source, target, member }: RecordedSeries): Thing | null {
  if (target === null && OF_MACHINE.has(source)) return { kind: 'machine', key: JSON.stringify([machine, member]) };
  if (target === null) return { kind: 'agent', key: JSON.stringify([id, member]) };
  const server = (config.servers ?? []).find(({ name }) => name === target);
  return server === undefined ? null : { kind: 'server', key: `${server.name} ${server.display}` };
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
