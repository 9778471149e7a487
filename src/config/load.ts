/** From flags, environment and file to a configuration, with everything that is wrong on the way. */
import { statSync } from 'node:fs';
import type { Catalog } from '../catalog.ts';
import type { Config, JudgeOverrides } from './config.ts';
import { type Env, envLayer, otelLayer } from './environment.ts';
import type { Faults, Needed } from './faults.ts';
import { findMetric } from '../gauges.ts';
import { PHASE_HINT, PHASE_NAME, type PlannedPhase } from '../phases.ts';
import { DURATION_HINT, parseDuration } from '../quantity.ts';
import { didYouMean } from './nearest.ts';
import { keyOf, OPTION_NAMES, type OptionName } from './options.ts';
import type { Address } from './optionvalue.ts';
import { buildJtl } from './jtl.ts';
import { type PoolMax, parsePoolMax } from './poolmax.ts';
import { buildProbes } from './probes.ts';
import { checkRole } from './rolevalue.ts';
import { buildRules } from './rules.ts';
import { buildScrapes } from './scrapes.ts';
import { buildServers, SERVERS_MAX } from './servers.ts';
import { buildSignals } from './signals.ts';
import type { SignalSpec } from '../intake/signals-spec.ts';
import { emptyLayer, isOfFile, type Layer, Settings, subject } from './settings.ts';
import { buildTargets, checkAsked, loadTarget } from './targets.ts';

/** What was given to the program. */
export interface Sources {
  readonly flags: Layer;
  readonly env: Env;
  /** What follows `--`. */
  readonly command: readonly string[] | null;
  readonly catalog: Pick<Catalog, 'find' | 'all'>;
}

/** The resolved settings of flags, environment and file, in this order. What is wrong goes to `faults`. */
export async function loadSettings({ flags, env }: Pick<Sources, 'flags' | 'env'>, faults: Faults): Promise<Settings> {
  const variables = envLayer(env, faults);
  const [config] = [flags, variables].flatMap((layer) => layer.values.get('config')?.at(-1) ?? []);
  const file = config ? (await import('./file.ts')).fileLayer(config.text, config.place, env, faults) : emptyLayer();
  const layers = [flags, variables, file];
  // Read only where nothing else names a receiver: a variable that is not used is not a mistake.
  if (!layers.some((layer) => layer.values.has('otlp'))) layers.push(otelLayer(env, faults));
  return new Settings(layers, faults);
}

/** The configuration of a run. What is wrong, of all sources, goes to `faults`; if there is any, the result is not to be used. */
export function buildConfig(settings: Settings, { command, catalog }: Pick<Sources, 'command' | 'catalog'>, faults: Faults): Config {
  const get = settings.get.bind(settings);
  const endpoint = get('otlp');
  const { targets: watched, faulty } = buildTargets(settings, faults);
  const targets = [...watched, ...loadTarget(command, watched, sourceOf(settings))];
  const roles = [...targets.map(({ role }) => role), ...faulty];
  const servers = buildServers(settings, new Map(roles.map((role) => [role, 'a target'])), faults);
  if (servers.length > SERVERS_MAX) {
    const message = `${servers.length} servers are more than the ${SERVERS_MAX} of one run`;
    faults.add('CONFIG', [...settings.list('postgres'), ...settings.list('redis')].at(-1)?.place ?? '', message);
  }
  const asked = [...watched.flatMap(({ role, load }) => (load ? [] : [role])), ...faulty];
  checkAsked(settings, faults);
  const scrapes = buildScrapes(settings, asked, faults);
  const signals = buildSignals(settings, { scrapes, inbound: settings.get('inbound') !== null, roles: asked }, faults);
  const unseen = [settings.find('networkOf'), settings.find('cgroupOf')?.role].filter((role) => role !== undefined && role !== null);
  const names = [...roles, ...unseen, ...servers.map(({ name }) => name), ...scrapes.flatMap(({ name, target }) => [name, target ?? name])];
  const rules = buildRules(settings, catalog, faults, { names, servers, signals });
  checkTogether(settings, command, roles, faults);
  return {
    targets,
    servers,
    scrapes,
    signals,
    wait: get('wait'),
    goneAfter: get('goneAfter'),
    duration: get('duration'),
    interval: get('interval'),
    out: get('out'),
    keep: get('keep'),
    recordMax: get('recordMax'),
    hold: get('hold'),
    linger: get('linger'),
    baseline: baselineOf(settings),
    nonBlocking: get('nonBlocking'),
    once: get('once'),
    terminationLog: get('terminationLog'),
    mustLive: get('mustLive'),
    warmup: get('warmup'),
    listen: get('listen'),
    otlp: endpoint === null ? null : { endpoint, headers: settings.find('otlpHeaders') ?? {} },
    inbound: inboundOf(settings),
    rules,
    phases: buildPhases(settings, faults),
    cooldown: get('cooldown'),
    required: buildRequired(settings, catalog, faults, signals),
    poolMax: buildPoolMax(settings, roles, faults),
    statementTexts: get('statementTexts'),
    jtl: buildJtl(settings, asked, faults),
    probes: buildProbes(settings, asked, faults),
    source: sourceOf(settings),
    deletedDescriptors: get('deletedDescriptors'),
    networkOf: settings.find('networkOf') ?? null,
    cgroupOf: settings.find('cgroupOf') ?? null,
    shares: get('shares'),
    roots: { proc: get('proc'), sys: get('sys') },
    logLevel: get('logLevel'),
    live: get('live'),
    command,
  };
}

export function buildOverrides(settings: Settings, catalog: Sources['catalog'], faults: Faults): JudgeOverrides {
  const given = (name: OptionName): boolean => settings.isGiven(name);
  return {
    ...(given('rule') || given('preset') ? { rules: buildRules(settings, catalog, faults, null) } : {}),
    ...(given('require') ? { required: buildRequired(settings, catalog, faults) } : {}),
    ...(given('mustLive') ? { mustLive: settings.get('mustLive') } : {}),
    ...(given('warmup') ? { warmup: settings.get('warmup') } : {}),
  };
}

/** Keys of the file that nothing asks for, where only some options count. */
export function idleKeys(settings: Settings, counting: readonly OptionName[]): string[] {
  const places = (name: OptionName): string => (name === 'target' ? settings.targets[0]?.place : settings.placeOf(name)) ?? '';
  return OPTION_NAMES.flatMap((name) => (counting.includes(name) || !isOfFile(places(name)) ? [] : (keyOf(name) ?? [])));
}

/** Aliases, so that a metric is named the same whichever of its names was given. */
function buildRequired(settings: Settings, catalog: Sources['catalog'], faults: Faults, signals: readonly SignalSpec[] = []): string[] {
  const required = settings.list('require').map((given) => {
    const def = findMetric(catalog, signals)(given.text);
    if (def) return def.alias ?? def.name;
    const names = catalog.all().map((one) => one.alias ?? one.name);
    const meant = didYouMean(given.text, names);
    faults.addGiven('CONFIG', given, `there is no metric "${given.text}"${meant || '; soak-agent metrics lists them'}`);
    return null;
  });
  return [...new Set(required.filter((name) => name !== null))];
}

function buildPoolMax(settings: Settings, roles: readonly string[], faults: Faults): PoolMax[] {
  return settings.list('poolMax').flatMap((given) => {
    const one = faults.attempt(given, parsePoolMax);
    if (one === undefined) return [];
    if (one.role !== null) checkRole(one.role, given, roles, faults);
    return [one];
  });
}

function buildPhases(settings: Settings, faults: Faults): PlannedPhase[] {
  const given = settings.list('phase');
  return given.map((one, i) => {
    const [, name = '', , text] = /^([^=]*)(=(.*))?$/s.exec(one.text.trim()) ?? [];
    const seconds = text === undefined ? null : parseDuration(text);
    if (!PHASE_NAME.test(name)) faults.addGiven('CONFIG', one, `the name of a phase is ${PHASE_HINT}`);
    if (text !== undefined && !(seconds! > 0)) faults.addGiven('CONFIG', one, `after ${name}= should be ${DURATION_HINT}`);
    if (seconds === null && text === undefined && i < given.length - 1)
      faults.addGiven('CONFIG', one, `${name} should say how long it lasts, as in ${name}=10m: only the last phase may go on`);
    return { name, seconds };
  });
}

function baselineOf(settings: Settings): Config['baseline'] {
  const called = settings.find('baseline');
  return called === null ? null : { called, folder: settings.get('baselines') };
}

function inboundOf(settings: Settings): Config['inbound'] {
  const at = settings.get('inbound');
  return at && { at, token: settings.find('inboundToken') };
}

/** Addresses that only this machine reaches. */
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/i;

function isOwn(endpoint: string, { host, port }: Address): boolean {
  const url = new URL(endpoint);
  return url.port === String(port) && LOOPBACK.test(url.hostname.replaceAll(/^\[|\]$/g, '')) && LOOPBACK.test(host);
}

function sourceOf(settings: Settings): Config['source'] {
  const source = settings.get('source');
  return source === 'auto' ? (process.platform === 'linux' ? 'procfs' : 'pidusage') : source;
}

/** What is right by itself but not beside another setting. */
function checkTogether(settings: Settings, command: Sources['command'], roles: readonly string[], faults: Faults): void {
  const duration = settings.get('duration') ?? Infinity;
  const warmup = settings.get('warmup') ?? 0;
  const wrong = (name: OptionName, message: string): void =>
    faults.add('CONFIG', settings.placeOf(name), `${subject(name, settings.placeOf(name))}${message}`);
  if (duration < settings.get('interval')) wrong('duration', 'should be longer than one interval');
  if (warmup >= duration) wrong('warmup', 'should be shorter than the duration of the run');
  if (command?.length === 0) faults.add('USAGE', '--', 'should be followed by a command to run while watching');
  const lacks = (name: OptionName, message: string, needed: Needed): void =>
    faults.addMissing('CONFIG', { text: '', place: settings.placeOf(name) }, `${subject(name, settings.placeOf(name))}${message}`, needed);
  if (settings.find('otlpHeaders') && settings.get('otlp') === null)
    lacks('otlpHeaders', 'are headers of a push, but otlp names no receiver', 'otlp');
  const inbound = inboundOf(settings);
  if (settings.find('inboundToken') && inbound === null)
    lacks('inboundToken', 'is a token of the inbound listener, but inbound names no address', 'inbound');
  if (inbound && inbound.token === null && !LOOPBACK.test(inbound.at.host))
    lacks(
      'inbound',
      `${inbound.at.host} can be reached from other machines: set inbound_token, SOAK_INBOUND_TOKEN or --inbound-token-file, or give 127.0.0.1`,
      'token',
    );
  if (settings.find('networkOf') && settings.targets.length > 0)
    wrong('networkOf', 'needs a run without targets: the sockets of a target are told apart by process');
  const group = settings.find('cgroupOf');
  if (group && roles.includes(group.role)) wrong('cgroupOf', `${group.role} is a target, whose control group is found by its processes`);
  const otlp = settings.get('otlp');
  if (inbound && otlp !== null && isOwn(otlp, inbound.at))
    wrong('otlp', 'names the inbound listener of this run, which would push to itself; give another receiver, or off');
  if (otlp !== null && new URL(otlp).password !== '' && settings.placeOf('otlp').startsWith('--'))
    wrong('otlp', 'has a password in it, and everybody on this machine can read a flag; give it in SOAK_OTLP or in a file');
  if (sourceOf(settings) === 'pidusage') {
    const message = 'needs source procfs: pidusage does not read it';
    if (settings.get('deletedDescriptors')) wrong('deletedDescriptors', message);
    if (settings.find('networkOf')) wrong('networkOf', message);
    if (settings.find('cgroupOf')) wrong('cgroupOf', message);
    if (['periodic', 'forced'].includes(settings.get('shares'))) wrong('shares', message);
  }
  for (const name of ['proc', 'sys'] as const) {
    const folder = settings.get(name);
    const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (settings.placeOf(name) !== 'default' && !isFolder) wrong(name, `${folder} is not a folder`);
  }
}
