/** Reports and exports of real runs, as a user or a pipeline asks for them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPORT } from '../../src/report/schema.ts';
import type { Report } from '../../src/report/value.ts';
import { installed, Stage } from './agent-under-test.ts';

/** A run of some seconds on a program that allocates, which goes on serving its end. */
async function ran(stage: Stage): Promise<{ folder: string; live: string }> {
  const app = join(stage.folder, 'app.mjs');
  writeFileSync(app, 'setInterval(() => {}, 1000);');
  const agent = await stage.watching([
    '--target',
    `app=exec:${process.execPath} ${app}`,
    '--duration',
    '4s',
    '--interval',
    '0.25',
    '--hold',
  ]);
  const folder = await agent.recording();
  await agent.says(/serving the final state/);
  const report = await agent.page('/api/report');
  await agent.end();
  expect(agent.out).toContain('record in ');
  return { folder, live: report.text };
}

describe('a run', () => {
  let stage: Stage;
  let run: Awaited<ReturnType<typeof ran>>;

  beforeAll(async () => {
    stage = new Stage();
    run = await ran(stage);
  });

  afterAll(() => stage[Symbol.asyncDispose]());

  test('is reported by its record as it was live, byte for byte, and judged again by other rules', async () => {
    const { folder, live } = run;
    const file = (name: string): string => join(stage.folder, name);
    const sealed = readFileSync(join(folder, 'verdict.json'), 'utf8');

    const { code, out, err } = await stage.command(
      'report',
      folder,
      '--json',
      '-',
      '--html',
      file('run.html'),
      '--junit',
      file('run.xml'),
      '--markdown',
      file('run.md'),
    );
    expect(out).toBe(live);
    const report = JSON.parse(out) as Report;
    REPORT.parse(report);
    expect([code, report.run.state, report.verdict.outcome]).toEqual([11, 'finished', 'inconclusive']);
    expect(report.verdict).toEqual(JSON.parse(sealed));
    expect(err).toContain(`${report.sentence}\nwritten: ${file('run.html')}\n`);
    expect(readFileSync(file('run.html'), 'utf8')).toContain('default-src &#39;none&#39;');
    expect(readFileSync(file('run.xml'), 'utf8')).toContain('<skipped message="inconclusive: ');
    expect(readFileSync(file('run.md'), 'utf8')).toContain('❔ Inconclusive: soak run ');

    writeFileSync(file('strict.yaml'), 'rules:\n  - memory.private < 1MB\n');
    const strict = await stage.command('report', folder, '--config', file('strict.yaml'), '--json', '-');
    const judged = JSON.parse(strict.out) as Report;
    expect([strict.code, judged.verdict.outcome, judged.run.notes]).toEqual([
      10,
      'fail',
      ['judged again by other settings than those of the run: rules'],
    ]);
    expect(judged.config).toMatchObject({ rules: ['memory.private < 1MB'] });
    expect(readFileSync(join(folder, 'verdict.json'), 'utf8')).toBe(sealed);
  });

  test.runIf(installed('promtool'))('is exported as Prometheus takes it, and as tables that hold every sample', async () => {
    const { folder } = run;
    const om = join(stage.folder, 'run.om');
    const { code, out } = await stage.command('export', folder, '--format', 'openmetrics');
    expect(code).toBe(0);
    writeFileSync(om, out);
    const samples = out.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    const made = execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', om, join(stage.folder, 'blocks')], {
      encoding: 'utf8',
    });
    expect(made).toMatch(new RegExp(`\\s${samples}\\s`));
    const csv = await stage.command('export', folder);
    expect(csv.out.trimEnd().split('\r\n').length - 1).toBe(samples);
    const lines = await stage.command('export', folder, '--format', 'ndjson', '--series', 'memory.private');
    const parsed = lines.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { metric?: string; event?: string });
    expect(new Set(parsed.map(({ metric }) => metric))).toEqual(
      new Set([undefined, 'soak.process.memory.private', 'soak.agent.memory.private']),
    );
    expect(parsed.filter(({ event }) => event === 'run_end').length).toBe(1);
  });

  test('that is none, and a series that is not there, are explained', async () => {
    for (const command of ['report', 'export']) {
      const { code, err } = await stage.command(command, stage.folder);
      expect([code, err]).toEqual([64, expect.stringContaining('holds no run: name the folder of a run') as string]);
    }
  });
});
