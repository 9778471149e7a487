/** What the agent saw of an application's connections, beside what the application says of itself. */
import { RecordReader } from '../../src/record/reader.ts';
import type { Said } from './node/service.ts';

/** The application looks every 20 ms and the agent's reading takes some; a connection may open or close in between. */
const NEAR_MS = 300;

export interface Outside {
  /** Milliseconds since the Unix epoch. */
  readonly t: number;
  readonly connections: number;
}

/** Connections of a target to a server at each reading, in all states together. */
export function connectionsSeen(folder: string, target: string, server: string): readonly Outside[] {
  const reader = RecordReader.open(folder);
  try {
    const wanted = reader.series().filter(({ def, member, labels, ...series }) => {
      return def.name === 'soak.pool.connections' && series.target === target && member === null && labels['soak.server'] === server;
    });
    const ids = new Set(wanted.map(({ id }) => id));
    const seen = new Map<number, number>();
    for (const { t, wall, samples } of reader.ticks()) {
      for (let i = 0; i < samples.length; i++) {
        if (!ids.has(samples.series[i]!)) continue;
        const at = Math.round((wall + samples.at[i]! - t) * 1000);
        seen.set(at, (seen.get(at) ?? 0) + samples.values[i]!);
      }
    }
    return [...seen].map(([t, connections]) => ({ t, connections })).toSorted((a, b) => a.t - b.t);
  } finally {
    reader.close();
  }
}

export interface Agreement {
  readonly samples: number;
  /** Those equal to what the application held at that moment, and those equal to what it held within `NEAR_MS` of it. */
  readonly equal: number;
  readonly near: number;
}

/** Readings between the first and the last line of the application, compared with them. */
export function agreement(outside: readonly Outside[], said: readonly Said[], held: (said: Said) => number): Agreement {
  const [first, last] = [said[0]?.t ?? Infinity, said.at(-1)?.t ?? -Infinity];
  const compared = outside.filter(({ t }) => t - NEAR_MS >= first && t + NEAR_MS <= last);
  const between = (from: number, to: number): number[] => {
    const before = said.findLast(({ t }) => t <= from);
    return [...(before ? [before] : []), ...said.filter(({ t }) => t > from && t <= to)].map(held);
  };
  return {
    samples: compared.length,
    equal: compared.filter(({ t, connections }) => between(t, t)[0] === connections).length,
    near: compared.filter(({ t, connections }) => between(t - NEAR_MS, t + NEAR_MS).includes(connections)).length,
  };
}
