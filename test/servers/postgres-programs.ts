/** Where the programs of each Postgres are: Debian's in /usr/lib/postgresql, on the PATH, or in npm packages of the workspace tools/postgres. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOpenToAll } from './owned.ts';

const DEBIAN = '/usr/lib/postgresql';
/** Of the workspace. */
const NEWEST = 18;
const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

export interface Programs {
  readonly major: number;
  /** Holds `initdb` and `postgres`. */
  readonly folder: string;
}

/** What is there, oldest first. */
export function postgresPrograms(): readonly Programs[] {
  const found = new Map<number, string>();
  for (const name of namesIn(PACKAGES)) {
    const major = new RegExp(`^pg(\\d+)-${process.platform}-${process.arch}$`).exec(name)?.[1];
    if (major !== undefined) found.set(Number(major), join(PACKAGES, name, 'native/bin'));
  }
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    if (existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) found.set(majorOf(folder), folder);
  }
  for (const name of namesIn(DEBIAN)) {
    const folder = join(DEBIAN, name, 'bin');
    if (/^\d+$/.test(name) && existsSync(join(folder, 'initdb'))) found.set(Number(name), folder);
  }
  return [...found].map(([major, folder]) => ({ major, folder })).toSorted((a, b) => a.major - b.major);
}

/** Versions that tests run beside each other: what is here, and all that should be where everything must be run. */
export const POSTGRES_MAJORS: readonly number[] = postgresPrograms().map(({ major }) => major);

/** Debian's if there is one, since that is what most people run; else the newest. */
export function usualMajor(): number {
  const all = postgresPrograms();
  return (all.findLast(({ folder }) => folder.startsWith(DEBIAN)) ?? all.at(-1))?.major ?? NEWEST;
}

/** The programs of a major version, ready to be started. Throws when it is not installed. */
export function programsOf(major: number): Programs {
  const programs = postgresPrograms().find((one) => one.major === major);
  if (programs === undefined) throw new Error(`there is no Postgres ${major} in ${DEBIAN} or ${PACKAGES}: run \`npm ci --ignore-scripts\``);
  addLinks(dirname(dirname(programs.folder)));
  return programs;
}

/** The programs where every user can run them: copied into the folder when they lie in one that is closed to others, such as root's home. */
export function openToAll(programs: Programs, folder: string): Programs {
  if (isOpenToAll(programs.folder)) return programs;
  cpSync(dirname(programs.folder), folder, { recursive: true, verbatimSymlinks: true });
  return { ...programs, folder: join(folder, 'bin') };
}

/** npm packages hold no symbolic links. The package has a script that adds them after installation, which `--ignore-scripts` left out. */
function addLinks(root: string): void {
  const list = join(root, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    // Both are paths of one folder, and so a link to the name alone is right wherever the package lies.
    const name = source.slice(source.lastIndexOf('/') + 1);
    try {
      symlinkSync(name, join(root, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function majorOf(folder: string): number {
  return Number(/\d+/.exec(execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' }))?.[0]);
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
