/** Every minute: the length of the keys that are watched, and of streams what their consumer groups have not done. No key is looked for. */
import type { Clock } from '../clock.ts';
import { GROUPS_MAX, KEY_METRICS, KEYS_MAX } from './redis-key-metrics.ts';
import type { Questions } from './redis-questions.ts';
import { countOf, parseGroups, parsePending, type StreamGroup } from './redis-replies.ts';
import type { RedisSeries } from './redis-series.ts';
import type { Sink, ReportBlind } from './source.ts';

/** Of a kind of key, what tells its length. */
const LENGTH_OF: Readonly<Record<string, string>> = { list: 'LLEN', stream: 'XLEN', zset: 'ZCARD', set: 'SCARD', hash: 'HLEN' };

/** An id whose time is further away than this is no time: programs may give entries numbers of their own. */
const AGE_MAX_S = 10 * 365 * 86_400;

export class KeyTier {
  readonly #keys: readonly string[];
  readonly #questions: Questions;
  readonly #series: RedisSeries;
  readonly #clock: Clock;
  readonly #blind: ReportBlind;

  constructor(keys: readonly string[], questions: Questions, series: RedisSeries, clock: Clock, blind: ReportBlind) {
    this.#keys = keys.slice(0, KEYS_MAX);
    this.#questions = questions;
    this.#series = series;
    this.#clock = clock;
    this.#blind = blind;
  }

  /** @param hasDatabase whether the connection is in the database of the keys */
  async read(sink: Sink, hasDatabase: boolean): Promise<void> {
    if (hasDatabase) await Promise.all(this.#keys.map((key) => this.#read(sink, key)));
    else if (this.#keys.length > 0) {
      this.#blind(sink, KEY_METRICS.length.name, 'the server refuses SELECT of the database of the URL', { target: this.#target });
    }
  }

  get #target(): string {
    return this.#series.owner.target ?? '';
  }

  async #read(sink: Sink, key: string): Promise<void> {
    const purpose = { metric: KEY_METRICS.length, of: key };
    const kind = await this.#questions.ask(sink, ['TYPE', key], purpose);
    if (typeof kind !== 'string') return;
    const command = LENGTH_OF[kind];
    // Lists, sets, hashes and streams without items do not exist.
    const length = command === undefined ? (kind === 'none' ? 0 : null) : countOf(await this.#ask(sink, [command, key], purpose));
    if (command === undefined && kind !== 'none') {
      this.#blind(sink, KEY_METRICS.length.name, `it is a ${kind}, which has no length`, { target: this.#target, of: key });
    }
    this.#series.set(sink, sink.now(), KEY_METRICS.length, length, { 'soak.key': key });
    if (kind === 'stream') await this.#groups(sink, key);
  }

  async #groups(sink: Sink, key: string): Promise<void> {
    const reply = await this.#ask(sink, ['XINFO', 'GROUPS', key], { metric: KEY_METRICS.pending, of: key });
    const groups = reply === undefined ? [] : parseGroups(reply);
    await Promise.all(groups.slice(0, GROUPS_MAX).map((group) => this.#group(sink, key, group)));
  }

  async #group(sink: Sink, key: string, { name, pending, lag }: StreamGroup): Promise<void> {
    const labels = { 'soak.key': key, 'soak.group': name };
    const reply = await this.#ask(sink, ['XPENDING', key, name], { metric: KEY_METRICS.pendingAge, of: key });
    const summary = reply === undefined ? null : parsePending(reply);
    const at = sink.now();
    const age = summary?.oldest ? this.#clock.wall() - summary.oldest : null;
    this.#series.set(sink, at, KEY_METRICS.pending, summary?.count ?? pending, labels);
    this.#series.set(sink, at, KEY_METRICS.groupLag, lag, labels);
    // The server's clock may be a little ahead of ours.
    if (age !== null && Math.abs(age) < AGE_MAX_S) this.#series.set(sink, at, KEY_METRICS.pendingAge, Math.max(0, age), labels);
  }

  /** Undefined when it is refused. */
  async #ask(sink: Sink, command: readonly [string, ...string[]], purpose: Parameters<Questions['ask']>[2]) {
    return (await this.#questions.ask(sink, command, purpose)) ?? undefined;
  }
}
