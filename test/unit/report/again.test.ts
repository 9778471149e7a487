/** `soak-agent report` of a stored run with the settings that it had, and with others. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { findMetric } from '../../../src/gauges.ts';
import { CATALOG } from '../../../src/metrics.ts';
import type { Report } from '../../../src/report/value.ts';
import { commandLine, type Printed } from '../../commandline.ts';
import { temporaryFolder } from '../../fixtures/record/ticks.ts';
import { recordRun } from '../../recorded.ts';
import { M } from '../../sim/metrics.ts';
import { MB } from '../../sim/run.ts';

const RULES = ['memory.private < 2GB', 'db: gauge.queue < 5', 'api: signal.jobs < 100'];

function recorded(): string {
  const rules = RULES.map((text) => parseRule(text, findMetric(CATALOG)));
  return recordRun(
    {
      hours: 0.5,
      interval: 10,
      series: [{ def: M.memory, signal: (t) => 100 * MB + t }],
      options: { warmup: 300, rules, requiredLifetime: 86_400 },
    },
    {
      out: temporaryFolder(),
      config: {
        servers: [{ name: 'db', gauges: [{ name: 'queue', growth: 'none', limit: 5 }] }],
        signals: [{ name: 'jobs', kind: 'level', by: [], unit: '{value}', growth: 'none', target: 'api', limit: '< 100' }],
      },
    },
  ).folder;
}

async function asked(folder: string, ...flags: string[]): Promise<Printed & { readonly html: string }> {
  const page = join(temporaryFolder(), 'run.html');
  const printed = await commandLine(['report', folder, '--json', '-', '--html', page, ...flags]);
  return { ...printed, html: readFileSync(page, 'utf8') };
}

function fileOf(text: string): string {
  const path = join(temporaryFolder(), 'soak.yaml');
  writeFileSync(path, text);
  return path;
}

describe('a stored run', () => {
  const same = ['--warmup', '5m', '--must-live', '1d'];

  test('judged by what it was judged by is the same bytes', async () => {
    const folder = recorded();
    const plain = await asked(folder);
    const file = fileOf('warmup: 5m\nrules: [memory.private < 2GB]\n');
    const again = [
      await asked(folder, ...same, ...RULES.flatMap((rule) => ['--rule', rule])),
      // What gauges and signals declare is no rule of the file.
      await asked(folder, ...same, '--rule', RULES[0]!),
      await asked(folder, '--config', file),
    ];
    for (const { out, html } of again) expect([out, html]).toEqual([plain.out, plain.html]);
  });

  test('judged by one other setting says which', async () => {
    const folder = recorded();
    const notes = async (...flags: string[]): Promise<readonly string[]> =>
      (JSON.parse((await asked(folder, ...flags)).out) as Report).run.notes;
    expect(await notes('--warmup', '4m', '--must-live', '1d')).toEqual(['judged again by other settings than those of the run: warmup']);
    expect(await notes(...same, '--rule', 'memory.private < 3GB')).toEqual(['judged again by other settings than those of the run: rules']);
  });

  test('is told which keys of a configuration do not count for it', async () => {
    const folder = recorded();
    const file = fileOf('targets: [api=4242]\ninterval: 5s\npool_max: [api=10]\nphases: [steady]\nwarmup: 5m\n');
    const { code, err } = await asked(folder, '--config', file);
    expect([code, err.split('\n')[0]]).toEqual([
      (await asked(folder)).code,
      'these keys of the configuration do not count for a run that is recorded, which keeps its own: targets, pool_max, interval, phases',
    ]);
    expect((await asked(folder, '--config', fileOf('warmup: 5m\n'))).err).not.toContain('these keys');
  });

  test('fails nobody with --non-blocking', async () => {
    const folder = recorded();
    const flags = ['--rule', 'memory.private < 1MB'];
    expect((await asked(folder, ...flags)).code).toBe(10);
    expect((await asked(folder, ...flags, '--non-blocking')).code).toBe(0);
  });
});
