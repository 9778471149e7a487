import { describe, expect, test } from 'vitest';
import { configHash, type JudgeOverrides } from '../../src/config/config.ts';
import { Faults } from '../../src/config/faults.ts';
import { buildOverrides, loadSettings } from '../../src/config/load.ts';
import type { GivenTarget } from '../../src/config/settings.ts';
import { CATALOG, layer, load, type Values } from '../loading.ts';

async function hash(change: Values = {}, command: string[] | null = null): Promise<string> {
  const values = { rule: 'memory.private < 2GB', require: 'fds', ...change };
  return configHash(await load(layer(values, ['api=port:1', 'b=cmd:x']), {}, null, command));
}

async function of(targets: readonly GivenTarget[]): Promise<string> {
  const flags = layer();
  flags.targets.push(...targets);
  return configHash(await load(flags));
}

async function overrides(values: Values): Promise<JudgeOverrides> {
  const faults = new Faults();
  const made = buildOverrides(await loadSettings({ flags: layer(values), env: {} }, faults), CATALOG, faults);
  faults.throwIfAny();
  return made;
}

describe('the hash', () => {
  test('is twelve hexadecimal digits, and the same for the same', async () => {
    expect(await hash()).toMatch(/^[0-9a-f]{12}$/);
    expect(await hash()).toBe(await hash({ interval: '1000ms', mustLive: '2w', warmup: 'auto' }));
  });

  test.each<Values>([
    { interval: '2s' },
    { duration: '1h' },
    { goneAfter: '1m' },
    { mustLive: '1d' },
    { warmup: '1m' },
    { source: 'pidusage' },
    { proc: '/' },
    { rule: 'memory.private < 3GB' },
    { require: 'threads' },
    { recordMax: '1GB' },
    { deletedDescriptors: 'true' },
    { shares: 'off' },
    { poolMax: 'api=20' },
    { preset: 'gateway' },
    { phase: 'warmup=10m' },
    { cooldown: '5m' },
  ])('changes with %j', async (change) => {
    expect(await hash(change)).not.toBe(await hash());
  });

  test('changes with targets and command', async () => {
    const given: GivenTarget = { text: 'a=cmd:x', place: '', many: false, children: false };
    const hashes = [
      await of([given]),
      await of([{ ...given, many: true }]),
      await of([{ ...given, children: true }]),
      await of([{ ...given, text: 'a=cmd:y' }]),
      await of([{ ...given, text: 'b=cmd:x' }]),
    ];
    expect(new Set([...hashes, await hash(), await hash({}, ['k6']), await hash({}, ['k6', 'run'])]).size).toBe(8);
  });

  test.each<Values>([
    { out: '/tmp' },
    { keep: '3' },
    { hold: 'true' },
    { linger: '5s' },
    { once: 'true' },
    { terminationLog: '/tmp/message' },
    { listen: 'off' },
    { otlp: 'http://x' },
    { logLevel: 'debug' },
    { live: 'false' },
    { wait: '1m' },
    { nonBlocking: 'true' },
    { baseline: 'main' },
  ])('does not change with %j', async (change) => {
    expect(await hash(change)).toBe(await hash());
  });
});

test('a stored run is judged anew only in what is given', async () => {
  expect(await overrides({})).toEqual({});
  expect(await overrides({ mustLive: '1d', warmup: 'auto' })).toEqual({ mustLive: 86_400, warmup: null });
  expect(await overrides({ rule: 'whoever: memory.private < 1GB', require: 'soak.process.memory.private' })).toEqual({
    rules: [expect.objectContaining({ role: 'whoever' })],
    required: ['memory.private'],
  });
});

test('a list without entries takes the place of what the run had', async () => {
  expect(await overrides({ rule: [] })).toEqual({ rules: [] });
});
