/** Of one Redis or Valkey server: it is asked everything that a run asks, once, and each refusal is told with what would mend it. */
import type { Clock } from '../clock.ts';
import { errno } from '../problem.ts';
import type { OutageClass, ServerSpec } from '../servers.ts';
import { aclLine, COMMANDS, KEY_COMMANDS } from '../sources/redis-acl.ts';
import { addressOf, loginOf, type RedisAddress } from '../sources/redis-address.ts';
import { failureOf, RedisConnection, RedisFailure } from '../sources/redis-connection.ts';
import { figureOf, type Info, isAtLeast, type Mode, modeOf, parseInfo, productOf } from '../sources/redis-info.ts';
import { nodeOf } from '../sources/redis-questions.ts';
import type { Fact } from './machine.ts';
import type { Remedy } from './remedies.ts';
import type { ServerReport } from './servers.ts';

/** The reports with what each Redis server says when it is asked for everything a run may ask. Side by side: one that is down takes seconds. */
export function examinedRedis(reports: readonly ServerReport[], specs: readonly ServerSpec[], clock: Clock): Promise<ServerReport[]> {
  const redis = new Map(specs.filter(({ system }) => system === 'redis').map((spec) => [spec.name, spec]));
  return Promise.all(
    reports.map(async (report) => {
      const spec = redis.get(report.name);
      if (spec === undefined) return report;
      const { facts, remedies } = await redisReport(spec, clock);
      const state = facts.map(({ label, text }, i) => (i === 0 ? text : `${label}: ${text}`)).join('; ');
      return { ...report, state, mends: remedies.map(({ how }) => how) };
    }),
  );
}

export interface RedisReport {
  /** The first says what answered, or why nothing did. */
  readonly facts: readonly Fact[];
  /** Each with a line that can be pasted. */
  readonly remedies: readonly Remedy[];
}

export async function redisReport(spec: ServerSpec, clock: Clock): Promise<RedisReport> {
  try {
    return await examined(spec, clock);
  } catch (error) {
    return { facts: [{ label: 'server', text: unreachable(failureOf(error), loginOf(spec)) }], remedies: [] };
  }
}

/** @throws {RedisFailure} when nobody answers */
async function examined(spec: ServerSpec, clock: Clock): Promise<RedisReport> {
  const connection = await RedisConnection.open(address(spec), 3, () => {});
  try {
    const from = clock.monotonic();
    await tried(connection, ['PING']);
    const seconds = clock.monotonic() - from;
    const info = parseInfo((await infoOf(connection)) ?? '');
    const outcomes = await Promise.all(COMMANDS.map(async (name) => ({ name, ...(await tried(connection, QUESTIONS[name])) })));
    const keys = await Promise.all(spec.keys.map(async (key) => ({ key, ...(await triedKey(connection, key)) })));
    const denied = outcomes.filter(({ outcome }) => outcome === 'denied').map(({ name }) => name);
    const unknown = outcomes.filter(({ outcome }) => outcome === 'unsupported').map(({ name }) => name);
    const closed = keys.filter((one) => one.denied).map(({ key }) => key);
    const away = keys.flatMap(({ key, node }) => (node === null ? [] : [`${key} (${node})`]));
    return {
      facts: [...serverFacts(info, seconds), ...commandFacts(denied, unknown), ...keyFacts(spec.keys, closed, away)],
      remedies: remediesOf(loginOf(spec), denied, closed, info),
    };
  } finally {
    connection.close();
  }
}

function address(spec: ServerSpec): RedisAddress {
  try {
    return addressOf(spec);
  } catch (error) {
    throw new RedisFailure('auth', `the file of its password cannot be read (${errno(error) ?? 'it is damaged'})`);
  }
}

/** How each command is tried; HELLO was part of the login. */
const QUESTIONS: Readonly<Record<(typeof COMMANDS)[number], readonly [string, ...string[]]>> = {
  hello: ['PING'],
  ping: ['PING'],
  info: ['INFO', 'server'],
  'client|list': ['CLIENT', 'LIST'],
  'client|id': ['CLIENT', 'ID'],
  'client|setname': ['CLIENT', 'SETNAME', 'soak-agent'],
  'slowlog|get': ['SLOWLOG', 'GET', '1'],
  'slowlog|len': ['SLOWLOG', 'LEN'],
  'latency|latest': ['LATENCY', 'LATEST'],
  'latency|histogram': ['LATENCY', 'HISTOGRAM', 'ping'],
  'memory|stats': ['MEMORY', 'STATS'],
  'config|get': ['CONFIG', 'GET', 'maxclients'],
};

interface Tried {
  readonly outcome: 'answered' | 'denied' | 'unsupported';
  /** Of a cluster: the node that would have answered. */
  readonly node: string | null;
}

/** @throws {RedisFailure} of an outage */
async function tried(connection: RedisConnection, [command, ...args]: readonly [string, ...string[]]): Promise<Tried> {
  try {
    await connection.call(command, ...args);
    return { outcome: 'answered', node: null };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.outage !== null) throw failure;
    const isOurs = failure.kind === 'denied' || failure.kind === 'unsupported';
    return { outcome: isOurs ? failure.kind : 'answered', node: nodeOf(failure.message) };
  }
}

async function infoOf(connection: RedisConnection): Promise<string | null> {
  if ((await tried(connection, ['INFO', 'server'])).outcome !== 'answered') return null;
  const reply = await connection.call('INFO', 'everything');
  return typeof reply === 'string' ? reply : null;
}

/** Whether anything that a key of some kind needs is refused, and which other node of a cluster has it. */
async function triedKey(connection: RedisConnection, key: string): Promise<{ denied: boolean; node: string | null }> {
  const questions = KEY_COMMANDS.map((name): readonly [string, ...string[]] => {
    const [command = '', sub] = name.toUpperCase().split('|');
    return [command, ...(sub === undefined ? [] : [sub]), key, ...(name === 'xpending' ? ['-'] : [])];
  });
  const outcomes = await Promise.all(questions.map((question) => tried(connection, question)));
  return { denied: outcomes.some(({ outcome }) => outcome === 'denied'), node: outcomes.find(({ node }) => node !== null)?.node ?? null };
}

const MODES: Readonly<Record<Mode, string>> = {
  cluster: 'one node of a cluster: give each node a --redis of its own',
  sentinel: 'a sentinel, which has no data: give the server it watches',
};

function serverFacts(info: Info, seconds: number): Fact[] {
  const product = productOf(info);
  const mode = modeOf(info);
  const name = product === null ? 'it does not tell what it is' : `${product.name} ${product.version}`;
  const [clients, max] = [figureOf(info, 'connected_clients'), figureOf(info, 'maxclients')];
  return [
    { label: 'server', text: `${name}, answers within ${(seconds * 1000).toFixed(1)} ms${mode === null ? '' : `; ${MODES[mode]}`}` },
    ...(clients === null || max === null ? [] : [{ label: 'clients', text: `${clients} of ${max}` }]),
  ];
}

/** Managed services take CONFIG away, and INFO has what matters most of it. */
const NOT_NEEDED = new Set(['config|get']);

function commandFacts(denied: readonly string[], unknown: readonly string[]): Fact[] {
  const missing = unknown.filter((name) => !NOT_NEEDED.has(name));
  return [
    ...(denied.length === 0 ? [] : [{ label: 'refused', text: `${spoken(denied)}: what they tell is not read` }]),
    ...(missing.length === 0 ? [] : [{ label: 'unknown', text: `${spoken(missing)}: this version or product does not have them` }]),
  ];
}

function keyFacts(keys: readonly string[], closed: readonly string[], away: readonly string[]): Fact[] {
  if (keys.length === 0) return [];
  const parts = [
    ...(closed.length === 0 ? [] : [`refused for ${closed.join(', ')}`]),
    ...(away.length === 0 ? [] : [`on another node of the cluster, whose --redis they belong to: ${away.join(', ')}`]),
  ];
  return [{ label: 'watched keys', text: parts.join('; ') || 'the length of all of them can be read' }];
}

function spoken(commands: readonly string[]): string {
  return commands.map((name) => name.toUpperCase().replace('|', ' ')).join(', ');
}

const HOW = 'in redis-cli as an administrator; ACL SAVE or CONFIG REWRITE keeps it over a restart';

function remediesOf(user: string, denied: readonly string[], closed: readonly string[], info: Info): Remedy[] {
  const product = productOf(info);
  const readOnly = product !== null && isAtLeast(product, 7);
  return [
    ...(denied.length === 0 ? [] : [{ what: `allow the user ${user} what is refused, ${HOW}`, how: aclLine(user, denied) }]),
    ...(closed.length === 0
      ? []
      : [
          {
            what: `allow the user ${user} the kind and length of watched keys, ${HOW}`,
            how: aclLine(user, KEY_COMMANDS, closed, readOnly),
          },
        ]),
  ];
}

const ADVICE: Readonly<Record<OutageClass, string>> = {
  refused: 'it refuses connections: nothing listens there, or a firewall says so',
  unreachable: 'its address cannot be found or reached',
  reset: 'it takes connections and closes them at once: a proxy without a server behind it, or one that expects TLS (rediss://)',
  timeout: 'it does not answer within 2 s: it is frozen, busy with a script, or something on the way drops packets',
  auth: 'it does not let in',
  too_many_connections: 'it has as many clients as it takes (maxclients), so that the agent would have to wait for a place',
  starting_up: 'it is loading its data, and can be asked when it is done',
  shutting_down: 'it is shutting down',
  protocol: 'what it answers is not understood',
};

/** A run goes on without it, and says so. */
function unreachable({ outage, message }: RedisFailure, user: string): string {
  const why = outage === null ? 'it answers the login with an error' : ADVICE[outage];
  const whom = outage === 'auth' ? ` the user ${user}; give the right password, or a user of an ACL` : '';
  return `does not answer now: ${why}${whom}${message && ` (${message})`}`;
}
