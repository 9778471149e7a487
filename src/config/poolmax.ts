/** How many connections the pools of a role may have: `20`, or `api=20`. */
import { Problem } from '../problem.ts';

export interface PoolMax {
  /** Null: every role that has none of its own. */
  readonly role: string | null;
  /** Connections of one process to one server, database and user. */
  readonly max: number;
}

const PATTERN = /^\s*(?:([a-z][a-z0-9_-]*)\s*=\s*)?(\d{1,6})\s*$/;

/** @throws Problem CONFIG */
export function parsePoolMax(text: string): PoolMax {
  const [, role = null, digits] = PATTERN.exec(text) ?? [];
  const max = Number(digits);
  if (max >= 1) return { role, max };
  throw new Problem('CONFIG', {
    place: '',
    message: `"${text.trim()}" should be a number of connections of at least 1, with ROLE= before it if you like`,
  });
}

/** Of a role; null when nothing is said of it. */
export function poolMaxOf(all: readonly PoolMax[], role: string): number | null {
  return (all.find((one) => one.role === role) ?? all.find((one) => one.role === null))?.max ?? null;
}
