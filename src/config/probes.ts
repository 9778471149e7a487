/** Probes as they are configured: the URL of a flag or a file, or a map of a file. */
import type { ProbeSpec } from '../sources/probe-spec.ts';
import type { Faults, Given } from './faults.ts';
import { duration } from './optionvalue.ts';
import { parseProbeUrl, PROBE_HINT, type ProbeUrl } from './probeurl.ts';
import { checkRole, roleOr, splitRole } from './rolevalue.ts';
import { SERVERS_MAX, unused } from './servers.ts';
import type { Settings } from './settings.ts';

/** Keys of an entry that is a map. */
export const PROBE_KEYS = ['url', 'name', 'target', 'every', 'deadline', 'status', 'send'] as const;

/** Seconds. */
const EVERY_S = 5;
const DEADLINE_S = 5;

const SPAN = duration({ min: 1, max: 3600 });
const DEADLINE = duration({ min: 0.1, max: 3600 });

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;

export function buildProbes(settings: Settings, roles: readonly string[], faults: Faults): ProbeSpec[] {
  const taken = new Map<string, string>();
  const list = settings.list('probe');
  if (list.length > SERVERS_MAX)
    faults.add('CONFIG', list.at(-1)!.place, `${list.length} probes are more than the ${SERVERS_MAX} of one run`);
  return list.flatMap((given) => new Entry(given, roles, faults).spec(taken) ?? []);
}

/** One entry of `probes`. */
class Entry {
  readonly #given: Given;
  readonly #roles: readonly string[];
  readonly #faults: Faults;
  readonly #role: string | null;
  readonly #url: Given;

  constructor(given: Given, roles: readonly string[], faults: Faults) {
    this.#given = given;
    this.#roles = roles;
    this.#faults = faults;
    const url = this.#field('url') ?? given;
    const { role, text } = given.beside ? { role: null, text: url.text } : splitRole(url.text);
    this.#url = { ...url, text };
    this.#role = role ?? this.#field('target')?.text ?? null;
    if (this.#role !== null) checkRole(this.#role, this.#field('target') ?? given, roles, faults);
  }

  /** Null, and a fault, when it cannot be used. */
  spec(taken: Map<string, string>): ProbeSpec | null {
    const url = this.#parsed();
    const every = this.#seconds('every', SPAN, EVERY_S);
    const deadline = this.#seconds('deadline', DEADLINE, Math.min(DEADLINE_S, every));
    const name = this.#name(taken);
    if (deadline > every) this.#wrong(this.#field('deadline'), 'probes.deadline should be at most the time between two probes (every)');
    const status = this.#status(url);
    const send = this.#field('send');
    if (send && url && !url.isWebSocket) this.#wrong(send, 'probes.send is a message to a WebSocket, and this is none');
    if (url === null) return null;
    const { href, display } = url;
    return { name, target: roleOr(this.#role, this.#roles), url: href, display, every, deadline, status, send: send?.text ?? null };
  }

  #parsed(): ProbeUrl | null {
    const url = parseProbeUrl(this.#url.text);
    if (url === null) this.#wrong(this.#url, `probe: this should be ${PROBE_HINT}`);
    if (url?.hasSecret && this.#given.place.startsWith('--'))
      this.#wrong(this.#url, 'has a password in it, and everybody on this machine can read a flag; give it in SOAK_PROBE or in a file');
    return url;
  }

  #name(taken: Map<string, string>): string {
    const given = this.#field('name');
    if (given && !NAME.test(given.text))
      this.#wrong(given, 'probes.name should be a lower-case letter, then at most 31 lower-case letters, digits, - and _');
    const other = given && taken.get(given.text);
    if (given && other) this.#wrong(given, `the name ${given.text} is taken by the probe at ${other}`);
    const name = given?.text ?? unused(this.#role ?? 'probe', taken);
    taken.set(name, this.#given.place);
    return name;
  }

  #seconds(key: 'every' | 'deadline', type: typeof SPAN, otherwise: number): number {
    const given = this.#field(key);
    if (given === null) return otherwise;
    const seconds = type.parse(given.text);
    if (seconds === undefined) this.#wrong(given, `probes.${key} should be ${type.hint}`);
    return seconds ?? otherwise;
  }

  #status(url: ProbeUrl | null): number | null {
    const given = this.#field('status');
    if (given === null) return null;
    if (!/^[1-5]\d\d$/.test(given.text)) this.#wrong(given, 'probes.status should be an HTTP status such as 200');
    if (url && !url.isHttp) this.#wrong(given, 'probes.status is for http:// and https://');
    return Number(given.text);
  }

  #field(key: (typeof PROBE_KEYS)[number]): Given | null {
    const field = this.#given.beside?.[key];
    return field === undefined || Array.isArray(field) ? null : (field as Given);
  }

  #wrong(given: Given | null, message: string): void {
    this.#faults.addGiven('CONFIG', given ?? this.#given, message);
  }
}
