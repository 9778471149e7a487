/** Pages of metrics to be read, as they are configured: the URL of a flag or a variable, or a map of a file. */
import { dirname, resolve } from 'node:path';
import { PRESET_NAMES } from '../intake/presets.ts';
import type { ScrapeSpec } from '../intake/signals-spec.ts';
import { parseDuration } from '../quantity.ts';
import { Entry } from './entry.ts';
import type { Faults, Given } from './faults.ts';
import { nearest } from './nearest.ts';
import { headers } from './optionvalue.ts';
import { unused } from './servers.ts';
import type { Settings } from './settings.ts';
import { readSecret, readSmallFile } from './smallfile.ts';

/** Each is a request every 10 s and at worst 16 MB of text for as long: beyond 16 of them a Prometheus should do it. */
export const SCRAPES_MAX = 16;

export const SCRAPE_KEYS = ['name', 'url', 'target', 'preset', 'every', 'timeout', 'bearer_file', 'headers', 'ca_file'] as const;

export const SCRAPE_HINT = 'the URL of a page of metrics such as http://localhost:9464/metrics, with NAME= before it if you like';

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const NAME_HINT = 'a lower-case letter, then at most 31 lower-case letters, digits, - and _';

/** `name=` before a URL, which has its own `=` only after `://`. */
const NAMED = /^([^=:/?#@]*)=(.*)$/s;

const EVERY_S = 10;
const EVERY = { min: 1, max: 300 } as const;

/** A bundle of certificates is 200 kB. */
const CERTIFICATE_MAX = 1_000_000;

const RESERVED = 'inbound';

export function buildScrapes(settings: Settings, roles: readonly string[], faults: Faults): ScrapeSpec[] {
  const given = settings.list('scrape');
  if (given.length > SCRAPES_MAX)
    faults.addGiven('CONFIG', given[SCRAPES_MAX]!, `scrape: ${given.length} pages are more than ${SCRAPES_MAX}`);
  const taken = new Map<string, string>([[RESERVED, 'what is pushed']]);
  return given.slice(0, SCRAPES_MAX).flatMap((one) => new ScrapeEntry(one, faults).spec(roles, taken) ?? []);
}

class ScrapeEntry extends Entry {
  readonly #url: Given;
  readonly #name: Given | null;

  constructor(given: Given, faults: Faults) {
    super(given, faults);
    const url = this.field('url') ?? given;
    const [, before, after] = given.beside ? [] : (NAMED.exec(url.text) ?? []);
    this.#url = after === undefined ? url : { ...url, text: after };
    this.#name = this.field('name') ?? (before === undefined ? null : { ...given, text: before });
  }

  spec(roles: readonly string[], taken: Map<string, string>): ScrapeSpec | null {
    const name = this.#named(taken);
    const url = this.#parsed();
    const every = this.#seconds('every', EVERY_S, EVERY);
    const timeout = this.#seconds('timeout', Math.min(every, EVERY_S), { min: 0.1, max: every });
    const bearerFile = this.#file('bearer_file');
    const caFile = this.#file('ca_file');
    if (bearerFile) readSecret(bearerFile.path, bearerFile.given.place, this.faults);
    if (caFile) this.#readable(caFile);
    const authorization = this.#authorization(url);
    const given = this.#headers();
    const target = this.#target(roles, name);
    if (url === null) this.faults.doubt('pages');
    if (url === null) return null;
    return {
      name,
      url: url.href,
      display: `${url.origin}${url.pathname}`,
      target,
      presets: this.#presets(),
      every,
      timeout,
      headers: { ...given, ...authorization },
      bearerFile: bearerFile?.path ?? null,
      caFile: caFile?.path ?? null,
    };
  }

  #named(taken: Map<string, string>): string {
    const given = this.#name;
    if (given !== null && !NAME.test(given.text)) this.wrong(given, `the name of a scrape should be ${NAME_HINT}`);
    const other = given === null ? undefined : taken.get(given.text);
    if (given !== null && other !== undefined)
      this.wrong(given, `the name ${given.text} is taken by ${other}; each scrape needs one of its own`);
    const name = given?.text ?? unused('scrape', taken);
    taken.set(name, `the scrape at ${this.given.place}`);
    return name;
  }

  /** User and password are taken out of it; no message quotes a URL, which may hold them or a token. */
  #parsed(): (URL & { readonly login?: string }) | null {
    const url = URL.parse(this.#url.text.trim());
    if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return url;
    this.wrong(this.#url, `scrape: this should be ${SCRAPE_HINT}`);
    return null;
  }

  #authorization(url: URL | null): Readonly<Record<string, string>> {
    if (url === null || (url.username === '' && url.password === '')) return {};
    if (this.given.place.startsWith('--'))
      this.wrong(
        this.given,
        'has a user or password in it, and everybody on this machine can read a flag; set SOAK_SCRAPE, or name a file with url and bearer_file by --config',
      );
    const pair = [url.username, url.password].map(decoded).join(':');
    url.username = '';
    url.password = '';
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  }

  #headers(): Readonly<Record<string, string>> {
    const field = this.field('headers');
    if (field === null) return {};
    const type = headers();
    const parsed = type.parse(field.text);
    if (parsed === undefined) this.wrong(field, `scrape.headers: this should be ${type.hint}`);
    return Object.fromEntries(Object.entries(parsed ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  }

  #presets(): readonly string[] | null {
    const given = this.list('preset');
    const known = ['auto', 'none', ...PRESET_NAMES];
    for (const one of given)
      if (!known.includes(one.text)) this.wrong(one, `scrape.preset should be one of ${known.join(', ')}, or a list of them`);
    const names = given.map(({ text }) => text);
    if (names.length > 1 && names.some((name) => name === 'auto' || name === 'none'))
      this.wrong(given[0]!, 'scrape.preset: auto and none stand alone');
    if (names.length === 0 || names.includes('auto')) return null;
    return names.includes('none') ? [] : names;
  }

  /** A page named like a role is that role's own. A role that is not watched here may be given, unless it looks like a slip. */
  #target(roles: readonly string[], name: string): string | null {
    const field = this.field('target');
    if (field === null) return roles.includes(name) ? name : this.#name === null && roles.length === 1 ? roles[0]! : null;
    if (!NAME.test(field.text)) this.wrong(field, `scrape.target should be the name of a role: ${NAME_HINT}`);
    const meant = roles.includes(field.text) ? null : nearest(field.text, roles);
    if (meant !== null)
      this.faults.addMissing('CONFIG', field, `scrape.target: no target has the role ${field.text}; did you mean ${meant}?`, 'roles');
    return field.text;
  }

  #seconds(key: 'every' | 'timeout', absent: number, { min, max }: { readonly min: number; readonly max: number }): number {
    const field = this.field(key);
    if (field === null) return absent;
    const seconds = parseDuration(field.text);
    if (seconds !== null && seconds >= min && seconds <= max) return seconds;
    this.wrong(field, `scrape.${key} should be a duration from ${min}s to ${max}s`);
    return absent;
  }

  #file(key: 'bearer_file' | 'ca_file'): { readonly path: string; readonly given: Given } | null {
    const given = this.field(key);
    // Relative to the configuration that names it, as every file of a secret is.
    return given && { path: resolve(dirname(given.place.replace(/:\d+:\d+$/, '')), given.text), given };
  }

  #readable({ path, given }: { readonly path: string; readonly given: Given }): void {
    const read = readSmallFile(path, CERTIFICATE_MAX);
    if ('wrong' in read) this.wrong(given, `${path}: ${read.wrong}; it should be a file with certificates`);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that begins nothing is one
  }
}
