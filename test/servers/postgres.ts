/** A Postgres of one's own, of any major version that is installed here. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { as, onFreePort, Owned, temporaryFolder, unprivileged } from './owned.ts';
export { POSTGRES_MAJORS } from './postgres-programs.ts';
import { openToAll, postgresPrograms, type Programs, programsOf, usualMajor } from './postgres-programs.ts';

const SUPERUSER = 'postgres';

/** Its data need not outlive a crash of the machine. */
const SETTINGS = { fsync: 'off', shared_buffers: '32MB', timezone: 'UTC' };

type Settings = Readonly<Record<string, string | number>>;

export interface PostgresOptions {
  /** By default the one that Debian has, else the newest. */
  readonly major?: number;
  /** As in `postgresql.conf`. */
  readonly settings?: Settings;
  /** Of the superuser `postgres`; then everybody needs one. Without it nobody does. */
  readonly password?: string;
}

/** Whether it can be started here. Where everything must be run it is tried in any case, and says what is missing. */
export function havePostgres(major?: number): boolean {
  if (process.env['CI'] === 'true') return true;
  return postgresPrograms().some((programs) => major === undefined || programs.major === major);
}

export class Postgres extends Owned {
  readonly port: number;
  readonly major: number;
  readonly #password: string | null;

  constructor(port: number, { major, folder: programs }: Programs, folder: string, { settings, password }: PostgresOptions) {
    const all = { ...SETTINGS, port, listen_addresses: '127.0.0.1,::1', unix_socket_directories: folder, ...settings };
    const options = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    super({
      folder,
      command: as(account(), [join(programs, 'postgres'), '-D', join(folder, 'data'), ...options]),
      ready: /database system is ready to accept (read[ -]only )?connections/,
      stop: 'SIGINT',
    });
    this.port = port;
    this.major = major;
    this.#password = password ?? null;
  }

  /** Of the superuser. */
  get url(): string {
    return this.urlOf(SUPERUSER, { password: this.#password });
  }

  /** `host` may be the folder of the server, for its unix socket. */
  urlOf(user: string, { password = null as string | null, database = 'postgres', host = '127.0.0.1' } = {}): string {
    const account = password === null ? user : `${user}:${encodeURIComponent(password)}`;
    return `postgres://${account}@${encodeURIComponent(host)}:${this.port}/${database}`;
  }
}

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const installed = programsOf(options.major ?? usualMajor());
  return onFreePort((port) => {
    const user = account();
    const folder = temporaryFolder('postgres', user);
    try {
      const programs = user ? openToAll(installed, join(folder, 'programs')) : installed;
      initialise(programs, folder, options.password);
      return new Postgres(port, programs, folder, options);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  });
}

/** A standby of it that streams, under this name. It is copied while the primary is down: packages of npm have no pg_basebackup. */
export async function startStandby(primary: Postgres, name: string, settings: Settings = {}): Promise<Postgres> {
  const installed = programsOf(primary.major);
  return onFreePort(async (port) => {
    const user = account();
    const folder = temporaryFolder('postgres', user);
    const programs = user ? openToAll(installed, join(folder, 'programs')) : installed;
    await primary.down();
    copyOf(join(primary.folder, 'data'), join(folder, 'data'));
    await primary.up();
    const primary_conninfo = `host=127.0.0.1 port=${primary.port} user=${SUPERUSER} application_name=${name}`;
    const own = { primary_conninfo, wal_retrieve_retry_interval: '100ms', ...settings };
    return new Postgres(port, programs, folder, { settings: own });
  });
}

function copyOf(data: string, copy: string): void {
  execFileSync('cp', ['-a', data, copy]);
  const slots = join(copy, 'pg_replslot'); // those of the primary are not its own
  for (const slot of readdirSync(slots)) rmSync(join(slots, slot), { recursive: true });
  writeFileSync(join(copy, 'standby.signal'), '');
}

function account(): ReturnType<typeof unprivileged> {
  return unprivileged('postgres', 'nobody');
}

function initialise({ folder: programs }: Programs, folder: string, password?: string): void {
  const auth = password === undefined ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`];
  if (password !== undefined) writeFileSync(join(folder, 'password'), `${password}\n`, { mode: 0o644 });
  const options = ['--username', SUPERUSER, '--encoding=UTF8', '--locale=C', '--no-sync', ...auth];
  const [file, ...args] = as(account(), [join(programs, 'initdb'), '-D', join(folder, 'data'), ...options]);
  execFileSync(file, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}
