/** Database servers as they are configured: the URL of a flag, a variable or a file, or a map of a file. */
import { dirname, resolve } from 'node:path';
import type { Rule } from '../analysis/rules.ts';
import { GAUGE_NAME, gaugeLimits } from '../gauges.ts';
import type { GaugeSpec, ServerSpec } from '../servers.ts';
import type { Faults, Given } from './faults.ts';
import { parseServerUrl, type ServerUrl, UrlFault, withPassword } from './serverurl.ts';
import type { Settings } from './settings.ts';
import { readSecret, readSmallFile } from './smallfile.ts';

/** Options that are lists of servers. */
export const SERVER_OPTIONS = { postgres: 'postgresql', redis: 'redis' } as const satisfies Record<string, ServerSpec['system']>;

export type ServerOption = keyof typeof SERVER_OPTIONS;

/** Each gauge is a query a minute of up to 2 s: 20 of them leave a third of the minute to all else. */
export const GAUGES_MAX = 20;

/** Each key is a command every ten minutes, and a series. */
export const KEYS_MAX = 100;

/** Contracts, "Caps": 64 roles with servers. */
export const SERVERS_MAX = 64;

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;

/** `name=` before a URL, which has its own `=` only after `://` or a path. */
const NAMED = /^([^=:/?#@]*)=(.*)$/s;

const GROWTHS = ['leak', 'capacity', 'drift', 'none'] as const;

/** What may begin a query; everything else could not return numbers, or would change what our session may do. */
const QUERY = /^(?:\s|\(|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:select|with|values|table)\b/i;

/** Keys of entries that are maps in a file. */
export const SERVER_KEYS = {
  postgres: ['name', 'url', 'password', 'password_file', 'gauges'],
  redis: ['name', 'url', 'password', 'password_file', 'keys'],
} as const;

export const GAUGE_KEYS = ['name', 'query', 'growth', 'limit'] as const;

/** @param taken place by name of the roles of targets; names of servers are added, because rules and series know no difference */
export function buildServers(settings: Settings, taken: Map<string, string>, faults: Faults): ServerSpec[] {
  const entries = (Object.keys(SERVER_OPTIONS) as ServerOption[]).flatMap((option) =>
    settings.list(option).map((given) => new Entry(option, given, faults)),
  );
  for (const { name, given } of entries) if (name !== null) claim(name, given, taken, faults);
  const specs = entries.flatMap((entry) => {
    const name = entry.name ?? unused(entry.option, taken);
    taken.set(name, entry.given.place);
    const spec = entry.spec(name);
    if (spec === null) faults.doubt('servers');
    return spec ?? [];
  });
  checkGauges(specs, faults);
  return specs;
}

export function gaugeRules(servers: readonly ServerSpec[], parse: (text: string) => Rule): Rule[] {
  return servers.flatMap(gaugeLimits).map(parse);
}

function claim(name: string, given: Given, taken: Map<string, string>, faults: Faults): void {
  const other = taken.get(name);
  if (other !== undefined)
    faults.addGiven('CONFIG', given, `the name ${name} is taken at ${other}; each server and target needs one of its own`);
  taken.set(name, given.place);
}

/** `postgres`, or `postgres-2` when that is taken. */
export function unused(wanted: string, taken: ReadonlyMap<string, string>): string {
  for (let n = 2, name = wanted; ; n++) {
    if (!taken.has(name)) return name;
    name = `${wanted}-${n}`;
  }
}

/** One metric means one thing, whichever server it is of. */
function checkGauges(specs: readonly ServerSpec[], faults: Faults): void {
  const growths = new Map<string, GaugeSpec['growth']>();
  for (const spec of specs) {
    for (const { name, growth } of spec.gauges) {
      const other = growths.get(name) ?? growth;
      if (other !== growth)
        faults.add(
          'CONFIG',
          spec.name,
          `gauges of the same name are one metric: ${name} should have the growth ${other} here, too, or another name`,
        );
      growths.set(name, other);
    }
  }
}

/** One entry of `postgres` or `redis`. */
class Entry {
  readonly given: Given;
  /** Null: none was given. */
  readonly name: string | null;
  readonly option: ServerOption;
  readonly #faults: Faults;
  readonly #url: Given;

  constructor(option: ServerOption, given: Given, faults: Faults) {
    this.option = option;
    this.#faults = faults;
    const url = this.#field(given, 'url') ?? given;
    const [, before, after] = given.beside ? [] : (NAMED.exec(url.text) ?? []);
    this.given = given;
    this.#url = after === undefined ? url : { ...url, text: after };
    this.name = this.#checkedName(this.#field(given, 'name') ?? (before === undefined ? null : { ...given, text: before }));
  }

  /** Null, and a fault, when the URL cannot be used. */
  spec(name: string): ServerSpec | null {
    const parsed = this.#parsed();
    const passwordFile = this.#passwordFile();
    if (parsed === null) return null;
    const password = this.#password(parsed, passwordFile);
    return {
      name,
      system: SERVER_OPTIONS[this.option],
      url: password === null ? parsed.url : withPassword(parsed.url, password),
      passwordFile,
      display: parsed.display,
      gauges: this.#list('gauges', GAUGES_MAX).flatMap((one) => this.#gauge(one) ?? []),
      keys: this.#list('keys', KEYS_MAX).map(({ text }) => text),
    };
  }

  #checkedName(given: Given | null): string | null {
    if (given === null || NAME.test(given.text)) return given?.text ?? null;
    const what = 'a name is a lower-case letter, then at most 31 lower-case letters, digits, - and _, as in orders=postgresql://...';
    this.#wrong(given, `what stands before the URL, or in "name", cannot be the name of a server: ${what}`);
    return null;
  }

  #parsed(): ServerUrl | null {
    try {
      const parsed = parseServerUrl(SERVER_OPTIONS[this.option], this.#url.text.trim());
      for (const path of parsed.files) {
        const read = readSmallFile(path, CERTIFICATE_MAX);
        if ('wrong' in read) this.#wrong(this.#url, `${path}: ${read.wrong}; the URL names it for TLS`);
      }
      return parsed;
    } catch (error) {
      if (!(error instanceof UrlFault)) throw error;
      this.#wrong(this.#url, `this URL of ${this.option} cannot be used: ${error.message}`);
      return null;
    }
  }

  #passwordFile(): string | null {
    const given = this.#field(this.given, 'password_file');
    if (given === null) return null;
    // Relative to the configuration that names it, as every file of a secret is.
    const path = resolve(dirname(given.place.replace(/:\d+:\d+$/, '')), given.text);
    readSecret(path, given.place, this.#faults); // again at every connection, so that it may be changed in the run
    return path;
  }

  #password({ password: inUrl }: ServerUrl, file: string | null): string | null {
    const field = this.#field(this.given, 'password');
    if (inUrl !== null && this.given.place.startsWith('--'))
      this.#wrong(this.given, `has a password in it, and everybody on this machine can read a flag; ${this.#elsewhere()}`);
    const given = [inUrl !== null && 'a password in the URL', field !== null && 'password', file !== null && 'password_file'].filter(
      (one) => one !== false,
    );
    if (given.length > 1) this.#wrong(this.given, `should have one of ${given.join(' and ')}`);
    return field?.text ?? inUrl;
  }

  #elsewhere(): string {
    const own = `set SOAK_${this.option.toUpperCase()} to the whole URL, or name a file with url and password_file by --config`;
    return this.option === 'postgres' ? `${own}, or leave the password to PGPASSWORD or ~/.pgpass` : own;
  }

  #gauge(given: Given): GaugeSpec | null {
    const [name, query, growth, limit] = GAUGE_KEYS.map((key) => this.#field(given, key));
    const kind = GROWTHS.find((one) => one === growth?.text);
    const number = limit ? (/^\d+(\.\d+)?$/.test(limit.text) ? Number(limit.text) : Number.NaN) : null;
    if (!name || !GAUGE_NAME.test(name.text))
      this.#wrong(
        name ?? given,
        'gauges.name should be a lower-case letter, then lower-case letters, digits and _: it is part of a metric',
      );
    if (!query || !QUERY.test(query.text))
      this.#wrong(query ?? given, 'gauges.query should be one SELECT that returns a number, or rows of a label and a number');
    if (growth && !kind) this.#wrong(growth, `gauges.growth should be one of ${GROWTHS.join(', ')}`);
    if (Number.isNaN(number)) this.#wrong(limit!, 'gauges.limit should be a plain number such as 1000');
    const isWhole = name && query && !Number.isNaN(number);
    if (!isWhole) this.#faults.doubt('servers');
    if (!isWhole) return null;
    return { name: name.text, query: query.text, growth: kind ?? (limit ? 'capacity' : 'none'), limit: number };
  }

  #field({ beside }: Given, key: string): Given | null {
    const field = beside?.[key];
    return field === undefined || Array.isArray(field) ? null : (field as Given);
  }

  #list(key: string, max: number): readonly Given[] {
    const field = this.given.beside?.[key];
    const list = Array.isArray(field) ? (field as readonly Given[]) : [];
    if (list.length > max) this.#wrong(this.given, `${key} should be at most ${max}`);
    return list;
  }

  #wrong(given: Given, message: string): void {
    this.#faults.addGiven('CONFIG', given, message);
  }
}

/** A bundle of certificates is 200 kB. */
const CERTIFICATE_MAX = 1_000_000;
