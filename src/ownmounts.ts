/**
 * In which container we are, by what is mounted into it: every engine mounts `hosts`, `resolv.conf` or `hostname` from a folder of the
 * container's own. The host name would not do: it is that of the machine where the network is, and that of the next pod of a StatefulSet.
 */
import { readFileSync } from 'node:fs';

/**
 * The uid of the pod, which outlives restarts of its containers; else the id of the container; null for a text with neither.
 * @param mountinfo `/proc/self/mountinfo`
 */
export function containerIn(mountinfo: string): string | null {
  const roots = mountinfo.split('\n').map((line) => line.split(' ')[3] ?? '');
  const found = (pattern: RegExp): string | undefined => roots.map((root) => pattern.exec(root)?.[1]).find((id) => id !== undefined);
  return (
    found(/\/pods\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})\//) ??
    found(/\/(?:overlay-)?containers\/([0-9a-f]{64})\//) ??
    null
  );
}

export function readOwnMounts(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}
