/** Who is let in by what answers, and what is said to who is not. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as TcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServerSpec } from '../../src/servers.ts';
import { unprivileged } from '../servers/owned.ts';
import { havePgBouncer, startPgBouncer } from '../servers/pgbouncer.ts';
import { havePostgres, type Postgres, startPostgres } from '../servers/postgres.ts';
import { installed } from './agent-under-test.ts';
import { blindOf, connect, spec, watch, watching } from './watching-postgres.ts';

const SECRET = 'hunter2:@/#?%';

/** The last word about the server: `up`, or why it is down. */
async function answerOf(server: ServerSpec): Promise<string> {
  return watching(watch([server]), async (made) => {
    await made.tick();
    const text = JSON.stringify([made.events, made.values]);
    expect(text).not.toContain('hunter2');
    const { state } = made.ctx.servers.all()[0]!.availability;
    return state === 'up' ? 'up' : (made.kinds('server_down')[0]?.message ?? state);
  });
}

describe.runIf(havePostgres())('a server that asks for a password', () => {
  let server: Postgres;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'soak-login-'));
    server = await startPostgres({ password: SECRET });
  });

  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  afterEach(() => {
    delete process.env['PGPASSFILE'];
    delete process.env['PGPASSWORD'];
  });

  test('lets in who has it, from wherever it comes', async () => {
    const open = server.urlOf('postgres');
    expect(await answerOf(spec(server.url))).toBe('up');
    expect(await answerOf(spec(server.urlOf('postgres', { password: SECRET, host: server.folder })))).toBe('up');
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, `${SECRET}\n`);
    expect(await answerOf(spec(open, { passwordFile }))).toBe('up');
    process.env['PGPASSFILE'] = join(folder, 'pgpass');
    writeFileSync(join(folder, 'pgpass'), `*:${server.port}:*:postgres:${SECRET.replace(':', '\\:')}\n`, { mode: 0o600 });
    expect(await answerOf(spec(open))).toBe('up');
    chmodSync(join(folder, 'pgpass'), 0o644);
    expect(await answerOf(spec(open))).toContain('it asks for a password, and none was given');
    process.env['PGPASSWORD'] = SECRET;
    expect(await answerOf(spec(open))).toBe('up');
  });

  test('says to who has not what is wrong, without a word of a secret', async () => {
    expect(await answerOf(spec(server.urlOf('postgres', { password: 'hunter2wrong' })))).toContain(
      'the password is wrong, or there is no such user',
    );
    expect(await answerOf(spec(server.urlOf('postgres')))).toContain(
      'none was given: set SOAK_POSTGRES, password, password_file, PGPASSWORD or ~/.pgpass',
    );
    expect(await answerOf(spec(server.urlOf('postgres'), { passwordFile: join(folder, 'nowhere') } as Partial<ServerSpec>))).toContain(
      'the password cannot be read from',
    );
    expect(await answerOf(spec(server.urlOf('postgres', { password: SECRET, database: 'nowhere' })))).toContain(
      'there is no such database',
    );
    expect(await answerOf(spec(`${server.url}?sslmode=require`))).toContain('it has no TLS: use ?sslmode=disable in the URL');
  });

  test('is asked seldom by who has the wrong one', async () => {
    await watching(watch([spec(server.urlOf('postgres', { password: 'wrong' }))]), async (made) => {
      for (let round = 0; round < 5; round++) await made.tick();
      expect(made.kinds('server_down')).toHaveLength(1);
      expect(server.log.split('\n').filter((line) => line.includes('password authentication failed')).length).toBeLessThan(4);
    });
  });
});

describe.runIf(havePostgres() && installed('openssl'))('a server with TLS', () => {
  test('is reached as libpq would reach it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-tls-'));
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
    execFileSync('openssl', request, { stdio: 'ignore' });
    chmodSync(folder, 0o755);
    chmodSync(key, 0o600);
    const account = unprivileged('postgres', 'nobody');
    if (account) for (const file of [key, cert]) chownSync(file, account.uid, account.gid);
    const server = await startPostgres({ settings: { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key } });
    try {
      const url = server.urlOf('postgres', { host: 'localhost' });
      expect(await answerOf(spec(`${url}?sslmode=require`))).toBe('up');
      expect(await answerOf(spec(`${url}?sslmode=verify-full&sslrootcert=${cert}`))).toBe('up');
      expect(await answerOf(spec(`${server.url}?sslmode=verify-full&sslrootcert=${cert}`))).toContain('its certificate is not accepted');
      expect(await answerOf(spec(`${url}?sslmode=verify-full`))).toContain('name its authority with sslrootcert in the URL');
      writeFileSync(join(server.folder, 'data/pg_hba.conf'), 'hostssl all all all trust\n');
      await server.restart();
      expect(await answerOf(spec(url))).toContain('over TLS only, or not at all: try ?sslmode=require in the URL');
      expect(await answerOf(spec(`${url}?sslmode=require`))).toBe('up');
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

describe.runIf(havePostgres() && havePgBouncer())('PgBouncer', () => {
  test('is found where Postgres was expected, and its pools are read where it lets us', async () => {
    await using server = await startPostgres();
    await using closed = await startPgBouncer(server);
    expect(await answerOf(spec(closed.url))).toContain(
      'a connection pooler answers where Postgres was expected: give the URL of Postgres itself',
    );
    await using pooler = await startPgBouncer(server, { size: 2, settings: { stats_users: 'stats,postgres' } });
    const clients = await Promise.all(['a', 'b', 'c'].map((name) => connect(pooler.url, name)));
    await clients[0]!.query('BEGIN');
    await clients[1]!.query('BEGIN');
    const waits = clients[2]!.query('SELECT 1');
    for (const url of [pooler.url, pooler.console]) {
      await watching(watch([spec(url)]), async (made) => {
        await made.tick();
        expect(made.values).toMatchObject({
          'db soak.server.up': 1,
          'db pgbouncer.clients{state="active"}': 2,
          'db pgbouncer.clients{state="waiting"}': 1,
          'db pgbouncer.server.connections{state="active"}': 2,
        });
        expect(made.value('db pgbouncer.max_wait')).toBeGreaterThan(0);
        expect(blindOf(made)).toEqual([expect.stringContaining('its pools are read; for what is behind it, give Postgres itself')]);
        const [watched] = made.ctx.servers.all();
        expect([watched?.system, watched?.version]).toEqual(['pgbouncer', expect.stringMatching(/^PgBouncer \d/)]);
        const list = await watched!.sessions(new AbortController().signal);
        const states = list!.sessions.map(({ application, state, pid }) => [application, state, pid !== null]);
        expect(states.toSorted()).toEqual([['a', 'active', true], ['b', 'active', true], ['c', 'waiting_lock', false]]); // prettier-ignore
      });
    }
    for (const client of clients.slice(0, 2)) await client.query('COMMIT');
    await waits;
    for (const client of clients) await client.end();
  });

  test('is found behind a pool that is used up, although it takes our settings', async () => {
    await using server = await startPostgres();
    await using pooler = await startPgBouncer(server, {
      size: 1,
      settings: { stats_users: 'postgres', ignore_startup_parameters: 'options' },
    });
    const holder = await connect(pooler.url);
    await holder.query('BEGIN');
    await watching(watch([spec(pooler.url)]), async (made) => {
      await made.tick();
      expect(made.ctx.servers.all()[0]?.system).toBe('pgbouncer');
    });
    await holder.query('COMMIT');
    await holder.end();
  });
});

describe('what is no Postgres', () => {
  const open: TcpServer[] = [];

  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function listener(answer: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    open.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `postgresql://u@127.0.0.1:${(server.address() as AddressInfo).port}/d`;
  }

  test.each<[string, (socket: Socket) => void, RegExp]>([
    ['hangs up', (socket) => socket.destroy(), /closes the connection: during the greeting: is it a Postgres server/],
    ['speaks HTTP', (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), /is it a Postgres server/],
    ['speaks as Redis', (socket) => void socket.end('-ERR unknown command\r\n'), /is it a Postgres server/],
    ['says half a greeting', (socket) => void socket.end(Buffer.from([0x52, 0, 0, 0, 8, 0])), /is it a Postgres server/],
    ['says nothing', () => {}, /does not answer in time/],
    ['speaks without end', (socket) => void socket.end(Buffer.alloc(5_000_000, 'S')), /does not answer/],
  ])('%s, and is said to', async (_what, answer, why) => {
    expect(await answerOf(spec(await listener(answer)))).toMatch(why);
  });
});
