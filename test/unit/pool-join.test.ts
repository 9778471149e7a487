import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/servers.ts';
import { behindBouncer, type Held, join, plain, sessionsNamed } from '../../src/sources/pool-join.ts';

const SERVER = [{ address: '10.0.0.9', port: 5432 }];

function session(id: string, peer: Session['peer'], more: Partial<Session> = {}): Session {
  const known = { pid: null, user: 'app', database: 'app', application: null, state: 'idle' as const, openedAt: 0, changedAt: 0 };
  return { id, peer, ...known, transactionAt: null, queryHash: null, listens: false, ours: false, ...more };
}

function held(port: number, more: Partial<Held> = {}): Held {
  return { pid: 1, inode: port, local: { address: '10.0.0.1', port }, remote: SERVER[0]!, established: true, ipv6: false, ...more };
}

describe('joining sockets with sessions', () => {
  test('the same port of another client is another connection', () => {
    const own = session('own', { address: '10.0.0.1', port: 4000 });
    const other = session('other', { address: '10.0.0.2', port: 4000 });
    const { connections, rest, unmatched } = join([held(4000)], [other, own], SERVER);
    expect(connections.map(({ session: { id } }) => id)).toEqual(['own']);
    expect(rest).toEqual([other]);
    expect(unmatched).toEqual([]);
  });

  test('an address of IPv4 that the server writes as one of IPv6 is the same', () => {
    expect(join([held(4000)], [session('a', { address: '::ffff:10.0.0.1', port: 4000 })], SERVER).connections).toHaveLength(1);
    expect(plain('::FFFF:10.0.0.1')).toBe('10.0.0.1');
    expect(plain('fe80::1%eth0')).toBe('fe80::1');
    expect(plain('::ffff:0:1')).toBe('::ffff:0:1');
  });

  test('behind a translation that keeps ports the only session with the port is taken, and none of several', () => {
    const seen = session('a', { address: '172.17.0.1', port: 4000 });
    expect(join([held(4000)], [seen], SERVER).connections).toHaveLength(1);
    const { connections, unmatched } = join([held(4000)], [seen, session('b', { address: '172.17.0.7', port: 4000 })], SERVER);
    expect(connections).toEqual([]);
    expect(unmatched).toHaveLength(1);
    const twice = [held(4000), held(4000, { pid: 2, inode: 9, local: { address: '10.0.0.3', port: 4000 } })];
    expect(join(twice, [seen], SERVER).connections).toEqual([]);
  });

  test('what another server on the same port serves is not ours', () => {
    const elsewhere = held(4000, { remote: { address: '10.0.0.10', port: 5432 } });
    expect(join([elsewhere], [], SERVER).unmatched).toEqual([]);
    const seen = session('a', { address: '10.0.0.1', port: 4000 });
    expect(join([elsewhere], [seen], SERVER).connections).toHaveLength(1); // another address of this server
  });

  test('our own sessions and those without a port are nobody’s', () => {
    const list = [session('own', { address: '10.0.0.1', port: 4000 }, { ours: true }), session('u', 'unix'), session('?', null)];
    const { connections, rest } = join([held(4000)], list, SERVER);
    expect(connections).toEqual([]);
    expect(rest.map(({ id }) => id)).toEqual(['u', '?']);
  });

  test('every socket and every session is used once, whatever there is', () => {
    const port = fc.integer({ min: 1, max: 6 });
    const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '::ffff:10.0.0.1', '::1');
    const sockets = fc.array(fc.record({ address, port }), { maxLength: 8 });
    fc.assert(
      fc.property(sockets, fc.array(fc.record({ address, port }), { maxLength: 8 }), (locals, peers) => {
        const all = locals.map((local, i) => held(local.port, { inode: i, local }));
        const sessions = peers.map((peer, i) => session(String(i), peer));
        const { connections, unmatched, rest } = join(all, sessions, SERVER);
        expect(connections.length + unmatched.length).toBe(all.length);
        expect(new Set(connections.map((one) => one.session.id)).size).toBe(connections.length);
        expect(connections.length + rest.length).toBe(sessions.length);
        for (const one of connections) expect((one.session.peer as { port: number }).port).toBe(one.port);
      }),
    );
  });
});

test('an application is known by the name of the role or of the program, in any case', () => {
  const list = [session('a', 'unix', { application: 'Orders' }), session('b', 'unix', { application: 'psql' }), session('c', 'unix')];
  expect(sessionsNamed(list, new Set(['orders', 'node'])).map(({ id }) => id)).toEqual(['a']);
});

describe('behind a pooler', () => {
  const client = session('c', { address: '10.0.0.1', port: 4000 }, { pid: 77, state: 'active', changedAt: 5 });
  const backend = (more: Partial<Session>): Session => session('b', null, { pid: 77, state: 'idle_in_transaction', changedAt: 3, ...more });

  test('a client is in the state of the session it has', () => {
    const [seen] = behindBouncer([client], [backend({ transactionAt: 2, queryHash: 'ab' })]);
    expect(seen).toMatchObject({ id: 'c', state: 'idle_in_transaction', changedAt: 3, transactionAt: 2, queryHash: 'ab' });
  });

  test('which is its own while it has none, or more than one could be meant', () => {
    expect(behindBouncer([{ ...client, pid: null }], [backend({})])).toEqual([{ ...client, pid: null }]);
    expect(behindBouncer([client], [backend({}), backend({ id: 'other server' })])).toEqual([client]);
    expect(behindBouncer([client], [backend({ database: 'else' })])).toEqual([client]);
    expect(behindBouncer([client], [backend({ state: 'idle' })])).toEqual([client]);
  });
});
