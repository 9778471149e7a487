/** What to do next about a finding, in plain words: where to look first, with which tool, and what would settle what is open. */
import type { Finding, Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { formatDuration } from '../quantity.ts';
import { showRate } from '../views/quantities.ts';

/** By what leaks (`resource` of the metric, or the class that the judgement found). */
const BY_CLASS: Readonly<Record<string, readonly string[]>> = {
  heap: [
    'Take two heap snapshots half an hour apart under load and compare what is kept: the type whose count grows with the requests is the leak.',
    'Look first for caches without a bound, listeners that are never removed, and maps that are keyed by request, user or session.',
  ],
  native: [
    'The heap of the runtime does not grow, so look outside it: buffers, native modules, mapped files, thread stacks.',
    'Run once with another allocator or MALLOC_ARENA_MAX=2: if the growth stops, it was fragmentation and no leak.',
  ],
  memory: [
    'Say first whether it is in the heap of the runtime: give its metrics page with --scrape, or a JVM its counter file, and run again.',
    'Compare two heap profiles or memory maps of the process, taken half an hour apart under load.',
  ],
  'shared memory': [
    'See which segments and mapped files became more (ipcs -m, ls -l /dev/shm, /proc/PID/maps twice): what is made for one job and never removed stays.',
    'Pages of a buffer of fixed size that are used for the first time count too: that ends when it is full.',
  ],
  'arena ratchet': [
    'It rises with each new peak of the load and stays: bound the peak (a queue, a limit of requests at once), or compare with another allocator.',
    'A run whose load comes back to the same peak again and again shows whether it rises any further.',
  ],
  'per-request': [
    'It grows with what is asked: compare two heap profiles or lists of what is held before and after a few thousand requests of one kind.',
  ],
  'page cache': ['It is pages of files, which the kernel gives back: set limits and alarms on anonymous memory, not on usage.'],
  descriptors: [
    'List the open descriptors of the process twice (ls -l /proc/PID/fd) and compare: the kind that became more is not being closed.',
    'Look first at the error paths: what is opened before a failure and closed only after success.',
  ],
  threads: [
    'Dump the threads of the process by name: a pool that is made per request, or a timer that is never cancelled, shows as many alike.',
  ],
  sockets: ['See which remote end the sockets lead to (ss -tnp), and whether the client there is made anew for each request.'],
  connections: ['Find who takes a connection and does not give it back: the error path of a transaction is the usual one.'],
  processes: [
    'List the children of the process with their age (ps --ppid PID -o pid,etime,args): what is started for one job and has not ended is the leak.',
    'Look for children that wait for input whose pipe nobody closes, and for a stop that is sent to a shell and not to what it started.',
  ],
  zombies: ['The program starts processes and does not wait for them: look for a spawn without a wait or an exit handler.'],
  'disk space': [
    'See what was written since the onset (du, find -newer): logs without rotation, temporary files, retained write-ahead log.',
  ],
  disk: ['See what was written since the onset (du, find -newer): logs without rotation, temporary files, retained write-ahead log.'],
  latency: [
    'Look at what grows with it: memory, a table, a queue. Compare a slow request of the end with one of the beginning in a trace.',
  ],
  errors: ['Read the errors by class and operation below, and which resource is near its limit when they begin.'],
  backlog: ['More comes in than goes out: compare the rates of producers and consumers, and look for a consumer that has stopped.'],
};

const BY_KIND: Partial<Record<Finding['kind'], readonly string[]>> = {
  pool_leak: [
    'Find the code that took these connections: the evidence names state, age and statement. It does not release them when it fails.',
  ],
  pool_exhausted: [
    'Every connection is taken: see who holds the longest, then whether the pool or the work in a transaction is to be made smaller.',
  ],
  pool_unseen: [
    'Give the server with --postgres or --redis, by a user who may see sessions of others (pg_monitor), so that its connections can be told apart.',
  ],
  outage: ['See why the server went away at that time, and whether the program reconnects by itself.'],
  recovery: ['Compare what the program did between the end of the disturbance and its recovery: retries, back-off, a pool that refills.'],
  generator: ['Look at the load generator before the service: what it measures while it is short of memory or CPU is its own.'],
  work: ['See that the load runs as long as the run, and end the run with it: soak-agent --target ... -- k6 run soak.js.'],
  coverage: [
    'See why the agent could not sample: a suspended machine, a starved one, or a record on a disk that stalls. The gaps are marked on the time axis.',
  ],
  heap: ['Make the heap visible: a metrics page (--scrape), or for a JVM its counter file (no -XX:-UsePerfData, same user).'],
  target: ['Run soak-agent doctor with the same targets: it says which right, mount or setting is missing.'],
  load: ['Read the output of the load tool at that time. A run whose load was cut off is to be run again.'],
  level: ['See the level on its chart: when it was reached first, and what happened then.'],
  rule: ['See on the chart when the rule was broken first, and which phase, restart or load it began with.'],
};

const TARGET_ENDED = [
  'Read the end of its log and what the kernel says of that time (dmesg: segfault, out of memory); a core dump names the line.',
];

export function stepsOf(finding: Finding, lead: VerdictSeries | null): string[] {
  if (finding.outcome === 'pass' && finding.kind !== 'generator' && finding.kind !== 'leak') return [];
  if (finding.outcome === 'inconclusive' && finding.kind === 'leak') return [];
  const byKind = finding.kind === 'target' && 'exitCode' in finding.evidence ? TARGET_ENDED : (BY_KIND[finding.kind] ?? []);
  const own = finding.kind === 'leak' ? (BY_CLASS[lead?.class ?? ''] ?? []) : byKind;
  const since =
    finding.kind === 'leak' && lead?.onset
      ? [`It began around ${lead.onset.at.slice(11, 16)} UTC: see what was deployed, scheduled or switched on then.`]
      : [];
  return [...own, ...since];
}

/** What would make an open question a closed one. */
export function settleOf(finding: Finding, lead: VerdictSeries | null, planned: Verdict['run']['planned']): string | null {
  if (finding.outcome !== 'inconclusive') return null;
  if (finding.kind !== 'leak') return BY_KIND[finding.kind]?.[0] ?? null;
  if (lead === null) return null;
  if (isFullPerhaps(finding, lead))
    return 'A run with more room in the heap, or with the heap after collections visible (--scrape), would settle it.';
  const { hoursToSettle, smallestDetectablePerHour, floorPerHour, limit, unit } = lead;
  if (hoursToSettle !== null)
    return `A run of ${formatDuration(hoursToSettle * 3600)} would settle it${planned === null ? '' : ' (--duration)'}.`;
  if (lead.grade === 'suspected')
    return `A longer run under the same load would settle it: growth${lead.slope === null ? '' : ` of ${showRate(lead.slope.perHour, unit)}`} that goes on is confirmed, and growth that ends is none.`;
  if (smallestDetectablePerHour !== null && floorPerHour !== null)
    return `Growth of ${showRate(floorPerHour, unit)} matters and ${showRate(smallestDetectablePerHour, unit)} can be seen: ${limit === null ? 'a longer run, a steadier load, or a known limit and --must-live' : 'a longer run or a steadier load'} would settle it.`;
  return 'A longer run would settle it: too little of it was steady to judge.';
}

/** Flat enough to pass, were it not for what it costs. */
function isFullPerhaps({ evidence }: Finding, { slope, floorPerHour }: VerdictSeries): boolean {
  const isCostly = 'collectionsTo' in evidence || 'cpuPerRequestTo' in evidence;
  return isCostly && slope !== null && floorPerHour !== null && slope.hi < floorPerHour;
}
