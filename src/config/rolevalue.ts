/** `role=` before a value, where the role is one that is watched. */
import type { Faults, Given } from './faults.ts';
import { didYouMean } from './nearest.ts';

const BEFORE = /^\s*([a-z][a-z0-9_-]*)=(.*)$/s;

export interface OfRole {
  /** Null: it is not said. */
  readonly role: string | null;
  readonly text: string;
}

/** What stands before the first `=` if that could be a role, and nothing of a URL. */
export function splitRole(text: string): OfRole {
  const [, role = null, rest] = BEFORE.exec(text) ?? [];
  return { role, text: (rest ?? text).trim() };
}

/** Notes a role that nobody has. */
export function checkRole(role: string, given: Given, roles: readonly string[], faults: Faults): void {
  if (roles.includes(role)) return;
  const meant = didYouMean(role, roles) || `; the roles are ${roles.join(', ')}`;
  faults.addMissing('CONFIG', given, `no target has the role ${role}${meant}`, 'roles');
}

/** The role that a value belongs to: the one it names, or the only one there is; null: of the run. */
export function roleOr(role: string | null, roles: readonly string[]): string | null {
  return role ?? (roles.length === 1 ? roles[0]! : null);
}
