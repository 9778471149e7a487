/** Starts the applications of this folder beside servers of one's own, and reads what they say of themselves. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { as, Owned, temporaryFolder, type User } from '../servers/owned.ts';
import type { Postgres } from '../servers/postgres.ts';
import type { RedisServer } from '../servers/redis.ts';
import { SCENARIOS } from './node/scenarios.ts';
import type { Said } from './node/service.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Debian's, which has the drivers of Debian's packages. */
const PYTHON = '/usr/bin/python3';
const PYTHON_MODULES = ['psycopg2', 'redis'].map((name) => join('/usr/lib/python3/dist-packages', name));
const JARS = ['postgresql', 'HikariCP', 'slf4j-api', 'slf4j-nop'].map((name) => `/usr/share/java/${name}.jar`);

export interface AppOptions {
  readonly postgres: Postgres;
  readonly redis?: RedisServer;
  /** Multiplies every time of the scenario. */
  readonly scale?: number;
  readonly seed?: number;
  readonly max?: number;
  /** Without listeners for errors of idle connections (Node). */
  readonly fragile?: boolean;
  readonly user?: User;
  /** Address at which it reaches Postgres. */
  readonly host?: string;
  /** A command that starts it, such as `ip netns exec NAME`. */
  readonly through?: readonly string[];
}

export class WatchedApp extends Owned {
  readonly scenario: string;
  readonly leaks: boolean;

  constructor(scenario: string, options: AppOptions) {
    const { user = null, through = [] } = options;
    const [first, ...rest] = [...through, ...as(user, commandOf(scenario, options))];
    const folder = temporaryFolder('app', user);
    super({ folder, command: [first!, ...rest], ready: /"ready"/, stop: 'SIGKILL' });
    this.scenario = scenario;
    this.leaks = SCENARIOS[scenario]?.leaks ?? !scenario.endsWith('healthy');
  }

  /** Every line, oldest first. */
  get said(): readonly Said[] {
    const lines = this.log.split('\n').filter((line) => line.startsWith('{'));
    return lines.flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as Said] : []));
  }
}

/** What can be run here, of Node's scenarios and of other languages, each with its name. */
export function scenarios(): readonly string[] {
  const python =
    existsSync(PYTHON) && PYTHON_MODULES.every((path) => existsSync(path)) ? ['python-healthy', 'python-leaky', 'python-redis'] : [];
  const java = JARS.every((path) => existsSync(path)) ? ['java-healthy', 'java-leaky'] : [];
  return [...Object.keys(SCENARIOS), ...python, ...java];
}

export async function startApp(scenario: string, options: AppOptions): Promise<WatchedApp> {
  const app = new WatchedApp(scenario, options);
  try {
    await app.up();
    return app;
  } catch (error) {
    await app.stop();
    throw error;
  }
}

function commandOf(scenario: string, { postgres, redis, scale = 1, seed = 1, max, fragile, host }: AppOptions): [string, ...string[]] {
  const url = postgres.urlOf('postgres', host === undefined ? {} : { host });
  const cache = redis === undefined ? [] : ['--redis', redis.url];
  const servers = ['--postgres', url, ...cache, '--scale', String(scale), ...(max === undefined ? [] : ['--max', String(max)])];
  const [language, kind] = scenario.split('-');
  if (language === 'python') return [PYTHON, join(HERE, 'python/app.py'), kind!, ...servers];
  if (language === 'java') {
    const jdbc = `jdbc:postgresql://${host ?? '127.0.0.1'}:${postgres.port}/postgres?user=postgres`;
    return ['java', '-cp', JARS.join(':'), join(HERE, 'java/PoolService.java'), kind!, jdbc, String(scale), String(max ?? 20)];
  }
  return [process.execPath, join(HERE, 'node/app.ts'), scenario, ...servers, '--seed', String(seed), ...(fragile ? ['--fragile'] : [])];
}
