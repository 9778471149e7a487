/** Files of a test, and the command line run on them in this process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine, type Printed } from '../../commandline.ts';

export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'analyze-'));

  /** The path of a new file. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** @param isWatched the error stream is a terminal */
export function analyze(args: readonly string[], env: Record<string, string> = {}, isWatched = false): Promise<Printed> {
  return commandLine(['analyze', ...args], { env, isWatched });
}

/** A day of a service, a row every five minutes: memory that leaks so much an hour, descriptors that do not, and its load. */
export function day({ leakPerHour = 0, columns = true }: { leakPerHour?: number; columns?: boolean } = {}): string {
  const rows = Array.from({ length: 288 }, (_, i) => {
    // A fixed noise without a period: the golden angle in turns.
    const noise = ((i * 0.618_033_988_75) % 1) - 0.5;
    const memory = Math.round(300_000 + noise * 500 + (leakPerHour / 1024 / 12) * i);
    return `${1_760_000_000 + i * 300},${memory},${40 + (i % 3)}${columns ? `,${(100 + noise * 10).toFixed(1)}` : ''}`;
  });
  return [`time,rss_kb,fds${columns ? ',rps' : ''}`, ...rows, ''].join('\n');
}
