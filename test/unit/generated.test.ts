/** What derives from declarations is complete and consistent; that it is up to date is `npm run generate -- --check`. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { prometheusName } from '../../src/catalog.ts';
import { optionOf } from '../../src/config/options.ts';
import { CATALOG } from '../../src/metrics.ts';
import { RECORD_MIN } from '../../src/record/room.ts';
import { VERSION } from '../../src/version.ts';
import { generateDashboards } from '../../tools/dashboards.ts';
import { generateMetricDocs } from '../../tools/metricdocs.ts';

interface Panel {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

function panels(): Panel[] {
  return (JSON.parse(generateDashboards()[0]?.text ?? '') as { panels: Panel[] }).panels;
}

test('every metric is in docs/metrics.md, by both its names', () => {
  const text = generateMetricDocs()[0]?.text ?? '';
  for (const def of CATALOG.all()) {
    expect(text).toContain(`\`${def.name}\``);
    expect(text).toContain(`\`${prometheusName(def.name, def.unit, def.kind)}\``);
  }
});

test('every query of the dashboard asks for a metric that exists, once per panel', () => {
  const names = new Set(CATALOG.all().map((def) => prometheusName(def.name, def.unit, def.kind)));
  for (const { targets } of panels()) {
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    for (const { expr } of targets) expect(names).toContain(/([a-z_:0-9]+)\{/.exec(expr)?.[1]);
  }
});

test('every metric with a panel is on the dashboard, and no two panels overlap', () => {
  const queries = panels().flatMap(({ targets }) => targets);
  expect(queries).toHaveLength(CATALOG.all().filter((def) => def.panel !== undefined).length);
  expect(new Set(panels().map(({ gridPos }) => `${gridPos.x},${gridPos.y}`)).size).toBe(panels().length);
  expect(new Set(panels().map(({ id }) => id)).size).toBe(panels().length);
});

test('the smallest record that the configuration takes is the smallest that can be written', () => {
  const { value } = optionOf('recordMax');
  expect([value.parse(`${RECORD_MIN - 1}`), value.parse(`${RECORD_MIN}`)]).toEqual([undefined, RECORD_MIN]);
});

test('the version is that of the package', () => {
  const manifest = JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8')) as { version: string };
  expect(VERSION).toBe(manifest.version);
});
