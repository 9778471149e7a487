/** From flags, environment and file to a configuration, with everything that is wrong on the way. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseRule, type Rule } from '../analysis/rules.ts';
import type { Catalog } from '../catalog.ts';
import type { Config, JudgeOverrides } from './config.ts';
import { type Env, envLayer, otelLayer } from './environment.ts';
import type { Faults, Given } from './faults.ts';
import { findMetric, gaugeName } from '../gauges.ts';
import { didYouMean } from './nearest.ts';
import type { OptionName } from './options.ts';
import { type PoolMax, parsePoolMax } from './poolmax.ts';
import { buildScrapes } from './scrapes.ts';
import { buildServers, gaugeRules, SERVERS_MAX, unused } from './servers.ts';
import { buildSignals, signalRules } from './signals.ts';
import { PRESET_SIGNALS } from '../intake/presets.ts';
import { signalName } from '../intake/signals-metric.ts';
import type { SignalSpec } from '../intake/signals-spec.ts';
import { defaultRole, parseTarget, type Selector } from '../selector.ts';
import { emptyLayer, type Layer, Settings, subject } from './settings.ts';
import { readSmallFile } from './smallfile.ts';
import type { ServerSpec } from '../servers.ts';
import type { TargetSpec } from '../targets.ts';

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
  const targets = buildTargets(settings, faults);
  const servers = buildServers(settings, new Map(targets.map(({ role }) => [role, 'a target'])), faults);
  if (servers.length > SERVERS_MAX) {
    const message = `${servers.length} servers are more than the ${SERVERS_MAX} of one run`;
    faults.add('CONFIG', [...settings.list('postgres'), ...settings.list('redis')].at(-1)?.place ?? '', message);
  }
  const roles = targets.map(({ role }) => role);
  const scrapes = buildScrapes(settings, roles, faults);
  const signals = buildSignals(settings, { scrapes, inbound: false, roles }, faults);
  const names = [...servers.map(({ name }) => name), ...scrapes.flatMap(({ name, target }) => [name, target ?? name])];
  const rules = buildRules(settings, catalog, faults, { names: [...roles, ...names], servers, signals });
  checkTogether(settings, command, faults);
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
    mustLive: get('mustLive'),
    warmup: get('warmup'),
    listen: get('listen'),
    otlp: endpoint === null ? null : { endpoint, headers: settings.find('otlpHeaders') ?? {} },
    rules,
    required: buildRequired(settings, catalog, faults, signals),
    poolMax: buildPoolMax(settings, roles, faults),
    source: sourceOf(settings),
    deletedDescriptors: get('deletedDescriptors'),
    shares: get('shares'),
    roots: { proc: get('proc'), sys: get('sys') },
    logLevel: get('logLevel'),
    live: get('live'),
    command,
  };
}

export function buildOverrides(settings: Settings, catalog: Sources['catalog'], faults: Faults): JudgeOverrides {
  const given = (name: OptionName): boolean => settings.placeOf(name) !== 'default';
  return {
    ...(given('rule') ? { rules: buildRules(settings, catalog, faults, null) } : {}),
    ...(given('require') ? { required: buildRequired(settings, catalog, faults) } : {}),
    ...(given('mustLive') ? { mustLive: settings.get('mustLive') } : {}),
    ...(given('warmup') ? { warmup: settings.get('warmup') } : {}),
  };
}

/** Targets without a role of their own are named after what they are; the second `node` is `node-2`. */
function buildTargets(settings: Settings, faults: Faults): TargetSpec[] {
  const parsed = settings.targets.flatMap((given) => {
    const target = faults.attempt(given, parseTarget);
    return target ? [{ ...target, given }] : [];
  });
  const placeOf = new Map<string, string>();
  for (const { role, given } of parsed) {
    if (role === null) continue;
    const other = placeOf.get(role);
    if (other !== undefined)
      faults.addGiven('SELECTOR', given, `the role ${role} is taken by the target at ${other}; each needs a name of its own`);
    placeOf.set(role, given.place);
  }
  return parsed.map(({ role, selector, given: { many, children, place } }) => {
    const named = role ?? unused(defaultRole(selector, commOf(selector, settings.get('proc'))), placeOf);
    placeOf.set(named, place);
    return { role: named, selector, many, children };
  });
}

const COMM_MAX = 64; // the kernel's own limit is 16

/** The name of a process that is given by its pid; null where it cannot be had, which is no mistake yet. */
function commOf(selector: Selector, proc: string): string | null {
  if (selector.kind !== 'pid') return null;
  const read = readSmallFile(join(proc, String(selector.pid), 'comm'), COMM_MAX);
  return 'text' in read ? read.text.trim() : null;
}

/** Whom a rule can be about. */
interface Watched {
  /** Of roles, servers and pages. */
  readonly names: readonly string[];
  readonly servers: readonly ServerSpec[];
  readonly signals: readonly SignalSpec[];
}

/** `watched`: null when only the stored run knows. */
function buildRules(settings: Settings, catalog: Sources['catalog'], faults: Faults, watched: Watched | null): Rule[] {
  const find = findMetric(catalog, watched?.signals);
  const given = settings.list('rule').flatMap((one) => {
    const rule = faults.attempt(one, (text) => parseRule(text, find));
    if (rule && watched) checkRule(rule, one, watched, faults);
    return rule ?? [];
  });
  const parse = (text: string): Rule => parseRule(text, find);
  return [...given, ...gaugeRules(watched?.servers ?? [], parse), ...signalRules(settings, watched?.signals ?? [], parse, faults)];
}

function checkRule({ role, metric, text }: Rule, given: Given, { names, servers, signals }: Watched, faults: Faults): void {
  if (role !== null && !names.includes(role)) {
    const meant = didYouMean(role, names) || `; the roles are ${names.join(', ')}`;
    faults.addGiven('RULE', given, `"${text}": no target has the role ${role}${meant}`);
  }
  const signal = signalName(metric);
  const declared = [...signals, ...PRESET_SIGNALS].map(({ name }) => name);
  if (signal !== null && !declared.includes(signal))
    faults.addGiven('RULE', given, `"${text}": there is no signal ${signal}${didYouMean(signal, declared) || '; signals: declares them'}`);
  const gauge = gaugeName(metric);
  const gauges = servers.flatMap((server) => server.gauges.map(({ name }) => name));
  if (gauge === null || gauges.includes(gauge)) return;
  faults.addGiven('RULE', given, `"${text}": no server has a gauge ${gauge}${didYouMean(gauge, gauges)}`);
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
    if (one.role !== null && !roles.includes(one.role)) {
      const meant = didYouMean(one.role, roles) || `; the roles are ${roles.join(', ')}`;
      faults.addGiven('CONFIG', given, `no target has the role ${one.role}${meant}`);
    }
    return [one];
  });
}

function sourceOf(settings: Settings): Config['source'] {
  const source = settings.get('source');
  return source === 'auto' ? (process.platform === 'linux' ? 'procfs' : 'pidusage') : source;
}

/** What is right by itself but not beside another setting. */
function checkTogether(settings: Settings, command: Sources['command'], faults: Faults): void {
  const duration = settings.get('duration') ?? Infinity;
  const warmup = settings.get('warmup') ?? 0;
  const wrong = (name: OptionName, message: string): void =>
    faults.add('CONFIG', settings.placeOf(name), `${subject(name, settings.placeOf(name))}${message}`);
  if (duration < settings.get('interval')) wrong('duration', 'should be longer than one interval');
  if (warmup >= duration) wrong('warmup', 'should be shorter than the duration of the run');
  if (command?.length === 0) faults.add('USAGE', '--', 'should be followed by a command to run while watching');
  if (settings.find('otlpHeaders') && settings.get('otlp') === null)
    wrong('otlpHeaders', 'are headers of a push, but otlp names no receiver');
  if (sourceOf(settings) === 'pidusage') {
    const message = 'needs source procfs: pidusage does not read it';
    if (settings.get('deletedDescriptors')) wrong('deletedDescriptors', message);
    if (['periodic', 'forced'].includes(settings.get('shares'))) wrong('shares', message);
  }
  for (const name of ['proc', 'sys'] as const) {
    const folder = settings.get(name);
    const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (settings.placeOf(name) !== 'default' && !isFolder) wrong(name, `${folder} is not a folder`);
  }
}
