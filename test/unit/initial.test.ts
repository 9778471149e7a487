/** The configuration that `init` writes: whatever was found and whatever it was called, it can be read, as it is and with every line in force. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildConfig, loadSettings } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import { Faults } from '../../src/config/faults.ts';
import { emptyLayer } from '../../src/config/settings.ts';
import { document, type FoundTarget } from '../../src/initial/document.ts';
import { CATALOG } from '../../src/metrics.ts';
import * as fc from '../property.ts';

async function read(text: string): Promise<Config> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-init-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'soak.yaml');
  writeFileSync(path, text);
  const flags = emptyLayer();
  flags.values.set('config', [{ text: path, place: '--config' }]);
  const faults = new Faults();
  const config = buildConfig(
    await loadSettings({ flags, env: { REDIS_PASSWORD: 'x' } }, faults),
    { command: null, catalog: CATALOG },
    faults,
  );
  faults.throwIfAny();
  return config;
}

/** Every setting that waits behind one hash. */
function uncommented(text: string): string {
  return text
    .replaceAll(/^#(?=[ a-z])(?! yaml-language)/gm, '')
    .replaceAll('USER@', 'soak@')
    .replaceAll('/DATABASE', '/orders');
}

const API: FoundTarget = {
  role: 'api',
  selector: 'port:8080',
  children: true,
  what: 'node, 3 processes, listens on 8080, 9464',
  pages: [{ url: 'http://127.0.0.1:9464/metrics', samples: 80, presets: ['node'] }],
  databases: [
    { what: '12 connections to 10.0.0.5:5432, the usual port of Postgres', option: '--postgres postgresql://USER@10.0.0.5:5432/DATABASE' },
    { what: '2 connections to 10.0.0.6:6379, the usual port of Redis', option: '--redis redis://10.0.0.6:6379' },
  ],
};

test('what was found is set, and what only the user knows waits to be uncommented', async () => {
  const text = document([API, { ...API, role: 'worker', selector: 'name:worker', children: false, pages: [] }]);
  const config = await read(text);
  expect(config.targets.map(({ role, children }) => [role, children])).toEqual([
    ['api', true],
    ['worker', false],
  ]);
  expect(config.scrapes.map(({ url, target }) => [url, target])).toEqual([['http://127.0.0.1:9464/metrics', 'api']]);
  expect(config.servers.map(({ display }) => display)).toEqual(['10.0.0.6:6379']);
  expect(config.duration).toBe(8 * 3600);
  const whole = await read(uncommented(text));
  expect(whole.servers.map(({ display }) => display)).toEqual(['10.0.0.5:5432/orders', '10.0.0.6:6379']);
  expect([whole.rules.length > 3, whole.nonBlocking, whole.phases.length, whole.inbound?.at.port]).toEqual([true, true, 2, 4318]);
  expect(document([API])).not.toMatch(/:[^ /@]+@/);
});

test('where nothing was found every line is a comment that can be taken', async () => {
  const text = document([{ ...API, pages: [], databases: [] }]);
  expect((await read(text)).servers).toEqual([]);
  const whole = await read(uncommented(text));
  expect([whole.scrapes.length, whole.servers.length]).toEqual([1, 2]);
});

test('whatever a program is called, it stays within its comment', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('\n  - evil=1', '${HOME}', '"', '\u2028x: 1', ''),
      async (name, more) => {
        const what = name + more;
        const config = await read(document([{ ...API, what, databases: [{ what, option: '--redis redis://h:6379' }] }]));
        expect([config.targets.length, config.servers.length]).toEqual([1, 1]);
      },
    ),
    { numRuns: 30 },
  );
});
