/** Programs that the agent starts and watches: `exec:` targets. They run in a process group of their own and end with the run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { endGroup, signalGroup } from '../processgroup.ts';

export interface ExecEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A program that was started. */
export interface Exec {
  readonly pid: number;
  /** Null while it runs. */
  readonly end: ExecEnd | null;
  /** Ends its whole process group, first kindly. Returns when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts the command: directly when it is only words, else through `sh -c`, in which a single command replaces the shell, so that what
 * is watched is the program. Its output goes to our standard error: our standard output is for reports.
 * @param onEnd called once when it has ended
 * @throws the system's error when it cannot be started (ENOENT: there is no such program)
 */
export async function startExec(command: string, onEnd: () => void = () => {}): Promise<Exec> {
  const [file, ...args] = argumentsOf(command);
  const child = spawn(file!, args, { stdio: ['ignore', 2, 2], detached: true });
  const pid = await spawned(child);
  let end: ExecEnd | null = null;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      end = { code, signal };
      signalGroup(pid, 'SIGTERM'); // what it has left behind; while there is any, nobody else gets the group's number
      resolve();
      onEnd();
    });
  });
  const stop = async (): Promise<void> => {
    if (end !== null) return;
    await endGroup(pid, ended);
    signalGroup(pid, 'SIGKILL');
  };
  return {
    pid,
    get end() {
      return end;
    },
    stop,
  };
}

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid!));
    child.once('error', reject);
  });
}

/** Words without any sign that means something to a shell. */
const PLAIN = /^[\w@%+:,./=\s-]+$/;

const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** The arguments of the process to start. */
export function argumentsOf(command: string): string[] {
  const text = command.trim();
  if (PLAIN.test(text) && !ASSIGNMENT.test(text) && !text.includes('\n')) return text.split(/\s+/);
  return ['sh', '-c', isSingle(text) ? withExec(text) : text];
}

/** Whether the shell would run one program and nothing else: no pipe, list, group, background or keyword outside of quotes. */
function isSingle(command: string): boolean {
  const bare = command.replaceAll(/\\.|'[^']*'|"(?:\\.|[^"\\])*"/gs, '_').replaceAll(/[<>]&(\d+|-)/g, '');
  return !/[;&|()`\n{}]/.test(bare) && !/\$\(/.test(command) && !/^\s*(if|for|while|until|case|!|exec|cd|export|set)\b/.test(bare);
}

/** `A=1 program` becomes `A=1 exec program`. */
function withExec(command: string): string {
  const assignments = /^(?:[A-Za-z_]\w*=(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\])*\s+)*/s.exec(command)?.[0] ?? '';
  return `${assignments}exec ${command.slice(assignments.length)}`;
}

/** Why the program of the command cannot be started, if that can be told; else null. */
export function whyNoProgram(command: string): string | null {
  const [file = ''] = argumentsOf(command);
  const folders = file.includes('/') ? [''] : (process.env['PATH'] ?? '').split(':');
  const paths = folders.map((folder) => join(folder, file));
  if (paths.some(isProgram)) return null;
  const present = paths.find(isFile);
  return present === undefined ? `there is no program ${file} to start` : `${present} is not executable: chmod +x, or name its interpreter`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return isFile(path);
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
