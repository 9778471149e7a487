/** The commands on runs that are stored or go on elsewhere, as a table: `program.ts` makes commands of it, and help. */
import type { ExitCode } from '../problem.ts';
import { type Given, JSON_FLAG, NON_BLOCKING_FLAG, OUT_FLAG, type RunFlag } from './given.ts';
import type { Io } from './io.ts';

export interface RunCommand {
  readonly name: string;
  readonly operands: '[run]' | '<run...>' | '';
  /** What the operands are; empty for none. */
  readonly what: string;
  readonly description: string;
  readonly flags: readonly RunFlag[];
  readonly notes?: string;
  readonly run: (given: Given, io: Io) => Promise<ExitCode>;
}

const WHICH = 'folder of a run, its id, or a folder of runs (default: the newest run)';

const TIMEOUT: RunFlag = { name: 'timeout', arg: '<duration>', help: 'wait this long at most' };

const INIT_NOTES = `
Without --target the one program that listens here is meant; of several you choose. What is written is complete as it is, but for a user and a
database of Postgres, which no socket tells.`;

export const RUN_COMMANDS: readonly RunCommand[] = [
  {
    name: 'wait',
    operands: '[run]',
    what: WHICH,
    description: 'wait for the end of a run that goes on in the background, and end with its exit code',
    flags: [TIMEOUT, NON_BLOCKING_FLAG, OUT_FLAG],
    run: async (given, io) => (await import('./wait.ts')).wait(given, io),
  },
  {
    name: 'stop',
    operands: '[run]',
    what: WHICH,
    description: 'end a run that goes on in the background, and end with its exit code',
    flags: [{ ...TIMEOUT, help: 'wait this long at most for its end (default 30s)' }, NON_BLOCKING_FLAG, OUT_FLAG],
    run: async (given, io) => (await import('./wait.ts')).stop(given, io),
  },
  {
    name: 'verdict',
    operands: '[run]',
    what: WHICH,
    description: 'print the verdict of a run, final or so far, and end with its exit code (11 while it goes on, unless it has failed)',
    flags: [{ name: 'format', arg: '<format>', help: 'text, json or markdown (default text)' }, JSON_FLAG, NON_BLOCKING_FLAG, OUT_FLAG],
    run: async (given, io) => (await import('./verdict.ts')).verdict(given, io),
  },
  {
    name: 'init',
    operands: '',
    what: '',
    description: 'write a first configuration, with comments, from what is found here: targets, pages of metrics, databases',
    flags: [
      { name: 'target', arg: '<[role=]selector>', help: 'what to watch, as in a run; repeat for more' },
      { name: 'write', arg: '<path>', help: 'a new file to write to (default: standard output)' },
      { name: 'proc', arg: '<path>', help: 'where the processes are (default /proc)' },
    ],
    notes: INIT_NOTES,
    run: async (given, io) => (await import('./init.ts')).init(given, io),
  },
];
