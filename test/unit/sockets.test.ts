import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from '../property.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { SocketOwners, type Ownership } from '../../src/sockets/owners.ts';
import { Sockets } from '../../src/sockets/sockets.ts';
import { readListening, SHARE, SocketTables } from '../../src/sockets/tables.ts';
import { formatIpv6, parseTcp, TCP_STATES, type TcpRow } from '../../src/sockets/tcptable.ts';
import { Targets } from '../../src/targets.ts';
import { type FakeRow, SocketProc, tableText } from '../fixtures/sockets/proc.ts';
import { target } from '../watch.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/sockets/${name}`, import.meta.url));

function rowsOf(bytes: Uint8Array, rows: TcpRow[] = []): TcpRow[] {
  parseTcp(bytes, bytes.length, (row) => row && rows.push(row));
  return rows;
}

const shown = ({ local, remote }: TcpRow) => ({
  local: `${local.address} ${local.port}`,
  remote: `${remote.address} ${remote.port}`,
});

describe('the table', () => {
  interface Known {
    readonly port: number;
    readonly clients: readonly { local: string; remote: string }[];
    readonly accepted: readonly { local: string; remote: string }[];
  }

  const known = JSON.parse(fixture('known.json').toString().replaceAll('::ffff:', '')) as Known;
  const rows = [...rowsOf(fixture('tcp')), ...rowsOf(fixture('tcp6'))];

  test('has what the program that held the sockets knew of them, mapped addresses as IPv4', () => {
    const established = rows.filter(({ state }) => state === 'established');
    const byEnd = (a: { local: string }, b: { local: string }): number => (a.local < b.local ? -1 : 1);
    const end = ({ local, remote }: { local: string; remote: string }) => ({ local: `${local} ${remote}` });
    expect(established.map((row) => end(shown(row))).toSorted(byEnd)).toEqual(
      [...known.clients, ...known.accepted].map(end).toSorted(byEnd),
    );
  });

  test('has the states, and inode 0 for what belongs to nobody', () => {
    const byState = (state: string): TcpRow[] => rows.filter((row) => row.state === state);
    expect(byState('listen').map(({ local, remote }) => [local, remote])).toEqual([
      [
        { address: '::', port: known.port },
        { address: '::', port: 0 },
      ],
    ]);
    expect(byState('close_wait').map(({ local, ipv6 }) => [local, ipv6])).toEqual([[{ address: '127.0.0.1', port: known.port }, true]]);
    expect(byState('fin_wait_2').map(({ ipv6 }) => ipv6)).toEqual([false]);
    expect(byState('time_wait').map(({ inode }) => inode)).toEqual([0]);
    expect(new Set(rows.filter(({ inode }) => inode !== 0).map(({ inode }) => inode)).size).toBe(rows.length - 1);
  });

  test('every state of the kernel has its name', () => {
    const states = rowsOf(Buffer.from(tableText(Array.from({ length: 14 }, (_, state) => ({ inode: 7, state })))));
    expect(states.map(({ state }) => state)).toEqual([...TCP_STATES, 'syn_received']);
    expect(TCP_STATES).toHaveLength(11);
  });

  test('queues', () => {
    const text = tableText([{ inode: 5 }]).replace('00000000:00000000 00:', '0000000A:FFFFFFFF 00:');
    expect(rowsOf(Buffer.from(text))).toMatchObject([{ txQueue: 10, rxQueue: 0xffff_ffff }]);
  });

  test('a row that is cut anywhere is refused', () => {
    const lines = fixture('tcp6').toString().split('\n').filter(Boolean);
    for (const line of [lines[1]!, lines[4]!]) {
      const inode = /(\d+) \d+ [0-9a-f]{16}/.exec(line)!;
      for (let length = 0; length <= inode.index + inode[1]!.length; length++) {
        expect(rowsOf(Buffer.from(`${line.slice(0, length)}\n`)), line.slice(0, length)).toEqual([]);
        expect(rowsOf(Buffer.from(line.slice(0, length)))).toEqual([]);
      }
      expect(rowsOf(Buffer.from(`${line}\n`))).toHaveLength(1);
    }
  });

  test('a line without its end is left for the next read', () => {
    const bytes = fixture('tcp');
    for (let cut = 0; cut <= bytes.length; cut++) {
      const rows: TcpRow[] = [];
      const used = parseTcp(bytes, cut, (row) => row && rows.push(row));
      expect(rowsOf(bytes.subarray(used), rows)).toHaveLength(2);
    }
  });

  test('never throws and never invents: every row was in the text', () => {
    const text = fixture('tcp6').toString();
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(60), fc.string({ unit: 'binary-ascii', maxLength: 20 }), (at, drop, put) => {
        const spoilt = text.slice(0, at) + put + text.slice(at + drop);
        for (const { inode, local, remote } of rowsOf(Buffer.from(spoilt, 'latin1'))) {
          const hex = (port: number): string => port.toString(16).padStart(4, '0');
          expect(spoilt).toMatch(new RegExp(`\\b0*${inode}\\b`));
          expect(spoilt.toLowerCase()).toContain(`:${hex(local.port)} `);
          expect(spoilt.toLowerCase()).toContain(`:${hex(remote.port)} `);
        }
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => rowsOf(bytes).length <= bytes.length));
  });

  test('IPv6 addresses are written as browsers write them', () => {
    const word = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(word, { minLength: 16, maxLength: 16 }), (bytes) => {
        const text = formatIpv6(Uint8Array.from(bytes));
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
        const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(':');
        expect(new URL(`http://[${groups}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });
});

let proc: SocketProc;
let clock: SimClock;

beforeEach(() => {
  proc = new SocketProc();
  clock = new SimClock();
});

afterEach(() => proc.dispose());

const inodes = (rows: readonly TcpRow[] | undefined): number[] | undefined => rows?.map(({ inode }) => inode);

describe('tables', () => {
  const tables = (): SocketTables => new SocketTables({ clock, roots: proc.roots });

  test('are shared by the processes of a namespace, for half a second', () => {
    proc.process(1);
    proc.process(2, 1);
    proc.process(3);
    proc.table(1, [{ inode: 11 }]);
    proc.table(1, [{ inode: 61 }], true);
    proc.table(3, [{ inode: 33 }]);
    const all = tables();
    const first = all.read(1)!;
    expect(inodes(first.rows)).toEqual([11, 61]);
    expect(first).toMatchObject({ at: clock.monotonic(), capped: false });
    expect(all.read(2)).toBe(first);
    expect(inodes(all.read(3)?.rows)).toEqual([33]);
    proc.table(1, [{ inode: 12 }]);
    clock.advance(0.4);
    expect(all.read(2)).toBe(first);
    clock.advance(0.2);
    expect(inodes(all.read(2)?.rows)).toEqual([12, 61]);
  });

  test('IPv6 that nobody needs is read every tenth time, and at once for who needs it', () => {
    proc.process(1);
    const all = tables();
    all.read(1, { ipv6: 'kept' });
    proc.table(1, [{ inode: 61 }], true);
    const seen = Array.from({ length: 10 }, () => {
      clock.advance(1);
      return inodes(all.read(1, { ipv6: 'kept' })?.rows);
    });
    expect(seen).toEqual([...Array.from({ length: 9 }, () => []), [61]]);
    proc.table(1, [{ inode: 62 }], true);
    clock.advance(1);
    expect(inodes(all.read(1, { ipv6: 'kept' })?.rows)).toEqual([61]);
    expect(inodes(all.read(1)?.rows)).toEqual([62]);
  });

  test('may be as old as is enough for who asks, and no older than a minute', () => {
    proc.process(1);
    const all = tables();
    const ages = [10, Infinity].map((age) => {
      const from = all.read(1)!.at;
      for (let passed = 1; passed < 100; passed++) {
        clock.advance(1);
        if (all.read(1, { age })!.at > from) return passed;
      }
      return NaN;
    });
    expect(ages).toEqual([10, 60]);
  });

  test('in a trial of minutes they take one part in twenty of the time', () => {
    class Costly extends SimClock {
      used = 0;
      override cpu(): number {
        return (this.used += 0.02);
      }
    }
    clock = new Costly();
    proc.process(1);
    const all = new SocketTables({ clock, roots: proc.roots }, SHARE.trial);
    all.read(1);
    clock.advance(0.6); // what was measured once does not count yet
    const last = all.read(1)!.at;
    clock.advance(0.7); // two files of 20 ms: given again for 0.8 s
    expect(all.read(1)!.at).toBe(last);
    clock.advance(0.2);
    expect(all.read(1)!.at).toBe(clock.monotonic());
  });

  test('together they take one part in a hundred of the time, and never wait longer than a minute', () => {
    class Costly extends SimClock {
      used = 0;
      override cpu(): number {
        return (this.used += 0.02); // between the two questions of each file
      }
    }
    clock = new Costly();
    for (const pid of [1, 2]) proc.process(pid);
    const all = tables();
    const times = (): (number | undefined)[] => [1, 2].map((pid) => all.read(pid)?.at);
    const start = clock.monotonic();
    expect(times()).toEqual([start, start]);
    clock.advance(0.6); // what was measured once does not count yet
    times();
    clock.advance(10);
    times();
    const last = clock.monotonic();
    clock.advance(7.9); // four files of 20 ms
    expect(times()).toEqual([last, last]);
    clock.advance(0.2);
    expect(times()).toEqual([last + 8.1, last + 8.1]);
  });

  test('without IPv6 there are the rows of IPv4; without a process there is nothing', () => {
    proc.process(1);
    proc.table(1, [{ inode: 11 }]);
    proc.remove('1/net/tcp6');
    expect(inodes(tables().read(1)?.rows)).toEqual([11]);
    expect(tables().read(2)).toBeNull();
    proc.remove('1/net');
    expect(tables().read(1)).toBeNull();
  });

  const NO_WAITS = 'sockets: used 8\nTCP: inuse 0 orphan 0 tw 0 alloc 1 mem 171\nUDP: inuse 0 mem 0\n';

  test('of a family that has no socket the table is not read', () => {
    proc.process(1);
    proc.table(1, [{ inode: 11 }]);
    proc.table(1, [{ inode: 61 }], true);
    const rows = (sockstat: string, sockstat6: string) => {
      proc.write('1/net/sockstat', sockstat);
      proc.write('1/net/sockstat6', sockstat6);
      return inodes(tables().read(1)?.rows);
    };
    expect(rows(NO_WAITS, 'TCP6: inuse 0\nUDP6: inuse 3\n')).toEqual([]);
    expect(rows(NO_WAITS, 'TCP6: inuse 10\n')).toEqual([61]);
    expect(rows(NO_WAITS.replace('inuse 0', 'inuse 1'), 'TCP6: inuse 0\n')).toEqual([11]);
  });

  test.each([
    ['connections in TIME_WAIT are of either family', NO_WAITS.replace('tw 0', 'tw 1'), 'TCP6: inuse 0\n'],
    ['an old kernel does not tell', 'TCP: used 3\n', ''],
    ['nor does one without the files', '', ''],
  ])('%s: both are read', (_, sockstat, sockstat6) => {
    proc.process(1);
    proc.table(1, [{ inode: 11 }]);
    proc.table(1, [{ inode: 61 }], true);
    proc.write('1/net/sockstat', sockstat);
    proc.write('1/net/sockstat6', sockstat6);
    expect(inodes(tables().read(1)?.rows)).toEqual([11, 61]);
  });

  test('a socket that the kernel lists twice is one; those of nobody are as many as are listed', () => {
    proc.process(1);
    proc.table(1, [{ inode: 11 }, { inode: 12 }, { inode: 0 }, { inode: 11 }, { inode: 0 }]);
    expect(inodes(tables().read(1)?.rows)).toEqual([11, 12, 0, 0]);
  });

  test('a file that is no table has no rows', () => {
    proc.process(1);
    proc.write('1/net/tcp', 'x'.repeat(200_000));
    expect(tables().read(1)?.rows).toEqual([]);
  });
});

describe('sockets that listen', () => {
  test('are the first of a recorded table, and all of them', () => {
    const path = (name: string): string => fileURLToPath(new URL(`../fixtures/sockets/${name}`, import.meta.url));
    const all = ['tcp', 'tcp6'].map((name) => rowsOf(fixture(name)).filter(({ state }) => state === 'listen'));
    expect(all.flat().length).toBeGreaterThan(0);
    expect(['tcp', 'tcp6'].map((name) => readListening(path(name)))).toEqual(all);
    expect(readListening(path('none'))).toEqual([]);
  });

  test('are all that is read of a table', () => {
    const proc = new SocketProc();
    const connections = Array.from({ length: 2000 }, (_, i) => ({ inode: 100 + i }));
    proc.process(1);
    proc.table(1, [{ state: 10, inode: 7 }, { state: 10, inode: 8 }, ...connections, { state: 10, inode: 9 }]);
    expect(readListening(join(proc.path, '1/net/tcp')).map(({ inode }) => inode)).toEqual([7, 8]);
    proc.dispose();
  });
});

describe('owners', () => {
  const procOf = (pid: number) => ({ pid, startTime: 1, comm: 'app', member: null });
  let owners: SocketOwners;
  let tables: SocketTables;

  beforeEach(() => {
    tables = new SocketTables({ clock, roots: proc.roots });
    owners = new SocketOwners({ clock, roots: proc.roots }, tables);
  });

  function own(pids: readonly number[], rows: readonly FakeRow[], matters: (row: TcpRow) => boolean = () => true): Ownership {
    proc.table(pids[0]!, rows);
    clock.advance(1);
    const table = tables.read(pids[0]!)!;
    return owners.ownersOf(table, procs(pids), table.rows.filter(matters));
  }

  const kept = new Map<number, ReturnType<typeof procOf>>();
  const procs = (pids: readonly number[]) => pids.map((pid) => kept.get(pid) ?? kept.set(pid, procOf(pid)).get(pid)!);

  test('are found by their descriptors; others are nobody’s', () => {
    proc.process(1);
    proc.process(2, 1);
    proc.open(1, 11, '/dev/null', 12);
    proc.open(2, 21, 12, 'anon_inode:[eventpoll]');
    const {
      owners: found,
      settled,
      blind,
      alone,
    } = own([1, 2], [{ inode: 11 }, { inode: 12 }, { inode: 21 }, { inode: 99 }, { inode: 0 }]);
    expect([...found]).toEqual([
      [11, 1],
      [12, 1],
      [21, 2],
    ]);
    expect({ settled, blind: blind.size, alone }).toEqual({ settled: true, blind: 0, alone: null });
  });

  test('are walked again only for a socket that was not there', () => {
    proc.process(1);
    proc.open(1, 11);
    const first = own([1], [{ inode: 11 }, { inode: 99 }]);
    expect(own([1], [{ inode: 11 }, { inode: 99 }])).toBe(first);
    proc.open(1, 12);
    expect(own([1], [{ inode: 11 }, { inode: 12 }], ({ inode }) => inode === 11)).toBe(first);
    expect(own([1], [{ inode: 11 }, { inode: 12 }]).owners.get(12)).toBe(1);
  });

  test('after walks of many descriptors there is a rest, and who asks is told', () => {
    proc.process(1);
    proc.open(1, 11, ...Array.from({ length: 6000 }, (_, i) => `file${i}`));
    expect(own([1], [{ inode: 11 }]).settled).toBe(true);
    proc.open(1, 12);
    expect(own([1], [{ inode: 11 }, { inode: 12 }])).toMatchObject({ settled: true, owners: { size: 2 } });
    proc.open(1, 13);
    expect(own([1], [{ inode: 11 }, { inode: 13 }])).toMatchObject({ settled: false, owners: { size: 2 } });
    expect(own([1], [{ inode: 11 }]).settled).toBe(true);
    clock.advance(2);
    expect(own([1], [{ inode: 11 }, { inode: 13 }])).toMatchObject({ settled: true, owners: { size: 3 } });
  });

  test('a socket that was passed on is found at its new owner in time', () => {
    proc.process(1);
    proc.process(2, 1);
    proc.open(1, 11);
    proc.open(2, 22);
    const both = [{ inode: 11 }, { inode: 22 }];
    own([1, 2], both);
    proc.remove('1/fd/11');
    proc.open(2, 11);
    expect(own([1, 2], both).owners.get(11)).toBe(1);
    clock.advance(300);
    expect(own([1, 2], both).owners.get(11)).toBe(2);
  });

  test('another process is another binding: nothing of the one before counts', () => {
    proc.process(1);
    proc.open(1, 11);
    own([1], [{ inode: 11 }]);
    proc.remove('1/fd/11');
    kept.delete(1);
    expect(own([1], [{ inode: 11 }]).owners.size).toBe(0);
  });

  test('a process that has ended has no sockets', () => {
    proc.process(1);
    proc.process(2, 1);
    proc.remove('2');
    proc.open(1, 11);
    const { owners: found, blind } = own([1, 2], [{ inode: 11 }]);
    expect([[...found], blind.size]).toEqual([[[11, 1]], 0]);
  });

  describe('that may not be looked into', () => {
    beforeEach(() => {
      proc.process(7); // the agent
      proc.self(7);
      proc.process(1, 7);
      proc.open(7, 77);
      proc.closeOff(1);
    });

    test('have all sockets but ours when they are alone in their namespace with us', () => {
      const { owners: found, alone, blind } = own([1], [{ inode: 11 }, { inode: 77 }, { inode: 0 }]);
      expect([[...found], alone, blind.size]).toEqual([[[11, 1]], 1, 0]);
    });

    test('a pause container is no company', () => {
      proc.process(2, 7);
      proc.write('2/comm', 'pause\n');
      expect(own([1], [{ inode: 11 }]).alone).toBe(1);
    });

    test('are blind when they are not alone, and are told apart from those that are not', () => {
      proc.process(2, 7);
      proc.open(2, 22);
      const { owners: found, alone, blind } = own([1, 2], [{ inode: 11 }, { inode: 22 }]);
      expect([[...found], alone, [...blind.keys()]]).toEqual([[[22, 2]], null, [1]]);
      expect(blind.get(1)).toMatch(/^only uid \d+ may read it; run soak-agent as that user or with CAP_SYS_PTRACE/);
      expect(own([1], [{ inode: 11 }])).toMatchObject({ alone: null, owners: { size: 0 } });
    });
  });
});

describe('sockets of all targets', () => {
  const targets = new Targets([target('api=name:a'), target('web=name:b')]);
  const [api, web] = targets.all();
  const bind = (role: typeof api, ...pids: number[]): void =>
    targets.bind(
      role!,
      pids.map((pid) => ({ pid, startTime: pid, comm: 'x', member: null })),
      0,
    );

  test('by namespace, each process once, whatever roles it serves', () => {
    for (const pid of [1, 3]) proc.process(pid);
    proc.process(2, 1);
    proc.table(1, [{ inode: 11 }, { inode: 22 }]);
    proc.table(3, [{ inode: 33 }]);
    for (const pid of [1, 2, 3]) proc.open(pid, pid * 11);
    bind(api, 1, 2, 4);
    bind(web, 2, 3);
    const read = new Sockets({ clock, targets, roots: proc.roots }).read();
    expect(read.map(({ procs, owners }) => [procs.map(({ pid }) => pid), [...owners]])).toEqual([
      [
        [1, 2],
        [
          [11, 1],
          [22, 2],
        ],
      ],
      [[3], [[33, 3]]],
    ]);
  });

  test('a socket that does not matter is not looked for', () => {
    proc.process(1);
    proc.open(1, 11);
    proc.table(1, [{ inode: 11 }]);
    bind(api, 1);
    bind(web);
    const sockets = new Sockets({ clock, targets, roots: proc.roots });
    const read = (): (readonly number[])[] => {
      clock.advance(1);
      return sockets.read(({ inode }) => inode === 11).map(({ owners }) => [...owners.keys()]);
    };
    expect(read()).toEqual([[11]]);
    proc.open(1, 12);
    proc.table(1, [{ inode: 11 }, { inode: 12 }]);
    expect(read()).toEqual([[11]]);
    expect(sockets.read().map(({ owners }) => [...owners.keys()])).toEqual([[11, 12]]);
  });

  test('without processes there is nothing to read', () => {
    bind(api);
    bind(web);
    expect(new Sockets({ clock, targets, roots: proc.roots }).read()).toEqual([]);
  });
});
