/** Every ten minutes: whether somebody changed how the server is set up, and what a key costs. */
import { MEMORY_METRICS } from './redis-memory-metrics.ts';
import type { Questions } from './redis-questions.ts';
import { countOf, pairsOf, textOf } from './redis-replies.ts';
import type { RedisSeries } from './redis-series.ts';
import type { Sink } from './source.ts';

/**
 * Settings that change what a run measures. They are asked for one by one: before 7.0 a command takes one name, and a pattern would
 * bring passwords along.
 */
const SETTINGS = [
  'maxmemory',
  'maxmemory-policy',
  'maxclients',
  'timeout',
  'save',
  'appendonly',
  'appendfsync',
  'client-output-buffer-limit',
  'slowlog-log-slower-than',
  'latency-monitor-threshold',
  'activedefrag',
  'io-threads',
  'hz',
] as const;

export class SettingsTier {
  readonly #questions: Questions;
  readonly #series: RedisSeries;
  readonly #server: string;
  #known: ReadonlyMap<string, string> = new Map();

  constructor(questions: Questions, series: RedisSeries, server: string) {
    this.#questions = questions;
    this.#series = series;
    this.#server = server;
  }

  async read(sink: Sink): Promise<void> {
    const settings = await this.#settings(sink);
    const changed = [...settings].filter(([name, value]) => this.#known.has(name) && this.#known.get(name) !== value);
    this.#known = new Map([...this.#known, ...settings]);
    for (const [name, value] of changed) this.#tell(sink, name, value);
    const stats = await this.#questions.ask(sink, ['MEMORY', 'STATS'], { metric: MEMORY_METRICS.perKey });
    const perKey = stats === null ? null : pairsOf(stats).get('keys.bytes-per-key');
    // Without keys the server says 0, which is no size of a key.
    this.#series.set(sink, sink.now(), MEMORY_METRICS.perKey, countOf(perKey ?? undefined) || null);
  }

  /** Managed services refuse CONFIG: what matters most of it is in INFO as well, so nobody misses it. */
  async #settings(sink: Sink): Promise<Map<string, string>> {
    const settings = new Map<string, string>();
    for (const name of SETTINGS) {
      const reply = await this.#questions.ask(sink, ['CONFIG', 'GET', name], { metric: null });
      if (reply === null) break;
      const value = textOf(pairsOf(reply).get(name));
      if (value !== null) settings.set(name, value);
    }
    return settings;
  }

  #tell(sink: Sink, setting: string, value: string): void {
    const server = this.#server;
    sink.event('server_changed', `${server}: ${setting} is now ${value === '' ? 'empty' : value}`, {
      target: server,
      data: { server, what: 'setting', setting, value },
    });
  }
}
