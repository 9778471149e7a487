/** `soak-agent status RUN`: one screen of a run, whether it goes on elsewhere or is over. */
import type { Writable } from 'node:stream';
import { EXIT, type ExitCode } from '../problem.ts';
import { findRun } from '../record/find.ts';
import { standingOf } from '../record/standing.ts';
import { openStored } from '../stored.ts';
import { onScreen } from '../terminal/onscreen.ts';
import { statusScreen } from '../terminal/screen.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { screenOf } from './view.ts';

/** What is printed to a file or a pipe need not fit into a window. */
const ROWS = 60;

export function status(given: Given, io: Io): ExitCode {
  const folder = findRun(given.operands[0] ?? null, given.out());
  const standing = standingOf(folder, io.clock);
  const { state, verdict, header } = openStored(folder);
  if (given.has('json')) {
    io.stdout.write(`${JSON.stringify({ folder, standing, runTime: state.t, planned: header.planned, verdict }, null, 2)}\n`);
    return EXIT.pass;
  }
  const isTerminal = (io.stdout as Writable & { readonly isTTY?: boolean }).isTTY === true;
  const screen = screenOf(io);
  const run = { ...onScreen(state), verdict, standing: standing.kind, now: state.t, plannedEnd: header.planned, against: '' };
  const lines = statusScreen(run, isTerminal ? screen : { ...screen, rows: ROWS });
  io.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.pass;
}
