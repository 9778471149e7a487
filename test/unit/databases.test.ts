import { afterEach, beforeEach, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { type Database, databasesOf } from '../../src/doctor/databases.ts';
import { Servers } from '../../src/servers.ts';
import { Targets } from '../../src/targets.ts';
import { type FakeRow, SocketProc } from '../fixtures/sockets/proc.ts';
import { target } from '../watch.ts';

let proc: SocketProc;
const targets = new Targets([target('api=name:a'), target('web=name:b')]);

beforeEach(() => {
  proc = new SocketProc();
  proc.process(7);
  proc.self(7);
  proc.process(1, 7);
  proc.process(2);
  targets.all().forEach((one, i) => targets.bind(one, [{ pid: i + 1, startTime: 1, comm: 'x', member: null }], 0));
});

afterEach(() => proc.dispose());

function found(pid: number, rows: readonly FakeRow[], servers = new Servers([])): readonly Database[] {
  proc.table(pid, rows);
  proc.open(pid, ...rows.map(({ inode }) => inode).filter((inode) => inode < 900));
  return databasesOf(targets, servers.all(), { clock: new SimClock(), roots: proc.roots }).get(targets.all()[pid - 1]!) ?? [];
}

const to = (address: string, port: number, inode: number, state = 1): FakeRow => ({
  local: ['10.0.0.1', 4000],
  remote: [address, port],
  state,
  inode,
});

test('by the usual ports, those with most connections first', () => {
  const rows = [to('10.0.0.5', 5432, 11), to('10.0.0.6', 6379, 12), to('10.0.0.6', 6379, 13), to('10.0.0.7', 6432, 14)];
  expect(found(1, [...rows, to('10.0.0.8', 80, 15), to('10.0.0.5', 5432, 900), to('10.0.0.5', 5432, 16, 8)])).toEqual([
    { what: '2 connections to 10.0.0.6:6379, the usual port of Redis', option: '--redis redis://10.0.0.6:6379' },
    {
      what: '1 connection to 10.0.0.5:5432, the usual port of Postgres',
      option: '--postgres postgresql://USER@10.0.0.5:5432/DATABASE',
    },
    {
      what: '1 connection to 10.0.0.7:6432, the usual port of PgBouncer',
      option: '--postgres postgresql://USER@10.0.0.7:6432/DATABASE',
    },
  ]);
});

test('what is watched already is not suggested', () => {
  const servers = new Servers([{ name: 'db', system: 'postgresql', url: '', passwordFile: null, display: '', gauges: [], keys: [] }]);
  servers.all()[0]!.endpoints = [{ address: '10.0.0.5', port: 5432 }, { path: '/run/x' }];
  expect(found(1, [to('10.0.0.5', 5432, 11)], servers)).toEqual([]);
});

test('a loopback address of another network namespace cannot be reached from here', () => {
  expect(found(2, [to('127.0.0.1', 6380, 11)])).toEqual([
    {
      what: '1 connection to 127.0.0.1:6380, the usual port of Redis with TLS, an address of its own network namespace',
      option: '--redis rediss://HOST:6380',
    },
  ]);
  expect(found(1, [to('127.0.0.1', 6380, 11)])[0]?.option).toBe('--redis rediss://127.0.0.1:6380');
});

test('at most five', () => {
  expect(
    found(
      1,
      Array.from({ length: 9 }, (_, i) => to(`10.0.0.${i}`, 5432, 11 + i)),
    ),
  ).toHaveLength(5);
});
