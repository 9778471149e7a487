/** What the kernel says of the sockets of the machine as a whole, and the limits it sets. */
import { readFileSync } from 'node:fs';
import type { MetricDef } from '../catalog.ts';
import { METRICS } from './sockets-metrics.ts';

export interface Sockstat {
  readonly orphans: number | null;
  readonly allocated: number | null;
  readonly pages: number | null;
}

/** The line `TCP: inuse 2 orphan 0 tw 0 alloc 3 mem 0` of `/proc/net/sockstat`. */
export function parseSockstat(text: string): Sockstat {
  const [, line = ''] = /^TCP:((?: \w+ \d+)*)$/m.exec(text) ?? [];
  const figure = (name: string): number | null => {
    const value = new RegExp(` ${name} (\\d+)(?= |$)`).exec(line)?.[1];
    return value === undefined ? null : Number(value);
  };
  return { orphans: figure('orphan'), allocated: figure('alloc'), pages: figure('mem') };
}

/** Numbers of a file of /proc/sys, or null when it holds anything else. */
export function parseNumbers(text: string): number[] | null {
  const words = text.trim().split(/\s+/);
  return words.every((word) => /^\d+$/.test(word)) ? words.map(Number) : null;
}

/** How many ports `ip_local_port_range` spans: both ends may be used. */
export function portsIn(range: readonly number[] | null): number | null {
  const [first, last] = range ?? [];
  return range?.length === 2 && first! > 0 && last! >= first! && last! <= 65_535 ? last! - first! + 1 : null;
}

/** Of the network namespace of whoever asks: the kernel shows nobody the settings of another. Null when it does not say. */
export function ephemeralPortLimit(proc: string): number | null {
  return portsIn(numbersIn(`${proc}/sys/net/ipv4/ip_local_port_range`));
}

/** What is known is in the list. */
export function machineRows(proc: string): readonly (readonly [MetricDef, number])[] {
  const { orphans, allocated, pages } = parseSockstat(read(`${proc}/net/sockstat`) ?? '');
  const only = (path: string, index = 0): number | null => numbersIn(`${proc}/sys/net/${path}`)?.[index] ?? null;
  const rows = [
    [METRICS.tcpSockets, allocated],
    [METRICS.orphans, orphans],
    [METRICS.orphanLimit, only('ipv4/tcp_max_orphans')],
    [METRICS.tcpMemory, pages],
    [METRICS.tcpMemoryLimit, only('ipv4/tcp_mem', 2)],
    [METRICS.conntrack, only('netfilter/nf_conntrack_count')],
    [METRICS.conntrackLimit, only('netfilter/nf_conntrack_max')],
  ] as const;
  return rows.flatMap(([def, value]) => (value === null ? [] : [[def, value] as const]));
}

function numbersIn(path: string): number[] | null {
  return parseNumbers(read(path) ?? '');
}

/** Null when this kernel, or this namespace, has no such file. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
