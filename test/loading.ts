/** Loads configurations as the program does, from layers that a test writes down. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../src/config/config.ts';
import { Faults } from '../src/config/faults.ts';
import { buildConfig, loadSettings } from '../src/config/load.ts';
import { flagOf, type OptionName } from '../src/config/options.ts';
import { CATALOG } from '../src/metrics.ts';
import { Problem } from '../src/problem.ts';
import { emptyLayer, type GivenTarget, type Layer } from '../src/config/settings.ts';

export { CATALOG };

/** For files of one test file; removed when its process ends. */
export const DIR = mkdtempSync(join(tmpdir(), 'soak-config-'));
process.on('exit', () => rmSync(DIR, { recursive: true, force: true }));

export type Values = Partial<Record<OptionName, string | readonly string[]>>;

export function layer(values: Values = {}, targets: readonly string[] = []): Layer {
  const made = emptyLayer();
  for (const [name, given] of Object.entries(values)) {
    const place = flagOf(name as OptionName) ?? name;
    made.values.set(
      name as OptionName,
      [given].flat().map((text) => ({ text, place })),
    );
  }
  made.targets.push(...targets.map((text): GivenTarget => ({ text, place: '--target', many: false, children: false })));
  return made;
}

/** `yaml` becomes the file that --config names: always the same one, so two of these must not run at once. */
export async function load(
  flags: Layer,
  env: Record<string, string> = {},
  yaml: string | null = null,
  command: readonly string[] | null = null,
): Promise<Config> {
  const faults = new Faults();
  const file = join(DIR, 'soak.yaml');
  if (yaml !== null) {
    writeFileSync(file, yaml);
    flags.values.set('config', [{ text: file, place: '--config' }]);
  }
  const config = buildConfig(await loadSettings({ flags, env }, faults), { command, catalog: CATALOG }, faults);
  faults.throwIfAny();
  return config;
}

/** The Problem that a promise ends with; anything else fails the test. */
export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(
    (value) => new Error(`no problem, but ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Problem)) throw error;
  return error;
}
