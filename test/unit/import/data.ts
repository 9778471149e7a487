/** Files of a test, and the command line run on them in this process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { SimClock } from '../../../src/clock.ts';
import { main } from '../../../src/commands/program.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

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
export async function analyze(args: readonly string[], env: Record<string, string> = {}, isWatched = false): Promise<Result> {
  const texts = { out: '', err: '' };
  const into = (name: 'out' | 'err'): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk);
        done();
      },
    });
  const streams = { stdout: into('out'), stderr: Object.assign(into('err'), { isTTY: isWatched }) };
  const code = await main(['analyze', ...args], {
    ...streams,
    env,
    clock: new SimClock(),
    entry: '',
    stopSignal: () => new AbortController().signal,
  });
  return { code, ...texts };
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
