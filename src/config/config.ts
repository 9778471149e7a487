/** The validated configuration of a run, and what of it is stored. Times are seconds, sizes bytes. `load.ts` makes it. */
import { createHash } from 'node:crypto';
import type { Rule } from '../analysis/rules.ts';
import { withoutPassword } from './serverurl.ts';
import type { ScrapeSpec, SignalSpec } from '../intake/signals-spec.ts';
import type { LogLevel } from '../log.ts';
import type { Address, RoleGroup } from './optionvalue.ts';
import type { PoolMax } from './poolmax.ts';
import type { PlannedPhase } from '../phases.ts';
import type { Selector } from '../selector.ts';
import type { ServerSpec } from '../servers.ts';
import type { JtlSpec } from '../sources/jtl.ts';
import type { ProbeSpec } from '../sources/probe-spec.ts';
import type { TargetSpec } from '../targets.ts';

export interface Config {
  readonly targets: readonly TargetSpec[];
  readonly servers: readonly ServerSpec[];
  /** Pages of metrics that are read. */
  readonly scrapes: readonly ScrapeSpec[];
  /** Of the user; those of presets are added by who reads. */
  readonly signals: readonly SignalSpec[];
  /** Seconds to wait at start for a target that is not there yet; 0: it must be there. */
  readonly wait: number;
  readonly goneAfter: number;
  readonly duration: number | null;
  readonly interval: number;
  readonly out: string;
  /** Finished runs kept in `out`; null keeps all. */
  readonly keep: number | null;
  /** Bytes of record per run, kept by thinning. */
  readonly recordMax: number;
  readonly hold: boolean;
  readonly linger: number;
  /** What the run is compared with, and where baselines are; null: nothing. */
  readonly baseline: { readonly called: string; readonly folder: string } | null;
  /** The exit code is 0 whatever the outcome. */
  readonly nonBlocking: boolean;
  /** A finished run is served and not repeated. */
  readonly once: boolean;
  /** Where the verdict is also written in short; null: where Kubernetes wants it, if it does. */
  readonly terminationLog: string | null;
  readonly mustLive: number;
  readonly warmup: number | null;
  /** Null: no listener. */
  readonly listen: Address | null;
  /** Null: no push. The endpoint is complete, with its path; headers are added to those of the standard OTEL_* variables. */
  readonly otlp: { readonly endpoint: string; readonly headers: Readonly<Record<string, string>> } | null;
  /** Null: nobody pushes to us. Without a token the address is one of loopback. */
  readonly inbound: { readonly at: Address; readonly token: string | null } | null;
  readonly rules: readonly Rule[];
  /** Phases known beforehand, in order. */
  readonly phases: readonly PlannedPhase[];
  /** Seconds to go on after the command has ended. */
  readonly cooldown: number;
  readonly required: readonly string[];
  readonly poolMax: readonly PoolMax[];
  /** Show the last statement of stuck connections, without its literals. */
  readonly statementTexts: boolean;
  /** Files of results that a load tool writes. */
  readonly jtl: readonly JtlSpec[];
  readonly probes: readonly ProbeSpec[];
  /** Where process figures come from: `/proc`, or pidusage where there is none. */
  readonly source: 'procfs' | 'pidusage';
  /** Count open descriptors of deleted files. */
  readonly deletedDescriptors: boolean;
  /** The role that all sockets of the agent's network namespace are counted for; null: those of targets are. */
  readonly networkOf: string | null;
  /** The role that control groups without visible processes are read for: those of the pod, or the one at `path`. */
  readonly cgroupOf: RoleGroup | null;
  /** When the proportional shares of a role with several processes are read. */
  readonly shares: Shares;
  readonly roots: { readonly proc: string; readonly sys: string };
  readonly logLevel: LogLevel;
  /** The live table on a terminal. */
  readonly live: boolean;
  /** What follows `--`: run while watching; the run ends with it. */
  readonly command: readonly string[] | null;
}

export type Shares = 'off' | 'ends' | 'periodic' | 'forced';

/** How a stored run is to be judged differently from the first time: only what was given. */
export type JudgeOverrides = Partial<Pick<Config, 'rules' | 'required' | 'mustLive' | 'warmup'>>;

/** 48 bits: enough to tell configurations apart, short enough to read out. */
const HASH_DIGITS = 12;

/**
 * Identifies what is measured and how it is judged; a run is resumed only by the same. Where to listen, log, push and store, how long
 * to wait and hold, and what to keep are left out: changing them does not make another run. The record's cap is in: a file that is
 * larger than a lowered cap would not shrink.
 */
export function configHash(config: Config): string {
  const {
    interval,
    duration,
    goneAfter,
    mustLive,
    warmup,
    required,
    source,
    deletedDescriptors,
    networkOf,
    cgroupOf,
    shares,
    roots,
    command,
    recordMax,
    poolMax,
    phases,
    cooldown,
    jtl,
    probes,
  } = config;
  const targets = config.targets.map(({ role, selector, many, children, load, command: isCommand }) => {
    const declared = load === true && isCommand !== true ? { load } : {};
    return { role, selector: selectorText(selector), many, children, ...declared };
  });
  // A password may be changed in the middle of a run; gauges without their queries would be another measurement.
  const servers = config.servers.map(({ name, system, url, gauges, keys }) => ({ name, system, url: withoutPassword(url), gauges, keys }));
  // Nor do tokens and headers say what is measured.
  const scrapes = config.scrapes.map(({ name, url, target, presets, every }) => ({ name, url, target, presets, every }));
  const signals = config.signals.map(storedSignal);
  const rules = config.rules.map((rule) => rule.text);
  const judging = { mustLive, warmup, rules, required };
  const matters = {
    targets,
    servers,
    scrapes,
    signals,
    interval,
    duration,
    goneAfter,
    ...judging,
    source,
    poolMax,
    jtl,
    probes,
    deletedDescriptors,
    networkOf,
    cgroupOf,
    shares,
    roots,
    command,
    recordMax,
    phases,
    cooldown,
  };
  return createHash('sha256').update(canonical(matters)).digest('hex').slice(0, HASH_DIGITS);
}

/** What the header of a record says of the configuration: every setting, but no secret and no command line. */
export function redactedConfig(config: Config) {
  return {
    ...config,
    targets: config.targets.map((target) => ({ ...target, selector: redactedSelector(target.selector) })),
    servers: config.servers.map(redactedServer),
    // What is sent, and what stands in a URL, may be a secret.
    probes: config.probes.map(({ name, target, display, every, deadline, status }) => ({ name, target, display, every, deadline, status })),
    scrapes: config.scrapes.map(redactedScrape),
    signals: config.signals.map(storedSignal),
    rules: config.rules.map((rule) => rule.text),
    otlp: config.otlp && { endpoint: redactedUrl(config.otlp.endpoint), headers: Object.keys(config.otlp.headers) },
    inbound: config.inbound && { at: config.inbound.at, token: config.inbound.token !== null },
    command: config.command && redactedCommand(config.command),
  };
}

/** As a user would write it; a pid is `pid:4242`. */
function selectorText(selector: Selector): string {
  switch (selector.kind) {
    case 'pid':
      return `pid:${selector.pid}`;
    case 'name':
      return `name:${selector.name}`;
    case 'cmd':
      return `cmd:${selector.pattern.source}`;
    case 'port':
      return `port:${selector.port}`;
    case 'pidfile':
    case 'cgroup':
      return `${selector.kind}:${selector.path}`;
    case 'exec':
      return `exec:${selector.command}`;
    default:
      return selector satisfies never;
  }
}

/** Arguments and variables of a command that we start may hold passwords: only its first word is kept, unless that sets a variable. */
function redactedSelector(selector: Selector): string {
  return selector.kind === 'exec' ? `exec:${redactedCommand(selector.command.trim().split(/\s+/)).join(' ')}` : selectorText(selector);
}

function redactedCommand([program = '', ...rest]: readonly string[]): string[] {
  const name = program.includes('=') ? '...' : program;
  return rest.length === 0 ? [name] : [name, '...'];
}

/** No URL, whose parameters may be secrets, and no query: who reads a record need not know the tables. */
function redactedServer({ name, system, display, gauges, keys }: ServerSpec) {
  return { name, system, display, gauges: gauges.map(({ name: gauge, growth, limit }) => ({ name: gauge, growth, limit })), keys };
}

/** No query, which may be a token, and no headers. */
function redactedScrape({ name, display, target, presets, every }: ScrapeSpec) {
  return { name, display, target, presets, every };
}

/** A signal in plain data: selectors as they were written. */
function storedSignal({ match, over, within: _within, preset: _preset, ...signal }: SignalSpec) {
  return { ...signal, match: match.map(({ text }) => text), over: over?.map(({ text }) => text) ?? null };
}

/** Without user, password, and query, in which some receivers take a token. */
function redactedUrl(text: string): string {
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`;
}

/** JSON with sorted keys: the same for equal values, whatever order they were built in. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
