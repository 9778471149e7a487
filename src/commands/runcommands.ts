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

export const WHICH = 'folder of a run, its id, or a folder of runs (default: the newest run)';

const TIMEOUT: RunFlag = { name: 'timeout', arg: '<duration>', help: 'wait this long at most' };

/** Beside those of the judgement. */
export const MERGE_FLAGS: readonly RunFlag[] = [
  {
    name: 'offset',
    arg: '<run=seconds>',
    help: 'what is added to the clock of a run, or of the runs in a folder (pod-3=+2.5s); found by marks otherwise; repeat for more',
  },
  JSON_FLAG,
  NON_BLOCKING_FLAG,
  { name: 'out', arg: '<folder>', help: 'where the merged run goes (default ./soak-merged)' },
];

const BASELINES_FLAG: RunFlag = { name: 'baselines', arg: '<folder>', help: 'where baselines are (default ./soak-baselines)' };

const HTML_FLAG: RunFlag = {
  name: 'html',
  arg: '<path>',
  help: 'write a page that needs no network here; - is standard output, which then has nothing else',
};

const COMPARE_NOTES = `
Limits: mean latency and CPU +10 % (warning) and +20 % (fails), p95 and p99 +15 % and +25 %, memory and counts +20 % and +50 %, errors +0.1 and +1
percentage points, requests -10 % and -50 %, and growth that the base does not have. A call needs certainty over all signals together.

Exit codes: 0 nothing regressed, 10 regressed, 11 cannot tell.

Examples:
  soak-agent compare soak-runs/20261120T010000Z-1f0c22aa soak-runs/20261121T010000Z-77ab01cd
  soak-agent compare --save main soak-runs            keep the newest run
  soak-agent compare main soak-runs                   compare the newest run with it
  soak-agent compare main soak-runs --html compare.html --format markdown >> "$GITHUB_STEP_SUMMARY"`;

const INIT_NOTES = `
Without --target the one program that listens here is meant; of several you choose. What is written is complete as it is, but for a user and a
database of Postgres, which no socket tells.`;

export const RUN_COMMANDS: readonly RunCommand[] = [
  {
    name: 'status',
    operands: '[run]',
    what: WHICH,
    description: 'show one screen of a run, whether it goes on in the background or is over',
    flags: [JSON_FLAG, OUT_FLAG],
    run: async (given, io) => (await import('./status.ts')).status(given, io),
  },
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
    flags: [JSON_FLAG, NON_BLOCKING_FLAG, OUT_FLAG],
    run: async (given, io) => (await import('./verdict.ts')).verdict(given, io),
  },
  {
    name: 'compare',
    operands: '<run...>',
    what: 'the base, then one or more runs that are compared with it; each the folder of a run, its id, a folder of runs, or a baseline by its name or file',
    description: 'say of every signal whether it regressed, improved or did not change against a base',
    flags: [
      { name: 'base', arg: '<run>', help: 'a further run of the base; repeat for more: several runs tell how runs differ' },
      { name: 'save', arg: '<name>', help: 'keep these runs as the baseline of this name; nothing is compared' },
      BASELINES_FLAG,
      { name: 'between', arg: '<percent>', help: 'how much runs of one build differ (default: a fifth of what matters)' },
      { name: 'strict', arg: '', help: 'what only warns fails, too' },
      HTML_FLAG,
      { name: 'format', arg: '<format>', help: 'text, json or markdown (default text)' },
      JSON_FLAG,
      NON_BLOCKING_FLAG,
      OUT_FLAG,
    ],
    notes: COMPARE_NOTES,
    run: async (given, io) => (await import('./compare.ts')).compare(given, io),
  },
  {
    name: 'trend',
    operands: '<run...>',
    what: 'two or more runs or baselines, with LABEL= before them if you like (v1.4=soak-runs/2026...); they are put in order of time',
    description: 'show how signals have moved from release to release, and end as a comparison of the last two does',
    flags: [
      HTML_FLAG,
      { name: 'svg', arg: '<path>', help: 'write a chart of each signal here; - is standard output' },
      BASELINES_FLAG,
      { name: 'between', arg: '<percent>', help: 'how much runs of one build differ (default: a fifth of what matters)' },
      { name: 'strict', arg: '', help: 'what only warns fails, too' },
      { name: 'format', arg: '<format>', help: 'text, json or markdown (default text)' },
      JSON_FLAG,
      NON_BLOCKING_FLAG,
      OUT_FLAG,
    ],
    run: async (given, io) => (await import('./trend.ts')).trend(given, io),
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
