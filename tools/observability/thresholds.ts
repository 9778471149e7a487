/** Limits that alerts and panels share: those of the rule preset `seed` (`src/config/presets.ts`) where it has one. */
export const THRESHOLDS = {
  /** Seconds. */
  latencyP95: 0.5,
  latencyP99: 1,
  /** Shares. */
  errors: 0.01,
  errorsWarn: 0.001,
  hitRatio: 0.92,
  poolWarn: 0.8,
  poolFull: 1,
  /** Seconds that a client of a pooler may wait. */
  poolWait: 30,
  requestDrop: 0.5,
  diskFree: 0.05,
  coverage: 0.9,
  cpuWarn: 0.6,
  cpu: 0.8,
  /** Seconds. */
  exhaustionPage: 86_400,
  exhaustionNear: 4 * 3600,
  /** Share of a limit beyond which a growth that nothing explains is urgent. The first tooth of a healthy sawtooth is seldom as high. */
  near: 0.8,
  /** Restarts of a target in half an hour. */
  restarts: 3,
  /** Seconds without samples; the longest interval is 60 s. */
  stale: 180,
} as const;
