/** Programs of `test/fixtures/pids` in a pid namespace of their own, where they may decide which pid comes next. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What it printed. Needs root. */
export function withOwnPids(program: string): unknown {
  const path = fileURLToPath(new URL(`fixtures/pids/${program}`, import.meta.url));
  const args = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, path];
  return JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
}
