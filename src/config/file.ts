/**
 * A configuration file as a layer of settings; everything that is wrong with it is noted at once. Loaded only when a file is given:
 * yaml and zod cost 3 MB in the bundle.
 */
import { dirname, resolve } from 'node:path';
import { FILE_SCHEMA } from './schema.ts';
import type { Env } from './environment.ts';
import { type Faults, type Given, NEEDED, type Needed } from './faults.ts';
import { didYouMean, nearest } from './nearest.ts';
import { THRESHOLD_KEYS } from './rules.ts';
import { PROBE_KEYS } from './probes.ts';
import { SCRAPE_KEYS } from './scrapes.ts';
import { GAUGE_KEYS, SERVER_KEYS } from './servers.ts';
import { SIGNAL_KEYS } from './signals.ts';
import { fileTwinOf, keyOf, OPTION_NAMES, type OptionName, optionOf } from './options.ts';
import { headersText } from './optionvalue.ts';
import { cut, messageOf } from '../problem.ts';
import type { Selector } from '../selector.ts';
import { emptyLayer, type GivenTarget, type Layer, SAYS, understand } from './settings.ts';
import { readSecret, readSmallFile } from './smallfile.ts';
import { isMap, isScalar, isSeq, type Node, type Path, textOf, YamlFile } from './yaml.ts';

/** 64 targets and 100 rules of 100 bytes fit four times, and the worst text of this size is parsed within the standard heap (measured). */
const FILE_MAX = 64_000;

/** Reads the file; what is wrong with it goes to `faults`, and the layer holds the rest. */
export function fileLayer(path: string, place: string, env: Env, faults: Faults): Layer {
  const read = readSmallFile(path, FILE_MAX);
  if ('text' in read) return parseConfig(path, read.text, env, faults);
  faults.add('CONFIG', place, `${path}: ${read.wrong}; it should be a YAML file, of which config/soak-agent.yaml is a sample`);
  return emptyLayer();
}

export function parseConfig(path: string, text: string, env: Env, faults: Faults): Layer {
  try {
    return new ConfigFile(path, text, env, faults).layer();
  } catch (error) {
    // How the parser refuses what is nested too deeply, or whose aliases would unfold to billions of nodes.
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error;
    faults.add('CONFIG', path, `cannot be read as a configuration: ${messageOf(error)}`);
    return emptyLayer();
  }
}

/** What zod says of a value, as far as it is used. */
interface Issue {
  readonly code: string;
  readonly path: Path;
  readonly keys?: readonly string[];
  readonly maximum?: number;
  readonly errors?: readonly (readonly Issue[])[];
}

class ConfigFile {
  readonly #path: string;
  readonly #faults: Faults;
  readonly #yaml: YamlFile;
  /** Paths that the schema refused, and those of keys that it does not know, as text. */
  readonly #refused = new Set<string>();
  readonly #unknown = new Set<string>();

  constructor(path: string, text: string, env: Env, faults: Faults) {
    this.#path = path;
    this.#faults = faults;
    this.#yaml = new YamlFile(path, text, env, faults);
  }

  layer(): Layer {
    const layer = emptyLayer();
    if (this.#yaml.lost.length > 0) this.#faults.doubt(...neededOf([], this.#yaml.lost));
    if (this.#yaml.toJs() === null) return layer;
    this.#check();
    for (const name of OPTION_NAMES) this.#take(name, layer);
    return layer;
  }

  #check(): void {
    const issues = (FILE_SCHEMA.safeParse(this.#yaml.toJs()).error?.issues ?? []) as readonly Issue[];
    for (const issue of issues.flatMap(flatten)) {
      // What else is said beside an unknown key is looked at all the same.
      for (const key of issue.keys ?? []) this.#unknown.add(pathText([...issue.path, key]));
      if (!issue.keys) this.#refused.add(pathText(issue.path));
      if (!issue.keys) this.#wrongShape(issue);
      for (const key of issue.keys ?? []) {
        if (this.#faults.full) return; // looking for the place and the nearest of 10,000 keys would take seconds
        this.#faults.add('CONFIG', this.#yaml.placeOfKey(issue.path, key), unknownKey(key, issue.path));
      }
      this.#faults.doubt(...neededOf(issue.path, issue.keys));
    }
  }

  #wrongShape({ path, code, maximum }: Issue): void {
    const node = this.#yaml.at(path);
    if (node === null) return this.#missing(path);
    const given = isScalar(node) ? this.#yaml.given(node) : { text: '', place: this.#yaml.place(node) };
    const problem = code === 'too_big' ? `is too long, at most ${maximum}` : `should be ${expectation(path)}${quotesHint(node, path)}`;
    this.#faults.addGiven('CONFIG', given, `${keysOf(path)}${describe(node, path)} ${problem}`);
  }

  #missing(path: Path): void {
    const map = this.#yaml.at(path.slice(0, -1));
    // `- port: 8080` is one slip, and its unknown key has been explained.
    if (path[0] === 'targets' && isMap(map) && map.items.some((item) => isSelectorKind(String(item.key)))) return;
    const key = String(path.at(-1));
    // So is a misspelt key.
    if (isMap(map) && map.items.some((item) => nearest(String(item.key), entryKeys(path.slice(0, -1))) === key)) return;
    this.#faults.add('CONFIG', this.#yaml.place(map), `${key} is missing; it should be ${expectation(path)}`);
  }

  #take(name: OptionName, layer: Layer): void {
    const key = keyOf(name);
    if (key === null || optionOf(name).perTarget) return;
    const twin = fileTwinOf(name);
    if (twin) this.#takeSecret(name, key, twin.key, layer);
    const node = this.#usable([key]);
    if (node === null) return;
    if (name === 'target') layer.targets.push(...(isSeq(node) ? node.items : []).map((_, i) => this.#target([key, i])));
    else layer.values.set(name, optionOf(name).list ? this.#items(key).map((path) => this.#entry(path)) : [this.#given(node)]);
  }

  #takeSecret(name: OptionName, key: string, twin: string, layer: Layer): void {
    const node = this.#usable([twin]);
    if (node === null) return;
    const { text, place } = this.#given(node);
    if (this.#yaml.at([key]) !== null) this.#faults.add('CONFIG', place, `${twin} should not be given together with ${key}`);
    // Relative to the configuration that names it, so that a mounted folder can be moved as a whole.
    const secret = readSecret(resolve(dirname(this.#path), text), place, this.#faults);
    if (secret !== null) layer.values.set(name, [{ text: secret, place }]);
  }

  /** Paths of the entries of a list that are not refused. */
  #items(key: string): Path[] {
    const list = this.#yaml.at([key]);
    return isSeq(list) ? list.items.flatMap((_, i) => (this.#usable([key, i]) ? [[key, i]] : [])) : [];
  }

  #target(path: Path): GivenTarget {
    const node = this.#yaml.at(path);
    const given = (at: Path): Given | null => {
      const value = this.#usable(at);
      return value === null ? null : this.#given(value);
    };
    const field = (key: string): Given | null => (isMap(node) ? given([...path, key]) : null);
    const isOn = (name: 'many' | 'children'): boolean => {
      const said = field(name);
      return said !== null && understand(name, said, this.#faults) === true;
    };
    const [role, load] = [field('role'), this.#isTrue('load', field('load'))];
    const selector = isMap(node) ? field('selector') : given(path);
    const isRefused = { selector: selector === null, role: role === null && isMap(node) && node.has('role') };
    return {
      ...(selector ?? { text: '', place: this.#yaml.place(node) }),
      many: isOn('many'),
      children: isOn('children'),
      load,
      role,
      refused: (['selector', 'role'] as const).filter((part) => isRefused[part]),
    };
  }

  /** Of a switch that is no option. */
  #isTrue(name: string, given: Given | null): boolean {
    const { parse, hint } = optionOf('many').value;
    const isOn = given === null ? false : parse(given.text);
    if (isOn === undefined) this.#faults.addGiven('CONFIG', given!, `${name}: "${cut(given!.text)}" should be ${hint}`);
    return isOn === true;
  }

  /** Of a map, which the schema lets through where an option may be one, every value by its key. */
  #entry(path: Path): Given {
    const node = this.#yaml.at(path);
    if (!isMap(node)) return this.#given(node);
    const known = node.items.filter((item) => !this.#unknown.has(pathText([...path, String(item.key)])));
    const beside = known.map((item): [string, Given | readonly Given[]] => {
      const at = [...path, String(item.key)];
      const value = this.#yaml.at(at);
      if (isSeq(value)) return [String(item.key), value.items.map((_, i) => this.#entry([...at, i]))];
      // A threshold of k6 may be a map; other maps inside an entry are headers.
      return [String(item.key), isMap(value) && path[0] === keyOf('rule') ? this.#entry(at) : this.#given(value)];
    });
    return { text: '', place: this.#yaml.place(node), beside: Object.fromEntries(beside) };
  }

  #given(node: Node | null): Given {
    if (isScalar(node)) return this.#yaml.given(node);
    const map = isMap(node) ? Object.fromEntries(node.items.map((item) => [String(item.key), String(item.value)])) : {};
    return { text: headersText(map), place: this.#yaml.place(node) };
  }

  /** The node at a path; null when there is none, or when it has been reported already. A list is good for those of its entries that are. */
  #usable(path: Path): Node | null {
    const node = this.#yaml.at(path);
    const text = pathText(path);
    const isRefused = (refused: string): boolean => refused === text || (!isSeq(node) && refused.startsWith(`${text}.`));
    if (node === null || [...this.#refused].some(isRefused)) return null;
    if (isSeq(node) || !this.#yaml.isUnfilled(node)) return node;
    this.#faults.doubt(...neededOf(path));
    return null;
  }
}

/** For a value that may be a text or a map, the complaints about the inside of the map: the user meant that one. */
function flatten(issue: Issue): Issue[] {
  const inside = issue.errors?.find((branch) => branch.every((one) => one.path.length > 0 || one.keys !== undefined));
  return inside ? inside.flatMap((one) => flatten({ ...one, path: [...issue.path, ...one.path] })) : [issue];
}

/** Looking for the nearest of 10,000 keys would take seconds. */
const LOOKED_UP_MAX = 50;

/** What others may need of what stands here, or was meant to. Of targets it is decided for each. */
function neededOf(path: Path, keys: readonly string[] = []): readonly Needed[] {
  if (path.length > 1 && path[0] === keyOf('target')) return [];
  if (keys.length > LOOKED_UP_MAX) return NEEDED;
  return (path.length === 0 ? keys : [String(path[0])]).flatMap((word) => {
    const meant = nearest(word, FILE_KEYS);
    if (meant === null) return NEEDED;
    return OPTION_NAMES.flatMap((name) => ((keyOf(name) === meant || fileTwinOf(name)?.key === meant) && SAYS[name]) || []);
  });
}

/** Every key that a file may have. */
const FILE_KEYS = OPTION_NAMES.flatMap((name) => (optionOf(name).perTarget ? [] : [keyOf(name), fileTwinOf(name)?.key])).filter(
  (key) => typeof key === 'string',
);

/** Keys of entries that are maps, by the list that they are in. */
const ENTRY_KEYS: Readonly<Record<string, readonly string[]>> = {
  targets: ['selector', 'role', 'many', 'children', 'load'],
  gauges: GAUGE_KEYS,
  probes: PROBE_KEYS,
  ...SERVER_KEYS,
  scrape: SCRAPE_KEYS,
  signals: SIGNAL_KEYS,
};

const SELECTOR_KINDS: readonly (Selector['kind'] | 'container')[] = [
  'pid',
  'name',
  'cmd',
  'port',
  'pidfile',
  'cgroup',
  'container',
  'exec',
];

function isSelectorKind(key: string): boolean {
  return SELECTOR_KINDS.some((kind) => kind === key);
}

/** The list that a path leads into. */
function listOf(path: Path): string | undefined {
  return path.findLast((one) => typeof one === 'string');
}

function entryKeys(path: Path): readonly string[] {
  return ENTRY_KEYS[listOf(path) ?? ''] ?? THRESHOLD_KEYS;
}

function unknownKey(key: string, path: Path): string {
  const word = cut(key);
  if ((path.length === 0 || path[0] === 'targets') && isSelectorKind(key))
    return `unknown key ${word}; a selector is one word, without a space: ${word}:VALUE`;
  const list = listOf(path);
  const keys = entryKeys(path);
  if (list !== undefined) return `unknown key ${word}${didYouMean(key, keys) || `; an entry of ${list} has ${keys.join(', ')}`}`;
  return `unknown key ${word}${didYouMean(key, FILE_KEYS) || '; docs/config.md lists them'}`;
}

/** Of the keys of entries that are not options themselves. */
const FIELDS: Readonly<Record<string, string>> = {
  role: 'the name of a role',
  name: 'a name',
  password: 'a password, best as "${NAME}"',
  password_file: 'the path of a file',
  gauges: 'a list, each entry a map with name and query, and growth and limit if you like',
  query: 'one SELECT that returns a number, or rows of a label and a number',
  growth: 'one of leak, capacity, drift, none (of signals also floor and load)',
  limit: 'a number such as 1000',
  keys: 'a list of keys',
  target: 'the name of a role',
  deadline: 'a time such as 5s, at most that between probes',
  status: 'an HTTP status such as 200',
  send: 'the text of a message',
  match: 'a selector such as app_queue_depth{queue!="dead"}, or a list of them',
  over: 'a selector, as in match',
  kind: 'one of level, backlog, counter, ratio, latency',
  aggregate: 'one of sum, max, min, mean',
  by: 'the name of a label, or a list of them',
  unit: 'bytes, seconds, ratio, or what is counted in braces, as {message}',
  scale: 'a number above 0',
  from: 'the name of a scrape, or inbound',
  as: 'one of heap, heap.limit, threads, requests, errors',
  preset: 'auto, none, the name of a preset, or a list of them',
  every: 'a duration from 1s to 5m',
  timeout: 'a duration such as 5s',
  bearer_file: 'the path of a file with a token',
  headers: 'a map of names and values',
  ca_file: 'the path of a file with certificates',
};

function expectation(path: Path): string {
  const [key, index, field] = path;
  if (key === undefined) return 'a map with a key for each option, such as "interval: 1s"';
  const name = OPTION_NAMES.find((one) => keyOf(one) === key);
  if (name === undefined) return 'the path of a file';
  const { list, value } = optionOf(name);
  if (field === 'many' || field === 'children' || (key === 'targets' && field === 'load')) return optionOf('many').value.hint;
  const inner = FIELDS[String(path.findLast((one) => typeof one === 'string'))];
  if (field !== undefined && inner !== undefined) return inner;
  const keys = ENTRY_KEYS[String(key)];
  const map = keys && field === undefined ? `, or a map with ${keys.slice(0, -1).join(', ')} and ${keys.at(-1)}` : '';
  return list && index === undefined ? `a list, each entry ${value.hint}${map}` : `${value.hint}${map}`;
}

/** What an entry of `rules` may be when it is a map. */
function quotesHint(node: Node, [key]: Path): string {
  return isMap(node) && key === keyOf('rule') ? `; as in k6, a threshold that is a map has ${THRESHOLD_KEYS.join(', ')}` : '';
}

/** `interval: ` or `targets.many: `, so that the message can be read without the file. */
function keysOf(path: Path): string {
  const keys = path.filter((key) => typeof key === 'string');
  return keys.length === 0 ? '' : `${keys.join('.')}: `;
}

function describe(node: Node, path: Path): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node) || node.value === null || textOf(node) === '') return 'an empty value';
  const isSecret = OPTION_NAMES.some((name) => keyOf(name) === path[0] && optionOf(name).value.unquoted);
  return isSecret ? 'this' : `"${cut(textOf(node))}"`;
}

function pathText(path: Path): string {
  return path.map(String).join('.');
}
