/** The redis source against a real redis-server: what it tells, what it needs, and what it does when the server is gone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { redisReport } from '../../src/doctor/redis.ts';
import type { ServerSpec } from '../../src/servers.ts';
import { redisSources } from '../../src/sources/redis.ts';
import { freePort, type RedisServer, startRedis } from '../servers/redis.ts';
import { scripted, greeting } from '../servers/scripted.ts';
import { Watch } from '../watch.ts';
import { installed, Stage, until } from './agent-under-test.ts';

const cleanup: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of cleanup.splice(0).toReversed()) await step();
});

async function redis(...args: string[]): Promise<RedisServer> {
  const server = await startRedis({ args });
  cleanup.push(() => server.stop());
  return server;
}

function spec(url: string, more: Partial<ServerSpec> = {}): ServerSpec {
  const port = /:(\d+)$/.exec(url)?.[1] ?? '';
  return { name: 'cache', system: 'redis', url, passwordFile: null, display: `127.0.0.1:${port}`, gauges: [], keys: [], ...more };
}

async function watching(...specs: ServerSpec[]): Promise<Watch> {
  const watch = new Watch([], { servers: specs, sources: redisSources });
  cleanup.push(() => watch.close());
  await watch.open();
  return watch;
}

/** A client of the application; its errors are its own. */
function client(port: number, options: object = {}): Redis {
  const connection = new Redis({ port, host: '127.0.0.1', disableClientInfo: true, ...options });
  connection.on('error', () => {});
  cleanup.push(() => connection.disconnect());
  return connection;
}

const USER = 'soak';
const SECRET = 'hunter2-and-more';
const MINIMAL =
  '+info +client|list +client|setname +client|id +slowlog|get +slowlog|len +latency|latest +latency|histogram +config|get +memory|stats +ping +hello';

async function withUser(server: RedisServer, rules: string): Promise<string> {
  await client(server.port).call('ACL', 'SETUSER', USER, 'on', `>${SECRET}`, ...rules.split(' '));
  return server.url.replace('://', `://${USER}:${SECRET}@`);
}

const availability = (watch: Watch) => watch.ctx.servers.all()[0]!.availability;
const sessions = (watch: Watch) => watch.ctx.servers.all()[0]!.sessions(new AbortController().signal);
const secretsIn = (watch: Watch): boolean => JSON.stringify([watch.events, watch.values, watch.series.all()]).includes(SECRET);

describe.runIf(installed('redis-server'))('a redis-server', () => {
  test('tells of itself, its clients, its commands and its keys', async () => {
    const server = await redis('--maxmemory', '200mb', '--slowlog-log-slower-than', '0');
    const app = client(server.port, { connectionName: 'web' });
    await app.mset('a', '1', 'b', '2');
    await app.setex('c', 1000, '3');
    await Promise.all(Array.from({ length: 1500 }, (_, i) => app.get(i < 1200 ? 'a' : 'missing')));
    await app.eval('return 1', 0);
    await app.call('nosuch').catch(() => {});
    const watch = await watching(spec(server.url));
    await watch.tick();
    expect(watch.values).toMatchObject({
      'cache soak.server.up': 1,
      'cache redis.clients': 2,
      'cache redis.clients.max': 10_000,
      'cache redis.memory.limit': 200 * 1024 * 1024,
      'cache redis.scripts': 1,
      'cache redis.db.keys{db="0"}': 3,
      'cache redis.keys.persistent{db="0"}': 2,
      'cache redis.cmd.calls{cmd="get"}': 1500,
      'cache redis.keyspace.hits': 1200,
      'cache redis.keyspace.misses': 300,
      'cache redis.errors.by_code{code="ERR"}': 1,
      'cache redis.clients.by_name{name="web"}': 1,
      'cache redis.clients.count{state="subscribed"}': 0,
    });
    expect(watch.value('cache redis.process.memory')).toBeGreaterThan(1e6);
    expect(watch.value('cache redis.hit_ratio')).toBeUndefined();
    expect(watch.value('cache redis.slowlog')).toBe(0); // what was slow before is not ours
    await app.call('set', 'api-token', SECRET);
    await app.incr('n');
    watch.skip(60);
    await watch.tick();
    expect(watch.value('cache redis.slowlog.commands{cmd="set"}')).toBe(1);
    expect(watch.value('cache redis.cmd.latency{cmd="set",percentile="p50"}')).toBeGreaterThan(0);
    expect(watch.value('cache redis.cmd.mean{cmd="incr"}')).toBeGreaterThan(0);
    expect(watch.value('cache redis.cmd.mean{cmd="get"}')).toBeUndefined(); // not called since
    expect(watch.events).toEqual([]);
    expect(secretsIn(watch)).toBe(false);
  });

  test('a hit ratio is that of the last minutes', async () => {
    const server = await redis();
    const app = client(server.port);
    await app.set('a', 1);
    await Promise.all(Array.from({ length: 20_000 }, () => app.get('a')));
    const watch = await watching(spec(server.url));
    await watch.tick();
    await Promise.all(Array.from({ length: 1000 }, (_, i) => app.get(i < 900 ? 'a' : 'missing')));
    watch.skip(70);
    await watch.tick();
    expect(watch.value('cache redis.hit_ratio')).toBe(0.9);
  });

  test('its sessions are told as they are', async () => {
    const server = await redis();
    const watch = await watching(spec(server.url));
    expect(await sessions(watch)).toBeNull(); // before the first reading
    await watch.tick();
    const subscriber = client(server.port, { connectionName: 'listener' });
    await subscriber.subscribe('news');
    const waiter = client(server.port, { connectionName: 'queue' });
    await waiter.ping();
    void waiter.blpop('nothing', 0).catch(() => {});
    const monitor = client(server.port, { connectionName: 'watcher', monitor: true });
    await new Promise((resolve) => monitor.once('monitoring', resolve));
    const plain = client(server.port, { connectionName: 'web' });
    await plain.ping();
    await watch.until('sessions', () => watch.value('cache redis.clients.count{state="blocked"}') === 1);
    const list = (await sessions(watch))!;
    expect(list.complete).toBe(true);
    const of = (name: string) => list.sessions.find(({ application }) => application === name);
    expect(of('listener')).toMatchObject({ state: 'subscribed', listens: true, ours: false, user: 'default', database: '0', pid: null });
    expect(of('queue')).toMatchObject({ state: 'blocked', listens: true });
    expect(of('watcher')).toMatchObject({ state: 'subscribed', listens: true });
    expect(of('web')).toMatchObject({ listens: false, peer: { address: '127.0.0.1', port: expect.any(Number) as number } });
    expect(list.sessions.filter(({ ours }) => ours)).toEqual([expect.objectContaining({ application: 'soak-agent' })]);
    const stream = (plain as unknown as { stream: { localPort: number } }).stream;
    expect(of('web')!.peer).toMatchObject({ port: stream.localPort });
    expect(await sessions(watch)).toBe(list); // of the last half second
    expect(watch.ctx.servers.all()[0]).toMatchObject({ sessionLimit: 10_000, endpoints: [{ address: '127.0.0.1', port: server.port }] });
    // The agent, the four above, and the connection that ioredis makes for itself beside a monitor have not been counted as idle.
    expect(watch.value('cache redis.clients.idle{soak.threshold="60"}')).toBe(0);
  });

  test('the length of watched keys, and what a group has not done', async () => {
    const server = await redis();
    const app = client(server.port, { db: 2 });
    await app.rpush('list', 1, 2, 3);
    await app.sadd('set', 1, 2);
    await app.zadd('zset', 1, 'a');
    await app.hset('hash', 'a', 1, 'b', 2);
    await app.set('text', 'x');
    await app.xadd('stream', '*', 'a', 1);
    await app.xadd('stream', '*', 'a', 2);
    await app.xgroup('CREATE', 'stream', 'workers', '0');
    await app.xreadgroup('GROUP', 'workers', 'one', 'COUNT', 1, 'STREAMS', 'stream', '>');
    const keys = ['list', 'set', 'zset', 'hash', 'stream', 'nothing', 'text'];
    const watch = await watching(spec(`${server.url}/2`, { keys }));
    await watch.tick();
    const length = (key: string) => watch.value(`cache redis.key.length{soak.key="${key}"}`);
    expect(keys.map((key) => length(key))).toEqual([3, 2, 1, 2, 2, 0, undefined]);
    expect(watch.value('cache redis.stream.pending{soak.key="stream",soak.group="workers"}')).toBe(1);
    expect(watch.value('cache redis.stream.lag{soak.key="stream",soak.group="workers"}')).toBe(1);
    expect(watch.value('cache redis.stream.pending.age{soak.key="stream",soak.group="workers"}')).toBeLessThan(60);
    expect(watch.kinds('blind').map(({ message }) => message)).toEqual([expect.stringContaining('text cannot be read: it is a string')]);
  });

  test('a user with the minimal rights is enough', async () => {
    const server = await redis();
    const watch = await watching(spec(await withUser(server, MINIMAL)));
    await watch.tick();
    watch.skip(600);
    await watch.tick();
    expect(watch.events).toEqual([]);
    expect(availability(watch).state).toBe('up');
    expect(watch.value('cache redis.clients')).toBeGreaterThan(0);
    expect(await client(server.port).call('ACL', 'LOG')).toEqual([]);
  });

  test('what is refused is told once, with the line that allows it, and does not fill the log of the server', async () => {
    const server = await redis();
    const watch = await watching(spec(await withUser(server, '+info +ping +hello'), { keys: ['jobs'] }));
    await watch.tick();
    for (let i = 0; i < 5; i++) {
      watch.skip(60);
      await watch.tick();
    }
    expect(availability(watch).state).toBe('up');
    expect(watch.value('cache redis.clients')).toBeGreaterThan(0);
    expect(await sessions(watch)).toBeNull();
    const told = watch.kinds('blind').map(({ message }) => message);
    expect(new Set(told).size).toBe(told.length);
    expect(told.find((message) => message.includes('redis.clients.count'))).toContain('ACL SETUSER soak +client|list allows it');
    expect(told.find((message) => message.includes('jobs'))).toContain('ACL SETUSER soak ~jobs +type +llen');
    const refusals = (await client(server.port).call('ACL', 'LOG')) as unknown[];
    expect(refusals.length).toBeLessThan(15);
    const count = async (): Promise<number> =>
      Number(/errorstat_NOPERM:count=(\d+)/.exec(await client(server.port).info('errorstats'))![1]);
    const before = await count();
    watch.skip(60);
    await watch.tick();
    expect(await count()).toBe(before);
  });

  test('a change of its settings, and a start anew, are told', async () => {
    const server = await redis();
    const watch = await watching(spec(server.url));
    await watch.tick();
    await client(server.port).config('SET', 'maxmemory', '100mb');
    watch.skip(600);
    await watch.tick();
    expect(watch.kinds('server_changed').map(({ data }) => data)).toEqual([
      { server: 'cache', what: 'setting', setting: 'maxmemory', value: '104857600' },
    ]);
    await server.stop();
    const again = await startRedis({ port: server.port });
    cleanup.push(() => again.stop());
    await watch.until('it is known to be another', () => watch.kinds('server_changed').length > 1, 60, 0.3);
    expect(watch.kinds('server_changed').at(-1)!.data).toMatchObject({ what: 'restart' });
  });
});

describe.runIf(installed('redis-server'))('a redis-server that is not there', () => {
  test('stopped and started: one outage, its start, its end and its class', async () => {
    const server = await redis();
    const watch = await watching(spec(server.url));
    await watch.tick();
    await server.stop();
    await watch.until('it is down', () => availability(watch).state === 'down', 60, 0.3);
    expect(availability(watch)).toMatchObject({ why: 'refused' });
    expect(await sessions(watch)).toBeNull();
    for (let i = 0; i < 10; i++) await watch.tick();
    expect(watch.value('cache redis.clients')).toBeUndefined(); // a gap, not a zero
    const again = await startRedis({ port: server.port });
    cleanup.push(() => again.stop());
    await watch.until('it is back', () => availability(watch).state === 'up', 60, 0.3);
    expect(watch.kinds('server_down').map(({ data }) => data['class'])).toEqual(['refused']);
    expect(watch.kinds('server_up')).toEqual([
      expect.objectContaining({
        target: 'cache',
        data: expect.objectContaining({ class: 'refused', seconds: expect.any(Number) as number }) as object,
      }),
    ]);
    expect(watch.value('cache redis.clients')).toBe(1);
  });

  test('frozen: it is given up, asked anew, and taken again; it keeps one session of ours', async () => {
    const server = await redis();
    const watch = await watching(spec(server.url));
    await watch.tick();
    process.kill(server.pid, 'SIGSTOP');
    await watch.until('it is frozen', () => availability(watch).state === 'down', 60, 0.3);
    expect(availability(watch)).toMatchObject({ why: 'timeout' });
    await watch.tick();
    process.kill(server.pid, 'SIGCONT');
    await watch.until('it is back', () => availability(watch).state === 'up', 60, 0.3);
    watch.skip(10);
    await watch.until('one session', () => watch.value('cache redis.clients') === 1, 60, 1);
  });

  test('a wrong password, a missing one, and one that was taken away', async () => {
    const server = await redis('--requirepass', SECRET);
    const folder = mkdtempSync(join(tmpdir(), 'soak-redis-'));
    cleanup.push(() => rmSync(folder, { recursive: true }));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'wrong\n');
    const watch = await watching(
      spec(server.url, { passwordFile }),
      spec(server.url, { name: 'open' }),
      spec(server.url, { name: 'unreadable', passwordFile: join(folder, 'nothing') }),
    );
    await watch.tick();
    expect(watch.ctx.servers.all().map(({ availability }) => availability)).toEqual([
      expect.objectContaining({ state: 'down', why: 'auth' }),
      expect.objectContaining({ state: 'down', why: 'auth' }),
      expect.objectContaining({ state: 'down', why: 'auth' }),
    ]);
    expect(watch.kinds('server_down').map(({ message }) => message)).toEqual([
      expect.stringContaining('does not let the agent in: WRONGPASS'),
      expect.stringContaining('does not let the agent in: NOAUTH'),
      expect.stringContaining('ENOENT'),
    ]);
    writeFileSync(passwordFile, `${SECRET}\n`);
    await watch.until('the new password', () => availability(watch).state === 'up', 60, 0.3);
    expect(secretsIn(watch)).toBe(false);
  });

  test('as many clients as it takes', async () => {
    const server = await redis('--maxclients', '3');
    const others = Array.from({ length: 3 }, () => client(server.port));
    await Promise.all(others.map((other) => other.ping()));
    const watch = await watching(spec(server.url));
    await watch.tick();
    expect(availability(watch)).toMatchObject({ state: 'down', why: 'too_many_connections' });
    others[0]!.disconnect();
    await watch.until('a place is free', () => availability(watch).state === 'up', 60, 0.3);
    expect(watch.value('cache redis.connections.rejected') ?? 0).toBeGreaterThanOrEqual(0);
  });

  test('in an outage it is asked at most once a second', async () => {
    const attempts: string[] = [];
    const server = await scripted((command) => {
      attempts.push(command[0]!.toUpperCase());
      return '-LOADING Redis is loading the dataset in memory\r\n';
    });
    cleanup.push(() => server.stop());
    const clock = new SystemClock();
    const watch = await watching(spec(server.url));
    const from = clock.monotonic();
    for (let i = 0; i < 30; i++) {
      await watch.tick();
      await clock.sleepUntil(clock.monotonic() + 0.05);
    }
    const seconds = clock.monotonic() - from;
    expect(attempts.length).toBeLessThanOrEqual(Math.ceil(seconds / 0.75) + 1);
    expect(availability(watch)).toMatchObject({ state: 'down', why: 'starting_up' });
    expect(watch.kinds('server_down')).toHaveLength(1);
  });

  test('a server that greets but is none is down', async () => {
    const server = await scripted((command) => (command[0]!.toUpperCase() === 'HELLO' ? '+OK POP3 ready\r\n' : '-ERR unknown command\r\n'));
    cleanup.push(() => server.stop());
    const watch = await watching(spec(server.url));
    await watch.tick();
    expect(availability(watch)).toMatchObject({ state: 'down', why: 'protocol' });
  });

  test('an outage of several classes tells each once', async () => {
    const answers = ['-LOADING x\r\n', '-ERR max number of clients reached\r\n', '-LOADING x\r\n'];
    let n = 0;
    const server = await scripted((command) => {
      const broken = n < answers.length;
      return broken ? answers[n++]! : greeting(() => '-ERR no\r\n')(command);
    });
    cleanup.push(() => server.stop());
    const watch = await watching(spec(server.url));
    await watch.until('it is up', () => availability(watch).state === 'up', 60, 0.3);
    expect(watch.kinds('server_down').map(({ data }) => data['class'])).toEqual(['starting_up', 'too_many_connections']);
    expect(watch.kinds('server_up')[0]!.data).toMatchObject({ class: 'starting_up,too_many_connections' });
  });

  test('no descriptor is left when everything is over', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').filter((fd) => isSocket(fd)).length;
    const server = await redis('--maxclients', '1');
    const frozen = await redis();
    const before = descriptors();
    const watch = new Watch([], { servers: [spec(server.url), spec(frozen.url, { name: 'frozen' })], sources: redisSources });
    await watch.open();
    await watch.tick();
    process.kill(frozen.pid, 'SIGSTOP');
    const reading = watch.tick();
    await watch.close();
    await reading;
    await expect.poll(descriptors).toBe(before);
  });
});

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
  } catch {
    return false;
  }
}

describe.runIf(installed('redis-server'))('the doctor', () => {
  const clock = new SystemClock();

  test('names what it is, and that nothing is missing', async () => {
    const server = await redis();
    const report = await redisReport(spec(await withUser(server, MINIMAL)), clock);
    expect(report.facts[0]!.text).toMatch(/^Redis \d+\.\d+\.\d+, answers within/);
    expect(report.facts.map(({ label }) => label)).toEqual(['server', 'clients']);
    expect(report.remedies).toEqual([]);
  });

  test('prints lines that, pasted, mend it', async () => {
    const server = await redis();
    const url = await withUser(server, '+info +ping +hello +slowlog|len');
    const watched = spec(url, { keys: ['jobs', 'with blank', 'a*b'] });
    const report = await redisReport(watched, clock);
    expect(report.remedies.map(({ how }) => how)).toEqual([
      'ACL SETUSER soak +client|list +client|id +client|setname +slowlog|get +latency|latest +latency|histogram +memory|stats +config|get',
      String.raw`ACL SETUSER soak %R~jobs %R~with?blank "%R~a\\*b" +type +llen +xlen +zcard +scard +hlen +xinfo|groups +xpending`,
    ]);
    for (const { how } of report.remedies)
      expect(execFileSync('redis-cli', ['-p', String(server.port)], { input: how, encoding: 'utf8' })).toContain('OK');
    const after = await redisReport(watched, clock);
    expect(after.remedies).toEqual([]);
    expect(after.facts.at(-1)!.text).toBe('the length of all of them can be read');
    const other = client(server.port, { username: USER, password: SECRET });
    await expect(other.rpush('jobs', 1)).rejects.toThrow('NOPERM');
    await expect(other.type('somebody-else')).rejects.toThrow('NOPERM');
  });

  test.runIf(installed('openssl'))('of a server that speaks TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-redis-'));
    cleanup.push(() => rmSync(folder, { recursive: true }));
    const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate, ...subject],
      {
        stdio: 'ignore',
      },
    );
    const port = await freePort();
    const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'];
    await redis(...tls, '--tls-ca-cert-file', certificate);
    const text = async (url: string) => (await redisReport(spec(url), clock)).facts[0]!.text;
    expect(await text(`redis://127.0.0.1:${port}`)).toContain('rediss://');
    expect(await text(`rediss://127.0.0.1:${port}`)).toContain('NODE_EXTRA_CA_CERTS');
    const trusting =
      'const { redisReport } = await import(process.argv[1]); const { SystemClock } = await import(process.argv[2]);' +
      'console.log(JSON.stringify(await redisReport(JSON.parse(process.argv[3]), new SystemClock())))';
    const source = (name: string): string => new URL(`../../src/${name}`, import.meta.url).href;
    const given = JSON.stringify(spec(`rediss://127.0.0.1:${port}`));
    const args = ['--input-type=module', '-e', trusting, source('doctor/redis.ts'), source('clock.ts'), given];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate };
    expect(execFileSync(process.execPath, args, { env, encoding: 'utf8' })).toMatch(/Redis \d+\.\d+\.\d+, answers/);
  });

  test('tells why nobody answers', async () => {
    const server = await redis('--requirepass', SECRET);
    const text = async (url: string) => (await redisReport(spec(url), clock)).facts[0]!.text;
    expect(await text(server.url.replace('://', '://:wrong@'))).toContain('does not let in the user default');
    expect(await text(server.url.replace('redis:', 'rediss:'))).toMatch(/without TLS it is redis:/);
    await server.stop();
    expect(await text(server.url)).toContain('it refuses connections');
  });
});

describe.runIf(installed('redis-server'))('a whole run', () => {
  test('goes on while its Redis server is away, and says so', async () => {
    await using stage = new Stage();
    const server = await redis('--requirepass', SECRET);
    const app = await stage.service();
    const file = join(stage.folder, 'soak.yaml');
    writeFileSync(
      file,
      `targets: [app=pid:${app.pid}]\nredis:\n  - { name: cache, url: "${server.url}", password: ${SECRET}, keys: [jobs] }\n`,
    );
    const agent = await stage.watching(['--config', file]);
    await agent.ready();
    const page = async (): Promise<string> => (await agent.page('/metrics')).text;
    const told = [/^redis_clients_connected\{.*soak_target="cache"\} 1$/m, /^redis_key_length\{.*soak_key="jobs".*\} 0$/m];
    await until(page, (text) => told.every((one) => one.test(text)));
    await server.stop();
    await until(page, (text) => /^soak_server_up\{.*\} 0$/m.test(text));
    const again = await startRedis({ port: server.port, args: ['--requirepass', SECRET] });
    cleanup.push(() => again.stop());
    await until(page, (text) => /^soak_server_up\{.*\} 1$/m.test(text));
    await agent.end();
    const result = await agent.result();
    expect(result.events('server_down').map(({ data }) => data['class'])).toEqual(['refused']);
    expect(result.events('server_up')).toHaveLength(1);
    expect(result.reasons).not.toContain('cache');
    expect(result.events('source_failed')).toEqual([]);
    expect(agent.err + agent.out + JSON.stringify(result.verdict)).not.toContain(SECRET);
  });
});
