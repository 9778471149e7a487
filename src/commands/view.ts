/** What a run shows while it goes on: a live table on a terminal of its own, a line a minute everywhere else. */
import type { Writable } from 'node:stream';
import type { Agent } from '../agent.ts';
import type { Verdict } from '../analysis/verdict.ts';
import type { Config } from '../config/config.ts';
import { clean } from '../terminal/clean.ts';
import { onScreen } from '../terminal/onscreen.ts';
import { statusScreen } from '../terminal/screen.ts';
import { minuteLine, type Screen } from '../views/terminal.ts';
import type { Against } from './against.ts';
import type { Io } from './io.ts';

export interface View {
  /** Called after every tick. */
  tick(): void;
  close(): void;
}

/** Run time between two lines, and between two verdicts of the live table: a verdict costs some milliseconds, a frame does not. */
const LINE_S = 60;
const VERDICT_S = 5;
const FRAME_S = 1;

export interface Terminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** NO_COLOR: https://no-color.org, any non-empty value. */
export function screenOf(io: Pick<Io, 'stdout' | 'env'>): Screen {
  const { isTTY = false, columns = 120, rows = 24 } = io.stdout as Terminal;
  return { columns, rows, color: isTTY && !io.env['NO_COLOR'], wraps: isTTY };
}

/** The `--` command shares the terminal: its output and a live table would overwrite each other. */
export function openView(config: Config, io: Io, agent: Agent, against: Against | null = null): View {
  const isOwn = (io.stdout as Terminal).isTTY === true && config.command === null;
  const compared = (): string => against?.line(agent) ?? '';
  return config.live && isOwn ? new LiveView(io, agent, compared) : new LineView(io, agent, compared);
}

class LineView implements View {
  readonly #io: Io;
  readonly #agent: Agent;
  readonly #compared: () => string;
  #next = LINE_S;

  constructor(io: Io, agent: Agent, compared: () => string) {
    this.#io = io;
    this.#agent = agent;
    this.#compared = compared;
  }

  tick(): void {
    const now = this.#agent.now();
    if (now < this.#next) return;
    this.#next = now + LINE_S - (now % LINE_S);
    const agent = this.#agent;
    const figures = { now, plannedEnd: agent.config.duration, current: (id: string) => agent.current(id) };
    const line = minuteLine(agent.verdict(), figures);
    const compared = this.#compared();
    this.#io.stdout.write(`${clean(compared === '' ? line : `${line}  ${compared}`)}\n`);
  }

  close(): void {}
}

const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';
const HOME = '\u001B[H';
const CLEAR_LINE = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';

/** One write per frame on the alternate screen, so that the terminal is as it was when the run is over. */
class LiveView implements View {
  readonly #io: Io;
  readonly #agent: Agent;
  readonly #compared: () => string;
  #verdict: Verdict | null = null;
  #judgedAt = Number.NEGATIVE_INFINITY;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(io: Io, agent: Agent, compared: () => string) {
    this.#io = io;
    this.#agent = agent;
    this.#compared = compared;
    io.stdout.write(ENTER);
  }

  tick(): void {
    const now = this.#agent.now();
    if (now - this.#shownAt < FRAME_S) return;
    this.#shownAt = now;
    if (this.#verdict === null || now - this.#judgedAt >= VERDICT_S) {
      this.#verdict = this.#agent.verdict();
      this.#judgedAt = now;
    }
    const { state, config } = this.#agent;
    const about = { verdict: this.#verdict, standing: 'running' as const, now, plannedEnd: config.duration, against: this.#compared() };
    const lines = statusScreen({ ...onScreen(state), ...about }, screenOf(this.#io));
    this.#io.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#io.stdout.write(LEAVE);
  }
}
