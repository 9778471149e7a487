/** The command line within this process: what it prints, and its code. */
import { Writable } from 'node:stream';
import { SimClock } from '../src/clock.ts';
import { main } from '../src/commands/program.ts';

export interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Surroundings {
  readonly env?: Record<string, string>;
  /** The error stream is a terminal. */
  readonly isWatched?: boolean;
}

export async function commandLine(argv: readonly string[], { env = {}, isWatched = false }: Surroundings = {}): Promise<Printed> {
  const texts = { out: '', err: '' };
  const into = (name: 'out' | 'err'): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk);
        done();
      },
    });
  const code = await main(argv, {
    stdout: into('out'),
    stderr: Object.assign(into('err'), { isTTY: isWatched }),
    env,
    clock: new SimClock(),
    entry: '',
    stopSignal: () => new AbortController().signal,
    hasBegun: () => {},
  });
  return { code, ...texts };
}
