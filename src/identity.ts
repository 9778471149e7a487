/** Which process of which boot is meant: a pid alone is soon another's, and so is a start time after the next boot. */
import { readFileSync } from 'node:fs';

/** Changes with every boot of the kernel; null where there is no /proc. */
export function bootId(): string | null {
  return read('/proc/sys/kernel/random/boot_id');
}

/**
 * Clock ticks since boot, as text: field 22 of `stat`. Fields are counted after the last `)`, because a command name may hold anything. Null
 * for a process that has ended, also while nobody has asked how (a zombie, in containers whose first process asks nobody).
 */
export function startTime(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined || /[ZX]/.test(state) ? null : (fields[18] ?? null);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
