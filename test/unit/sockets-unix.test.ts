import * as fc from '../property.ts';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { parsePeers, UnixPeers } from '../../src/sockets/unix.ts';
import { installed } from '../e2e/agent-under-test.ts';

/** As iproute2 6.1 prints it, with a name that is meant to mislead. */
const RECORDED = `u_str ESTAB 0      0                            * 1706526 * 1706527
u_str ESTAB 0      0                            * 1706387 * 0      
u_str ESTAB 0      0      /tmp/sock/my dir 1/x 99 1709185 * 1709184
u_str ESTAB 0      0                            * 1706527 * 1706526
u_str ESTAB 0      0                            * 1709184 * 1709185
u_dgr ESTAB 0      0                            * 5 * 1709185
`;

test('pairs are those of which each names the other', () => {
  expect(parsePeers(RECORDED)).toEqual(
    new Map([
      [1706526, 1706527],
      [1706527, 1706526],
      [1709185, 1709184],
      [1709184, 1709185],
    ]),
  );
});

test('never throws, and never pairs one way only', () => {
  fc.assert(
    fc.property(fc.nat(RECORDED.length), fc.nat(60), fc.string({ maxLength: 20 }), (at, drop, put) => {
      const peers = parsePeers(RECORDED.slice(0, at) + put + RECORDED.slice(at + drop));
      for (const [inode, peer] of peers) expect(peers.get(peer)).toBe(inode);
    }),
  );
});

test('without the program nothing is known, and it is not looked for all the time', async () => {
  const clock = new SimClock();
  const peers = new UnixPeers({ clock }, '/nonexistent/ss');
  expect(await peers.peers(new AbortController().signal)).toBeNull();
});

test.skipIf(!installed('ss'))('the two ends of a connection of ours, asked for once a minute', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'soak-unix-'));
  const server = net.createServer().listen(join(folder, 'a socket 1'));
  try {
    await once(server, 'listening');
    const client = net.connect(server.address() as AddressInfo & string);
    const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as unknown as [[net.Socket]];
    const clock = new SimClock();
    const unix = new UnixPeers({ clock });
    const { signal } = new AbortController();
    const peers = await unix.peers(signal);
    const sockets = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
    const pairs = sockets.map(Number).filter((inode) => sockets.includes(String(peers?.get(inode))));
    expect(pairs.length).toBeGreaterThanOrEqual(2);
    clock.advance(59);
    expect(await unix.peers(signal)).toBe(peers);
    clock.advance(1);
    expect(await unix.peers(signal)).not.toBe(peers);
    for (const socket of [client, accepted]) socket.destroy();
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
});
