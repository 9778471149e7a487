/**
 * A program of our own in the background: in a session of its own, so that the end of the shell, of the terminal or of the step of a CI job
 * does not end it, and with its output in a file.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import type { Env } from './config/environment.ts';
import { messageOf, Problem } from './problem.ts';
import { makeOut, unmake } from './record/folders.ts';

/** What it says to us, and nowhere else: its output is also that of programs which it starts. */
export interface Begun {
  /** Folder of the run. */
  readonly begun: string;
}

export interface Detached {
  readonly pid: number;
  /** Resolves when its run has begun, and never otherwise. */
  readonly begun: Promise<Begun>;
  /** Resolves when it has ended and everything that it said to us has been heard. */
  readonly ended: Promise<number | null>;
  /** What it has said so far, at most the first 64 kB. */
  said(): string;
  /** The file of its output goes here; it goes on writing to it. */
  moveLog(path: string): void;
  /** Removes the file of a program that has ended. */
  forget(): void;
  /** Nothing of this process waits for it any more. */
  release(): void;
}

/** Runners that end what a job has left know it by these variables (GitHub Actions, Jenkins, TeamCity). */
const OF_THE_JOB: ReadonlySet<string> = new Set(['RUNNER_TRACKING_ID', 'JENKINS_NODE_COOKIE', 'JENKINS_SERVER_COOKIE', 'BUILD_ID']);

const SAID_MAX = 65_536;

/** @param folder of its output at first; it is made when it is not there. @throws {Problem} OUT */
export function detach(command: readonly [string, ...string[]], env: Env, folder: string, clock: Clock): Detached {
  const [file, ...args] = command;
  let log = join(folder, `.start-${process.pid}-${Math.floor(clock.wall() * 1000)}.log`);
  const { fd, made } = opened(log, folder);
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !OF_THE_JOB.has(name)));
  const child = spawn(file, args, { detached: true, stdio: ['ignore', fd, fd, 'ipc'], env: own });
  closeSync(fd);
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => (child.connected ? child.once('disconnect', () => resolve(code)) : resolve(code)));
    child.once('error', () => resolve(null));
  });
  const begun = new Promise<Begun>((resolve) => child.once('message', (message) => resolve(message as Begun)));
  return {
    pid: child.pid ?? 0,
    begun,
    ended,
    said: () => readFileSync(log, 'utf8').slice(0, SAID_MAX),
    moveLog: (path) => {
      renameSync(log, path);
      log = path;
    },
    forget: () => {
      rmSync(log, { force: true });
      unmake(made);
    },
    release: () => {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

function opened(log: string, folder: string): { fd: number; made: readonly string[] } {
  const made = makeOut(folder);
  try {
    return { fd: openSync(log, 'wx', 0o644), made };
  } catch (error) {
    unmake(made);
    const message = `cannot be written (${messageOf(error)}): name a folder that can be`;
    throw new Problem('OUT', { place: folder, message }, { cause: error });
  }
}
