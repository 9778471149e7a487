/** The password file of libpq: `~/.pgpass`, or the one that PGPASSFILE names (PostgreSQL, "The Password File"). */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Login {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** A line is some 60 bytes: a thousand servers. */
const FILE_MAX = 65_536;

/** Null where there is none. As libpq, a file that others may read is passed over. */
export function passwordFromFile(login: Login): string | null {
  const path = process.env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  try {
    const stat = statSync(path);
    if (!stat.isFile() || (stat.mode & 0o077) !== 0 || stat.size > FILE_MAX) return null;
    return findPassword(readFileSync(path, 'utf8'), login);
  } catch {
    return null; // there is no such file, or it is not ours
  }
}

const FIELD = String.raw`((?:\\.|[^\\:])*)`;

const LINE = new RegExp(`^${FIELD}:${FIELD}:${FIELD}:${FIELD}:(.+)$`);

/** Of the first line that fits: `host:port:database:user:password`, in which `*` fits all and `\` takes the next character as it is. */
export function findPassword(text: string, { host, port, database, user }: Login): string | null {
  // libpq calls every socket in a folder localhost
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = LINE.exec(line.replace(/\r$/, ''))
      ?.slice(1)
      .map((field) => field.replaceAll(/\\(.)/g, '$1'));
    if (fields && wanted.every((value, i) => fields[i] === '*' || fields[i] === value)) return fields[4] ?? null;
  }
  return null;
}
