/** What probes of ours say of a target: whether it answers, how fast, and how long it did not. */
import { defineMetrics } from '../catalog.ts';

const PANEL = 'Probes';

/** Contracts, "Caps": 64 roles with servers; a probe is no more. */
export const PROBES_MAX = 64;

const BY_PROBE = { 'soak.probe': { max: PROBES_MAX } } as const;

/** `connect`: until the connection stands (with TLS, and the handshake of a WebSocket). `total`: until the answer is complete. */
export const PHASES = ['connect', 'total'] as const;

/** Why a probe failed. */
export const FAULTS = ['dns', 'refused', 'unreachable', 'reset', 'timeout', 'tls', 'status', 'protocol', 'closed', 'other'] as const;

export type Fault = (typeof FAULTS)[number];

export const METRICS = defineMetrics({
  up: {
    name: 'soak.probe.up',
    unit: '{probe}',
    kind: 'gauge',
    help: '1 when the latest probe succeeded, 0 when it failed.',
    labels: BY_PROBE,
    growth: 'none',
    alias: 'probe.up',
    panel: PANEL,
  },
  duration: {
    name: 'soak.probe.duration',
    unit: 's',
    kind: 'gauge',
    help: 'Time a probe that succeeded took, from the time at which it should have begun: connect until the connection stood, total until the answer.',
    labels: { ...BY_PROBE, 'soak.probe.phase': PHASES },
    growth: 'drift',
    resource: 'latency',
    alias: 'probe.latency',
    // As latency of traffic: below 0.1 ms an hour nobody notices.
    matters: { share: 0.01, perHour: 0.0001 },
    panel: PANEL,
  },
  attempts: {
    name: 'soak.probe.attempts',
    unit: '{probe}',
    kind: 'counter',
    help: 'Probes that are over, failed ones included. They are no load: they tell nothing of how much is asked.',
    labels: BY_PROBE,
    growth: 'none',
    alias: 'probe.attempts',
    panel: PANEL,
  },
  failures: {
    name: 'soak.probe.failures',
    unit: '{probe}',
    kind: 'counter',
    help: 'Probes that failed, by what failed. One that is not over at its deadline has failed.',
    labels: { ...BY_PROBE, 'soak.probe.fault': FAULTS },
    growth: 'none',
    alias: 'probe.failures',
    panel: PANEL,
  },
  reconnects: {
    name: 'soak.probe.reconnects',
    unit: '{connection}',
    kind: 'counter',
    help: 'Connections of a WebSocket probe that had to be made anew because the one before was lost.',
    labels: BY_PROBE,
    growth: 'none',
    alias: 'probe.reconnects',
    panel: PANEL,
  },
  recovery: {
    name: 'soak.probe.recovery',
    unit: 's',
    kind: 'gauge',
    help: 'Time from the first probe that failed to the first that succeeded again; told once, at the end of each outage.',
    labels: BY_PROBE,
    growth: 'none',
    alias: 'probe.recovery',
    panel: PANEL,
  },
});
