/**
 * The kinds of values an option can have: how each is written, parsed and described. One parser serves flags, environment and
 * file, so that a value means the same wherever it is given.
 */
import { DURATION_HINT, formatDuration, formatSize, parseDuration, parseSize, SIZE_HINT } from '../quantity.ts';

export interface ValueType<T> {
  /** Placeholder in help; empty for a switch. */
  readonly arg: string;
  /** What would be right; completes "should be". */
  readonly hint: string;
  /** Undefined when the text is not understood. */
  readonly parse: (text: string) => T | undefined;
  /** What a configuration file may hold for it. */
  readonly yaml: readonly YamlKind[];
  /** For editors: what a text looks like. */
  readonly pattern?: string;
  readonly choices?: readonly string[];
  /** May hold a secret: its text is never repeated in a message. */
  readonly unquoted?: true;
}

export type YamlKind = 'string' | 'number' | 'boolean' | 'map';

interface Range {
  readonly min?: number;
  readonly max?: number;
}

export function duration(range: Range = {}): ValueType<number> {
  return {
    arg: '<duration>',
    hint: DURATION_HINT + describeRange(range, formatDuration),
    parse: (text) => inRange(parseDuration(text), range),
    yaml: ['string', 'number'],
    pattern: String.raw`^\s*[0-9.]+(\s*(ms|s|sec|m|min|h|d|w)(\s*[0-9.]+\s*(ms|s|sec|m|min|h|d|w))*)?\s*$`,
  };
}

export function size(range: Range = {}): ValueType<number> {
  return {
    arg: '<size>',
    hint: SIZE_HINT + describeRange(range, formatSize),
    parse: (text) => inRange(parseSize(text), range),
    yaml: ['string', 'number'],
    pattern: String.raw`^\s*[0-9.]+\s*([kKMGTmgt]i?)?[bB]?\s*$`,
  };
}

export function count(range: Range = {}): ValueType<number> {
  return {
    arg: '<number>',
    hint: `a whole number${describeRange(range, String).replace(',', '')}`,
    parse: (text) => inRange(/^\s*\d{1,15}\s*$/.test(text) ? Number(text) : null, range),
    yaml: ['string', 'number'],
    pattern: String.raw`^\s*[0-9]+\s*$`,
  };
}

const SWITCH: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

export function onOff(): ValueType<boolean> {
  return {
    arg: '',
    hint: 'true or false',
    parse: (text) => lookUp(SWITCH, text.trim().toLowerCase()),
    yaml: ['boolean', 'string', 'number'],
    pattern: '^(true|false|yes|no|on|off|1|0)$',
  };
}

export function choice<const C extends string>(choices: readonly C[]): ValueType<C> {
  return {
    arg: `<${choices.join('|')}>`,
    hint: `one of ${choices.join(', ')}`,
    parse: (text) => choices.find((one) => one === text.trim()),
    yaml: ['string'],
    choices,
  };
}

export function path(): ValueType<string> {
  return { arg: '<path>', hint: 'a path', parse: (text) => (text === '' || text.includes('\0') ? undefined : text), yaml: ['string'] };
}

/** Any text that a later step understands: a selector, a rule, the name of a metric. */
export function text(arg: string, hint: string): ValueType<string> {
  return { arg, hint, parse: (given) => given.trim() || undefined, yaml: ['string', 'number'] };
}

/** As a target is called. */
export function roleName(): ValueType<string> {
  return {
    arg: '<role>',
    hint: 'a role: a lower-case letter, then lower-case letters, digits, - and _',
    parse: (given) => (ROLE_NAME.test(given.trim()) ? given.trim() : undefined),
    yaml: ['string'],
  };
}

/** A role, and the path of a control group where one is named. */
export interface RoleGroup {
  readonly role: string;
  readonly path: string | null;
}

/** Longest path of a control group that the kernel takes (PATH_MAX). */
const GROUP_PATH_MAX = 4096;

/** `/proc/PID/cgroup` writes no mount point, and no way up but of what lies outside the reader's namespace. */
const GROUP_PATH = /^(?!\/sys\/fs\/cgroup(?:\/|$))(?!.*\/\.\.?(?:\/|$))\/[^\0]*[^\0/]$/;

export function roleGroup(): ValueType<RoleGroup> {
  return {
    arg: '<role[=path]>',
    hint: 'a role, with =PATH after it for one control group: as /proc/PID/cgroup writes it, without /sys/fs/cgroup before it',
    parse(given) {
      const [, role = '', path = null] = /^([^=]*)(?:=(.*))?$/s.exec(given.trim()) ?? [];
      const isPath = path === null || (path.length <= GROUP_PATH_MAX && GROUP_PATH.test(path));
      return ROLE_NAME.test(role) && isPath ? { role, path } : undefined;
    },
    yaml: ['string'],
  };
}

const ROLE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** A secret that is shown in a header. Shorter ones can be guessed, and others cannot be sent. */
export function secretText(): ValueType<string> {
  return {
    arg: '<secret>',
    hint: '8 to 512 letters, digits and signs without spaces',
    parse: (given) => (/^[\x21-\x7e]{8,512}$/.test(given.trim()) ? given.trim() : undefined),
    yaml: ['string'],
    unquoted: true,
  };
}

/** A database server or another address; a later step understands it. Its URL may hold a password. */
export function server(hint: string, arg = '<[name=]url>'): ValueType<string> {
  return { ...text(arg, hint), yaml: ['string'], unquoted: true };
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:port`, or a plain port of the loopback interface. */
export function address(): ValueType<Address> {
  return {
    arg: '<host:port>',
    hint: 'host:port such as 127.0.0.1:10464, 0.0.0.0:10464, [::1]:10464, or a plain port of 127.0.0.1',
    parse: parseAddress,
    yaml: ['string', 'number'],
  };
}

const PORT_MAX = 65_535;

function parseAddress(given: string): Address | undefined {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,253}):)?(\d{1,5})$/.exec(given.trim());
  const port = Number(match?.[2] ?? Number.NaN);
  const host = (match?.[1] ?? '127.0.0.1').replaceAll(/^\[|\]$/g, '');
  return match && port <= PORT_MAX ? { host, port } : undefined;
}

/** Where OTLP receivers take metrics when a URL names only the server. Source: OTLP specification, "OTLP/HTTP Request". */
const METRICS_PATH = '/v1/metrics';

/** A URL of an OTLP/HTTP receiver; without a path it is completed with `/v1/metrics`. User and password in it are secrets. */
export function otlpUrl(): ValueType<string> {
  return {
    arg: '<url>',
    hint: `the URL of an OTLP/HTTP receiver such as http://localhost:4318 (${METRICS_PATH} is added when it has no path)`,
    parse: parseUrl,
    yaml: ['string'],
    unquoted: true,
  };
}

function parseUrl(given: string): string | undefined {
  const url = URL.parse(given.trim());
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined;
  if (url.pathname === '/') url.pathname = METRICS_PATH;
  return url.href;
}

/** HTTP headers as in `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`, or one on each line; values are percent-decoded. */
export function headers(): ValueType<Readonly<Record<string, string>>> {
  return {
    arg: '<headers>',
    hint: 'name=value pairs with commas between them (a comma in a value is written %2C), or a map in a file',
    parse: parseHeaders,
    yaml: ['string', 'map'],
    unquoted: true,
  };
}

/** A map of a configuration file, in the form that `headers` parses. */
export function headersText(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join(',');
}

function parseHeaders(given: string): Readonly<Record<string, string>> | undefined {
  const pairs = given
    .split(/[,\n]/)
    .map((pair) => pair.trim())
    .filter(Boolean)
    .map(parseHeader);
  return pairs.every((pair) => pair !== undefined) ? Object.fromEntries(pairs) : undefined;
}

function parseHeader(pair: string): readonly [string, string] | undefined {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(.*)$/.exec(pair);
  const value = decode(match?.[2] ?? '');
  // Control characters in a header would be refused, or worse, by the HTTP client in the middle of the run.
  return match?.[1] === undefined || value === undefined || /[^\t\x20-\x7e\x80-\xff]/.test(value) ? undefined : [match[1], value];
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

/** A type with one word for "none": `off`, `auto`, `all`. Without this word a flag could not take back what the file says. */
export function orNone<T>(type: ValueType<T>, word: string): ValueType<T | null> {
  return {
    ...type,
    arg: type.arg.replace(/>$/, `|${word}>`),
    hint: `${type.hint}; or ${word}`,
    parse: (given) => (given.trim() === word ? null : type.parse(given)),
    ...(type.pattern === undefined ? {} : { pattern: `${type.pattern}|^${word}$` }),
  };
}

function inRange(value: number | null, { min = 0, max = Infinity }: Range): number | undefined {
  return value !== null && value >= min && value <= max ? value : undefined;
}

function describeRange({ min, max }: Range, format: (value: number) => string): string {
  if (min !== undefined && max !== undefined) return `, from ${format(min)} to ${format(max)}`;
  if (min !== undefined) return `, at least ${format(min)}`;
  return max === undefined ? '' : `, at most ${format(max)}`;
}

/** Never finds what only the prototype has (`constructor`). */
function lookUp<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
