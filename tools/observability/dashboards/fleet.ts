/** All agents at once: which runs need somebody, and whether the agents themselves are well. */
import type { Dashboard, Row } from '../grafana.ts';
import { rowsOf } from '../panels.ts';
import { metric, of } from '../query.ts';
import { ADDRESS, addressOf, DATASOURCE, RUN, RUN_LINKS, RUNS_SELECTED } from '../selected.ts';
import { THRESHOLDS } from '../thresholds.ts';
import { spread } from '../traffic.ts';
import { OUTCOME_STATES, outcomeOf } from './overview.ts';

const instant = (expr: string): { expr: string; instant: true } => ({ expr, instant: true });

const RUNS: Row = {
  title: 'Runs',
  panels: [
    {
      title: 'Runs by outcome so far',
      about: 'How many runs would pass, fail, or be inconclusive if they ended now.',
      type: 'stat',
      unit: 'short',
      width: 8,
      height: 4,
      queries: [{ expr: `count by (soak_outcome) (${of('soak.run.outcome', RUN)} == 1)`, legend: '{{soak_outcome}}' }],
    },
    {
      title: 'Leaks confirmed',
      about: 'Gated series that grow without end, over all runs.',
      type: 'stat',
      unit: 'short',
      width: 8,
      height: 4,
      queries: [{ expr: `sum(${of('soak.series.grade', RUN, 'soak_grade="confirmed"', 'soak_series_gate="gated"')})`, legend: 'leaks' }],
      thresholds: [
        { color: 'green', from: null },
        { color: 'red', from: 1 },
      ],
    },
    {
      title: 'Servers out',
      about: 'Servers that do not answer, over all runs.',
      type: 'stat',
      unit: 'short',
      width: 8,
      height: 4,
      queries: [{ expr: `sum(1 - ${of('soak.server.up', RUN)})`, legend: 'out' }],
      thresholds: [
        { color: 'green', from: null },
        { color: 'red', from: 1 },
      ],
      emptyWhen: 'no server is watched',
    },
    {
      title: 'Each run',
      about: 'Runs that are exported now. The outcome opens the overview of the run, and the page and the verdict of its agent.',
      type: 'table',
      unit: 'short',
      width: 24,
      queries: [
        instant(outcomeOf(RUN)),
        instant(`max by (soak_run) (${of('soak.run.start_time', RUN)}) * 1000`),
        instant(`max by (soak_run) (${of('soak.run.end_time', RUN)} or ${of('soak.run.planned_end_time', RUN)}) * 1000`),
        instant(`max by (soak_run) (${of('soak.run.coverage', RUN)})`),
        instant(
          `min by (soak_run) (${of('soak.exhaustion.remaining', RUN, 'soak_series_gate="gated"')} and ignoring (soak_grade) ${of('soak.series.grade', RUN, 'soak_grade=~"suspected|confirmed"')} == 1)`,
        ),
        instant(`max by (soak_run) (${of('soak.run.restarts', RUN)})`),
        instant(`max by (soak_run) (time() - ${of('soak.run.sample_time', RUN)})`),
        instant(addressOf(of('soak.run.info', RUN))),
      ],
      columns: {
        labels: { soak_run: 'Run', ...ADDRESS },
        values: [
          {
            name: 'Outcome',
            mappings: OUTCOME_STATES,
            links: RUN_LINKS,
          },
          { name: 'Started', unit: 'dateTimeAsIso' },
          { name: 'Ends', unit: 'dateTimeFromNow' },
          { name: 'Coverage', unit: 'percentunit' },
          { name: 'Full in', unit: 's' },
          { name: 'Restarts' },
          { name: 'Last sample', unit: 's' },
          { name: 'known', hidden: true },
        ],
      },
    },
  ],
};

const SERVED: Row = {
  title: 'Load of all runs',
  panels: [
    {
      title: 'Requests per second',
      about: 'By run.',
      type: 'timeseries',
      unit: 'reqps',
      stacked: true,
      queries: [{ expr: `sum by (soak_run) (rate(${of('soak.traffic.requests', RUN)}[$__rate_interval]))`, legend: '{{soak_run}}' }],
      emptyWhen: 'no load is told of',
    },
    spread(RUN, 'soak_run', '{{soak_run}}'),
  ],
};

const AGENTS: Row = {
  title: 'The agents themselves',
  panels: [
    {
      title: 'Cores of the agents',
      about: `What each agent costs; the target is 0.2 % of a core for one process (${metric('soak.agent.cpu.time')}).`,
      type: 'timeseries',
      unit: 'percentunit',
      queries: [{ expr: `rate(${of('soak.agent.cpu.time', RUN)}[$__rate_interval])`, legend: '{{soak_run}}' }],
    },
    {
      title: 'Memory of the agents',
      about: 'An agent that leaks fails its run.',
      type: 'timeseries',
      unit: 'bytes',
      queries: [{ expr: of('soak.agent.memory.private', RUN), legend: '{{soak_run}}' }],
    },
    {
      title: 'Age of the last sample',
      about: 'More than three minutes is an agent that hangs.',
      type: 'timeseries',
      unit: 's',
      queries: [
        {
          expr: `time() - ${of('soak.run.sample_time', RUN)} unless on (soak_run) ${of('soak.run.end_time', RUN)}`,
          legend: '{{soak_run}}',
        },
      ],
      thresholds: [
        { color: 'green', from: null },
        { color: 'red', from: THRESHOLDS.stale },
      ],
      emptyWhen: 'all runs have ended',
    },
    {
      title: 'What is lost',
      about:
        'Reads missed and failed, ticks that could not be recorded, pushes that failed, per second; series beyond the cap on exported ones.',
      type: 'timeseries',
      unit: 'short',
      queries: [
        { expr: `rate(${of('soak.agent.schedule.missed', RUN)}[$__rate_interval])`, legend: 'missed {{soak_run}}' },
        { expr: `sum by (soak_run) (rate(${of('soak.agent.read.failures', RUN)}[$__rate_interval]))`, legend: 'failed {{soak_run}}' },
        { expr: `rate(${of('soak.agent.record.ticks.lost', RUN)}[$__rate_interval])`, legend: 'not recorded {{soak_run}}' },
        { expr: of('soak.export.dropped', RUN), legend: 'not exported {{soak_run}}' },
        {
          expr: `rate(${of('soak.export.pushes', RUN, 'soak_export_result="failed"')}[$__rate_interval])`,
          legend: 'not pushed {{soak_run}}',
        },
      ],
    },
    {
      title: 'Versions',
      about: 'Runs by the version of their agent.',
      type: 'table',
      unit: 'short',
      queries: [instant(`count by (soak_version) (${of('soak.run.info', RUN)})`)],
      columns: { labels: { soak_version: 'Version' }, values: [{ name: 'Runs' }] },
    },
  ],
};

export const FLEET: Dashboard = {
  uid: 'soak-fleet',
  title: 'Soak runs: fleet',
  description: 'All agents at once. Generated from the catalog of metrics.',
  variables: [DATASOURCE, RUNS_SELECTED],
  annotations: [],
  links: [],
  rows: [RUNS, SERVED, AGENTS, ...rowsOf('fleet', RUN)],
};
