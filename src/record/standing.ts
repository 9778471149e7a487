/** How a stored run stands: finished, being recorded, or ended without a verdict. */
import { RunLock } from './lock.ts';
import { RecordReader } from './reader.ts';

export type Standing =
  | { readonly kind: 'finished'; readonly end: number }
  /** `here`: a signal to the pid would reach the agent that records it. */
  | { readonly kind: 'running'; readonly pid: number | null; readonly here: boolean }
  /** The agent was killed, or the machine went down; a start with the same settings goes on with it. */
  | { readonly kind: 'cut off' };

/** @throws {Problem} RECORD */
export function standingOf(folder: string): Standing {
  const before = sealedAt(folder);
  if (before !== null) return { kind: 'finished', end: before };
  const owner = RunLock.owner(folder);
  if (owner !== false) return { kind: 'running', ...owner };
  // It may have been sealed, and the lock been given back, between the two.
  const after = sealedAt(folder);
  return after === null ? { kind: 'cut off' } : { kind: 'finished', end: after };
}

function sealedAt(folder: string): number | null {
  const reader = RecordReader.open(folder);
  try {
    return reader.sealed?.end ?? null;
  } finally {
    reader.close();
  }
}
