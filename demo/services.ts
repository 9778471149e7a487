/** The services that the demo watches. */
import { fileURLToPath } from 'node:url';
import { Owned, temporaryFolder } from '../test/servers/owned.ts';
import type { Servers } from './servers.ts';

const SERVICE = fileURLToPath(new URL('service.mjs', import.meta.url));

export type Name = 'leaky' | 'healthy';

const READY = /^(\d+)$/m;

export class Service extends Owned {
  constructor(name: Name, descriptors: number, { env }: Servers) {
    const folder = temporaryFolder('demo');
    const script = `ulimit -n ${descriptors}; TMPDIR=. exec "$0" --max-semi-space-size=1 "$1" ${name}`;
    super({ folder, command: ['sh', '-c', script, process.execPath, SERVICE], env, ready: READY, stop: 'SIGTERM' });
  }

  get port(): number {
    return Number(READY.exec(this.log)?.[1]);
  }
}

export async function startService(name: Name, descriptors: number, servers: Servers): Promise<Service> {
  const service = new Service(name, descriptors, servers);
  try {
    await service.up();
    return service;
  } catch (error) {
    await service.stop();
    throw error;
  }
}
