/** The shape of a configuration file, derived from the option table: for checking one, and as JSON Schema for editors. */
import * as z from 'zod/mini';
import { type GAUGE_KEYS, GAUGES_MAX, KEYS_MAX, SERVER_KEYS, SERVERS_MAX, type ServerOption } from './servers.ts';
import { type SCRAPE_KEYS, SCRAPES_MAX } from './scrapes.ts';
import { type SIGNAL_KEYS, SIGNALS_MAX } from './signals.ts';
import { PRESET_NAMES } from '../intake/presets.ts';
import { AGGREGATES, GROWTHS, KINDS, MEANINGS } from '../intake/signals-spec.ts';
import { fileTwinOf, keyOf, OPTION_NAMES, type OptionName, optionOf } from './options.ts';
import type { THRESHOLD_KEYS } from './rules.ts';
import type { YamlKind } from './optionvalue.ts';
import type { PROBE_KEYS } from './probes.ts';
import { PROCESSES_MAX } from '../targets.ts';

/** Entries of `rules` and `require`: every metric of the catalog may be named a few times over. */
const LIST_MAX = 1000;

const EXPRESSION = z.union([
  z.string(),
  z.strictObject({
    threshold: described(z.string(), 'As in k6: p(95)<500.'),
    abortOnFail: z.optional(described(z.boolean(), 'End the run when it is broken.')),
    delayAbortEval: z.optional(described(z.string(), 'But not before this long after the start.')),
  } satisfies Record<(typeof THRESHOLD_KEYS)[number], unknown>),
]);

/** Entries of lists that have a cap of their own. */
const LENGTHS: Partial<Record<OptionName, number>> = {
  target: PROCESSES_MAX,
  postgres: SERVERS_MAX,
  redis: SERVERS_MAX,
  scrape: SCRAPES_MAX,
  signals: SIGNALS_MAX,
  probe: SERVERS_MAX,
};

/** What an entry of `targets` may be. */
const TARGET = z.union([
  described(scalar('target'), 'A selector, with role= before it if you like.'),
  z.strictObject({
    selector: described(scalar('target'), 'Which process: a pid, name:, cmd:, port:, pidfile:, cgroup: or exec:.'),
    role: z.optional(described(z.string(), 'The name of the target in series and reports: lower-case letters, digits, - and _.')),
    many: z.optional(describedOption('many')),
    children: z.optional(describedOption('children')),
    load: z.optional(described(scalar('many'), 'It makes the load: a suspect, and no part of the outcome.')),
  }),
]);

const GAUGE: Record<(typeof GAUGE_KEYS)[number], z.ZodMiniType> = {
  name: described(z.string(), 'The metric is gauge.NAME: lower-case letters, digits and _.'),
  query: described(z.string(), 'One read-only SELECT that returns a number, or rows of a label and a number; it has 2 s.'),
  growth: z.optional(described(z.enum(['leak', 'capacity', 'drift', 'none']), 'What growth means; capacity with a limit, otherwise none.')),
  limit: z.optional(described(z.union([z.number(), z.string()]), 'The run fails at this value, and the time until it is judged.')),
};

const LISTS = {
  postgres: {
    gauges: z.optional(described(z.array(z.strictObject(GAUGE)).check(z.maxLength(GAUGES_MAX)), 'Queries of your own, once a minute.')),
  },
  redis: { keys: z.optional(described(z.array(z.string()).check(z.maxLength(KEYS_MAX)), 'Keys whose lengths are watched.')) },
};

/** What an entry of `postgres` or `redis` may be. */
function serverItem(name: ServerOption): z.ZodMiniType {
  const password = z.optional(described(z.union([z.string(), z.number()]), 'Best as ${NAME}.'));
  return z.union([
    described(scalar(name), 'A URL, with name= before it if you like.'),
    z.strictObject({
      name: z.optional(described(z.string(), 'Its name in series, rules and reports: lower-case letters, digits, - and _.')),
      url: described(scalar(name), `As in --${name}.`),
      password,
      password_file: z.optional(described(z.string(), 'A file that holds the password; read again at every connection.')),
      ...LISTS[name],
    }),
  ]);
}

/** A line, or as k6 writes it: `http_req_duration: p(95)<500`, which YAML takes for a map. */
const RULE = z.union([
  described(scalar('rule'), 'A rule in one line.'),
  described(
    z.record(z.string(), z.union([EXPRESSION, z.array(EXPRESSION).check(z.maxLength(LIST_MAX))])),
    'A metric of k6, or a role, and what is demanded.',
  ),
]);

/** A type of its own each time: what is said of it is kept by the type. */
function span(): z.ZodMiniType {
  return z.union([z.string(), z.number()]);
}

const PROBE_MAP: Record<(typeof PROBE_KEYS)[number], z.ZodMiniType> = {
  url: described(scalar('probe'), 'As in --probe.'),
  name: z.optional(described(z.string(), 'Its name in series and reports: lower-case letters, digits, - and _.')),
  target: z.optional(described(z.string(), 'The role that it asks.')),
  every: z.optional(described(span(), 'Time between probes, from 1s to 1h; 5s.')),
  deadline: z.optional(
    described(span(), 'A probe that is not over by then has failed; at most the time between probes, which is its default up to 5s.'),
  ),
  status: z.optional(described(z.union([z.number(), z.string()]), 'The HTTP status that is right; any from 200 to 399 otherwise.')),
  send: z.optional(described(z.string(), 'A message to a WebSocket; the next message is the answer.')),
};

/** What an entry of `probes` may be. */
const PROBE = z.union([described(scalar('probe'), 'A URL, with role= before it if you like.'), z.strictObject(PROBE_MAP)]);

const TEXTS = z.union([z.string(), z.array(z.string())]);
const NUMBER = z.union([z.number(), z.string()]);

const SCRAPE: Record<(typeof SCRAPE_KEYS)[number], z.ZodMiniType> = {
  name: z.optional(described(z.string(), 'Its name in `from` of signals, in series and reports: lower-case letters, digits, - and _.')),
  url: described(scalar('scrape'), 'As in --scrape.'),
  target: z.optional(described(z.string(), 'The role whose page it is. Without it: the role it is named like, or of the run.')),
  preset: z.optional(described(TEXTS, `auto (what is recognised), none, or names: ${PRESET_NAMES.join(', ')}.`)),
  every: z.optional(described(NUMBER, 'Time between two readings, 1s to 5m; 10s.')),
  timeout: z.optional(described(NUMBER, 'How long an answer may take; at most the time between two.')),
  bearer_file: z.optional(described(z.string(), 'A file that holds a token; read again at every request.')),
  headers: z.optional(described(z.record(z.string(), z.union([z.string(), z.number()])), 'Further headers; values best as ${NAME}.')),
  ca_file: z.optional(described(z.string(), 'Certificates of who may sign that of the server.')),
};

const SIGNAL: Record<(typeof SIGNAL_KEYS)[number], z.ZodMiniType> = {
  name: described(z.string(), 'The metric is signal.NAME: lower-case letters, digits and _.'),
  match: described(TEXTS, 'Which series, as in PromQL: app_queue_depth{queue!="dead"}. Of a list the first that is there counts.'),
  over: z.optional(described(TEXTS, 'Of a ratio: what it is a share of.')),
  kind: z.optional(described(z.enum(KINDS), 'What it is; level.')),
  aggregate: z.optional(described(z.enum(AGGREGATES), 'How several series become one; sum, of latencies max.')),
  by: z.optional(described(TEXTS, 'Labels that are kept; 20 different values, all others are one.')),
  unit: z.optional(described(NUMBER, 'bytes, seconds, ratio, or what is counted in braces, as {message}.')),
  scale: z.optional(described(NUMBER, 'What values are multiplied with, such as 0.001.')),
  growth: z.optional(described(z.enum(GROWTHS), 'What growth means; of a backlog leak, of a latency drift, otherwise none.')),
  limit: z.optional(described(NUMBER, 'What must hold, as in a rule: 1000 is "< 1000", ">= 92%" is as it stands.')),
  from: z.optional(described(z.string(), 'The name of a scrape, or inbound; needed where there are several.')),
  target: z.optional(described(z.string(), 'The role; that of the scrape.')),
  as: z.optional(described(z.enum(MEANINGS), 'A metric of the agent that it stands for: heap makes a runtime visible.')),
};

function isServers(name: OptionName): name is ServerOption {
  return Object.hasOwn(SERVER_KEYS, name);
}

/** Checks structure only: which keys there are, and whether a value is a text, a number, a list or a map. Values are parsed as those of flags are. */
export const FILE_SCHEMA = z.strictObject(Object.fromEntries(OPTION_NAMES.flatMap(entries)));

export function jsonSchema(): object {
  const schema = z.toJSONSchema(FILE_SCHEMA, { io: 'input' });
  return {
    ...schema,
    title: 'soak-agent configuration',
    description: 'One key per option. ${NAME} and ${NAME:-default} take values from the environment.',
  };
}

function entries(name: OptionName): [string, z.ZodMiniType][] {
  const key = keyOf(name);
  if (key === null || optionOf(name).perTarget) return [];
  const twin = fileTwinOf(name)?.key;
  const own: [string, z.ZodMiniType] = [key, z.optional(fieldOf(name))];
  return twin === undefined ? [own] : [own, [twin, z.optional(described(z.string(), `A file that holds the value of ${key}.`))]];
}

function fieldOf(name: OptionName): z.ZodMiniType {
  if (!optionOf(name).list) return describedOption(name);
  return described(z.array(itemOf(name)).check(z.maxLength(LENGTHS[name] ?? LIST_MAX)), docOf(name));
}

function itemOf(name: OptionName): z.ZodMiniType {
  if (name === 'target') return TARGET;
  if (name === 'rule') return RULE;
  if (name === 'probe') return PROBE;
  if (name === 'scrape') return z.union([described(scalar(name), 'A URL, with name= before it if you like.'), z.strictObject(SCRAPE)]);
  if (name === 'signals') return z.strictObject(SIGNAL);
  return isServers(name) ? serverItem(name) : scalar(name);
}

function describedOption(name: OptionName): z.ZodMiniType {
  const { default: text, value } = optionOf(name);
  const parsed = text === null ? undefined : value.yaml.includes('boolean') ? value.parse(text) : text;
  return described(scalar(name), docOf(name), parsed === undefined ? {} : { default: parsed });
}

function docOf(name: OptionName): string {
  const { help, more } = optionOf(name);
  return `${help.charAt(0).toUpperCase()}${help.slice(1)}.${more === undefined ? '' : ` ${more}`}`;
}

function described(type: z.ZodMiniType, description: string, more: object = {}): z.ZodMiniType {
  return type.register(z.globalRegistry, { ...z.globalRegistry.get(type), description, ...more });
}

/** What stands in for a value in a file may always be `${NAME}`, so patterns for editors let that through. */
function scalar(name: OptionName): z.ZodMiniType {
  const { value } = optionOf(name);
  const pattern = value.choices ? `^(${value.choices.join('|')})$` : value.pattern;
  const text = z.string().register(z.globalRegistry, pattern === undefined ? {} : { pattern: String.raw`${pattern}|\$\{` });
  const kinds: Record<YamlKind, () => z.ZodMiniType> = {
    string: () => text,
    number: () => z.number(),
    boolean: () => z.boolean(),
    map: () => z.record(z.string(), z.union([z.string(), z.number()])),
  };
  const types = value.yaml.map((kind) => kinds[kind]());
  return types.length === 1 && types[0] ? types[0] : z.union(types);
}
