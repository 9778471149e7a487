/** Where a view of runs goes that is a file, or all that is on standard output. */
import { writeFileSync } from 'node:fs';
import { messageOf, Problem } from '../problem.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';

/**
 * Path that a flag gives, or null. What is on standard output suffers nothing beside it, so who asks for two things there is told.
 */
export function viewPath(given: Given, flag: 'html' | 'svg'): string | null {
  const path = given.one(flag);
  const others = ['json', 'format', ...(given.one('svg') === '-' && flag !== 'svg' ? ['svg'] : [])];
  const other = others.find((one) => given.has(one));
  if (path === '-' && other !== undefined) given.faults.add('USAGE', `--${flag}`, `"-" and --${other} would both be on standard output`);
  return path;
}

/** @param place the flag that named the path @throws {Problem} */
export function writeView(path: string, text: string, place: string, io: Io): void {
  if (path === '-') {
    io.stdout.write(text);
    return;
  }
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Problem('USAGE', { place, message: `${path} cannot be written (${messageOf(error)})` }, { cause: error });
  }
}
