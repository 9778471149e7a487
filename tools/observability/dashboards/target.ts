/** Everything of one target, and the machine that it runs on. */
import type { Dashboard, Row } from '../grafana.ts';
import { fitted } from '../growth.ts';
import { rowsOf } from '../panels.ts';
import { of } from '../query.ts';
import { AGENT_LINKS, ANNOTATIONS, DATASOURCE, INSTANCE, ONE_RUN, RUN, TARGET, TARGETS } from '../selected.ts';
import { errorShare, latency, requestRate, spread } from '../traffic.ts';

const SELECTOR = `${RUN},${TARGET}`;

const JUDGED: Row = {
  title: 'What is judged',
  panels: [
    {
      title: 'Grades',
      about: 'Suspicion on each judged series of the target that is or was suspected.',
      type: 'state-timeline',
      unit: 'short',
      width: 24,
      queries: [
        {
          expr: `sum by (soak_member, soak_series_metric) (${of('soak.series.grade', SELECTOR, 'soak_grade="suspected"')} or ${of('soak.series.grade', SELECTOR, 'soak_grade="confirmed"')} * 2 or ${of('soak.series.grade', SELECTOR, 'soak_grade="retracted"')} * 3)`,
          legend: '{{soak_series_metric}} {{soak_member}}',
        },
      ],
      mappings: [
        {
          type: 'value',
          options: {
            '0': { text: 'none', color: 'green' },
            '1': { text: 'suspected', color: 'yellow' },
            '2': { text: 'confirmed', color: 'red' },
            '3': { text: 'retracted', color: 'blue' },
          },
        },
      ],
    },
    {
      title: 'What could have been seen',
      about:
        'Smallest growth of memory that the run could have told from none so far, and the one that matters. Passing needs the first to be below the second.',
      type: 'timeseries',
      unit: 'bytes',
      dashed: '/^matters/',
      queries: [
        { expr: of('soak.slope.detectable.bytes', SELECTOR), legend: '{{soak_series_metric}} {{soak_member}} per hour' },
        { expr: of('soak.slope.floor.bytes', SELECTOR), legend: 'matters: {{soak_series_metric}} {{soak_member}} per hour' },
      ],
    },
    {
      title: 'Length of run that would settle it',
      about: 'How long the run would have to be before each series can be certified.',
      type: 'timeseries',
      unit: 's',
      queries: [{ expr: of('soak.series.settle_time', SELECTOR), legend: '{{soak_series_metric}} {{soak_member}}' }],
      emptyWhen: 'all is settled, or nothing is known yet',
    },
    fitted('soak.process.memory.private', 'bytes', SELECTOR),
    fitted('soak.container.memory.anonymous', 'bytes', SELECTOR),
    fitted('process.unix.file_descriptor.count', 'count', SELECTOR),
    fitted('process.thread.count', 'count', SELECTOR),
    fitted('soak.socket.close_wait', 'count', SELECTOR),
  ],
};

export const TARGET_DASHBOARD: Dashboard = {
  uid: 'soak-target',
  title: 'Soak run: target',
  description: 'One target of a run, and its machine. Generated from the catalog of metrics.',
  variables: [DATASOURCE, ONE_RUN, TARGETS, INSTANCE],
  annotations: ANNOTATIONS,
  links: AGENT_LINKS,
  rows: [
    JUDGED,
    { title: 'Load', panels: [requestRate(), latency(), errorShare(), spread(SELECTOR, 'soak_target', '{{soak_target}}')] },
    ...rowsOf('target', SELECTOR),
    ...rowsOf('machine', RUN),
  ],
};
