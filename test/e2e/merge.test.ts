/** Records of real agents on this machine as one run. */
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seriesLabel } from '../../src/series.ts';
import { eventsOf, reading, type Result, Stage } from './agent-under-test.ts';

describe('two agents on one machine', () => {
  let stage: Stage;
  let runs: Result[];
  const pods = (): string => join(stage.folder, 'pods');

  beforeAll(async () => {
    stage = new Stage();
    const programs = ['api', 'worker'].map((role) => {
      const file = join(stage.folder, `${role}.mjs`);
      writeFileSync(file, 'setInterval(() => { for (let i = 0; i < 1e6; i++); }, 20);');
      return { role, target: `${role}=exec:${process.execPath} ${file}` };
    });
    const agents = await Promise.all(
      programs.map(({ role, target }) =>
        stage.watching(['--target', target, '--duration', '11s', '--interval', '0.5'], { out: join(pods(), `pod-${role}`) }),
      ),
    );
    runs = await Promise.all(agents.map((agent) => agent.result()));
  });

  afterAll(() => stage[Symbol.asyncDispose]());

  test('are one run with one set of figures of the machine, and are called by their folders', async () => {
    const at = join(stage.folder, 'merged');
    const { out, err } = await stage.command('merge', pods(), '--out', at, '--offset', 'pod-worker=-3s');
    const folder = /record in (\S+)/.exec(out)![1]!;
    expect(err).toMatch(/^pod-worker: worker, \S+ for 1[\d.]+s, its clock set by -3 s\npod-api: api, \S+ for 1[\d.]+s\n/);
    const { hosts, agents, header } = reading(folder, (reader) => ({
      header: reader.header,
      hosts: reader.series().filter(({ source, target }) => target === null && source !== 'self'),
      agents: new Set(reader.series().flatMap(({ source, member }) => (source === 'self' ? [member] : []))),
    }));
    const each = runs.map((run) => reading(run.folder, (reader) => reader.series().filter(({ source }) => source === 'host').length));
    expect(hosts.map(({ member }) => member).filter((member) => member !== null)).toEqual([]);
    const figures = hosts.filter(({ source }) => source === 'host');
    expect(new Set(figures.map((series) => seriesLabel(series))).size).toBe(figures.length);
    expect(figures.length).toBeLessThanOrEqual(Math.max(...each) + 4); // file systems that only one of them saw
    expect(agents).toEqual(new Set(['1', '2']));
    expect(header.host).toMatchObject({ agents: 'pod-worker, pod-api', node: process.versions.node });
    expect(eventsOf(folder).filter(({ kind }) => kind === 'gap')).toEqual([]);
    const text = JSON.stringify([header, runs.map((run) => reading(run.folder, (reader) => reader.header.host))]);
    expect(hostname().length < 4 || !text.includes(hostname())).toBe(true);
  });

  test('are refused when one is named twice or unknown, and known by the ids of their runs, too', async () => {
    const [api, worker] = runs.map(({ folder }) => folder);
    const id = basename(worker!).slice(-8);
    const single = await stage.command('merge', api!, api!);
    expect([single.code, single.err]).toEqual([64, expect.stringContaining('it is the same one that is named 2 times')]);
    const unknown = await stage.command('merge', api!, worker!, '--offset', `${hostname()}x=1s`);
    expect([unknown.code, unknown.err]).toEqual([64, expect.stringContaining('they are called pod-api, pod-worker')]);
    const set = await stage.command('merge', api!, worker!, '--out', join(stage.folder, 'other'), '--offset', `${id}=2s`);
    expect(set.err).toContain('its clock set by +2 s');
  });
});
