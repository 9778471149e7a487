/** Space and inodes of file systems, asked in a way that survives a dead file server. */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { within } from '../clock.ts';
import { errno, messageOf } from '../problem.ts';
import { type HostSet, METRICS } from './host-metrics.ts';
import type { FileSystem } from './host-mounts.ts';
import type { ReportBlind, Sink } from './source.ts';

/** A local file system answers in 0.1 ms. One that takes longer than this is not waited for. */
const ANSWER_S = 2;

/**
 * A call to a dead server never comes back and holds one of the four threads that all asynchronous file and name look-ups of Node share.
 * With two of them gone no further one is put at risk.
 */
const WAITING_MAX = 2;

export class Space {
  readonly #blind: ReportBlind;
  /** Paths that have not answered yet: they are not asked again until they do. */
  readonly #waiting = new Set<string>();

  constructor(blind: ReportBlind) {
    this.#blind = blind;
  }

  async report(set: HostSet, fileSystems: readonly FileSystem[], sink: Sink, signal: AbortSignal): Promise<void> {
    for (const fileSystem of fileSystems) {
      if (signal.aborted) return;
      if (this.#waiting.has(fileSystem.path)) continue;
      if (this.#waiting.size < WAITING_MAX) await this.#ask(set, fileSystem, sink);
      else this.#tellBlind(sink, fileSystem, `not asked, because ${WAITING_MAX} others do not answer`);
    }
  }

  async #ask(set: HostSet, fileSystem: FileSystem, sink: Sink): Promise<void> {
    const { path, label } = fileSystem;
    let answer: StatsFs | null = null;
    let failure: unknown = null;
    const asking = statfs(path)
      .then(
        (stats) => (answer = stats),
        (error: unknown) => (failure = error),
      )
      .finally(() => this.#waiting.delete(path));
    this.#waiting.add(path);
    if (!(await within(asking, ANSWER_S))) return this.#tellBlind(sink, fileSystem, `no answer within ${ANSWER_S} s`);
    if (answer === null) return this.#tellBlind(sink, fileSystem, errno(failure) ?? messageOf(failure));
    if (!reportSpace(set, label, answer)) this.#tellBlind(sink, fileSystem, 'it has no size of its own');
  }

  #tellBlind(sink: Sink, { label }: FileSystem, reason: string): void {
    this.#blind(sink, METRICS.fileSystemUsage.name, reason, { of: label });
  }
}

/**
 * The limit is what an unprivileged program can reach, as df(1) reckons: used plus available, without the blocks kept back for root.
 * False when the file system tells no size (a tmpfs without limit).
 */
export function reportSpace(set: HostSet, label: string, stats: StatsFs): boolean {
  const labels = { 'system.filesystem.mountpoint': label };
  if (stats.files > 0 && stats.ffree <= stats.files) {
    set(METRICS.inodes, stats.files - stats.ffree, labels);
    set(METRICS.inodesLimit, stats.files, labels);
  }
  if (!(stats.blocks > 0) || stats.bfree > stats.blocks) return false;
  const used = (stats.blocks - stats.bfree) * stats.frsize;
  // Below zero, which some systems wrap around, is a quota that is overdrawn: nothing is available.
  const available = stats.bavail <= stats.blocks ? stats.bavail * stats.frsize : 0;
  set(METRICS.fileSystemUsage, used, labels);
  set(METRICS.fileSystemAvailable, available, labels);
  set(METRICS.fileSystemLimit, used + available, labels);
  return true;
}
