/**
 * `soak-agent report RUN`: a stored run as a page, Markdown, JUnit XML or JSON, judged as it was or by other rules. The record is only read.
 */
import { writeFileSync } from 'node:fs';
import type { JudgeOverrides } from '../config/config.ts';
import { EXIT, type ExitCode, messageOf, Problem } from '../problem.ts';
import { standingOf } from '../record/standing.ts';
import { junitOf, type Undecided } from '../report/junit.ts';
import { markdownOf } from '../report/markdown.ts';
import { reportOf } from '../report/report.ts';
import type { Report } from '../report/value.ts';
import type { Clock } from '../clock.ts';
import type { Io } from './io.ts';
import type { ReportFormat } from './reportformats.ts';
import { judgeRecord } from './replay.ts';

export interface ReportRequest {
  /** Empty: judged as it was. */
  readonly overrides: JudgeOverrides;
  /** Where each form goes; `-` is standard output. Empty: the page, beside where the command runs. */
  readonly outputs: ReadonlyMap<ReportFormat, string>;
  readonly undecided: Undecided;
  /** Exits with 0 whatever the outcome is. */
  readonly nonBlocking: boolean;
}

export async function report(folder: string, { overrides, outputs, undecided, nonBlocking }: ReportRequest, io: Io): Promise<ExitCode> {
  const value = reportOfRecord(folder, overrides, io.clock);
  const wanted = outputs.size > 0 ? outputs : new Map([['html', `soak-report-${value.run.id}.html`] as const]);
  for (const [format, path] of wanted) {
    const text = await textOf(format, value, undecided);
    if (path === '-') io.stdout.write(text);
    else write(path, text, `--${format}`);
  }
  const files = [...wanted.values()].filter((path) => path !== '-');
  io.stderr.write(`${[...value.run.notes, value.sentence, ...files.map((path) => `written: ${path}`)].join('\n')}\n`);
  return nonBlocking ? EXIT.pass : EXIT[value.verdict.outcome];
}

/** The report of a stored run; the same bytes as the live run's when nothing is overridden. */
export function reportOfRecord(folder: string, overrides: JudgeOverrides, clock: Clock): Report {
  const { state, verdict, header, others, finished, notes } = judgeRecord(folder, () => overrides, 'checkpoint');
  const names = Object.keys(others);
  const other = names.length === 0 ? [] : [`judged again by other settings than those of the run: ${names.join(', ')}`];
  const { rules, ...rest } = others;
  const config = { ...(header.config as object), ...rest, ...(rules ? { rules: rules.map(({ text }) => text) } : {}) };
  return reportOf({
    header: { ...header, config },
    phase: finished ? 'finished' : standingOf(folder, clock).kind === 'running' ? 'running' : 'unfinished',
    state,
    verdict,
    notes: [...notes, ...other],
  });
}

async function textOf(format: ReportFormat, value: Report, undecided: Undecided): Promise<string> {
  switch (format) {
    case 'html': {
      const { reportPage } = await import('../report/html.ts');
      return reportPage(value);
    }
    case 'markdown':
      return markdownOf(value);
    case 'junit':
      return junitOf(value, undecided);
    case 'json':
      return `${JSON.stringify(value)}\n`;
    default:
      return format satisfies never;
  }
}

function write(path: string, text: string, place: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Problem('OUT', { place, message: `${path} cannot be written: ${messageOf(error)}` }, { cause: error });
  }
}
