/**
 * Commands beyond the few that everything needs. One that the ACL refuses, or that this version does not know, is reported once and left
 * alone until the next connection or ten minutes later: each refusal is a line in the server's own ACL log and error counts.
 */
import type { MetricDef } from '../catalog.ts';
import type { Clock } from '../clock.ts';
import { aclLine, KEY_COMMANDS } from './redis-acl.ts';
import { type Reply, RedisFailure } from './redis-connection.ts';
import type { RedisLink } from './redis-link.ts';
import { blindSpots, type ReportBlind, type Sink } from './source.ts';

const RETRY_S = 600;

/** Errors that pass by themselves, and of which no log of the server tells. */
const PASSING: ReadonlyMap<string, string> = new Map([
  ['MASTERDOWN', 'this replica has lost its primary, and gives no data until it has one (replica-serve-stale-data no)'],
  ['CLUSTERDOWN', 'the cluster does not serve it now: nodes are missing, or no node has its slot'],
  ['TRYAGAIN', 'the cluster moves it to another node'],
]);

/** The node of a cluster that has the key, when this one has not; null for any other error. */
export function nodeOf(failure: string): string | null {
  return /^(?:MOVED|ASK) \d+ (\S+)$/.exec(failure)?.[1] ?? null;
}

/** What a question is asked for. */
export interface Purpose {
  /** Reported as blind when there is no answer; null where nobody misses it. */
  readonly metric: MetricDef | null;
  /** One of several things asked for by the same command, such as a watched key. */
  readonly of?: string;
}

export class Questions {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  readonly #blind: ReportBlind;
  /** What passes leaves room for what does not. */
  readonly #passing = blindSpots();
  readonly #server: { readonly name: string; readonly user: string };
  readonly #refused = new Map<string, number>();
  #connection = -1;

  /** @param server its name, and the user the agent logs in as */
  constructor(link: RedisLink, clock: Clock, blind: ReportBlind, server: { readonly name: string; readonly user: string }) {
    this.#link = link;
    this.#clock = clock;
    this.#blind = blind;
    this.#server = server;
  }

  /**
   * The answer; null when it is refused, or was lately.
   * @throws {RedisFailure} of an outage
   */
  async ask(sink: Sink, command: readonly [string, ...string[]], { metric, of }: Purpose): Promise<Reply | null> {
    const { connection, connections, failure } = this.#link;
    if (connection === null) throw failure;
    if (connections !== this.#connection) this.#refused.clear();
    this.#connection = connections;
    const key = JSON.stringify([nameOf(command), of]);
    if (this.#clock.monotonic() < (this.#refused.get(key) ?? -Infinity)) return null;
    try {
      return await connection.call(...command);
    } catch (error) {
      if (!(error instanceof RedisFailure) || error.outage !== null) throw error;
      const passes = PASSING.has(error.message);
      if (!passes) this.#refused.set(key, this.#clock.monotonic() + RETRY_S);
      const tell = passes ? this.#passing : this.#blind;
      if (metric !== null) tell(sink, metric.name, this.#reason(nameOf(command), error, of), about(this.#server.name, of));
      return null;
    }
  }

  #reason(command: string, { kind, message }: RedisFailure, of: string | undefined): string {
    if (kind === 'unsupported') return `this server does not know ${command.toUpperCase().replace('|', ' ')}`;
    const elsewhere = nodeOf(message);
    if (elsewhere !== null) return `another node of the cluster has it: give the key to the --redis of ${elsewhere}`;
    const passing = PASSING.get(message);
    if (passing !== undefined) return passing;
    if (kind !== 'denied') return `${command.toUpperCase().replace('|', ' ')} was answered by an error`;
    const { user } = this.#server;
    const line = of === undefined ? aclLine(user, [command]) : aclLine(user, KEY_COMMANDS, [of]);
    return `the server refuses it to the user ${user}; ${line} allows it`;
  }
}

function about(target: string, of: string | undefined): { target: string; of?: string } {
  return of === undefined ? { target } : { target, of };
}

/** Commands of which the second word is a command of its own. */
const CONTAINERS = new Set(['CLIENT', 'CONFIG', 'LATENCY', 'MEMORY', 'SLOWLOG', 'XINFO']);

/** As an ACL has it: `slowlog|get`. */
function nameOf([first, second]: readonly [string, ...string[]]): string {
  const name = CONTAINERS.has(first) && second !== undefined ? `${first}|${second}` : first;
  return name.toLowerCase();
}
