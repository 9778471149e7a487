/** The environment as a layer of settings: our own SOAK_* variables, and the standard ones of OpenTelemetry as the last resort. */
import type { Faults, Given } from './faults.ts';
import { nearest } from './nearest.ts';
import { envOf, fileTwinOf, OPTION_NAMES, type OptionName, optionOf } from './options.ts';
import { emptyLayer, type Layer, understand } from './settings.ts';
import { readSecret } from './smallfile.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** The SOAK_* variables. An empty one counts as not set. Lists have one entry a line. */
export function envLayer(env: Env, faults: Faults): Layer {
  const layer = emptyLayer();
  for (const name of OPTION_NAMES) {
    const given = givenInEnv(name, env, faults);
    if (given.length > 0) layer.values.set(name, given);
  }
  const targets = layer.values.get('target') ?? [];
  const [many, children] = (['many', 'children'] as const).map((name) => everyTarget(name, layer, faults));
  layer.targets.push(...targets.map((target) => ({ ...target, many: many ?? false, children: children ?? false })));
  noteMisspelt(env, faults);
  return layer;
}

function givenInEnv(name: OptionName, env: Env, faults: Faults): Given[] {
  const place = envOf(name);
  const text = place === null ? '' : (env[place] ?? '');
  const twin = fileTwinOf(name)?.env;
  const path = twin === undefined ? '' : (env[twin] ?? '');
  if (twin !== undefined && path !== '') {
    if (text !== '') faults.add('CONFIG', twin, `should not be given together with ${place}`);
    const secret = readSecret(path, twin, faults);
    return secret === null ? [] : [{ text: secret, place: twin }];
  }
  if (place === null || text.trim() === '') return [];
  if (!optionOf(name).list) return [{ text, place }];
  const lines = text.split('\n').map((line, i) => ({ text: line.trim(), place: `${place}:${i + 1}` }));
  const entries = lines.filter((line) => line.text !== '');
  return entries.length === 1 ? entries.map((line) => ({ ...line, place })) : entries;
}

function everyTarget(name: 'many' | 'children', layer: Layer, faults: Faults): boolean {
  const given = layer.values.get(name)?.[0];
  if (given && !layer.values.has('target')) faults.add('CONFIG', given.place, 'applies to the targets of SOAK_TARGET, which is not set');
  return given ? understand(name, given, faults) === true : false;
}

/**
 * Variables close to one of ours are slips. Others that begin with SOAK_ are let through: Kubernetes sets SOAK_AGENT_PORT and the like for
 * a service named so.
 */
function noteMisspelt(env: Env, faults: Faults): void {
  const ours = OPTION_NAMES.flatMap((name) => [envOf(name), fileTwinOf(name)?.env]).filter((name) => typeof name === 'string');
  const words = ours.map((name) => name.slice('SOAK_'.length));
  for (const name of Object.keys(env)) {
    if (!name.startsWith('SOAK_') || ours.includes(name) || /_(SERVICE|PORT)(_|$)/.test(name)) continue;
    const meant = nearest(name.slice('SOAK_'.length), words);
    if (meant !== null) faults.add('CONFIG', name, `unknown variable; did you mean SOAK_${meant}?`);
  }
}

/** What this agent speaks. The exporter has other protocols in other packages. */
const PROTOCOL = 'http/protobuf';

/**
 * The receiver that the standard variables name; they count only where nothing else names one. Source: OpenTelemetry specification,
 * "OpenTelemetry Protocol Exporter": the metrics variable is taken as it is, the general one is a base for /v1/metrics.
 */
export function otelLayer(env: Env, faults: Faults): Layer {
  const layer = emptyLayer();
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' || env['OTEL_METRICS_EXPORTER']?.trim() === 'none') return layer;
  const given = ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].find((name) => env[name]?.trim());
  if (given === undefined) return layer;
  const url = env[given]?.trim() ?? '';
  const text = given === 'OTEL_EXPORTER_OTLP_ENDPOINT' ? `${url.replace(/\/+$/, '')}/v1/metrics` : url;
  layer.values.set('otlp', [{ text, place: given }]);
  const spoken = ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'].find((name) => env[name]?.trim());
  if (spoken !== undefined && env[spoken]?.trim() !== PROTOCOL) {
    faults.add('CONFIG', spoken, `should be ${PROTOCOL}, the only one that soak-agent pushes; or push nothing with --otlp off`);
  }
  return layer;
}
