/** How a stored run stands: finished, being recorded, or ended without a verdict. */
import type { Clock } from '../clock.ts';
import { RunLock } from './lock.ts';
import { RecordReader } from './reader.ts';

export type Standing =
  | { readonly kind: 'finished'; readonly end: number }
  /** `here`: a signal to the pid would reach the agent that records it. */
  | { readonly kind: 'running'; readonly pid: number | null; readonly here: boolean }
  /** The agent was killed, or the machine went down; a start with the same settings goes on with it. */
  | { readonly kind: 'cut off' };

/** A record that nobody has written to for so many of its intervals, and seconds, is not being recorded. */
const SILENT_INTERVALS = 3;
const SILENT_S = 60;

/** @throws {Problem} RECORD */
export function standingOf(folder: string, clock: Clock): Standing {
  const before = sealedAt(folder);
  if (before !== null) return { kind: 'finished', end: before };
  const owner = RunLock.owner(folder);
  if (owner) return { kind: 'running', ...owner };
  if (owner === null && isWritten(folder, clock)) return { kind: 'running', pid: null, here: false };
  // It may have been sealed, and the lock been given back, between the two.
  const after = sealedAt(folder);
  return after === null ? { kind: 'cut off' } : { kind: 'finished', end: after };
}

/** What is left to go by where the lock cannot be tried. */
function isWritten(folder: string, clock: Clock): boolean {
  const reader = RecordReader.open(folder);
  try {
    const { start, interval } = reader.header;
    return clock.wall() - (reader.last()?.wall ?? start) <= Math.max(SILENT_S, SILENT_INTERVALS * interval);
  } finally {
    reader.close();
  }
}

function sealedAt(folder: string): number | null {
  const reader = RecordReader.open(folder);
  try {
    return reader.sealed?.end ?? null;
  } finally {
    reader.close();
  }
}
