/**
 * Redis and Valkey servers: what they say of themselves, by one connection each. Nothing here looks for keys (SCAN, KEYS), follows the
 * traffic (MONITOR) or changes anything, and a minimal ACL is enough (redis-acl.ts). Each server is a source of its own, so that one that
 * is frozen holds up no other.
 */
import type { Server } from '../servers.ts';
import { Outages } from './outages.ts';
import { loginOf } from './redis-address.ts';
import { ClientTier } from './redis-client-tier.ts';
import { COMMAND_METRICS } from './redis-command-metrics.ts';
import { failureOf } from './redis-connection.ts';
import { figureOf, type Info, modeOf, parseInfo, productOf, replicationOf, watchedBySentinel } from './redis-info.ts';
import { InfoTier } from './redis-info-tier.ts';
import { KEY_METRICS } from './redis-key-metrics.ts';
import { KeyTier } from './redis-keys.ts';
import { RedisLink } from './redis-link.ts';
import { MEMORY_METRICS } from './redis-memory-metrics.ts';
import { SERVER_METRICS } from './redis-metrics.ts';
import { Questions } from './redis-questions.ts';
import { RedisSeries, SOURCE } from './redis-series.ts';
import { RedisClients } from './redis-sessions.ts';
import { SettingsTier } from './redis-settings-tier.ts';
import { SlowTier } from './redis-slow-tier.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

export const METRICS = { ...SERVER_METRICS, ...MEMORY_METRICS, ...COMMAND_METRICS, ...KEY_METRICS };

/** Seconds between readings of each tier. */
const CLIENTS_S = 5;
const INFO_S = 10;
const SLOW_S = 60;
const SETTINGS_S = 600;

/** Reads come on the grid of the fastest tier, a little early or late. */
const SLACK_S = 1;

export function redisSources(ctx: SourceContext): Source[] {
  return ctx.servers
    .all()
    .filter(({ spec }) => spec.system === 'redis')
    .map((server) => new RedisSource(ctx, server));
}

class RedisSource implements Source {
  readonly name: string;
  readonly period = CLIENTS_S;
  readonly #server: Server;
  readonly #target: string;
  readonly #link: RedisLink;
  readonly #clients: RedisClients;
  readonly #questions: Questions;
  readonly #clientTier: ClientTier;
  readonly #infoTier: InfoTier;
  readonly #slowTier: SlowTier;
  readonly #keyTier: KeyTier;
  readonly #settingsTier: SettingsTier;
  readonly #blind = blindSpots();
  /** Run times at which tiers are due; what was missed in an outage is read once when it is over. */
  readonly #due = { info: 0, slow: 0, settings: 0 };
  #identity: Identity | null = null;
  #isSentinel = false;
  /** The connection on which INFO was read: another one may lead to another server. */
  #known = 0;

  constructor(ctx: SourceContext, server: Server) {
    const { name, keys } = server.spec;
    const series = (period: number): RedisSeries => new RedisSeries(ctx.series, name, period);
    this.name = `${SOURCE} ${name}`;
    this.#target = name;
    this.#server = server;
    this.#link = new RedisLink(server, ctx.clock, new Outages(ctx.series, server, series(CLIENTS_S).owner));
    this.#questions = new Questions(this.#link, ctx.clock, this.#blind, { name, user: loginOf(server.spec) });
    this.#clients = new RedisClients(server, this.#link, this.#questions, ctx.clock);
    this.#clientTier = new ClientTier(series(CLIENTS_S));
    this.#infoTier = new InfoTier(series(INFO_S), ctx.roots.proc);
    this.#slowTier = new SlowTier(this.#questions, series(SLOW_S), (command) => this.#infoTier.slotOf(command));
    this.#keyTier = new KeyTier(keys, this.#questions, series(SLOW_S), ctx.clock, this.#blind);
    this.#settingsTier = new SettingsTier(this.#questions, series(SETTINGS_S), name);
  }

  open(sink: Sink): void {
    this.#server.sessions = (signal) => (signal.aborted ? Promise.resolve(null) : this.#clients.sessions(sink));
  }

  /** In an outage once a second, as far as there are wake-ups. */
  wants(): boolean {
    return this.#link.wants;
  }

  async read(sink: Sink, signal: AbortSignal): Promise<void> {
    const end = (): void => this.#link.close();
    signal.addEventListener('abort', end);
    const from = sink.now();
    try {
      if (await this.#link.beat(sink)) await this.#tiers(sink);
    } catch (error) {
      this.#link.lost(sink, failureOf(error), from);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  close(): void {
    this.#link.close();
  }

  async #tiers(sink: Sink): Promise<void> {
    const listing = await this.#clients.list(sink);
    if (listing !== null) this.#clientTier.read(sink, listing);
    if (this.#known !== this.#link.connections) this.#due.info = 0;
    this.#known = this.#link.connections;
    if (this.#isDue(sink, 'info', INFO_S)) await this.#readInfo(sink);
    if (this.#isSentinel) return; // it knows none of what the others ask
    if (this.#isDue(sink, 'slow', SLOW_S)) {
      await this.#slowTier.read(sink);
      await this.#keyTier.read(sink, this.#link.hasDatabase);
    }
    if (this.#isDue(sink, 'settings', SETTINGS_S)) await this.#settingsTier.read(sink);
  }

  async #readInfo(sink: Sink): Promise<void> {
    const reply = await this.#questions.ask(sink, ['INFO', 'everything'], { metric: MEMORY_METRICS.memoryUsed });
    if (typeof reply !== 'string') return;
    const at = sink.now();
    const info = parseInfo(reply);
    this.#follow(sink, info);
    this.#isSentinel = modeOf(info) === 'sentinel';
    if (this.#isSentinel) this.#tellSentinel(sink, info);
    this.#server.sessionLimit = figureOf(info, 'maxclients');
    this.#infoTier.read(sink, at, info);
  }

  #tellSentinel(sink: Sink, info: Info): void {
    const watched = watchedBySentinel(info);
    const reason = `a sentinel answers there, which has no data; give the server that it watches${watched === null ? '' : `, ${watched}`}`;
    this.#blind(sink, MEMORY_METRICS.memoryUsed.name, reason, { target: this.#target });
  }

  #follow(sink: Sink, info: Info): void {
    const now = identityOf(info);
    const before = this.#identity;
    this.#identity = now;
    this.#server.version = now.product;
    if (before === null) return;
    if (now.runId !== before.runId) this.#slowTier.reset();
    for (const [what, told] of changesBetween(before, now)) {
      sink.event('server_changed', `${this.#target}: ${told}`, { target: this.#target, data: { server: this.#target, what } });
    }
  }

  /** A tier keeps its own grid whatever the time of its last reading was. */
  #isDue(sink: Sink, tier: 'info' | 'slow' | 'settings', period: number): boolean {
    const now = sink.now() + SLACK_S;
    if (now < this.#due[tier]) return false;
    this.#due[tier] = (Math.floor(now / period) + 1) * period;
    return true;
  }
}

/** What makes a server another one. Null where it is not told. */
interface Identity {
  readonly runId: string | null;
  readonly product: string | null;
  readonly role: string | null;
  /** Of a replica: whether it is connected to its primary. */
  readonly linked: boolean | null;
}

function identityOf(info: Info): Identity {
  const product = productOf(info);
  return {
    runId: info.get('run_id') ?? null,
    product: product === null ? null : `${product.name} ${product.version}`,
    role: info.get('role') ?? null,
    linked: replicationOf(info).isLinked,
  };
}

function changesBetween(before: Identity, now: Identity): (readonly [what: string, told: string])[] {
  return [
    ...(before.runId === now.runId ? [] : [['restart', 'the server was started anew'] as const]),
    ...(before.product === now.product ? [] : [['version', `the server is now ${now.product ?? 'of an unknown product'}`] as const]),
    ...(before.role === now.role ? [] : [['role', `the server is now ${now.role === 'slave' ? 'a replica' : 'a primary'}`] as const]),
    ...linkBetween(before, now),
  ];
}

/** A primary has no link, and whoever becomes a replica has not lost one. */
function linkBetween(before: Identity, now: Identity): (readonly [what: string, told: string])[] {
  if (before.linked === null || now.linked === null || before.linked === now.linked) return [];
  return [['link', now.linked ? 'the replica is connected to its primary' : 'the replica has lost its primary']];
}
