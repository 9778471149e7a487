/** A Redis of one's own: the `redis-server` of the machine, without persistence. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onFreePort, Owned, temporaryFolder } from './owned.ts';

export { freePort } from './owned.ts';

/** Whether it can be started here. Where everything must be run it is tried in any case. */
export function haveRedis(): boolean {
  return process.env['CI'] === 'true' || program() !== null;
}

function program(): string | null {
  const folders = (process.env['PATH'] ?? '').split(':').filter(Boolean);
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path)) ?? null;
}

export class RedisServer extends Owned {
  readonly port: number;
  constructor(port: number, args: readonly string[]) {
    const folder = temporaryFolder('redis');
    const own = ['--port', String(port), '--bind', '127.0.0.1', '-::1', '--dir', folder, '--unixsocket', join(folder, 'redis.sock')];
    super({
      folder,
      command: [program()!, ...own, '--save', '', '--appendonly', 'no', '--daemonize', 'no', ...args],
      ready: /ready to accept connections/i,
      stop: 'SIGTERM',
    });
    this.port = port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get socket(): string {
    return join(this.folder, 'redis.sock');
  }
}

/** Watches a primary under the name `main`. */
export class RedisSentinel extends Owned {
  readonly port: number;
  constructor(port: number, primary: RedisServer) {
    const folder = temporaryFolder('sentinel');
    const file = join(folder, 'conf');
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${primary.port} 1\n`);
    super({ folder, command: [program()!, file, '--sentinel'], ready: /Sentinel ID is/, stop: 'SIGTERM' });
    this.port = port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }
}

/** Throws when it is not installed. */
export async function startSentinel(primary: RedisServer): Promise<RedisSentinel> {
  return onFreePort((free) => new RedisSentinel(free, primary));
}

export interface RedisOptions {
  /** As on its command line, such as `['--maxclients', '50']`. */
  readonly args?: readonly string[];
  /** By default a free one. */
  readonly port?: number;
}

/** Throws when it is not installed. */
export async function startRedis({ args = [], port }: RedisOptions = {}): Promise<RedisServer> {
  if (program() === null) throw new Error('there is no redis-server on the PATH');
  if (port === undefined) return onFreePort((free) => new RedisServer(free, args));
  const redis = new RedisServer(port, args);
  await redis.up();
  return redis;
}
