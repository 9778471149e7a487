/** Tables of sockets that are longer than what is read of them. */
import { expect, onTestFinished, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { ROWS_MAX, SocketTables, TIME_WAITS_MAX } from '../../src/sockets/tables.ts';
import { type FakeRow, SocketProc } from '../fixtures/sockets/proc.ts';

test.each([
  [ROWS_MAX, 0, false, false],
  [ROWS_MAX + 1, 0, true, true],
  [5, TIME_WAITS_MAX, false, false],
  [5, TIME_WAITS_MAX + 1, false, true],
  [5, 100_000, true, true],
])('of %i sockets and %i in TIME_WAIT', (sockets, waiting, capped, timeWaitsCapped) => {
  const proc = new SocketProc();
  onTestFinished(() => proc.dispose());
  proc.process(1);
  const row = (inode: number, state: number): FakeRow => ({ inode, state });
  const rows = [...Array.from({ length: waiting }, () => row(0, 6)), ...Array.from({ length: sockets }, (_, i) => row(i + 1, 1))];
  proc.table(1, rows);
  const table = new SocketTables({ clock: new SimClock(), roots: proc.roots }).read(1)!;
  expect(table).toMatchObject({ capped, timeWaitsCapped });
  const kept = table.rows.filter(({ state }) => state === 'time_wait').length;
  expect(kept).toBe(Math.min(waiting, TIME_WAITS_MAX));
  expect(capped || table.rows.length - kept === sockets).toBe(true);
});
