/** What a run shows while it goes on: a live table on a terminal of its own, a line a minute everywhere else. */
import type { Writable } from 'node:stream';
import type { Agent } from '../agent.ts';
import { certifiable } from '../analysis/power.ts';
import type { Verdict } from '../analysis/verdict.ts';
import type { Config } from '../config/config.ts';
import { type LiveFigures, liveTable, minuteLine, type Screen } from '../views/terminal.ts';
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
  return { columns, rows, color: isTTY && !io.env['NO_COLOR'] };
}

/** The `--` command shares the terminal: its output and a live table would overwrite each other. */
export function openView(config: Config, io: Io, agent: Agent): View {
  const isOwn = (io.stdout as Terminal).isTTY === true && config.command === null;
  return config.live && isOwn ? new LiveView(io, agent) : new LineView(io, agent);
}

function figuresOf(agent: Agent): LiveFigures {
  return {
    now: agent.now(),
    plannedEnd: agent.config.duration,
    current: (id) => agent.current(id),
    certifiable: (id, hours) => {
      const judged = agent.judged(id);
      return judged === null ? null : certifiable(judged, hours);
    },
  };
}

class LineView implements View {
  readonly #io: Io;
  readonly #agent: Agent;
  #next = LINE_S;

  constructor(io: Io, agent: Agent) {
    this.#io = io;
    this.#agent = agent;
  }

  tick(): void {
    const now = this.#agent.now();
    if (now < this.#next) return;
    this.#next = now + LINE_S - (now % LINE_S);
    this.#io.stdout.write(`${minuteLine(this.#agent.verdict(), figuresOf(this.#agent))}\n`);
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
  #verdict: Verdict | null = null;
  #judgedAt = Number.NEGATIVE_INFINITY;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(io: Io, agent: Agent) {
    this.#io = io;
    this.#agent = agent;
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
    const lines = liveTable(this.#verdict, figuresOf(this.#agent), screenOf(this.#io));
    this.#io.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#io.stdout.write(LEAVE);
  }
}
