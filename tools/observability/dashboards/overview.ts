/** Overview of one run: what is wrong first, then why. */
import type { Dashboard, Panel, Row } from '../grafana.ts';
import { FAMILIES, type Family, fitted, growthTable } from '../growth.ts';
import { metric, of } from '../query.ts';
import { AGENT_LINKS, ANNOTATIONS, DATASOURCE, INSTANCE, ONE_RUN, RUN, TARGET, TARGETS, TEMPO, TRACES } from '../selected.ts';
import { THRESHOLDS } from '../thresholds.ts';
import { latency, errorShare, requestRate } from '../traffic.ts';

/** Values of the state panels, and what they are called. */
export const OUTCOME_STATES = [
  {
    type: 'value',
    options: { '0': { text: 'pass', color: 'green' }, '1': { text: 'inconclusive', color: 'yellow' }, '2': { text: 'fail', color: 'red' } },
  },
];
export const OUTCOME_STEPS = [
  { color: 'green', from: null },
  { color: 'yellow', from: 1 },
  { color: 'red', from: 2 },
] as const;
const UP = [{ type: 'value', options: { '0': { text: 'out', color: 'red' }, '1': { text: 'up', color: 'green' } } }];

/** 0 pass, 1 inconclusive, 2 fail, by run. */
export function outcomeOf(selector: string): string {
  const state = (name: string): string => of('soak.run.outcome', selector, `soak_outcome="${name}"`);
  return `sum by (soak_run) (${state('inconclusive')} or ${state('fail')} * 2)`;
}

const small = (panel: Omit<Panel, 'type' | 'width' | 'height'>): Panel => ({ type: 'stat', width: 4, height: 4, ...panel });

const WRONG: Row = {
  title: 'What is wrong',
  panels: [
    small({
      title: 'Verdict so far',
      about: 'What the run would end with now. A run that is too young is inconclusive.',
      unit: 'short',
      queries: [{ expr: outcomeOf(RUN), legend: '{{soak_run}}' }],
      thresholds: OUTCOME_STEPS,
      mappings: OUTCOME_STATES,
      links: AGENT_LINKS,
    }),
    small({
      title: 'Findings that fail the run',
      about: 'By the kind of finding. The verdict has them in words.',
      unit: 'short',
      queries: [
        { expr: `sum by (soak_finding_kind) (${of('soak.findings', RUN, 'soak_outcome="fail"')})`, legend: '{{soak_finding_kind}}' },
      ],
      thresholds: [
        { color: 'green', from: null },
        { color: 'red', from: 1 },
      ],
      emptyWhen: 'nothing was found that fails the run',
    }),
    small({
      title: 'Full in',
      about: 'Time until the first gated series reaches its limit at its present growth, of those that grow.',
      unit: 's',
      queries: [
        {
          expr: `min(${of('soak.exhaustion.remaining', RUN, 'soak_series_gate="gated"')} and ignoring (soak_grade) ${of('soak.series.grade', RUN, 'soak_grade=~"suspected|confirmed"')} == 1)`,
          legend: 'full in',
        },
      ],
      thresholds: [
        { color: 'red', from: null },
        { color: 'orange', from: THRESHOLDS.exhaustionNear },
        { color: 'yellow', from: THRESHOLDS.exhaustionPage },
      ],
      emptyWhen: 'nothing grows towards a limit',
    }),
    small({
      title: 'Phase',
      about: 'The current phase. Nothing is judged in warm-ups, ramps, faults and cool-downs.',
      unit: 'short',
      queries: [{ expr: `${of('soak.run.phase', RUN)} == 1`, legend: '{{soak_phase}}' }],
      emptyWhen: 'no phase was declared or found in the load',
    }),
    small({
      title: 'Coverage',
      about: 'Share of the planned samples that were taken; below 90 % the run is inconclusive.',
      unit: 'percentunit',
      queries: [{ expr: of('soak.run.coverage', RUN), legend: 'coverage' }],
      thresholds: [
        { color: 'red', from: null },
        { color: 'green', from: THRESHOLDS.coverage },
      ],
    }),
    small({
      title: 'Planned end',
      about: 'When the run is planned to end, or when it has ended.',
      unit: 'dateTimeFromNow',
      queries: [{ expr: `(${of('soak.run.end_time', RUN)} or ${of('soak.run.planned_end_time', RUN)}) * 1000`, legend: 'end' }],
      emptyWhen: 'the run goes on until it is told to end',
    }),
    ...(Object.keys(FAMILIES) as Family[]).map((family) => growthTable(family, RUN)),
  ],
};

const WHY: Row = {
  title: 'Signals that decide, with their fit',
  panels: [
    fitted('soak.process.memory.private', 'bytes', `${RUN},${TARGET}`),
    fitted('soak.runtime.heap.used_after_collection', 'bytes', `${RUN},${TARGET}`),
    fitted('process.unix.file_descriptor.count', 'count', `${RUN},${TARGET}`),
    fitted('soak.socket.outbound', 'count', `${RUN},${TARGET}`),
  ],
};

const LOAD: Row = { title: 'Load and latency on one clock', panels: [requestRate(), latency(), errorShare(), cpu()] };

function cpu(): Panel {
  return {
    title: 'Cores used',
    about: 'CPU time per second of each target: 1 is one core.',
    type: 'timeseries',
    unit: 'short',
    queries: [
      {
        expr: `sum by (soak_target, soak_member) (rate(${of('process.cpu.time', RUN, TARGET)}[$__rate_interval]))`,
        legend: '{{soak_target}} {{soak_member}}',
      },
    ],
  };
}

const SERVERS: Row = {
  title: 'Pools and servers',
  panels: [
    {
      title: 'Connections by state',
      about: 'Connections of the targets, seen from outside. Stuck ones were taken and not given back.',
      type: 'timeseries',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: `sum by (soak_server, soak_pool_state) (${of('soak.pool.connections', RUN, TARGET)})`,
          legend: '{{soak_server}} {{soak_pool_state}}',
        },
      ],
      emptyWhen: 'no target has connections to a server that is watched',
    },
    {
      title: 'Stuck connections',
      about: `${metric('soak.pool.stuck')} by target and server; judged by their floor.`,
      type: 'timeseries',
      unit: 'short',
      queries: [{ expr: of('soak.pool.stuck', RUN, TARGET), legend: '{{soak_target}} {{soak_member}} {{soak_server}}' }],
      emptyWhen: 'no target has connections to a server that is watched',
    },
    {
      title: 'Servers',
      about: 'Whether each server answers the agent.',
      type: 'state-timeline',
      unit: 'short',
      queries: [{ expr: of('soak.server.up', RUN), legend: '{{soak_target}}' }],
      mappings: UP,
      thresholds: [
        { color: 'red', from: null },
        { color: 'green', from: 1 },
      ],
      emptyWhen: 'no server is watched',
    },
    {
      title: 'Heartbeats',
      about: 'Round trip of the smallest question to each server.',
      type: 'timeseries',
      unit: 's',
      queries: [{ expr: of('soak.server.heartbeat.duration', RUN), legend: '{{soak_target}}' }],
      emptyWhen: 'no server is watched',
    },
  ],
};

const RUN_ITSELF: Row = {
  title: 'The run',
  panels: [
    {
      title: 'Phases',
      about: 'Phases of the run, declared or found in the load.',
      type: 'state-timeline',
      unit: 'short',
      queries: [{ expr: of('soak.run.phase', RUN), legend: '{{soak_phase}}' }],
      mappings: [{ type: 'value', options: { '0': { text: '', color: 'transparent' }, '1': { text: 'now', color: 'blue' } } }],
      thresholds: [
        { color: 'green', from: null },
        { color: 'blue', from: 1 },
      ],
      emptyWhen: 'no phase was declared or found in the load',
    },
    {
      title: 'Processes',
      about: 'Processes that are bound to each target, with pid, name and runtime.',
      type: 'table',
      unit: 'short',
      queries: [{ expr: of('soak.target.info', RUN, TARGET), instant: true }],
      columns: {
        labels: {
          soak_target: 'Target',
          soak_member: 'Member',
          process_pid: 'Pid',
          soak_comm: 'Name',
          process_runtime_name: 'Runtime',
          process_creation_time: 'Started',
        },
        values: [{ name: 'bound', hidden: true }],
      },
      emptyWhen: 'the targets are gone',
    },
    {
      title: 'Restarts',
      about: 'Restarts of each target so far.',
      type: 'timeseries',
      unit: 'short',
      queries: [{ expr: of('soak.target.restarts', RUN, TARGET), legend: '{{soak_target}}' }],
    },
    {
      title: 'Gaps',
      about: 'Time in which the agent itself did not sample.',
      type: 'timeseries',
      unit: 's',
      queries: [{ expr: of('soak.run.gap.time', RUN), legend: 'gaps' }],
    },
  ],
};

export const OVERVIEW: Dashboard = {
  uid: 'soak-overview',
  title: 'Soak run: overview',
  description: 'One run: what is wrong first, then why. Generated from the catalog of metrics.',
  variables: [DATASOURCE, ONE_RUN, TARGETS, INSTANCE, TRACES, TEMPO],
  annotations: ANNOTATIONS,
  links: AGENT_LINKS,
  rows: [WRONG, WHY, LOAD, SERVERS, RUN_ITSELF],
};
