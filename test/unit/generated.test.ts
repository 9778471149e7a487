/** What derives from declarations is complete and consistent; that it is up to date is `npm run generate -- --check`. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { prometheusName } from '../../src/catalog.ts';
import { optionOf } from '../../src/config/options.ts';
import { CATALOG } from '../../src/metrics.ts';
import { RECORD_MIN } from '../../src/record/room.ts';
import { VERSION } from '../../src/version.ts';
import { generateMetricDocs } from '../../tools/metricdocs.ts';

test('every metric is in docs/metrics.md, by both its names', () => {
  const text = generateMetricDocs()[0]?.text ?? '';
  for (const def of CATALOG.all()) {
    expect(text).toContain(`\`${def.name}\``);
    expect(text).toContain(`\`${prometheusName(def.name, def.unit, def.kind)}\``);
  }
});

test('the smallest record that the configuration takes is the smallest that can be written', () => {
  const { value } = optionOf('recordMax');
  expect([value.parse(`${RECORD_MIN - 1}`), value.parse(`${RECORD_MIN}`)]).toEqual([undefined, RECORD_MIN]);
});

test('the version is that of the package', () => {
  const manifest = JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8')) as { version: string };
  expect(VERSION).toBe(manifest.version);
});
