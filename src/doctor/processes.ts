/** The processes of the targets as their system knows them: whose they are, and in which container. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Proc } from '../targets.ts';
import { type Identity, parseIdentity, parseUsers, type Watched } from './identity.ts';

/** Looked at per target: members run the same program, as a rule as the same user. */
export const PROCESSES_SHOWN = 8;

export interface Process {
  readonly proc: Proc;
  /** Null when its `status` cannot be read. */
  readonly identity: Watched | null;
  /** Short id of the container, or null outside of one. */
  readonly container: string | null;
}

export function processOf(proc: Proc, root: string): Process {
  const folder = join(root, String(proc.pid));
  const identity = parseIdentity(read(join(folder, 'status')) ?? '');
  const container = containerOf(read(join(folder, 'cgroup')) ?? '', identity);
  return { proc, identity: identity && { ...identity, owner: ownerOf(join(folder, 'io')) }, container };
}

export function ownIdentity(root: string): Identity | null {
  return parseIdentity(read(join(root, 'self/status')) ?? '');
}

/** Of the agent's own root: a container may call the same uid otherwise. */
export function knownUsers(): Map<number, string> {
  return parseUsers(read('/etc/passwd') ?? '');
}

/** Container runtimes name the control group after the container's id of 64 hex digits; what they print are the first 12. */
export function containerOf(cgroup: string, identity: Pick<Identity, 'pids'> | null): string | null {
  const id = /[0-9a-f]{64}/.exec(cgroup)?.[0];
  if (id !== undefined) return id.slice(0, 12);
  return (identity?.pids.length ?? 0) > 1 ? 'in a pid namespace of its own' : null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function ownerOf(path: string): number | null {
  try {
    return statSync(path).uid;
  } catch {
    return null;
  }
}
