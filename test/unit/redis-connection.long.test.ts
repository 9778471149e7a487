/** Against servers that speak as much Redis as each test tells them to; real ones are in test/e2e/redis.test.ts. */
import * as fc from '../property.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addressOf } from '../../src/sources/redis-address.ts';
import { parseClients } from '../../src/sources/redis-clients.ts';
import { failureOf, RedisConnection, type RedisFailure } from '../../src/sources/redis-connection.ts';
import { parseGroups, parseHistograms, parseLatest, parsePending, parseSlowlog, pairsOf } from '../../src/sources/redis-replies.ts';
import { freePort } from '../servers/redis.ts';
import { greeting, scripted } from '../servers/scripted.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/redis');
const SECRET = 'hunter2-and-more';

async function failing(url: string, command: readonly [string, ...string[]] = ['INFO']): Promise<RedisFailure> {
  try {
    const connection = await RedisConnection.open(addressOf({ url, passwordFile: null }), 3, () => {});
    try {
      await connection.call(...command);
    } finally {
      connection.close();
    }
  } catch (error) {
    const failure = failureOf(error);
    expect(`${failure.message} ${String(failure.cause)}`).not.toContain(SECRET);
    return failure;
  }
  throw new Error('it was answered');
}

/** The kind of failure of a server that answers everything so. */
async function kindOf(answer: string | null, then?: 'end'): Promise<string> {
  const server = await scripted((_, socket) => {
    if (then === 'end') socket.end(answer ?? '');
    return then === 'end' ? null : answer;
  });
  try {
    return (await failing(server.url.replace('://', `://soak:${SECRET}@`))).kind;
  } finally {
    await server.stop();
  }
}

describe.concurrent('what can go wrong', () => {
  test.each([
    ['a wrong password', '-WRONGPASS invalid username-password pair or user is disabled.\r\n', 'auth'],
    ['no password', '-NOAUTH HELLO must be called with the client already authenticated\r\n', 'auth'],
    ['protected mode', '-DENIED Redis is running in protected mode because protected mode is enabled\r\n', 'auth'],
    ['too many clients', '-ERR max number of clients reached\r\n', 'too_many_connections'],
    ['a cluster with too many', '-ERR max number of clients + cluster connections reached\r\n', 'too_many_connections'],
    ['loading', '-LOADING Redis is loading the dataset in memory\r\n', 'starting_up'],
    ['a script', '-BUSY Redis is busy running a script. You can only call SCRIPT KILL\r\n', 'timeout'],
    ['a proxy', '-ERR unsupported command\r\n', 'error'],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', 'protocol'],
    ['TLS only', '\x15\x03\x01\x00\x02\x02\x28', 'protocol'],
    ['another protocol', '5.7.33-log\0\x01', 'protocol'],
  ])('%s', async (_, answer, kind) => {
    expect(await kindOf(answer)).toBe(kind);
  });

  test('a server that closes at once, or in the middle of an answer', async () => {
    expect(await kindOf('', 'end')).toBe('reset');
    expect(await kindOf('%7\r\n$6\r\nser', 'end')).toBe('reset');
    expect(await kindOf('-ERR max number of clients reached\r\n', 'end')).toBe('too_many_connections');
  });

  test('a server that says half and then nothing', async () => {
    expect(await Promise.all([kindOf('%7\r\n$6\r\nser'), kindOf(null)])).toEqual(['timeout', 'timeout']);
    const half = await scripted(greeting(() => '$100\r\nredis_version:7.0.'));
    expect((await failing(half.url)).kind).toBe('timeout');
    await half.stop();
  });

  test('what is in the air when the connection is given up failed for the same reason: it was not the server that ended it', async () => {
    const silent = await scripted(greeting(() => null));
    const connection = await RedisConnection.open(addressOf({ url: silent.url, passwordFile: null }), 3, () => {});
    const first = await connection.call('INFO').catch(failureOf);
    const others = [connection.call('CLIENT', 'LIST'), connection.call('SLOWLOG', 'GET')].map((asked) => asked.catch(failureOf));
    connection.close(first as RedisFailure);
    expect(await Promise.all(others)).toMatchObject([{ kind: 'timeout' }, { kind: 'timeout' }]);
    await silent.stop();
  });

  test('nobody, a real web server, and no such name', async () => {
    expect((await failing(`redis://127.0.0.1:${await freePort()}`)).kind).toBe('refused');
    const http = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    expect((await failing(`redis://127.0.0.1:${(http.address() as AddressInfo).port}`)).kind).toBe('protocol');
    http.closeAllConnections();
    http.close();
    expect((await failing('/nowhere/redis.sock')).kind).toBe('refused');
    expect((await failing('redis://no-such-name.invalid')).kind).toBe('unreachable');
  });

  test('TLS to a server without it, which answers or waits for more', async () => {
    const talks = createTcpServer((socket) => socket.once('data', () => socket.write('-ERR Protocol error\r\n')));
    const waits = createTcpServer(() => {});
    for (const [server, kind] of [
      [talks, 'protocol'],
      [waits, 'timeout'],
    ] as const) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const failure = await failing(`rediss://127.0.0.1:${(server.address() as AddressInfo).port}`);
      expect(failure).toMatchObject({ kind, message: expect.stringContaining('TLS') as string });
      server.close();
    }
  });

  test('an old server that does not know HELLO repeats the password; nobody else does', async () => {
    const server = await scripted((command) => {
      if (command[0]!.toUpperCase() === 'HELLO') {
        return `-ERR unknown command \`HELLO\`, with args beginning with: \`3\`, \`AUTH\`, \`soak\`, \`${SECRET}\`\r\n`;
      }
      if (command[0]!.toUpperCase() === 'AUTH') return `-WRONGPASS ${SECRET} is wrong\r\n`;
      return '+OK\r\n';
    });
    expect((await failing(server.url.replace('://', `://soak:${SECRET}@`))).kind).toBe('auth');
    await server.stop();
  });

  test('a server that does not know HELLO is spoken to in the older protocol', async () => {
    const server = await scripted((command) => (command[0]!.toUpperCase() === 'HELLO' ? '-ERR unknown command `HELLO`\r\n' : '+OK\r\n'));
    const connection = await RedisConnection.open(addressOf({ url: server.url, passwordFile: null }), 3, () => {});
    expect(await connection.call('PING')).toBe('OK');
    connection.close();
    await server.stop();
  });

  test('refusals are answers', async () => {
    const answers: Record<string, string> = {
      INFO: '-NOPERM this user has no permissions to run the "info" command\r\n',
      NOSUCH: '-ERR unknown command `NOSUCH`\r\n',
      TYPE: '-WRONGTYPE Operation against a key\r\n',
    };
    const server = await scripted(greeting((command) => answers[command[0]!] ?? '+OK\r\n'));
    expect(await failing(server.url, ['INFO'])).toMatchObject({ kind: 'denied', outage: null, message: 'NOPERM' });
    expect(await failing(server.url, ['NOSUCH'])).toMatchObject({ kind: 'unsupported', outage: null });
    expect(await failing(server.url, ['TYPE', 'a'])).toMatchObject({ kind: 'error', outage: null });
    await server.stop();
  });

  test.each([
    ['a push without a name', '>1\r\n_\r\n'],
    ['an answer to nothing', '_\r\n_\r\n_\r\n'],
    ['a prompt', '> \r\n>>> \r\n'],
    ['a list without an end', '*2147483647\r\n:1\r\n'],
    ['a size beyond all memory', '$99999999999999999999\r\nabc\r\n'],
  ])('%s ends the connection, and nothing else', async (_, bytes) => {
    const late: unknown[] = [];
    const note = (error: unknown): void => void late.push(error);
    process.on('uncaughtException', note);
    const server = await scripted((command, socket) => {
      if (command[0] !== 'INFO') return greeting(() => null)(command);
      socket.end(bytes);
      return null;
    });
    await failing(server.url).catch(() => {}); // an answer to nothing may come after one to INFO
    await server.stop();
    process.off('uncaughtException', note);
    expect(late).toEqual([]);
  });

  test('any bytes instead of an answer', async () => {
    const late: unknown[] = [];
    const note = (error: unknown): void => void late.push(error);
    process.on('uncaughtException', note);
    const piece = fc.constantFrom(
      '>1\r\n_\r\n',
      '$-1\r\n',
      '*2\r\n',
      '%1\r\n',
      '|1\r\n',
      ':x\r\n',
      '+OK\r\n',
      '=4\r\ntxt:\r\n',
      '~1\r\n',
      '\r\n',
      'a',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 12 }), async (pieces) => {
        const server = await scripted((_, socket) => {
          socket.end(pieces.join(''));
          return null;
        });
        await failing(server.url).catch((error: unknown) => expect(String(error)).toContain('it was answered'));
        await server.stop();
      }),
      { numRuns: 150 },
    );
    process.off('uncaughtException', note);
    expect(late).toEqual([]);
  });

  test('an endless answer is not collected', async () => {
    const chunk = Buffer.alloc(1_000_000, 0x78);
    const server = await scripted((command, socket) => {
      if (command[0]!.toUpperCase() !== 'INFO') return greeting(() => null)(command);
      socket.write('$2000000000\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk)) {
          /* as much as it takes */
        }
      };
      socket.on('drain', more);
      more();
      return null;
    });
    expect(await failing(server.url)).toMatchObject({ kind: 'protocol', message: expect.stringContaining('longer than') as string });
    await server.stop();
  });
});

describe('recorded replies mean the same in both protocols', () => {
  const reply = (name: string) => async (protocol: 2 | 3) => {
    const bytes = readFileSync(join(FIXTURES, `redis-7.0.15-${name}.resp${protocol}`));
    const server = await scripted(greeting(() => bytes));
    const connection = await RedisConnection.open(addressOf({ url: server.url, passwordFile: null }), protocol, () => {});
    try {
      return await connection.call('ANYTHING');
    } finally {
      connection.close();
      await server.stop();
    }
  };

  test.each([2, 3] as const)('RESP%d', async (protocol) => {
    const histograms = parseHistograms(await reply('latency-histogram')(protocol));
    expect(histograms.get('set')).toBeInstanceOf(Map);
    expect([...histograms.keys()]).toContain('client|list');
    expect(parseLatest(await reply('latency-latest')(protocol))[0]).toMatchObject({ name: 'command', latest: 0.001 });
    const slow = parseSlowlog(await reply('slowlog-get')(protocol));
    expect(slow).toHaveLength(6);
    expect(
      slow.every(
        ({ command, duration }) => /^(hello|ping|latency|slowlog|memory|xinfo|xpending|client|replconf)$/.test(command) && duration < 1,
      ),
    ).toBe(true);
    expect(pairsOf(await reply('memory-stats')(protocol)).get('keys.count')).toBe(10);
    expect(parseGroups(await reply('xinfo-groups')(protocol))).toEqual([{ name: 'workers', pending: 1, lag: 1 }]);
    expect(parsePending(await reply('xpending')(protocol))).toMatchObject({ count: 1, oldest: expect.any(Number) as number });
    expect(parseClients(String(await reply('client-list')(protocol)))).toHaveLength(6);
  });
});

test('the password file is read with every connection', () => {
  const folder = mkdtempSync(join(tmpdir(), 'soak-redis-'));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'first\n');
  expect(addressOf({ url: 'redis://soak@h', passwordFile }).password).toBe('first');
  writeFileSync(passwordFile, 'second\n');
  expect(addressOf({ url: 'redis://soak@h', passwordFile }).password).toBe('second');
  rmSync(folder, { recursive: true });
  expect(() => addressOf({ url: 'redis://soak@h', passwordFile })).toThrow('ENOENT');
});
