/**
 * Results that a load tool writes while it runs: a JMeter JTL in CSV, or the history of Locust. The file may not be there yet, be
 * truncated, or be replaced. What it held before the run is left out.
 */
import { basename } from 'node:path';
import { errno, messageOf } from '../problem.ts';
import type { ResultsSink } from '../traffic/window.ts';
import { CsvRecords } from './jtl-csv.ts';
import { type Format, formatOf, TIMES } from './jtl-format.ts';
import { JmeterRows, LocustRows } from './jtl-rows.ts';
import { Tail } from './jtl-tail.ts';
import { ResultWindows, TotalWindows } from './jtl-windows.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

const PERIOD_S = 1;

/** Bytes in one read, some 40,000 rows: 0.1 s of parsing, between which others have their turn at every chunk. */
const READ_MAX = 4 * 1024 * 1024;

/** Bytes read at the end of the run: its last seconds. */
const FINISH_MAX = 1024 * 1024;

/** A first line is longer than this in no file of results. */
const HEADER_MAX = 8192;

/** Seconds for which a file may not be there before that is told. */
const PATIENCE_S = 60;

const REQUESTS = 'soak.traffic.requests';

export interface JtlSpec {
  /** The role that is asked; null: the only one, or the run. */
  readonly target: string | null;
  readonly path: string;
}

export function jtlSource(ctx: SourceContext, spec: JtlSpec, traffic: ResultsSink): Source {
  return new Jtl(ctx, spec, traffic);
}

class Jtl implements Source {
  readonly name = 'jtl';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #spec: JtlSpec;
  readonly #traffic: ResultsSink;
  readonly #tail: Tail;
  readonly #blind = blindSpots();
  #reader: Reader | null = null;
  /** The first line as far as it is there. */
  #head = '';
  #refused = false;
  #since: number | null = null;

  constructor(ctx: SourceContext, spec: JtlSpec, traffic: ResultsSink) {
    this.#ctx = ctx;
    this.#spec = spec;
    this.#traffic = traffic;
    this.#tail = new Tail(spec.path);
  }

  async open(sink: Sink): Promise<void> {
    this.#since = sink.now();
    await this.#guarded(sink, async () => {
      const header = await this.#tail.skip();
      if (header !== null) this.#reader = this.#begin(sink, header);
    });
  }

  async read(sink: Sink): Promise<void> {
    await this.#take(sink, READ_MAX, false);
    if (!this.#tail.isOpen && sink.now() - (this.#since ?? 0) > PATIENCE_S) this.#cannot(sink, 'it is not there yet');
  }

  async finish(sink: Sink): Promise<void> {
    await this.#take(sink, FINISH_MAX, true);
  }

  async close(): Promise<void> {
    await this.#tail.close();
  }

  async #take(sink: Sink, max: number, isLast: boolean): Promise<void> {
    await this.#guarded(sink, () => this.#tail.read(max, ({ text, isStart }) => this.#text(sink, text, isStart)));
    this.#reader?.tell(sink.now(), isLast);
  }

  #text(sink: Sink, text: string, isStart: boolean): void {
    if (isStart) {
      this.#reader?.tell(sink.now(), true);
      this.#reader = null;
      this.#refused = false;
      this.#head = '';
    }
    if (this.#refused) return;
    if (this.#reader) return this.#reader.add(text, this.#shift(sink));
    this.#head += text;
    const end = this.#head.indexOf('\n');
    if (end < 0 && this.#head.length < HEADER_MAX && !this.#head.startsWith('<')) return;
    const head = this.#head;
    this.#head = '';
    this.#reader = this.#begin(sink, head.slice(0, end < 0 ? HEADER_MAX : end));
    this.#reader?.add(head.slice(end + 1), this.#shift(sink));
  }

  /** Null, and a report, when the file is none of those that can be read. */
  #begin(sink: Sink, line: string): Reader | null {
    const format = formatOf(line);
    this.#refused = format.kind === 'refused';
    if (format.kind !== 'refused') return new Reader(format, { target: this.#spec.target, file: basename(this.#spec.path) }, this.#traffic);
    this.#cannot(sink, format.why);
    return null;
  }

  /** Seconds from the wall clock, by which files are written, to run time. */
  #shift(sink: Sink): number {
    return sink.now() - this.#ctx.clock.wall();
  }

  #cannot(sink: Sink, why: string): void {
    const { target, path } = this.#spec;
    this.#blind(sink, REQUESTS, why, { of: path, ...(target === null ? {} : { target }) });
  }

  async #guarded(sink: Sink, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      this.#cannot(sink, errno(error) ?? messageOf(error));
    }
  }
}

/** One file from its first line on. */
class Reader {
  readonly #records: CsvRecords;
  readonly #rows: JmeterRows | LocustRows;
  readonly #tool: string;
  #isTold = false;
  readonly #whose: { readonly target: string | null; readonly sender: string };
  readonly #traffic: ResultsSink;
  readonly #results = new ResultWindows();
  readonly #totals = new TotalWindows();

  constructor(
    format: Exclude<Format, { kind: 'refused' }>,
    { target, file }: { target: string | null; file: string },
    traffic: ResultsSink,
  ) {
    const isJmeter = format.kind === 'jmeter';
    this.#records = new CsvRecords(format.delimiter);
    this.#rows = isJmeter ? new JmeterRows(format.header) : new LocustRows(format.header);
    this.#tool = isJmeter ? 'JMeter' : 'Locust';
    this.#whose = { target, sender: `${this.#tool} ${file}` };
    this.#traffic = traffic;
  }

  /** @param shift seconds from the clock of the file to run time */
  add(text: string, shift: number): void {
    for (const row of this.#records.add(text)) {
      const told = this.#rows.read(row);
      if (told === null) continue;
      this.#follow();
      if (told === 'unreadable') this.#note('unreadable', `there are rows in ${this.#whose.sender} that cannot be understood: ${TIMES}`);
      else if ('end' in told) this.#result(told, told.end + shift);
      else this.#total(told, shift);
    }
  }

  /** With the first row: a file that was left from another run tells nothing. */
  #follow(): void {
    if (!this.#isTold) this.#traffic.followed(this.#tool, this.#whose.target);
    this.#isTold = true;
  }

  tell(now: number, isAll: boolean): void {
    for (const window of this.#results.take(now, this.#whose, isAll)) this.#traffic.window(window);
  }

  #result(result: Parameters<ResultWindows['add']>[0], end: number): void {
    if (end >= 0) this.#results.add(result, end);
    else
      this.#note('before', `${this.#whose.sender} has rows from before the run, which are left out; clocks of two machines may disagree`);
  }

  #total(totals: Parameters<TotalWindows['add']>[0], shift: number): void {
    const window = this.#totals.add(totals, this.#whose, shift);
    if (window !== null && window.to >= 0) this.#traffic.window(window);
  }

  #note(what: string, message: string): void {
    this.#traffic.note(message, { what, target: this.#whose.target });
  }
}
