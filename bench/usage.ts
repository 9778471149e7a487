/** What a process takes, from its files under /proc. */
import { readFileSync } from 'node:fs';

export interface Usage {
  /** Seconds so far. */
  readonly cpu: number;
  /** Seconds of the monotonic clock. */
  readonly at: number;
  /** MB. */
  readonly rss: number;
  readonly private: number;
}

export function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (key: string): number => (Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / 100,
    at: performance.now() / 1000,
    rss: mb('VmRSS'),
    private: mb('RssAnon') + mb('VmSwap'),
  };
}
