/** Whether what files of containers give the agent is understood by it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SimClock } from '../../../src/clock.ts';
import { main } from '../../../src/commands/program.ts';

export const DOCKER = fileURLToPath(new URL('../../../docker', import.meta.url));

export function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** As `soak-agent config check` does, with the environment of the image. */
export async function checkArguments(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<{ code: number; err: string }> {
  let err = '';
  const into = (take: (text: string) => void): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        take(String(chunk));
        done();
      },
    });
  const code = await main(['config', 'check', ...args], {
    stdout: into(() => {}),
    stderr: into((text) => (err += text)),
    env: { SOAK_OUT: '/runs', SOAK_LISTEN: '0.0.0.0:10464', SOAK_HOLD: 'true', SOAK_ONCE: 'true', ...more },
    clock: new SimClock(),
    entry: '',
    stopSignal: () => new AbortController().signal,
    hasBegun: () => {},
  });
  return { code, err };
}
