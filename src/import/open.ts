/** Recognises what the user has: a server, a saved answer, NDJSON or a table. */
import type { Clock } from '../clock.ts';
import { openAnswer } from './answer.ts';
import { matches } from './columns.ts';
import type { Dataset } from './dataset.ts';
import { meaningOf } from './meaning.ts';
import type { AnalyzeOptions } from './options.ts';
import { Prometheus } from './prometheus.ts';
import { openRange, type Progress } from './range.ts';
import { openSheet } from './sheet.ts';
import { dataProblem, textOf } from './text.ts';

const STANDARD_INPUT = '/dev/stdin';

/** Throws `DATA` or `PROMETHEUS`. */
export async function openData(options: AnalyzeOptions, clock: Clock, progress?: Progress): Promise<Dataset> {
  const { input, server, analysis } = options;
  if (server !== null) return openRange(new Prometheus(server.address, clock), server.range, progress);
  const path = input === null || input === '-' ? STANDARD_INPUT : input;
  const rest = textOf(path)[Symbol.asyncIterator]();
  const begin = await beginning(path, rest);
  const shown = begin.slice(0, BEGIN);
  const wrong = whyNoData(shown);
  if (wrong !== null) {
    await rest.return?.();
    throw dataProblem(path, wrong);
  }
  const pieces = continued(begin, rest);
  if (isAnswer(shown)) return openAnswer(path, pieces, options.maxSeries);
  const { only, kinds, load, restarts } = analysis;
  const wanted = new Set([...kinds.keys(), load, restarts]);
  const isShowing = (name: string): boolean => ['load', 'work', 'restarts'].includes(meaningOf({ metric: name, unit: null }).kind);
  const keeps = (name: string): boolean =>
    only.length === 0 || only.some((pattern) => matches(pattern, name)) || wanted.has(name) || isShowing(name);
  return openSheet(path, pieces, { time: options.time, units: options.units, restarts, keeps });
}

/** What is recognised and cannot be analysed; null for all else. */
function whyNoData(begin: string): string | null {
  if (/^\s*\[/.test(begin)) return "it is a JSON array; NDJSON has an object a line (jq -c '.[]' makes it)";
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(begin)) return 'it is a page of HTML or XML, not data: the login page of a server?';
  if (/^# (?:HELP|TYPE) /m.test(begin))
    return 'it is a page of metrics, which is of one moment; a run scrapes it (--scrape), and a Prometheus has its past (--prometheus)';
  if (/^\s*\{\s*"schema"\s*:\s*\d+\s*,\s*"run"\s*:\s*\{/.test(begin))
    return 'it is a verdict of soak-agent (verdict.json, or what analyze --json printed), which holds no samples; give the folder of the run, or the data';
  return null;
}

/** Whether a text begins as what Prometheus answers. Lines of a log may have a status as well, but stand for themselves. */
function isAnswer(begin: string): boolean {
  if (!/^\s*\{\s*"(?:status|data|resultType|isPartial|result|error|errorType|warnings|infos)"\s*:/.test(begin)) return false;
  const [line = '', ...rest] = begin.trim().split('\n');
  return rest.length === 0 || !/^\{.*\}\s*$/.test(line) || /"(?:data|result|errorType)"\s*:/.test(line);
}

/** Of a text that is no table: enough to recognise it. */
const BEGIN = 4096;

/** Characters; a pipe may go on with blanks for ever. */
const BLANK_MAX = 4_000_000;

/** A text up to where it can be recognised. Throws `DATA` when there is nothing in it. */
async function beginning(path: string, pieces: AsyncIterator<string>): Promise<string> {
  let begin = '';
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    begin += next.value;
    if (begin.length > BLANK_MAX || begin.trim().length >= BEGIN) break;
  }
  if (begin.trim() === '') throw dataProblem(path, 'there is nothing in it');
  return begin;
}

/** The whole text again: a pipe can be read once only. */
async function* continued(begin: string, rest: AsyncIterator<string>): AsyncIterable<string> {
  yield begin;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
