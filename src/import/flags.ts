/** The flags of `analyze`, once: the command line and its help are made from them. */
import { FIELDS_MAX } from './dataset.ts';
import { KINDS } from './meaning.ts';

export interface AnalyzeFlag {
  readonly name: string;
  /** Empty for a switch. */
  readonly arg: string;
  readonly group: 'Columns' | 'Judgement' | 'Prometheus' | 'Output';
  readonly help: string;
  readonly list?: true;
}

export const ANALYZE_FLAGS: readonly AnalyzeFlag[] = [
  { name: 'time', arg: '<column>', group: 'Columns', help: 'the time column (found by its name and figures)' },
  {
    name: 'unit',
    arg: '<column=unit>',
    group: 'Columns',
    help: 'unit of a column, such as rss=kB or latency=ms; repeat for more',
    list: true,
  },
  { name: 'kind', arg: '<column=kind>', group: 'Columns', help: `what a column is: ${KINDS.join(', ')}; repeat for more`, list: true },
  { name: 'only', arg: '<column>', group: 'Columns', help: 'judge only this column; * stands for anything; repeat for more', list: true },
  { name: 'load', arg: '<column>', group: 'Columns', help: 'the column that says how many requests were served' },
  { name: 'load-is', arg: '<rate|total>', group: 'Columns', help: 'the load column counts requests a second, or all so far' },
  { name: 'restarts', arg: '<column>', group: 'Columns', help: 'a column in which a change is a restart: a pid, a start time' },
  {
    name: 'limit',
    arg: '<column=value>',
    group: 'Judgement',
    help: 'what the column must not reach, such as rss=2GB; repeat for more',
    list: true,
  },
  { name: 'rule', arg: '<rule>', group: 'Judgement', help: 'a rule as in a run, on columns; repeat for more', list: true },
  { name: 'must-live', arg: '<duration>', group: 'Judgement', help: 'how long the program must be able to run (default 14d)' },
  { name: 'warmup', arg: '<duration|auto>', group: 'Judgement', help: 'leave this much of the start out (default auto)' },
  { name: 'assume-work', arg: '', group: 'Judgement', help: 'the program worked all the time, though no column shows it' },
  { name: 'prometheus', arg: '<url>', group: 'Prometheus', help: 'ask this server instead of reading a file' },
  { name: 'query', arg: '<promql>', group: 'Prometheus', help: 'what to judge; repeat for more', list: true },
  { name: 'load-query', arg: '<promql>', group: 'Prometheus', help: 'requests a second, such as sum(rate(http_requests_total[5m]))' },
  { name: 'restarts-query', arg: '<promql>', group: 'Prometheus', help: 'a change is a restart, such as process_start_time_seconds' },
  { name: 'from', arg: '<time>', group: 'Prometheus', help: 'RFC 3339, epoch seconds, or how long ago, such as 30d (default 1d)' },
  { name: 'to', arg: '<time>', group: 'Prometheus', help: 'the same (default now)' },
  { name: 'step', arg: '<duration>', group: 'Prometheus', help: 'time between points (default about 2,000 points, at least 15s)' },
  { name: 'max-series', arg: '<number>', group: 'Prometheus', help: `refuse more series than this (default 200, at most ${FIELDS_MAX})` },
  { name: 'bearer-file', arg: '<path>', group: 'Prometheus', help: 'file that holds a bearer token' },
  { name: 'basic-auth-file', arg: '<path>', group: 'Prometheus', help: 'file that holds user:password' },
  { name: 'explain', arg: '<column>', group: 'Output', help: 'draw one series, the points that were judged, and the fit' },
  { name: 'evidence', arg: '', group: 'Output', help: 'say for every series what its judgement rests on' },
  { name: 'json', arg: '', group: 'Output', help: 'print JSON in the shape of verdict.json' },
];
