/** What the agent says of the pages it reads. What the pages say is signals. */
import { defineMetrics } from '../catalog.ts';
import { SCRAPES_MAX } from '../config/scrapes.ts';

const PANEL = 'Scrapes';
const LABELS = { 'soak.scrape': { max: SCRAPES_MAX } } as const;

export const METRICS = defineMetrics({
  up: {
    name: 'soak.scrape.up',
    unit: '{page}',
    kind: 'gauge',
    help: '1 while the page of metrics can be read, 0 while it cannot. The events source_failed and source_recovered say why.',
    labels: LABELS,
    growth: 'none',
    panel: PANEL,
  },
  duration: {
    name: 'soak.scrape.duration',
    unit: 's',
    kind: 'gauge',
    help: 'Time from the request to the last byte of the page.',
    labels: LABELS,
    growth: 'none',
    panel: PANEL,
  },
  size: {
    name: 'soak.scrape.size',
    unit: 'By',
    kind: 'gauge',
    help: 'Text of the page, unpacked.',
    labels: LABELS,
    growth: 'none',
    panel: PANEL,
  },
  samples: {
    name: 'soak.scrape.samples',
    unit: '{sample}',
    kind: 'gauge',
    help: 'Lines of the page with a sample. A number that grows without end is a label with ever new values.',
    labels: LABELS,
    growth: 'none',
    panel: PANEL,
  },
  used: {
    name: 'soak.scrape.points.used',
    unit: '{point}',
    kind: 'gauge',
    help: 'Series of the page that a signal, a preset or the traffic record has a use for.',
    labels: LABELS,
    growth: 'none',
    panel: PANEL,
  },
  bad: {
    name: 'soak.scrape.lines.bad',
    unit: '{line}',
    kind: 'gauge',
    help: 'Lines of the page that could not be read.',
    labels: LABELS,
    growth: 'none',
    panel: PANEL,
  },
});
