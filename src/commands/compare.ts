/** `soak-agent compare BASE HEAD...`: has a build become worse? And `--save NAME`: this run is what later ones are compared with. */
import { saveBaseline } from '../comparison/baseline.ts';
import { compare as compareRuns, type Comparison } from '../comparison/compare.ts';
import { comparisonPage } from '../comparison/comparisonpage.ts';
import type { MeasuredRun } from '../comparison/measured.ts';
import { BASELINES, runsCalled } from '../comparison/stored.ts';
import { comparisonMarkdown, comparisonText } from '../comparison/text.ts';
import { EXIT, type ExitCode } from '../problem.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { viewPath, writeView } from './views.ts';
import { screenOf } from './view.ts';

export function compare(given: Given, io: Io): ExitCode {
  const { faults, operands } = given;
  const format = given.word('format', ['text', 'json', 'markdown']) ?? (given.has('json') ? 'json' : 'text');
  const between = given.share('between');
  const name = given.one('save');
  const html = viewPath(given, 'html');
  const places = { out: given.out(), baselines: given.one('baselines') ?? BASELINES };
  const heads = name === null ? operands.slice(1) : operands;
  if (name === null && heads.length === 0)
    faults.add('USAGE', 'compare', 'two runs are to be compared: soak-agent compare BASE HEAD, or keep one with --save NAME');
  if (name !== null && given.has('base')) faults.add('USAGE', '--base', 'nothing is compared with --save');
  if (name !== null && html !== null) faults.add('USAGE', '--html', 'nothing is compared with --save');
  faults.throwIfAny();
  if (name !== null) {
    const runs = given.each(heads, (text) => runsCalled(text, places));
    io.stdout.write(`${saveBaseline(name, places.baselines, runs)}\n`);
    return EXIT.pass;
  }
  const read = (texts: readonly string[]): MeasuredRun[][] => given.each(texts, (text) => [runsCalled(text, places)]);
  const named = [operands[0]!, ...given.all('base')];
  const runs = read([...named, ...heads]);
  const [bases, rest] = [runs.slice(0, named.length).flat(), runs.slice(named.length).flat()];
  const comparison = compareRuns(bases, rest, { between, strict: given.has('strict') });
  if (html !== null) writeView(html, comparisonPage(comparison), '--html', io);
  if (html === '-') return exitCode(given, comparison);
  if (format === 'json') io.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`);
  else if (format === 'markdown') io.stdout.write(comparisonMarkdown(comparison));
  else io.stdout.write(`${comparisonText(comparison, screenOf(io)).join('\n')}\n`);
  return exitCode(given, comparison);
}

function exitCode(given: Given, { outcome }: Comparison): ExitCode {
  return given.has('non-blocking') ? EXIT.pass : EXIT[outcome];
}
