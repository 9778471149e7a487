/**
 * The alerts, once: rule files of Prometheus, provisioning of Grafana, inhibition of Alertmanager and the runbook are written from these.
 * They read what the agent itself concludes (grades, times to a limit, phases); a derivative of resident memory pages on every healthy
 * sawtooth.
 */
import { figure, metric, of } from './query.ts';
import { THRESHOLDS } from './thresholds.ts';

export interface Alert {
  readonly name: string;
  readonly severity: 'page' | 'ticket';
  /** How long it must hold. */
  readonly for: string;
  readonly expr: string;
  /** Templates of Prometheus; `$value` is the value of the expression. */
  readonly summary: string;
  readonly description: string;
  /** What keeps it silent when all is as planned. */
  readonly gate: string;
  /** An outage of a server explains it. */
  readonly inhibitedByOutage?: true;
  /** Where to look first. */
  readonly dashboard: 'soak-overview' | 'soak-target' | 'soak-servers' | 'soak-fleet';
  /** Title of the panel there that shows what the alert is about. */
  readonly panel: string;
  readonly meaning: string;
  readonly steps: readonly string[];
}

const ON_RUN = 'on (soak_run)';
/** An agent that hangs knows nothing of now. */
const FRESH = `time() - ${metric('soak.run.sample_time')} < ${THRESHOLDS.stale}`;
const STEADY = `and ${ON_RUN} (${metric('soak.run.steady')} == 1 and ${FRESH})`;
const NO_OUTAGE = `unless ${ON_RUN} ${metric('soak.server.up')} == 0`;
const ONGOING = `unless ${ON_RUN} ${metric('soak.run.end_time')}`;

const IN_STEADY_PHASE = 'Only while the run is in a judged phase: not in warm-ups, ramps, faults and cool-downs, and not after its end.';
const UNTIL_THE_END = 'Not after the end of the run.';
const BY_JUDGEMENT = 'The judgement itself leaves out warm-ups, faults, gaps and everything that ends.';

const DISK = 'system.filesystem.usage';
const GATED = 'soak_series_gate="gated"';
const CONFIRMED = `${of('soak.series.grade', 'soak_grade="confirmed"', GATED)} == 1`;
const GROWING = `${of('soak.series.grade', 'soak_grade=~"suspected|confirmed"')} == 1`;

const left = (...matchers: readonly string[]): string => of('soak.exhaustion.remaining', GATED, ...matchers);
const perTarget = (counter: string, range: string): string => `sum by (soak_run, soak_target) (rate(${metric(counter)}[${range}]))`;
/** Kinds of unit that have a limit. */
const FAMILIES = ['bytes', 'count'] as const;
const WHOSE = '{{ $labels.soak_target }}{{ with $labels.soak_member }}/{{ . }}{{ end }}';

const LEAKS: readonly Alert[] = [
  {
    name: 'SoakLeakConfirmed',
    severity: 'ticket',
    // The first tooth of a sawtooth may pass for a leak until it falls; nobody mends a leak within half an hour.
    for: '30m',
    expr: CONFIRMED,
    summary: `${WHOSE}: {{ $labels.soak_series_metric }} grows without end`,
    description: 'The growth was confirmed over the whole run: it is neither a warm-up, nor a cycle, nor the load, nor a cache that fills.',
    gate: BY_JUDGEMENT,
    dashboard: 'soak-target',
    panel: 'Grades',
    meaning: 'A gated series of the run grows without end, with an interval of its slope that lies above what counts as a leak.',
    steps: [
      'Open the overview: *What grows* has the slope with its interval, the onset, and the time to the limit.',
      'Look at what happened at the onset: phases, restarts and deployments are on the same clock; search for traces of that window.',
      'Look at which other series of the target began to grow then: descriptors and connections name the culprit sooner than memory.',
      'Growth per request tells whether it follows the load; divide it into objects of your program.',
      'A cache that fills along a straight line for hours looks no different until it is full: the grade is then retracted, and the alert ends.',
    ],
  },
  {
    name: 'SoakLeakExhaustsWithinDay',
    severity: 'page',
    for: '30m',
    expr: `(${left()} < ${THRESHOLDS.exhaustionPage} and ignoring (soak_grade) ${CONFIRMED}) ${ONGOING}`,
    summary: `${WHOSE}: {{ $labels.soak_series_metric }} reaches its limit in {{ $value | humanizeDuration }}`,
    description: 'A confirmed leak reaches its limit within a day at the present growth.',
    gate: `${BY_JUDGEMENT} ${UNTIL_THE_END}`,
    dashboard: 'soak-overview',
    panel: 'Full in',
    meaning: 'As SoakLeakConfirmed, and the target will fail within 24 hours if nothing is done.',
    steps: [
      'Decide whether the end of the run comes first; the planned end is on the overview.',
      'Take evidence now, while the process is alive: a heap snapshot or profile, its open descriptors, its connections.',
      'Restart the target only after that; the agent judges on across a restart.',
    ],
  },
  {
    name: 'SoakExhaustionNear',
    severity: 'page',
    for: '5m',
    expr: [
      `(${left(`soak_series_metric!="${DISK}"`)} < ${THRESHOLDS.exhaustionNear} and ignoring (soak_grade) ${GROWING})`,
      `and (${FAMILIES.map((family) => `${metric(figure('soak.series.level', family))} / ${metric(figure('soak.series.limit', family))} > ${THRESHOLDS.near}`).join(' or ')})`,
      ONGOING,
    ].join('\n'),
    summary: `${WHOSE}: {{ $labels.soak_series_metric }} is {{ $value | humanizeDuration }} from its limit`,
    description:
      'It stands at more than 80 % of its limit, grows, and reaches it within four hours, which may be before anything is proven.',
    gate: `${BY_JUDGEMENT} ${UNTIL_THE_END}`,
    dashboard: 'soak-overview',
    panel: 'Full in',
    meaning:
      'Memory, descriptors, threads or connections come close to a limit, and their growth has not been explained by anything that ends.',
    steps: [
      'Compare the level with the limit on the dashboard of the target, and check that the limit is what you expect.',
      'Take evidence as for SoakLeakExhaustsWithinDay.',
      'If the growth is a warm-up or a cache that fills, the suspicion is retracted by itself once it flattens.',
    ],
  },
  {
    name: 'SoakDiskFullAhead',
    severity: 'ticket',
    for: '10m',
    expr: [
      `min by (soak_run, system_filesystem_mountpoint) (${left(`soak_series_metric="${DISK}"`)} < ${THRESHOLDS.exhaustionPage} and ignoring (soak_grade) ${GROWING}) ${ONGOING}`,
      `or min by (soak_run, system_filesystem_mountpoint) (${metric('soak.filesystem.available')} / ${metric('system.filesystem.limit')} < ${THRESHOLDS.diskFree}) ${ONGOING}`,
    ].join('\n'),
    summary: 'The file system {{ $labels.system_filesystem_mountpoint }} is full soon',
    description: 'Its usage grows and reaches its size within a day, or less than 5 % of it is left.',
    gate: UNTIL_THE_END,
    dashboard: 'soak-target',
    panel: 'File systems: bytes',
    meaning: 'A file system that a target or the agent writes to fills up; a full disk ends the run and its record.',
    steps: [
      'See which file system it is, and what writes there: logs that are not rotated, temporary files, the data of a database.',
      'Descriptors of deleted files keep their space: see `soak_process_file_descriptor_deleted`.',
      'The record of the agent itself is bounded by `--record-max`.',
    ],
  },
];

const SERVICE: readonly Alert[] = [
  {
    name: 'SoakPoolExhausted',
    severity: 'page',
    for: '1m',
    expr: [
      `((${metric('soak.pool.utilization')} >= ${THRESHOLDS.poolFull} and (${metric('soak.pool.stuck')} > 0 or ${metric('soak.pool.standstill')} > 0))`,
      `or ${metric('soak.pool.wait')} > ${THRESHOLDS.poolWait})`,
      STEADY,
      NO_OUTAGE,
    ].join('\n'),
    summary: `${WHOSE}: the pool to {{ $labels.soak_server }} has no connection left`,
    description:
      'All its connections are taken, and some of them are stuck or none of them moves, or a client of the pooler waits for half a minute. A pool that is full and busy is healthy.',
    gate: IN_STEADY_PHASE,
    inhibitedByOutage: true,
    dashboard: 'soak-servers',
    panel: 'Pool utilization',
    meaning: 'Requests wait for a connection that nobody gives back.',
    steps: [
      'On the dashboard of servers, see which states the connections are in and how old the oldest checkout is.',
      'Stuck connections are not given back after an error or a timeout on some path: look for the one that was taken when they appeared.',
      'Idle in transaction: a transaction is begun and neither committed nor rolled back.',
    ],
  },
  {
    name: 'SoakStuckConnections',
    severity: 'ticket',
    for: '10m',
    expr: `${metric('soak.pool.stuck')} > 0\n${STEADY}\n${NO_OUTAGE}`,
    summary: `${WHOSE}: {{ $value }} connections to {{ $labels.soak_server }} were not given back`,
    description: 'They were taken from their pool and not used since, for much longer than any that came back.',
    gate: IN_STEADY_PHASE,
    inhibitedByOutage: true,
    dashboard: 'soak-overview',
    panel: 'Stuck connections',
    meaning: 'A pool loses connections; it will be exhausted when they are as many as it may have.',
    steps: [
      'The verdict names the backend and the last statement of each of them.',
      'Look for paths that take a connection and throw, time out or return early.',
    ],
  },
  {
    name: 'SoakLatencyHigh',
    severity: 'page',
    for: '5m',
    expr: `${of('soak.traffic.duration.quantile', 'soak_quantile="0.95"')} > ${THRESHOLDS.latencyP95}\n${STEADY}\n${NO_OUTAGE}`,
    summary: '{{ $labels.soak_target }}: the slowest twentieth takes {{ $value | humanizeDuration }} and more',
    description: 'The p95 of each window has been above 500 ms for five minutes.',
    gate: IN_STEADY_PHASE,
    inhibitedByOutage: true,
    dashboard: 'soak-target',
    panel: 'Latency',
    meaning: 'Requests are slow now; the quantile is that of the latest window, not of the run so far.',
    steps: [
      'See whether it climbs (something runs out) or jumped (something happened); the annotations have phases and restarts.',
      'See whether the load generator itself is short of CPU: it is a target of its own.',
      'See pools, heartbeats of servers, collector time and CPU throttling at the same time.',
    ],
  },
  {
    name: 'SoakErrorsHigh',
    severity: 'page',
    for: '2m',
    expr: `${perTarget('soak.traffic.errors', '3m')} / ${perTarget('soak.traffic.requests', '3m')} > ${THRESHOLDS.errors}\n${STEADY}`,
    summary: '{{ $labels.soak_target }}: {{ $value | humanizePercentage }} of the requests fail',
    description: 'More than 1 % of the requests have failed for two minutes.',
    gate: IN_STEADY_PHASE,
    dashboard: 'soak-target',
    panel: 'Errors',
    meaning: 'Requests are refused, time out, or are answered with a server error.',
    steps: [
      'See the errors by class: refused and timeout speak of a process or a pool that is full, 5xx of an error in the program.',
      'See whether a server is out: SoakServerOutage says so.',
    ],
  },
  {
    name: 'SoakRequestRateDrop',
    severity: 'page',
    for: '2m',
    expr: [
      `(${perTarget('soak.traffic.requests', '5m')} or 0 * sum by (soak_run, soak_target) (rate(${metric('soak.traffic.requests')}[30m] offset 10m)))`,
      `< ${THRESHOLDS.requestDrop} * sum by (soak_run, soak_target) (rate(${metric('soak.traffic.requests')}[30m] offset 10m))`,
      STEADY,
    ].join('\n'),
    summary: '{{ $labels.soak_target }}: the rate of requests has fallen by more than half',
    description: 'It is below half of what it was in the half hour before.',
    gate: IN_STEADY_PHASE,
    dashboard: 'soak-target',
    panel: 'Requests per second',
    meaning: 'The load or the service has collapsed. What is measured from now on says little of the load that was planned.',
    steps: [
      'See whether the load tool still runs, and how many users it has.',
      'See whether latency rose at the same time: a closed load slows down with the service.',
      'Declare a phase when the load is meant to change: `soak-agent phase NAME`.',
    ],
  },
  {
    name: 'SoakRedisHitRateLow',
    severity: 'ticket',
    for: '5m',
    expr: `${metric('redis.keyspace.hit_ratio')} < ${THRESHOLDS.hitRatio}\n${STEADY}\n${NO_OUTAGE}`,
    summary: '{{ $labels.soak_target }}: {{ $value | humanizePercentage }} of the look-ups hit',
    description: 'Less than 92 % of the look-ups in the cache have found their key for five minutes.',
    gate: IN_STEADY_PHASE,
    inhibitedByOutage: true,
    dashboard: 'soak-servers',
    panel: 'Redis hit rate',
    meaning: 'The cache does not serve: its keys expire too early, are evicted, or change their names.',
    steps: ['See evictions and the memory limit of the server.', 'See how many keys there are, and what share of them expires.'],
  },
];

const AVAILABILITY: readonly Alert[] = [
  {
    name: 'SoakTargetRestarting',
    severity: 'page',
    for: '1m',
    expr: `increase(${metric('soak.target.restarts')}[30m]) >= ${THRESHOLDS.restarts}\n${STEADY}`,
    summary: '{{ $labels.soak_target }} was restarted {{ $value | humanize }} times in half an hour',
    description: 'Three restarts or more in half an hour are a crash loop; growth between them is hardly seen.',
    gate: IN_STEADY_PHASE,
    dashboard: 'soak-overview',
    panel: 'Restarts',
    meaning: 'The target ends and is started again, over and over.',
    steps: [
      'See how it ended: the events of the run have exit codes and out-of-memory kills where they can be known.',
      'Compare the level before each restart with the limit: the same level each time is an exhausted resource.',
    ],
  },
  {
    name: 'SoakServerOutage',
    severity: 'page',
    for: '1m',
    expr: `${metric('soak.server.up')} == 0\n${STEADY}`,
    summary: 'The server {{ $labels.soak_target }} does not answer',
    description: 'It has not answered the agent for a minute. Pools, latency and hit rates are not alerted on meanwhile.',
    gate: IN_STEADY_PHASE,
    dashboard: 'soak-servers',
    panel: 'Servers',
    meaning: 'A database or cache that the run depends on is out, or does not let the agent in.',
    steps: [
      'The event `server_down` of the run says why: refused, timeout, authentication, too many connections.',
      'Declare a phase when the outage is part of the test: `soak-agent phase fault`.',
    ],
  },
  {
    name: 'SoakAgentSilent',
    severity: 'page',
    for: '5m',
    expr: [
      `last_over_time(${metric('soak.run.planned_end_time')}[6h]) > time()`,
      `unless ${ON_RUN} last_over_time(${metric('soak.run.end_time')}[6h])`,
      `unless ${ON_RUN} ${metric('soak.run.start_time')}`,
    ].join('\n'),
    summary: 'Nothing is heard of the run {{ $labels.soak_run }} any more',
    description: 'Its agent was there in the last six hours, said nothing of an end, and the planned end of the run is still to come.',
    gate: 'Only before the planned end of the run, and not once its end was seen. A run without a planned end never pages: gone, it looks as if it had been ended.',
    dashboard: 'soak-fleet',
    panel: 'Age of the last sample',
    meaning: 'The agent was killed, its machine is gone, or it cannot be reached. Nobody watches the run.',
    steps: [
      'See whether the process of the agent is there, and its log.',
      'Start it again with the same configuration: an unfinished run is resumed, and the time between is a gap.',
      'A run that may end before its planned end (with its command or its target, or by a rule) must keep its end to be scraped: `--linger 2m`, or `--hold`. One that is pushed needs nothing.',
      'One that was told to stop (SIGTERM, a pod that was deleted) keeps nothing, because it must be gone within the grace period: silence the alert for its `soak_run`, or push (`--otlp`), so that the last push tells its end.',
      'Give a run that must be watched a `--duration`: without one nobody is told that its agent is gone.',
    ],
  },
  {
    name: 'SoakAgentSick',
    severity: 'ticket',
    for: '10m',
    expr: sickness([
      ['no samples', `time() - ${metric('soak.run.sample_time')} > ${THRESHOLDS.stale} ${ONGOING}`],
      ['ticks lost', `rate(${metric('soak.agent.record.ticks.lost')}[10m]) > 0`],
      ['reads missed', `rate(${metric('soak.agent.schedule.missed')}[10m]) > 0.1`],
      ['reads fail', `rate(${metric('soak.agent.read.failures')}[10m]) > 0.1 ${NO_OUTAGE}`],
      ['pushes fail', `rate(${of('soak.export.pushes', 'soak_export_result="failed"')}[10m]) > 0`],
      ['series not exported', `${metric('soak.export.dropped')} > 0`],
    ]),
    summary: 'The agent of the run {{ $labels.soak_run }} does not work as it should: {{ $labels.soak_reason }}',
    description: 'What it does not read, record or export cannot be judged or seen.',
    gate: 'Reads that fail in the outage of a server are not counted.',
    dashboard: 'soak-fleet',
    panel: 'What is lost',
    meaning: 'The agent loses samples, ticks or series.',
    steps: [
      '*no samples*: the agent hangs; see its log and `/healthz`.',
      '*ticks lost*: the disk of the record is full or too slow.',
      '*reads missed*: the machine has no CPU for it; raise `--interval`.',
      '*reads fail*: the label `soak_source` says which; `soak-agent doctor` says what is missing.',
      '*pushes fail*: the OTLP receiver refuses them or cannot be reached; the log says why.',
      '*series not exported*: more than 2,000; all are recorded and judged.',
    ],
  },
  {
    name: 'SoakRunInconclusive',
    severity: 'ticket',
    for: '1m',
    expr: `${of('soak.run.outcome', 'soak_outcome="inconclusive"')} == 1 and ${ON_RUN} ${metric('soak.run.end_time')}`,
    summary: 'The run {{ $labels.soak_run }} ended without a conclusion',
    description: 'Something that must be judged could not be: the verdict says what, and what would make it possible.',
    gate: 'Only after the end of the run.',
    dashboard: 'soak-overview',
    panel: 'Verdict so far',
    meaning: 'The run is neither a pass nor a fail.',
    steps: [
      'Read the reasons in the verdict (`/api/verdict`, `verdict.json`).',
      'A run that was too short or too noisy says how long it would have to be (`soak_series_settle_time_seconds`).',
      'A heap that is not visible, work that stopped, or samples that are missing are named with their remedy.',
    ],
  },
];

/** One alert of several symptoms, which differ by a label. */
function sickness(symptoms: readonly (readonly [reason: string, expr: string])[]): string {
  return symptoms.map(([reason, expr]) => `label_replace(${expr}, "soak_reason", "${reason}", "", "")`).join('\nor ');
}

export const ALERTS: readonly Alert[] = [...LEAKS, ...SERVICE, ...AVAILABILITY];
