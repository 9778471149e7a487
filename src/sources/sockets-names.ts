/** What series call the endpoints that a role connects to, and the ports it listens on: few names, and what has none is `other`. */
import type { Servers } from '../servers.ts';
import { type EndpointText, endpointText } from './sockets-count.ts';
import { ENDPOINTS_MAX, OTHER, PORTS_MAX } from './sockets-metrics.ts';

/** Names of the configured servers by their endpoints, as of now. */
export class ServerNames {
  readonly #names: ReadonlyMap<EndpointText, string>;

  constructor(servers: Servers) {
    const named = servers
      .all()
      .flatMap(({ spec, endpoints }) =>
        endpoints.flatMap((endpoint): [EndpointText, string][] => ('path' in endpoint ? [] : [[endpointText(endpoint), spec.name]])),
      );
    this.#names = new Map(named.toReversed());
  }

  /** @param own the endpoint is seen from the network namespace of the agent: elsewhere a loopback address is another machine's */
  nameOf(endpoint: EndpointText, own: boolean): string | null {
    return own || !isLoopback(endpoint) ? (this.#names.get(endpoint) ?? null) : null;
  }
}

function isLoopback(endpoint: EndpointText): boolean {
  return endpoint.startsWith('127.') || endpoint.startsWith('[::1]:');
}

/** The endpoints of a role that have a name of their own. */
export class EndpointNames {
  readonly #plain: Set<string>;
  readonly #servers = new Set<string>();
  #begun: boolean;

  /** @param known names that the run has already given */
  constructor(known: readonly string[]) {
    this.#plain = new Set(known.filter((name) => name !== OTHER));
    this.#begun = known.length > 0;
  }

  /** Names what has most connections, as long as there are names to give: until they are frozen, and at the first time in any case. */
  learn(counts: ReadonlyMap<string, number>, isServer: (name: string) => boolean, frozen: boolean): void {
    for (const name of counts.keys()) if (isServer(name)) this.#servers.add(name);
    if (frozen && this.#begun) return;
    this.#begun = true;
    const candidates = [...counts].filter(([name]) => !this.#servers.has(name)).toSorted(([, a], [, b]) => b - a);
    for (const [name] of candidates) if (this.#plain.size < ENDPOINTS_MAX) this.#plain.add(name);
  }

  get all(): ReadonlySet<string> {
    return this.#plain.union(this.#servers);
  }
}

/** The ports that a role listens on or has listened on. */
export class PortNames {
  readonly #named = new Set<number>();

  constructor(known: readonly string[]) {
    for (const port of known) if (port !== OTHER) this.#named.add(Number(port));
  }

  /** The ports that each name stands for at present. */
  learn(listens: ReadonlySet<number>): Map<string, number[]> {
    for (const port of [...listens].toSorted((a, b) => a - b)) if (this.#named.size < PORTS_MAX) this.#named.add(port);
    const others = [...listens].filter((port) => !this.#named.has(port));
    const names = new Map([...this.#named].map((port) => [String(port), [port]]));
    return others.length === 0 ? names : names.set(OTHER, others);
  }
}
