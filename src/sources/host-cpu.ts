/** CPU time of the machine, and from it the share that was busy: the same arithmetic for /proc/stat and for Node's own figures. */
import { CPU_MODES, type CpuMode, type HostSet, METRICS } from './host-metrics.ts';
import type { CpuTimes } from './hostfs.ts';

/**
 * The kernel corrects idle and iowait downwards by a few ticks now and then (kernel documentation, filesystems/proc.rst, warns of it).
 * A counter that went back would be taken for one that began again, so it is held; a larger step is a CPU taken offline, and is real.
 */
const CORRECTION_S = 3;

export class HostCpu {
  #times = new Map<CpuMode, number>();
  #before: { busy: number; total: number } | null = null;

  report(set: HostSet, times: CpuTimes): void {
    this.#hold(times);
    for (const [mode, seconds] of this.#times) set(METRICS.cpuTime, seconds, { 'cpu.mode': mode });
    const now = this.#sums();
    const before = this.#before ?? now;
    this.#before = now;
    const elapsed = now.total - before.total;
    // No time has passed at the first sample and when reads come closer than a tick: there is no share then.
    if (elapsed > 0) set(METRICS.cpuUtilization, Math.min(1, Math.max(0, (now.busy - before.busy) / elapsed)));
  }

  #hold(times: CpuTimes): void {
    for (const mode of CPU_MODES) {
      const seconds = times[mode];
      if (seconds === undefined) continue;
      const last = this.#times.get(mode) ?? 0;
      if (seconds > last || last - seconds > CORRECTION_S) this.#times.set(mode, seconds);
      else this.#times.set(mode, last);
    }
  }

  #sums(): { busy: number; total: number } {
    let total = 0;
    for (const seconds of this.#times.values()) total += seconds;
    return { total, busy: total - (this.#times.get('idle') ?? 0) - (this.#times.get('iowait') ?? 0) };
  }
}
