/**
 * Every way the program can end and every error it can raise: one code each, stable and searchable; messages may change.
 * docs/problems.md lists them, and a test compares both ways.
 */

/** Anything else (1, 13, 134, 137 ...) is a crash, never a verdict. */
export const EXIT = { pass: 0, fail: 10, inconclusive: 11, usage: 64, failed: 70 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means: `usage` problems are the user's to mend (64), `failed` ones are ours or the world's (70). */
export const PROBLEMS = {
  USAGE: 'usage', // a flag, argument or command that does not exist or does not fit
  CONFIG: 'usage', // a value in the configuration file, environment or flags
  SELECTOR: 'usage', // a target selector that cannot be understood
  NO_TARGET: 'usage', // a selector that matches nothing, or a pid that does not exist
  MANY_TARGETS: 'usage', // a selector that matches several processes without --many or --children
  KERNEL_THREAD: 'usage', // a target that is a kernel thread
  HIDDEN_TARGET: 'usage', // a process that exists but that /proc hides from this user
  RULE: 'usage', // a rule that cannot be understood
  LISTEN: 'usage', // an address that cannot be listened on
  OUT: 'usage', // a folder that cannot be written
  RECORD: 'usage', // a run record that is missing, damaged or not one
  RECORD_VERSION: 'usage', // a run record of a newer soak-agent
  DATA: 'usage', // data to analyse that cannot be read or understood
  PROMETHEUS: 'usage', // a Prometheus server that cannot be reached, refuses, or answers something else
  GONE: 'failed', // the agent of a run is gone, and has left no verdict
  DISK: 'failed', // the record can no longer be written
  INTERNAL: 'failed', // a broken invariant: a defect of soak-agent
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One thing that is wrong: where, what, and what would be right. */
export interface Detail {
  /** `file:line:column`, a flag, or an environment variable. */
  readonly place: string;
  readonly message: string;
}

/** An error that the user sees. Several details are reported together, one a line. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: readonly Detail[];

  constructor(code: ProblemCode, details: Detail | readonly Detail[], options?: ErrorOptions) {
    const list = Array.isArray(details) ? (details as readonly Detail[]) : [details as Detail];
    super(list.map((d) => (d.place ? `${d.place}: ${d.message}` : d.message)).join('\n'), options);
    this.name = 'Problem';
    this.code = code;
    this.details = list;
  }

  get exitCode(): ExitCode {
    return PROBLEMS[this.code] === 'usage' ? EXIT.usage : EXIT.failed;
  }
}

/** A broken invariant: the agent closes the record with the reason and ends with 70. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Problem('INTERNAL', { place: '', message });
}

/** The errno name of a system error (`ENOENT`), or null. */
export function errno(error: unknown): string | null {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : null;
}

/** The message of whatever was thrown, cut to a line that can be logged. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return cut(text.replaceAll('\n', ' '));
}

/** Outside strings (command names, server replies, labels) are cut before they are kept. */
const OUTSIDE_TEXT_MAX = 256;

export function cut(text: string): string {
  return text.length <= OUTSIDE_TEXT_MAX ? text : `${text.slice(0, OUTSIDE_TEXT_MAX - 1)}…`;
}
