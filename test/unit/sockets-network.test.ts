/** The sockets of a network namespace whose processes cannot be seen, on a fake /proc. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { METRICS } from '../../src/sources/sockets.ts';
import { networkSource } from '../../src/sources/sockets-network.ts';
import { Sockets } from '../../src/sockets/sockets.ts';
import { ROWS_MAX } from '../../src/sockets/tables.ts';
import { type FakeRow, SocketProc } from '../fixtures/sockets/proc.ts';
import { Readings } from '../readings.ts';

const [ESTABLISHED, TIME_WAIT, CLOSE_WAIT, LISTEN] = [1, 6, 8, 10];
const DB = ['10.0.0.5', 5432] as const;

let proc: SocketProc;

beforeEach(() => {
  proc = new SocketProc();
  proc.process(7);
  proc.self(7);
});

afterEach(() => proc.dispose());

const row = (port: number, inode: number, state = ESTABLISHED, remote: readonly [string, number] = DB): FakeRow => ({
  local: ['10.0.0.1', port],
  remote,
  state,
  inode,
});
const listen = (port: number, inode: number): FakeRow => ({ local: ['0.0.0.0', port], state: LISTEN, inode });

async function read(rows: readonly FakeRow[], own: readonly number[]): Promise<Readings> {
  proc.table(7, rows);
  proc.open(7, ...own);
  const clock = new SimClock({ monotonic: 0 });
  const readings = new Readings(proc.roots, {}, clock);
  const source = networkSource(readings.ctx, { sockets: new Sockets(readings.ctx), role: 'api', frozenFrom: 600 });
  void source.open(readings);
  clock.advance(15);
  await readings.read(source);
  return readings;
}

test('all but the agent’s are those of the role, by endpoint, port and state', async () => {
  const r = await read(
    [
      listen(8080, 11),
      listen(10_464, 12),
      row(40_000, 13),
      row(40_001, 14, CLOSE_WAIT),
      row(40_002, 15), // the agent’s own
      row(40_003, 0, TIME_WAIT),
      row(8080, 16, ESTABLISHED, ['10.9.9.9', 33_333]),
    ],
    [12, 15],
  );
  expect([r.value(METRICS.outbound), r.value(METRICS.closeWait)]).toEqual([2, 1]);
  expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(2);
  expect(r.value(METRICS.timeWait, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(1);
  expect(r.value(METRICS.inbound, { 'server.port': '8080', 'network.connection.state': 'established' })).toBe(1);
  expect(r.value(METRICS.inbound, { 'server.port': '10464', 'network.connection.state': 'established' })).toBeUndefined();
});

test('without any there are measured zeros, and with too many nothing is counted', async () => {
  expect((await read([], [])).value(METRICS.outbound)).toBe(0);
  const many = Array.from({ length: ROWS_MAX + 1 }, (_, i) => row(1000 + (i % 60_000), 100 + i));
  expect((await read(many, [])).value(METRICS.outbound)).toBeUndefined();
});
