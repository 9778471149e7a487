/** A first configuration, as a file that explains itself: what was found is set, what only the user knows is there to be uncommented. */
import type { FoundPage } from './pages.ts';

export interface FoundTarget {
  readonly role: string;
  /** Without the role. */
  readonly selector: string;
  readonly children: boolean;
  /** `node, process 4242, listens on 8080`. */
  readonly what: string;
  readonly pages: readonly FoundPage[];
  /** Options that would watch the databases it is connected to, with what was seen. */
  readonly databases: readonly { readonly what: string; readonly option: string }[];
}

const HEAD = `# yaml-language-server: $schema=./soak-agent.schema.json
##
## Written by soak-agent init from what it found on this machine. Try it: soak-agent doctor --config THIS-FILE
## Editors complete it beside a schema: soak-agent config schema > soak-agent.schema.json
## A line with one hash is a setting to uncomment. docs/config.md has every key; \${NAME} is taken from the environment.
`;

const RUN = `
## How long to watch. A leak shows the earlier the steeper it is; a night (8h) rules out what a release must not have.
duration: 8h

## How long the program must be able to run without a restart: growth counts when it would use up half of what is left within this time.
must_live: 14d

## Phases, in order; no trend is taken from a warm-up. Without them the warm-up is found in the data.
#phases:
#  - warmup=10m
#  - steady

## Limits of your own, and ready ones: seed, slo, gateway, operations, queues, scaling, websocket (config/presets).
#rules:
#  - memory.private < 2GB
#  - latency p(95) < 500ms for 5m
#  - errors rate < 1% for 2m
#presets:
#  - seed

## Where load tools (k6, Locust, Artillery, JMeter) and instrumented programs push what they see: without the load, growth per request and
## latency are not known. docs/inbound.md has the settings of each tool.
#inbound: 127.0.0.1:4318

## The first weeks in a pipeline: tell the outcome, and never fail the job.
#non_blocking: true

## Runs are kept here, each in a folder of its own.
out: ./soak-runs
keep: 20
`;

export function document(targets: readonly FoundTarget[]): string {
  return [
    HEAD,
    '## What to watch.',
    'targets:',
    ...targets.flatMap(targetLines),
    ...scrapeLines(targets),
    ...serverLines('postgres', targets),
    ...serverLines('redis', targets),
    RUN,
  ].join('\n');
}

function targetLines({ role, selector, children, what }: FoundTarget): string[] {
  const comment = `  ## ${oneLine(what)}`;
  return [comment, `  - selector: ${quoted(selector)}`, `    role: ${role}`, ...(children ? ['    children: true'] : [])];
}

function scrapeLines(targets: readonly FoundTarget[]): string[] {
  const pages = targets.flatMap(({ role, pages: own }) => own.map((page) => ({ role, page })));
  const head = ['', "## Pages of metrics: a program's own heap, queues and latencies."];
  if (pages.length === 0)
    return [...head, '## None was found on the ports of the targets.', '#scrape:', '#  - http://localhost:9464/metrics'];
  return [
    ...head,
    'scrape:',
    ...pages.flatMap(({ role, page: { url, samples, presets } }, i) => [
      `  ## ${samples} samples; ${presets.length === 0 ? 'nothing on it is known to a preset: declare signals (docs/signals.md)' : `known: ${presets.join(', ')}`}`,
      `  - name: ${i === 0 ? role : `${role}-${i + 1}`}`,
      `    url: ${quoted(url)}`,
      `    target: ${role}`,
    ]),
  ];
}

const EXAMPLES = {
  postgres: 'postgresql://soak@localhost:5432/orders',
  redis: 'redis://localhost:6379',
} as const;

/**
 * Redis is watched as it is found. Postgres needs a user and a database, which no socket tells: those lines are to be completed, and a
 * configuration that nobody has completed must start all the same.
 */
function serverLines(key: keyof typeof EXAMPLES, targets: readonly FoundTarget[]): string[] {
  const found = targets.flatMap(({ databases }) => databases).filter(({ option }) => option.startsWith(`--${key} `));
  const unique = [...new Map(found.map((one) => [one.option, one])).values()];
  const head =
    key === 'postgres'
      ? [
          '',
          '## Postgres and PgBouncer, with the pools of the targets seen from outside. The user needs pg_monitor and nothing else; its',
          '## password comes from the environment, never from this file.',
        ]
      : ['', '## Redis and Valkey. With a password: a map of url and password, as "password: ${REDIS_PASSWORD}".'];
  if (unique.length === 0) return [...head, `#${key}:`, `#  - ${EXAMPLES[key]}`];
  const isComplete = unique.every(({ option }) => !/[A-Z]{3,}/.test(option));
  const hash = isComplete ? '' : '#';
  return [
    ...head,
    `${hash}${key}:`,
    ...unique.flatMap(({ what, option }) => [`${hash}  ## ${oneLine(what)}`, `${hash}  - ${quoted(option.slice(key.length + 3))}`]),
    ...(isComplete ? [] : ['## Put a user and a database in the place of the capital letters, and remove the hashes.']),
  ];
}

/** A JSON string is a YAML string, whatever it holds; `$` before a brace would be a variable. */
function quoted(text: string): string {
  return JSON.stringify(text.replaceAll('${', '$${'));
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').replaceAll('${', '$ {');
}
