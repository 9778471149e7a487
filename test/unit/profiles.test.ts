import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { buildConfig, loadSettings } from '../../src/config/load.ts';
import { Faults } from '../../src/config/faults.ts';
import { emptyLayer } from '../../src/config/settings.ts';
import { CATALOG } from '../../src/metrics.ts';

const FOLDER = fileURLToPath(new URL('../../config/profiles', import.meta.url));

test.each(readdirSync(FOLDER))('%s is complete but for a target', async (name) => {
  const flags = emptyLayer();
  flags.values.set('config', [{ text: join(FOLDER, name), place: '--config' }]);
  flags.targets.push({ text: 'api=name:api', place: '--target', many: false, children: false });
  const faults = new Faults();
  const config = buildConfig(
    await loadSettings({ flags, env: {} }, faults),
    { command: ['k6', 'run', 'soak.js'], catalog: CATALOG },
    faults,
  );
  faults.throwIfAny();
  expect(config.duration).toBeGreaterThan(config.phases[0]!.seconds! * 4);
});
