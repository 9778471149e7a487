/** Redis servers that do not stand alone: a primary with its replica, nodes of a cluster, and a sentinel. */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { redisReport } from '../../src/doctor/redis.ts';
import type { ServerSpec } from '../../src/servers.ts';
import { redisSources } from '../../src/sources/redis.ts';
import { greeting, scripted } from '../servers/scripted.ts';
import { freePort, haveRedis, type RedisServer, startRedis, startSentinel } from '../servers/redis.ts';
import { Watch } from '../watch.ts';

const SOON = { timeout: 60_000, interval: 200 };
const clock = new SystemClock();
const cleanup: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of cleanup.splice(0).toReversed()) await step();
});

function kept<T extends { stop(): Promise<void> }>(server: T): T {
  cleanup.push(() => server.stop());
  return server;
}

const redis = async (...args: string[]): Promise<RedisServer> => kept(await startRedis({ args }));

function spec(name: string, { url }: { readonly url: string }, keys: readonly string[] = []): ServerSpec {
  return { name, system: 'redis', url, passwordFile: null, display: name, gauges: [], keys };
}

async function watching(...specs: ServerSpec[]): Promise<Watch> {
  const watch = new Watch([], { servers: specs, sources: redisSources });
  cleanup.push(() => watch.close());
  await watch.open();
  return watch;
}

function client({ port }: RedisServer): Redis {
  const connection = new Redis({ port, host: '127.0.0.1', disableClientInfo: true });
  connection.on('error', () => {});
  cleanup.push(() => connection.disconnect());
  return connection;
}

/** A minute later. */
async function next(watch: Watch): Promise<Watch> {
  watch.skip(60);
  await watch.tick();
  return watch;
}

const told = (watch: Watch): string => watch.kinds('blind').map(({ message }) => message).join('\n'); // prettier-ignore
const changes = (watch: Watch): unknown[] => watch.kinds('server_changed').map(({ target, data }) => [target, data['what']]);

describe.runIf(haveRedis())('a replica', () => {
  const replicaOf = (port: number): Promise<RedisServer> =>
    redis('--replicaof', '127.0.0.1', String(port), '--repl-diskless-sync-delay', '0', '--replica-serve-stale-data', 'no');

  test('and its primary tell of each other; a lost link is an outage of the link, and passes', async () => {
    const primary = await redis('--repl-ping-replica-period', '1');
    const replica = await replicaOf(primary.port);
    const app = client(primary);
    await app.rpush('jobs', 1, 2, 3);
    const watch = await watching(spec('main', primary), spec('copy', replica, ['jobs']));
    const length = async (): Promise<number | undefined> => (await next(watch)).value('copy redis.key.length{soak.key="jobs"}');
    await expect.poll(length, SOON).toBe(3);
    await expect.poll(async () => (await next(watch)).value('main redis.replication.lag.size'), SOON).toBeLessThan(100);
    expect(watch.values).toMatchObject({
      'main redis.replication.primary': 1,
      'main redis.slaves.connected': 1,
      'main redis.replication.backlog.size': expect.any(Number) as number,
      'copy redis.replication.primary': 0,
      'copy redis.replication.linked': 1,
      'copy redis.replication.lag': expect.any(Number) as number,
    });
    expect(watch.value('copy redis.replication.offset')).toBeGreaterThan(0);
    const before = changes(watch).length;
    await primary.down();
    await expect.poll(async () => (await next(watch)).value('copy redis.replication.linked'), SOON).toBe(0);
    expect(watch.value('copy soak.server.up')).toBe(1);
    expect(watch.value('copy redis.key.length{soak.key="jobs"}')).toBeUndefined();
    expect(told(watch)).toContain('this replica has lost its primary, and gives no data until it has one');
    await primary.up(); // empty, as it keeps nothing on disk
    await expect.poll(length, SOON).toBe(0);
    const since = async (): Promise<unknown[]> => (await next(watch), changes(watch).slice(before).toSorted());
    await expect.poll(since, SOON).toEqual([['copy', 'link'], ['copy', 'link'], ['main', 'restart']]); // prettier-ignore
    expect(watch.kinds('server_down').map(({ target }) => target)).toEqual(['main']);
  });

  test('that is being sent everything is not behind by everything', async () => {
    const primary = await redis('--rdb-key-save-delay', '100000', '--repl-diskless-sync-delay', '0');
    const app = client(primary);
    for (let i = 0; i < 40; i++) await app.set(`key${i}`, 'x'.repeat(1000));
    await replicaOf(primary.port);
    const watch = await watching(spec('main', primary));
    const states = new Set<string>();
    const seen: (number | undefined)[] = [];
    await expect
      .poll(async () => {
        await next(watch);
        const state = /,state=(\w+),/.exec(await app.info('replication'))?.[1] ?? 'none';
        states.add(state);
        if (state === 'send_bulk' || state === 'wait_bgsave') seen.push(watch.value('main redis.replication.lag.size'));
        await app.set('key0', 'x'.repeat(1000));
        return state;
      }, SOON)
      .toBe('online');
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  test('that is promoted is told', async () => {
    const primary = await redis();
    const replica = await replicaOf(primary.port);
    const watch = await watching(spec('copy', replica));
    await expect.poll(async () => (await next(watch)).value('copy redis.replication.linked'), SOON).toBe(1);
    await client(replica).replicaof('NO', 'ONE');
    await next(watch);
    expect(changes(watch).at(-1)).toEqual(['copy', 'role']);
    expect(watch.value('copy redis.replication.primary')).toBe(1);
    expect(watch.value('copy redis.replication.linked')).toBeUndefined();
  });
});

describe.runIf(haveRedis())('a node of a cluster', () => {
  test('tells of itself and of its keys; a key of another node is told with where it is', async () => {
    const node = async (): Promise<RedisServer> => redis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
    const [one, other] = [await node(), await node()];
    await client(one).call('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
    const watch = await watching(spec('one', one, ['bar', 'foo'])); // of the slots 5061 and 12182
    await watch.tick();
    expect(told(watch)).toContain('the cluster does not serve it now: nodes are missing, or no node has its slot');
    await client(other).call('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
    const bus = /@(\d+)/.exec(String(await client(other).call('CLUSTER', 'NODES')))![1]!;
    await client(one).call('CLUSTER', 'MEET', '127.0.0.1', String(other.port), bus);
    await expect.poll(() => client(one).call('CLUSTER', 'INFO'), SOON).toContain('cluster_state:ok');
    await client(one).rpush('bar', 1, 2);
    await expect.poll(async () => (await next(watch)).value('one redis.key.length{soak.key="bar"}'), SOON).toBe(2);
    expect(watch.value('one redis.key.length{soak.key="foo"}')).toBeUndefined();
    const elsewhere = `another node of the cluster has it: give the key to the --redis of 127.0.0.1:${other.port}`;
    expect(told(watch)).toContain(elsewhere);
    expect(watch.value('one redis.clients')).toBeGreaterThan(0);
    expect(watch.value('one redis.clients.count{state="idle"}')).toBeGreaterThan(0);
    const { facts, remedies } = await redisReport(spec('one', one, ['bar', 'foo']), clock);
    expect(facts[0]!.text).toContain('one node of a cluster: give each node a --redis of its own');
    expect(facts.at(-1)!.text).toBe(`on another node of the cluster, whose --redis they belong to: foo (127.0.0.1:${other.port})`);
    expect(remedies).toEqual([]);
  });
});

describe.runIf(haveRedis())('a sentinel', () => {
  test('is told apart, once, with the server that it watches', async () => {
    const primary = await redis();
    const sentinel = kept(await startSentinel(primary));
    const watch = await watching(spec('watcher', sentinel, ['jobs']));
    for (let i = 0; i < 3; i++) await next(watch);
    watch.skip(600);
    await watch.tick();
    expect(watch.events.map(({ message }) => message)).toEqual([
      `redis.memory.used of watcher cannot be read: a sentinel answers there, which has no data; give the server that it watches, main at 127.0.0.1:${primary.port}`,
    ]);
    expect(watch.value('watcher soak.server.up')).toBe(1);
    expect(watch.value('watcher redis.clients')).toBe(1);
    const { facts } = await redisReport(spec('watcher', sentinel), clock);
    expect(facts[0]!.text).toContain('a sentinel, which has no data: give the server it watches');
  });
});

describe('a server of a version to come', () => {
  const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  const INFO = [
    'redis_version:99.1.0',
    'run_id:a',
    'role:emperor',
    'connected_clients:-7',
    'maxclients:many',
    'used_memory:18446744073709551615',
    'used_memory_rss:nan',
    'total_commands_processed:1e999',
    'blocked_clients:0x10',
    'slave0:whatever',
    'cmdstat_get:calls=,usec=oops',
    'db0:keys=x',
    'uptime_in_seconds:5',
    'a line without sense',
  ].join('\r\n');

  test('with absurd figures and clients tells what is left of them', async () => {
    const other = (command: readonly string[]): string => {
      const name = command.slice(0, 2).join(' ').toUpperCase();
      if (name.startsWith('INFO')) return bulk(INFO);
      if (name === 'CLIENT LIST') return bulk('id=3 addr=1.2.3.4:99999 age=-1 idle=x flags=? omem=-5\nid=oops\n\n');
      return name.startsWith('SLOWLOG') ? '+yes\r\n' : '-ERR unknown command\r\n';
    };
    const server = kept(await scripted(greeting(other)));
    const watch = await watching(spec('odd', server, ['jobs']));
    for (let i = 0; i < 2; i++) await next(watch);
    expect(watch.ctx.servers.all()[0]).toMatchObject({ version: 'Redis 99.1.0', availability: { state: 'up' } });
    for (const [name, value] of Object.entries(watch.values)) expect(Number.isFinite(value) && value >= 0 && value < 1e6, name).toBe(true);
    const names = Object.keys(watch.values).join('\n');
    expect(names).not.toMatch(/redis\.(memory$|clients$|commands$|replication\.primary)/m);
    expect(watch.value('odd redis.uptime')).toBe(5);
    expect(watch.kinds('source_failed')).toEqual([]);
    expect(told(watch)).toContain('this server does not know TYPE');
  });
});
