/** The command after `--` as a load tool: which one it is, what makes it tell us of its load, and what its end means. */
import { basename } from 'node:path';
import type { LoadEnd } from './load.ts';

export const LOAD_TOOLS = [
  'k6',
  'locust',
  'artillery',
  'jmeter',
  'gatling',
  'vegeta',
  'wrk',
  'wrk2',
  'autocannon',
  'ghz',
  'oha',
  'hey',
  'ab',
] as const;

export type LoadTool = (typeof LOAD_TOOLS)[number];

/** Programs that run what is named after them. */
const RUNNERS = new Set([
  'npx',
  'pnpm',
  'yarn',
  'npm',
  'bunx',
  'uv',
  'uvx',
  'poetry',
  'pipx',
  'nice',
  'time',
  'env',
  'exec',
  'node',
  'python',
  'python3',
  'sudo',
  'stdbuf',
  'timeout',
]);

/** Words of a command that are looked at for a tool behind runners and their options. */
const WORDS_MAX = 12;

/** The tool by the first words of the command; null when it is none that we know. */
export function loadToolOf(command: readonly string[]): LoadTool | null {
  const [first = '', second = '', script = ''] = command;
  if (/^(?:ba|da|z)?sh$/.test(basename(first)) && /^-[a-z]*c$/.test(second)) return loadToolOf(script.trim().split(/\s+/));
  for (const [i, word] of command.slice(0, WORDS_MAX).entries()) {
    const tool = named(word);
    if (tool !== null) return tool;
    const isPassing = RUNNERS.has(basename(word)) || /^(?:-|exec$|run$|dlx$|[A-Za-z_]\w*=|\d+[smh]?$)/.test(word);
    if (!isPassing || (i === 0 && word.startsWith('-'))) return null;
  }
  return null;
}

function named(word: string): LoadTool | null {
  const name = basename(word)
    .replace(/@[\d.a-z-]+$/, '')
    .replace(/\.(?:sh|bat|exe|js)$/, '');
  return LOAD_TOOLS.find((tool) => tool === name) ?? null;
}

export interface LoadAdvice {
  /** Variables for the command alone; none that somebody has set already. */
  readonly env: Readonly<Record<string, string>>;
  /** What the user should know before it starts. */
  readonly messages: readonly string[];
}

const NOTHING: LoadAdvice = { env: {}, messages: [] };

/** The recipe of each tool that tells us of its load only when it is told to. docs/load.md has them all. */
const RECIPES: Partial<Record<LoadTool, string>> = {
  k6: 'k6 tells of its load with --out opentelemetry, and needs little memory with --no-thresholds --summary-mode=disabled',
  locust: 'Locust tells of its load with --otel, and ends with 0 whatever requests failed with --exit-code-on-error 0',
  artillery: 'Artillery tells of its load with the plugin publish-metrics, type open-telemetry',
  jmeter: 'JMeter tells of its load by a file: -l results.jtl, and --jtl results.jtl here',
};

export interface LoadInputs {
  /** Where we take OTLP by HTTP, as `host:port`; null: nowhere. */
  readonly inbound: string | null;
  /** A file of results is followed. */
  readonly jtl: boolean;
}

/** What to give to the command, and what to say, so that its load comes into the record. Nothing is changed in the command itself. */
export function loadAdvice(command: readonly string[], env: Variables, { inbound, jtl }: LoadInputs): LoadAdvice {
  const tool = loadToolOf(command);
  if (tool === null || jtl || !Object.hasOwn(RECIPES, tool)) return NOTHING;
  const recipe = (more: string): LoadAdvice => ({
    env: {},
    messages: [`${RECIPES[tool]}${more}: without it nothing is known of the load`],
  });
  if (tool === 'jmeter') return recipe('');
  if (inbound === null) return recipe(', and --inbound here');
  if (!pushes(tool, command, env)) return recipe('');
  const elsewhere = Object.keys(env).find((name) => ENDPOINT.test(name) && env[name] !== undefined);
  if (elsewhere !== undefined)
    return { env: {}, messages: [`${tool} pushes to where ${elsewhere} says; what it does not push to ${inbound} is not seen`] };
  const given = unset(variablesFor(tool, inbound), env);
  const names = Object.keys(given);
  return { env: given, messages: names.length === 0 ? [] : [`${tool} is given ${names.join(', ')}, so that it pushes to ${inbound}`] };
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Somebody has decided where metrics go. */
const ENDPOINT = /^(?:K6_OTEL_|OTEL_EXPORTER_OTLP_).*ENDPOINT$/;

/** Whether the command is told to push; of Artillery only its script knows. */
function pushes(tool: LoadTool, command: readonly string[], env: Variables): boolean {
  const words = command.join(' ');
  if (tool === 'k6') return /opentelemetry/.test(`${words} ${env['K6_OUT'] ?? ''}`);
  return tool === 'locust' ? /(?:^|\s)--otel(?:\s|$)/.test(words) : true;
}

/** By their documentation: k6 has variables of its own, which go before the standard ones; the endpoint has no scheme. */
function variablesFor(tool: LoadTool, inbound: string): Record<string, string> {
  if (tool === 'k6') {
    return {
      K6_OTEL_EXPORTER_PROTOCOL: 'http/protobuf',
      K6_OTEL_HTTP_EXPORTER_ENDPOINT: inbound,
      K6_OTEL_HTTP_EXPORTER_INSECURE: 'true',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
    };
  }
  if (tool !== 'locust') return {};
  return {
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http',
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://${inbound}/v1/metrics`,
    OTEL_METRIC_EXPORT_INTERVAL: '10000',
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
  };
}

function unset(wanted: Readonly<Record<string, string>>, env: Variables): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => env[name] === undefined));
}

/**
 * `thresholds`: the tool found its own limits broken. `failures`: some requests failed, or it could not run, and it does not say which.
 * `aborted`: it was ended from outside. `tool_error`: there was no whole load.
 */
export type LoadClass = 'ok' | 'thresholds' | 'failures' | 'aborted' | 'tool_error';

export interface LoadOutcome {
  readonly class: LoadClass;
  readonly tool: LoadTool | null;
  /** A sentence's end: `ended with exit code 99: thresholds were broken`. */
  readonly message: string;
}

/** Source: k6, errext/exitcodes/codes.go. */
const K6_CODES: Readonly<Record<number, readonly [LoadClass, string]>> = {
  97: ['tool_error', 'the run in the cloud failed'],
  99: ['thresholds', 'thresholds were broken'],
  100: ['tool_error', 'setup took too long'],
  101: ['tool_error', 'teardown took too long'],
  102: ['tool_error', 'a timeout was reached'],
  103: ['aborted', 'it was stopped by its REST interface'],
  104: ['tool_error', 'its configuration is wrong'],
  105: ['aborted', 'it was ended from outside'],
  106: ['tool_error', 'its REST interface could not be started'],
  107: ['tool_error', 'the script threw an exception'],
  108: ['aborted', 'the script ended the test'],
  109: ['tool_error', 'it crashed'],
  110: ['thresholds', 'the script marked the test as failed'],
};

/** Tools that end with 1 when requests failed, as well as when they could not run. Source: their documentation. */
const ONE: Partial<Record<LoadTool, readonly [LoadClass, string]>> = {
  locust: ['failures', 'requests failed, one is enough, or it could not run'],
  artillery: ['failures', 'its checks failed, or it could not run'],
  gatling: ['tool_error', 'it could not run'],
};

const GATLING_ASSERTIONS = 2;

/** As a shell tells that a program ended by SIGTERM. */
const TERMINATED = 128 + 15;

export function loadOutcome(tool: LoadTool | null, end: LoadEnd): LoadOutcome {
  const outcome = outcomeOf(tool, end);
  // A load that has no end of its own lasts as long as the run; what a tool found broken until then counts.
  const isOurs = end.stopped && (outcome.class === 'aborted' || end.code === TERMINATED);
  return isOurs ? { class: 'ok', tool, message: 'was ended with the run' } : outcome;
}

function outcomeOf(tool: LoadTool | null, { code, signal }: LoadEnd): LoadOutcome {
  if (signal !== null) return { class: 'aborted', tool, message: `ended by ${signal}` };
  const [kind, why] = meaningOf(tool, code ?? -1);
  return { class: kind, tool, message: `ended with exit code ${code}${why === '' ? '' : `: ${why}`}` };
}

function meaningOf(tool: LoadTool | null, code: number): readonly [LoadClass, string] {
  if (code === 0) return ['ok', ''];
  if (tool === 'k6' && Object.hasOwn(K6_CODES, code)) return K6_CODES[code]!;
  if (tool === 'gatling' && code === GATLING_ASSERTIONS) return ['thresholds', 'assertions failed'];
  if (tool !== null && code === 1 && Object.hasOwn(ONE, tool)) return ONE[tool]!;
  return ['tool_error', ''];
}
