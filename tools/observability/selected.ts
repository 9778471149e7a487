/** What the dashboards have in common: the variables, what happened on the clock of every panel, and selectors of what is selected. */
import type { Annotation, Link, Variable } from './grafana.ts';
import { metric, of } from './query.ts';

export const RUN = 'soak_run=~"$run"';
export const TARGET = 'soak_target=~"$target"';

/** Newest first, also those that have ended within the time range. */
const RUNS = `query_result(sort_desc(max by (soak_run) (max_over_time(${metric('soak.run.start_time')}[$__range]))))`;

const RUN_OF = '/soak_run="([^"]+)"/';

export const DATASOURCE: Variable = { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' };
export const ONE_RUN: Variable = { name: 'run', label: 'Run', type: 'query', query: RUNS, regex: RUN_OF };
export const RUNS_SELECTED: Variable = { ...ONE_RUN, label: 'Runs', multi: true, all: true };
export const BASELINE: Variable = { ...ONE_RUN, name: 'baseline', label: 'Baseline' };

/** Of what is watched, with its processes in sight and without: then a role has a page of metrics, or control groups. */
const OF_TARGETS = ['soak.target.processes', 'soak.scrape.up', 'container.memory.usage'].map(
  (name) => `last_over_time(${of(name, RUN)}[$__range])`,
);

export const TARGETS: Variable = {
  name: 'target',
  label: 'Target',
  type: 'query',
  query: `query_result(count by (soak_target) (${OF_TARGETS.join(' or ')}))`,
  regex: '/soak_target="([^"]+)"/',
  multi: true,
  all: true,
  sorted: true,
};

/**
 * Where the agent itself can be asked, from where it is scraped: where that is not from where it is looked at, the scrape must say it
 * (docs/dashboards.md). Of a pushed run it is no address, and the links lead nowhere.
 */
export const INSTANCE: Variable = {
  name: 'instance',
  label: 'Agent',
  type: 'query',
  query: `label_values(${of('soak.run.info', RUN)}, instance)`,
  hidden: true,
  sorted: true,
};

export const TRACES: Variable = { name: 'traces', label: 'Traces (Jaeger)', type: 'textbox', query: 'http://localhost:16686' };
export const TEMPO: Variable = { name: 'tempo', label: 'Tempo', type: 'datasource', query: 'tempo', hidden: true };

export const AGENT_LINKS: readonly Link[] = pagesAt('${instance}');

/** Of tables of runs: the column with the address of each agent, and what a run opens. */
export const ADDRESS = { instance: 'Agent' } as const;
export const RUN_LINKS: readonly Link[] = [
  { title: 'Overview', url: '/d/soak-overview?var-run=${__data.fields["Run"]}' },
  ...pagesAt('${__data.fields["Agent"]}'),
];

function pagesAt(address: string): Link[] {
  return [
    { title: 'Page of the agent', url: `http://${address}/` },
    { title: 'Verdict', url: `http://${address}/api/verdict` },
  ];
}

/** A column that has no value of its own, for the address: one a run, also where it was gone on with by another agent. */
export function addressOf(info: string): string {
  return `topk by (soak_run) (1, max by (soak_run, instance) (${info}))`;
}

const rose = (counter: string): string => `${of(counter, RUN)} - ${of(counter, RUN)} offset 1m > 0`;
const began = (selector: string): string => `${selector} == 1 unless ${selector} offset 1m == 1`;

export const ANNOTATIONS: readonly Annotation[] = [
  {
    name: 'Restarts',
    expr: rose('soak.target.restarts'),
    color: 'orange',
    title: '{{soak_target}} was restarted',
    emptyWhen: 'no target was restarted',
  },
  { name: 'Gaps', expr: rose('soak.run.gap.time'), color: 'purple', title: 'The agent did not sample', emptyWhen: 'there is no gap' },
  {
    name: 'Phases',
    expr: began(of('soak.run.phase', RUN)),
    color: 'blue',
    title: 'Phase {{soak_phase}}',
    emptyWhen: 'no phase was declared or found in the load',
  },
  {
    name: 'Onset of growth',
    expr: `${of('soak.series.onset_time', RUN)} * 1000 and ignoring (soak_grade) ${of('soak.series.grade', RUN, 'soak_grade=~"suspected|confirmed"')} == 1`,
    color: 'red',
    title: '{{soak_series_metric}} begins to grow',
    text: '{{soak_target}} {{soak_member}}',
    atValue: true,
    emptyWhen: 'nothing grows',
  },
  {
    name: 'Findings',
    expr: `${of('soak.findings', RUN, 'soak_outcome="fail"')} unless ${of('soak.findings', RUN, 'soak_outcome="fail"')} offset 1m`,
    color: 'dark-red',
    title: 'Found: {{soak_finding_kind}}',
    text: '{{soak_target}}',
    emptyWhen: 'nothing was found that fails the run',
  },
  {
    name: 'Outages',
    expr: `${of('soak.server.up', RUN)} == 0`,
    color: 'yellow',
    title: '{{soak_target}} does not answer',
    emptyWhen: 'every server answers',
  },
];
