/** What the inbound listener counts of itself. */
import { defineMetrics } from '../catalog.ts';
import { UNCOUNTED } from '../intake/deltas.ts';
import { REASONS } from '../intake/refusals.ts';

/** How a request ended. */
export const RESULTS = [
  'accepted',
  'partial', // some of its points were refused
  'malformed',
  'unauthorized',
  'forbidden', // of a web page, or under a foreign name
  'not_found',
  'wrong_method',
  'wrong_type',
  'too_large',
  'too_fast', // more points a second than are taken
  'busy', // too many bodies at once
  'cut_off', // ended or fell silent before its end
  'failed', // a defect of ours
] as const;

export type Result = (typeof RESULTS)[number];

export const FORMATS = ['otlp', 'influx'] as const;

export type Format = (typeof FORMATS)[number];

const PANEL = 'Inbound';

export const METRICS = defineMetrics({
  requests: {
    name: 'soak.inbound.requests',
    unit: '{request}',
    kind: 'counter',
    help: 'Requests to the inbound listener, by how they ended.',
    labels: { 'soak.inbound.result': RESULTS },
    growth: 'none',
    panel: PANEL,
  },
  points: {
    name: 'soak.inbound.points',
    unit: '{point}',
    kind: 'counter',
    help: 'Data points that arrived and could be read.',
    labels: { 'soak.inbound.format': FORMATS },
    growth: 'none',
    panel: PANEL,
  },
  refused: {
    name: 'soak.inbound.refused',
    unit: '{point}',
    kind: 'counter',
    help: 'Data points and lines that were refused, by reason.',
    labels: { 'soak.inbound.reason': REASONS },
    growth: 'none',
    panel: PANEL,
  },
  uncounted: {
    name: 'soak.inbound.uncounted',
    unit: '{point}',
    kind: 'counter',
    help: 'Data points of load tools that could not be compared with those before them, by why.',
    labels: { 'soak.inbound.reason': UNCOUNTED },
    growth: 'none',
    panel: PANEL,
  },
  unclaimed: {
    name: 'soak.inbound.unclaimed',
    unit: '{point}',
    kind: 'counter',
    help: 'Data points of metrics that nothing here has a use for.',
    growth: 'none',
    panel: PANEL,
  },
});
