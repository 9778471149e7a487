/** What the agent saw of an application's connections, beside what the application says of itself. */
import { RecordReader } from '../../src/record/reader.ts';
import type { Said } from './node/service.ts';

/** A reading of a second ago may be of a connection that was opening or closing since: a loaded machine takes its time for both. */
const NEAR_MS = 1000;

/**
 * Short of it: a pool counts a connection from when it is asked for until it is given up, its socket begins and ends up to so much later,
 * and the application looks every 20 ms.
 */
export const MOMENT_MS = 100;

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
  /** Those equal to what the application held at that moment. */
  readonly equal: number;
  /** Those, and those on the way from one count to another that it had within `nearMs` of that moment. */
  readonly near: number;
  /** The others, each with what the application held within that time: what went wrong where they should agree. */
  readonly apart: readonly (Outside & { readonly held: readonly { readonly ms: number; readonly held: number }[] })[];
}

/** Readings between the first and the last line of the application, compared with them. */
export function agreement(
  outside: readonly Outside[],
  said: readonly Said[],
  held: (said: Said) => number,
  nearMs: number = NEAR_MS,
): Agreement {
  const [first, last] = [said[0]?.t ?? Infinity, said.at(-1)?.t ?? -Infinity];
  const compared = outside.filter(({ t }) => t - NEAR_MS >= first && t + NEAR_MS <= last);
  const between = (from: number, to: number): Said[] => {
    const before = said.findLast(({ t }) => t <= from);
    return [...(before ? [before] : []), ...said.filter(({ t }) => t > from && t <= to)];
  };
  const around = compared.map((one) => ({ ...one, lines: between(one.t - nearMs, one.t + nearMs) }));
  const isOnTheWay = ({ connections, lines }: (typeof around)[number]): boolean => {
    const counts = lines.map(held);
    return connections >= Math.min(...counts) && connections <= Math.max(...counts);
  };
  const apart = around.filter((one) => !isOnTheWay(one));
  return {
    samples: compared.length,
    equal: compared.filter(({ t, connections }) => between(t, t).map(held)[0] === connections).length,
    near: compared.length - apart.length,
    apart: apart.map(({ t, connections, lines }) => ({
      t,
      connections,
      held: lines.map((line) => ({ ms: line.t - t, held: held(line) })),
    })),
  };
}
