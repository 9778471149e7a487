/** `soak-agent trend RUN...`: how signals have moved from release to release. */
import { basename } from 'node:path';
import type { MeasuredRun } from '../comparison/measured.ts';
import { BASELINES, runsCalled } from '../comparison/stored.ts';
import { trendOf } from '../comparison/trend.ts';
import { trendSvg } from '../comparison/trendchart.ts';
import { trendPage } from '../comparison/trendpage.ts';
import { trendMarkdown, trendText } from '../comparison/trendtext.ts';
import { EXIT, type ExitCode, Problem } from '../problem.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { viewPath, writeView } from './views.ts';
import { screenOf } from './view.ts';

/** A chart of more is a wall. */
const RUNS_MAX = 100;

interface Labelled {
  readonly run: MeasuredRun;
  readonly label: string;
}

export function trend(given: Given, io: Io): ExitCode {
  const { faults, operands } = given;
  const format = given.word('format', ['text', 'json', 'markdown']) ?? (given.has('json') ? 'json' : 'text');
  const between = given.share('between');
  const svg = viewPath(given, 'svg');
  const html = viewPath(given, 'html');
  if (operands.length > RUNS_MAX) faults.add('USAGE', 'trend', `${operands.length} runs are more than ${RUNS_MAX}`);
  faults.throwIfAny();
  const places = { out: given.out(), baselines: given.one('baselines') ?? BASELINES };
  const all = given.each(operands, (text) => labelled(text, places)).toSorted((a, b) => (a.run.start < b.run.start ? -1 : 1));
  if (all.length < 2) throw new Problem('USAGE', { place: 'trend', message: 'a trend is of two runs at least' });
  const result = trendOf(
    all.map(({ run }) => run),
    all.map(({ label }) => label),
    { between, strict: given.has('strict') },
  );
  const exitCode = given.has('non-blocking') ? EXIT.pass : EXIT[result.previous.outcome];
  if (svg !== null) writeView(svg, trendSvg(result), '--svg', io);
  if (html !== null) writeView(html, trendPage(result), '--html', io);
  if (html === '-' || svg === '-') return exitCode;
  if (format === 'json') io.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (format === 'markdown') io.stdout.write(trendMarkdown(result));
  else io.stdout.write(`${trendText(result, screenOf(io)).join('\n')}\n`);
  return exitCode;
}

/** `v1.4=RUN` calls it so; the name of a baseline is its label, and the day of a run. */
function labelled(text: string, places: { readonly out: string; readonly baselines: string }): Labelled[] {
  const [, label, rest] = /^([^=/]{1,40})=(.+)$/s.exec(text) ?? [];
  const runs = runsCalled(rest ?? text, places);
  const name = label ?? (/^\d{8}T/.test(basename(text)) ? null : basename(text).replace(/\.json$/, ''));
  return runs.map((run, i) => ({ run, label: name === null ? run.start.slice(0, 10) : runs.length > 1 ? `${name} ${i + 1}` : name }));
}
