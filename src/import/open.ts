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
  // A pipe can be read once only, and is taken for a table.
  const begin = path === STANDARD_INPUT ? '' : await beginning(path);
  if (/^\s*\[/.test(begin)) throw dataProblem(path, "it is a JSON array; NDJSON has an object a line (jq -c '.[]' makes it)");
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(begin))
    throw dataProblem(path, 'it is a page of HTML or XML, not data: the login page of a server?');
  if (/^# (?:HELP|TYPE) /m.test(begin))
    throw dataProblem(path, 'it is a page of metrics, which is of one moment; a run scrapes it (--scrape), and a Prometheus has its past (--prometheus)'); // prettier-ignore
  if (isAnswer(begin)) return openAnswer(path, options.maxSeries);
  const { only, kinds, load, restarts } = analysis;
  const wanted = new Set([...kinds.keys(), load, restarts]);
  const isShowing = (name: string): boolean => ['load', 'work', 'restarts'].includes(meaningOf({ metric: name, unit: null }).kind);
  const keeps = (name: string): boolean =>
    only.length === 0 || only.some((pattern) => matches(pattern, name)) || wanted.has(name) || isShowing(name);
  return openSheet(path, { time: options.time, units: options.units, restarts, keeps });
}

/** Whether a text begins as what Prometheus answers. Lines of a log may have a status as well, but stand for themselves. */
function isAnswer(begin: string): boolean {
  if (!/^\s*\{\s*"(?:status|data|resultType|isPartial|result|error|errorType|warnings|infos)"\s*:/.test(begin)) return false;
  const [line = '', ...rest] = begin.trim().split('\n');
  return rest.length === 0 || !/^\{.*\}\s*$/.test(line) || /"(?:data|result|errorType)"\s*:/.test(line);
}

/** The first piece of a file's text that is not empty. */
async function beginning(path: string): Promise<string> {
  for await (const piece of textOf(path)) if (piece.trim() !== '') return piece.slice(0, 4096);
  throw dataProblem(path, 'there is nothing in it');
}
