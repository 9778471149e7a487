/** Asks the questions of one round in one message, and finds the one that the server refuses when it refuses one. */
import { Refused } from './postgres-fault.ts';
import { type Figures, type Question } from './postgres-figures.ts';
import type { Session } from './postgres-session.ts';
import type { ReportBlind, Sink } from './source.ts';

export class Round {
  readonly #session: Session;
  readonly #target: string;
  readonly #blind: ReportBlind;
  /** Text of statements that were refused in this session: they are not asked again until the next one. */
  readonly #refused = new Set<string>();

  constructor(session: Session, { target }: Pick<Figures, 'target'>, blind: ReportBlind) {
    this.#session = session;
    this.#target = target;
    this.#blind = blind;
  }

  /** @throws {Unreachable} */
  async ask(questions: readonly Question[], sink: Sink): Promise<void> {
    const asked = questions.filter(({ sql }) => !this.#refused.has(sql));
    if (asked.length === 0) return;
    try {
      const answers = await this.#session.query(asked.map(({ sql }) => sql));
      const at = sink.now();
      asked.forEach(({ take }, i) => take(answers[i] ?? [], at, sink));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // One that is refused ends the message: all are asked one by one, which also tells which.
      for (const question of asked) await this.#askAlone(question, sink);
    }
  }

  async #askAlone(question: Question, sink: Sink): Promise<void> {
    try {
      const [rows = []] = await this.#session.query([question.sql]);
      question.take(rows, sink.now(), sink);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!PASSING.has(error.code)) this.#refused.add(question.sql);
      const mend = error.code === '42501' && question.grant !== undefined ? `; ${question.grant}` : '';
      this.#blind(sink, question.metric.name, `${reasonOf(error)}${mend}`, { target: this.#target });
    }
  }
}

/** A statement that was cancelled, waited for a lock, or came in the way of a recovery may work the next time. */
const PASSING = new Set(['57014', '55P03', '40001', '40P01', '53100', '53200']);

function reasonOf({ code, message }: Refused): string {
  if (code === '57014') return 'the server took longer than 2 s for it';
  if (code === '55P03') return 'somebody holds a lock on what it reads';
  if (code === '55000' && /shared_preload_libraries/.test(message))
    return 'pg_stat_statements is not in shared_preload_libraries; add it there and restart the server';
  return `${message} (SQLSTATE ${code})`;
}
