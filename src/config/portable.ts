/** What the portable process source asks of a configuration. */
import type { Config } from './config.ts';

/** Seconds: pidusage reads each process by several files or a child process of its own. */
const PORTABLE_INTERVAL_S = 5;

export function atPortablePace(config: Config): Config {
  return config.source === 'pidusage' ? { ...config, interval: Math.max(PORTABLE_INTERVAL_S, config.interval) } : config;
}
