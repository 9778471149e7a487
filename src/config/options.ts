/**
 * Every option, once. Flags, environment variables, keys of the configuration file, its schema, docs/config.md and the sample
 * file all derive from this table. An option has one name in three spellings: `--gone-after`, `SOAK_GONE_AFTER`, `gone_after`.
 */
import { LOAD_OPTIONS } from './loadoptions.ts';
import { option, type OptionDef } from './optiondef.ts';
import { address, choice, count, duration, headers, onOff, orNone, otlpUrl, path, server, size, text } from './optionvalue.ts';
import { PRESETS } from './presets.ts';
import { URL_HINT } from './serverurl.ts';
import { UNSEEN_OPTIONS } from './unseenoptions.ts';

export { GROUPS, type OptionDef } from './optiondef.ts';

const DAY = 86_400;

/** Longest span of time that an option takes: beyond ten years a number is a slip, not a wish. */
const LONGEST = 3650 * DAY;

/** Smallest record: some 20 minutes of 200 series at 1 Hz before thinning begins, at 4.3 bytes a sample. */
const RECORD_MIN = 1_000_000;

/** The V8 heap limit when SOAK_HEAP_MB does not say otherwise, in MiB; `cli.ts` applies it before it loads anything. */
const HEAP_MB = 64;

const SELECTOR_HINT =
  'a selector: a pid, name:COMM, cmd:REGEX, port:NUMBER, pidfile:PATH, cgroup:PATH-OR-CONTAINER-ID, or exec:COMMAND, with ROLE= before it if you like';

const OPTIONS = {
  target: option({
    group: 'Targets',
    value: text('<[role=]selector>', SELECTOR_HINT),
    default: null,
    list: true,
    key: 'targets',
    help: 'what to watch',
    more:
      'A selector is a pid (`4242`), `name:COMM` (the name in ps, 15 bytes), `cmd:REGEX` (on the command line), `port:NUMBER` (who listens on it), `pidfile:PATH`, ' +
      '`cgroup:PATH` or a container id, or `exec:COMMAND` (started and watched). `api=port:8080` names the role `api`; without a name the role is derived and printed. ' +
      'In a file an entry is a selector or a map of `selector`, `role`, `many`, `children` and `load` (it makes the load, and is no part of the outcome).',
    example: 'api=port:8080',
  }),
  many: option({
    group: 'Targets',
    value: onOff(),
    default: 'false',
    perTarget: true,
    help: 'the target before it may match several processes; each is a member',
    more: 'On the command line it belongs to the `--target` before it; `SOAK_MANY` applies to every target of `SOAK_TARGET`.',
  }),
  children: option({
    group: 'Targets',
    value: onOff(),
    default: 'false',
    perTarget: true,
    help: 'the descendants of the target before it are members too',
    more: 'On the command line it belongs to the `--target` before it; `SOAK_CHILDREN` applies to every target of `SOAK_TARGET`.',
  }),
  wait: option({
    group: 'Targets',
    value: duration({ max: LONGEST }),
    default: '0s',
    help: 'how long to wait at start for a target that is not there yet',
    example: '2m',
  }),
  goneAfter: option({
    group: 'Targets',
    value: duration({ max: LONGEST }),
    default: '5m',
    help: 'a target that stays away this long has ended the run',
    more: 'A pid that ends, and an `exec:` target that exits, end the run at once: nothing can take their place.',
  }),
  source: option({
    group: 'Targets',
    value: choice(['auto', 'procfs', 'pidusage']),
    default: 'auto',
    help: 'where figures of processes come from',
    more: '`auto` is `procfs` on Linux and `pidusage` elsewhere. `procfs` is the whole set of metrics and needs Linux; `pidusage` works everywhere and gives CPU and resident memory only.',
  }),
  deletedDescriptors: option({
    group: 'Targets',
    value: onOff(),
    default: 'false',
    help: 'also count open descriptors of deleted files',
    more:
      'The space of a deleted file is not free until its last descriptor is closed. All descriptors are listed for it, every 10 s, some 2 us each. ' +
      'Needs `procfs`, and the right to look into the process.',
  }),
  shares: option({
    group: 'Targets',
    value: choice(['off', 'ends', 'periodic', 'forced']),
    default: 'ends',
    help: 'when to read what processes take together (memory.proportional)',
    more:
      'For targets of several processes: what they share is divided among them. Reading walks all pages of a process, some 7 ms/GB, while its mmap calls and page faults wait. ' +
      '`ends` reads at the start and the end of the run, `periodic` also in between (at most once a minute and 0.01 % of the time), `off` never. ' +
      'Processes above 1 GB are left out, except with `forced`, which otherwise is `periodic`.',
  }),
  ...UNSEEN_OPTIONS,
  postgres: option({
    group: 'Servers',
    value: server(URL_HINT.postgresql),
    default: null,
    list: true,
    help: 'a Postgres server that the targets use',
    more:
      'A `postgresql://` URL, with `name=` before it if you like; TLS by `sslmode`, `sslrootcert`, `sslcert` and `sslkey`. The user needs to be a member of `pg_monitor` and nothing else. ' +
      'In a file an entry is a URL or a map of `name`, `url`, `password` or `password_file`, and `gauges`: queries of your own, each with `name`, `query`, `growth` and `limit`. ' +
      'Without a password `PGPASSWORD` and `~/.pgpass` are tried; a flag never holds one.',
    example: 'postgresql://soak@localhost:5432/orders',
  }),
  redis: option({
    group: 'Servers',
    value: server(URL_HINT.redis),
    default: null,
    list: true,
    help: 'a Redis or Valkey server that the targets use',
    more:
      'A `redis://` or `rediss://` URL or the path of a socket, with `name=` before it if you like. In a file an entry is a URL or a map of `name`, `url`, ' +
      '`password` or `password_file`, and `keys`, whose lengths are watched. A flag never holds a password.',
    example: 'redis://localhost:6379',
  }),
  poolMax: option({
    group: 'Servers',
    value: text('<[role=]number>', 'a number of connections, with ROLE= before it if you like'),
    default: null,
    list: true,
    help: 'how many connections a pool may have',
    more: 'Of one process of the role, or of every role, to one server, database and user. Without it the size is what the program reports of its pool, or is learned from one that is often full.',
    example: 'api=20',
  }),
  statementTexts: option({
    group: 'Servers',
    value: onOff(),
    default: 'false',
    help: 'show the last statement of connections to Postgres that are stuck, without its literals',
    more: 'In events, report and record. Without it a hash tells which of them have the same one, and no text leaves the server.',
  }),
  ...LOAD_OPTIONS,
  duration: option({
    group: 'Run',
    value: orNone(duration({ min: 1, max: LONGEST }), 'forever'),
    default: 'forever',
    help: 'end after this long',
    more: 'Without it the run lasts until a signal, the end of the command after `--`, or the end of a target.',
    example: '8h',
  }),
  interval: option({
    group: 'Run',
    value: duration({ min: 0.1, max: 60 }),
    default: '1s',
    help: 'time between samples of a process',
    more: 'Host and cgroup figures are read every 5 s, space of file systems every 15 s, whatever it says.',
  }),
  phase: option({
    group: 'Run',
    value: text('<name[=duration]>', 'the name of a phase and how long it lasts, such as warmup=10m; the last one may go on'),
    default: null,
    list: true,
    key: 'phases',
    help: 'a phase of the run, in order: warmup=10m, steady=2h, fault=5m, recovery=10m',
    more:
      'Trends are taken from phases that are judged: all but those called warmup, rampup, fault, recovery, cooldown and idle, or beginning with such a word and a hyphen. ' +
      'After a fault the time is measured until every signal is back. Phases can also be begun from outside (docs/rules.md).',
    example: 'warmup=10m',
  }),
  cooldown: option({
    group: 'Run',
    value: duration({ max: DAY }),
    default: '0s',
    help: 'keep watching this long after the command that follows -- has ended',
    more: 'What the targets still hold without load is compared with what they held before it. 15 minutes let pools and collectors settle.',
    example: '15m',
  }),
  hold: option({
    group: 'Run',
    value: onOff(),
    default: 'false',
    help: 'keep serving the final state after the end, until told to stop',
    more: 'A container that holds is not restarted into a second run, and its verdict can still be scraped.',
  }),
  linger: option({
    group: 'Run',
    value: duration({ max: DAY }),
    default: '0s',
    help: 'keep serving the final state this long after the end',
    more: 'Long enough for one more scrape. `hold` goes further and makes it moot.',
    example: '30s',
  }),
  nonBlocking: option({
    group: 'Run',
    value: onOff(),
    default: 'false',
    help: 'end with 0 whatever the outcome is, for the first weeks in a pipeline',
    more: 'The outcome is told, and in verdict.json, as ever. Mistakes (64) and failures of soak-agent (70) still count.',
  }),
  once: option({
    group: 'Run',
    value: onOff(),
    default: 'false',
    help: 'do not repeat a finished run: serve its final state instead',
    more:
      'When the newest run in `out` is finished, has the same settings and was made in this container or pod, a start begins no other one. ' +
      'It is on in the image, so that a container that is started again does not judge a second run.',
  }),
  terminationLog: option({
    group: 'Run',
    value: orNone(path(), 'auto'),
    default: 'auto',
    help: 'file for the verdict in short, also so far: the termination message of a pod',
    more: '`auto` is `/dev/termination-log` where there is one, which is in every container of Kubernetes. At most 3 kB of JSON on one line.',
    example: '/dev/termination-log',
  }),
  rule: option({
    group: 'Judgement',
    value: text('<rule>', 'a rule such as "memory.private < 2GB" or "fds.utilization < 80% for 5m"'),
    default: null,
    list: true,
    key: 'rules',
    help: 'a limit that fails the run when broken, such as "memory.private < 2GB"',
    more:
      'A metric (`soak-agent metrics` lists them), what of it if not its level (`p(95)`, `avg`, `rate`, `slope`, `vs_baseline`), a comparison, a value, and `for` a time if it ' +
      'must last; `warn` and `abort` say what follows. Thresholds of k6 are rules as they are. docs/rules.md has the whole language.',
    example: 'memory.private < 2GB',
  }),
  preset: option({
    group: 'Judgement',
    value: text('<name>', `the name of a preset: ${Object.keys(PRESETS).join(', ')}`),
    default: null,
    list: true,
    key: 'presets',
    help: `ready rules: ${Object.keys(PRESETS).join(', ')}`,
    more: 'They are in config/presets/, each with its reason. Those about what this run does not have say nothing.',
    example: 'seed',
  }),
  require: option({
    group: 'Judgement',
    value: text('<metric>', 'the name of a metric; soak-agent metrics lists them'),
    default: null,
    list: true,
    help: 'a metric that must be conclusive for a pass, beyond memory and descriptors',
    example: 'threads',
  }),
  mustLive: option({
    group: 'Judgement',
    value: duration({ min: 1, max: LONGEST }),
    default: '14d',
    help: 'how long the program must be able to run without a restart',
    more:
      'What grows must not reach its limit within this time: growth counts as a leak above half of (limit - level) / must_live per hour. ' +
      'Two weeks is the longest usual time between releases; where no limit is known, fixed floors apply instead.',
  }),
  baseline: option({
    group: 'Judgement',
    value: path(),
    default: null,
    help: 'compare the run with this one: a baseline by name, its file, or a stored run',
    more: 'The comparison is told while the run goes on, stands in comparison.json and comparison.html beside the verdict at its end, and counts for the exit code. docs/compare.md has the limits.',
    example: 'main',
  }),
  baselines: option({
    group: 'Judgement',
    value: path(),
    default: './soak-baselines',
    help: 'folder of the baselines',
  }),
  warmup: option({
    group: 'Judgement',
    value: orNone(duration({ max: LONGEST }), 'auto'),
    default: 'auto',
    help: 'leave this much of the start out of the judgement',
    more: '`auto` finds the end of the warm-up in the data.',
    example: '10m',
  }),
  out: option({
    group: 'Record',
    value: path(),
    default: './soak-runs',
    help: 'folder of the runs; each gets a folder of its own in it',
    more: 'Relative to the working directory. An unfinished run with the same settings is resumed from here.',
  }),
  keep: option({
    group: 'Record',
    value: orNone(count({ min: 1, max: 100_000 }), 'all'),
    default: 'all',
    help: 'finished runs to keep; older ones are deleted',
    example: '20',
  }),
  recordMax: option({
    group: 'Record',
    value: size({ min: RECORD_MIN }),
    default: '512MB',
    help: 'largest record of one run; beyond it raw samples are thinned, the judgement is not',
  }),
  listen: option({
    group: 'Export',
    value: orNone(address(), 'off'),
    default: '127.0.0.1:10464',
    help: 'address of /metrics, /healthz, /readyz and /api, all read-only',
    more: 'Port 0 takes any free port and prints it.',
  }),
  otlp: option({
    group: 'Export',
    value: orNone(otlpUrl(), 'off'),
    default: 'off',
    help: 'push metrics to this OTLP/HTTP receiver (protobuf)',
    more:
      '`/v1/metrics` is added to a URL without a path. Where it is given nowhere, the standard `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` and `OTEL_EXPORTER_OTLP_ENDPOINT` are taken; ' +
      '`off` refuses those too. Time-outs, compression and certificates come from the standard `OTEL_EXPORTER_OTLP_*` variables. A flag never holds a password.',
    example: 'http://collector:4318',
  }),
  otlpHeaders: option({
    group: 'Export',
    value: headers(),
    default: null,
    secret: true,
    help: 'headers of the push, such as authorization',
    more: 'Never on the command line, where everybody on the machine can read it.',
    example: '{ authorization: "Bearer ${OTLP_TOKEN:-none}" }',
  }),
  live: option({
    group: 'System',
    value: onOff(),
    default: 'true',
    help: 'a live table when standard output is a terminal, a line a minute otherwise',
    noHelp: 'a line a minute instead of the live table',
  }),
  logLevel: option({
    group: 'System',
    value: choice(['debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    help: 'what to log on standard error',
  }),
  proc: option({ group: 'System', value: path(), default: '/proc', help: "where the processes are: the host's /proc in some sidecars" }),
  sys: option({ group: 'System', value: path(), default: '/sys', help: "where cgroups are: the host's /sys in some sidecars" }),
  config: option({ group: 'System', value: path(), default: null, not: ['file'], help: 'configuration file (YAML)' }),
  heapMb: option({
    group: 'System',
    value: count({ min: 32, max: 65_536 }),
    default: String(HEAP_MB),
    not: ['flag', 'file'],
    help: "limit of the agent's own JavaScript heap in MiB",
    more: 'Reaching it aborts the agent (exit code 134); the record stays readable and the next start resumes the run.',
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** The value of each option, as its type parses it. Lists and what belongs to single targets are elsewhere. */
export type ValueOf<N extends OptionName> = (typeof OPTIONS)[N] extends OptionDef<infer T> ? T : never;

export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

export function optionOf(name: OptionName): OptionDef<unknown> {
  return OPTIONS[name];
}

/** `--gone-after`; null when it is not a flag. */
export function flagOf(name: OptionName): string | null {
  const def = optionOf(name);
  return def.secret || def.not?.includes('flag') ? null : `--${split(name).join('-')}`;
}

/** `SOAK_GONE_AFTER`; null when it is not a variable. */
export function envOf(name: OptionName): string | null {
  return optionOf(name).not?.includes('env') ? null : `SOAK_${split(name).join('_').toUpperCase()}`;
}

/** `gone_after`; null when it does not belong into a file. */
export function keyOf(name: OptionName): string | null {
  const def = optionOf(name);
  return def.not?.includes('file') ? null : (def.key ?? split(name).join('_'));
}

/** How the twin of a secret is written, or null for what is no secret. */
export function fileTwinOf(name: OptionName): { readonly flag: string; readonly env: string; readonly key: string } | null {
  if (!optionOf(name).secret) return null;
  const words = [...split(name), 'file'];
  return { flag: `--${words.join('-')}`, env: `SOAK_${words.join('_').toUpperCase()}`, key: words.join('_') };
}

function split(name: string): string[] {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(' ');
}
