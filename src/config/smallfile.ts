/** Reads the small files a user names: a configuration, a secret. */
import { readFileSync, statSync } from 'node:fs';
import type { Faults } from './faults.ts';
import { errno } from '../problem.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
};

/** The text of a file or pipe of at most `max` bytes, or why it could not be had. */
export function readSmallFile(path: string, max: number): { readonly text: string } | { readonly wrong: string } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { wrong: 'this is a folder' };
    if (!stat.isFile() && !stat.isFIFO()) return { wrong: 'this is not a file' }; // a device may never end
    if (stat.size > max) return { wrong: `it is larger than ${max} bytes` };
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    const code = errno(error) ?? 'unknown error';
    return { wrong: REASONS[code] ?? `it cannot be read (${code})` };
  }
}

/** A secret is a line or two; anything larger is the wrong file. */
const SECRET_MAX = 65_536;

/** The trimmed text of the file that holds a secret, or null and a fault at `place`. */
export function readSecret(path: string, place: string, faults: Faults): string | null {
  const read = readSmallFile(path, SECRET_MAX);
  const text = 'text' in read ? read.text.trim() : '';
  if (text !== '') return text;
  faults.add('CONFIG', place, `${path}: ${'wrong' in read ? read.wrong : 'it is empty'}; it should be a file with the secret in it`);
  return null;
}
