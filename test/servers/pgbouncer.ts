/** A PgBouncer of one's own, before a Postgres of one's own. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { as, onFreePort, Owned, temporaryFolder, unprivileged } from './owned.ts';
import type { Postgres } from './postgres.ts';

const PROGRAMS = ['/usr/sbin', '/usr/bin', '/usr/local/bin'];

/** Whether it can be started here. Where everything must be run it is tried in any case. */
export function havePgBouncer(): boolean {
  return process.env['CI'] === 'true' || program() !== null;
}

function program(): string | null {
  return PROGRAMS.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path)) ?? null;
}

export interface PgBouncerOptions {
  readonly mode?: 'transaction' | 'session' | 'statement';
  /** Server connections for each user and database. */
  readonly size?: number;
  /** Others, as in the section `[pgbouncer]` of its file. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export class PgBouncer extends Owned {
  readonly port: number;
  constructor(port: number, folder: string) {
    const command = as(account(), [program()!, join(folder, 'ini')]);
    super({ folder, command, ready: /process up/, stop: 'SIGTERM' });
    this.port = port;
  }

  /** Through it to the database. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** Its own console, for its statistics. */
  get console(): string {
    return `postgres://stats@127.0.0.1:${this.port}/pgbouncer`;
  }
}

/** Throws when it is not installed. */
export async function startPgBouncer(postgres: Postgres, options: PgBouncerOptions = {}): Promise<PgBouncer> {
  if (program() === null) throw new Error(`there is no pgbouncer in ${PROGRAMS.join(' or ')}`);
  return onFreePort((port) => {
    const folder = temporaryFolder('pgbouncer', account());
    writeFileSync(join(folder, 'users'), '"postgres" ""\n"stats" ""\n');
    writeFileSync(join(folder, 'ini'), configuration(postgres, port, folder, options));
    return new PgBouncer(port, folder);
  });
}

function account(): ReturnType<typeof unprivileged> {
  return unprivileged('postgres', 'nobody');
}

function configuration(postgres: Postgres, port: number, folder: string, { mode, size, settings }: PgBouncerOptions): string {
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: folder,
    auth_type: 'trust',
    auth_file: join(folder, 'users'),
    stats_users: 'stats',
    pool_mode: mode ?? 'transaction',
    default_pool_size: size ?? 20,
    ...settings,
  };
  const lines = Object.entries(own).map(([key, value]) => `${key} = ${value}`);
  return ['[databases]', `* = host=127.0.0.1 port=${postgres.port}`, '[pgbouncer]', ...lines, ''].join('\n');
}
