/** Servers beside containers: whose connections are whose, with the processes in sight and without. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { havePostgres, type Postgres, startPostgres } from '../servers/postgres.ts';
import { until } from '../e2e/agent-under-test.ts';
import { haveContainers, Stage } from './stage.ts';

/** The demo's service: a pool of twenty connections, of which it forgets one with every 300th order. */
const SERVICE = ['--entrypoint', 'node', '--env', 'PORT=18080', '--env', 'HOST=127.0.0.1'];

/** What a page tells of a process that is not in sight. */
const SIGNALS = `
scrape:
  - {name: shop, url: "http://127.0.0.1:18080/metrics"}
signals:
  - {name: requests, match: http_requests_total, kind: counter, as: requests}
  - {name: memory, match: process_resident_memory_bytes, kind: level, growth: leak}
  - {name: fds, match: process_open_fds, kind: level, growth: leak}
`;

async function shop(stage: Stage, url: string): Promise<void> {
  const options = ['--network', 'host', '--read-only', '--cap-drop', 'all', '--tmpfs', '/tmp', ...SERVICE, '--env', `DATABASE_URL=${url}`];
  await stage.engine.start({ name: 'app', image: 'soak-agent-demo', options, args: ['/opt/demo/service.mjs', 'leaky'] });
  const load = ['--network', 'host', '--read-only', '--cap-drop', 'all', '--entrypoint', 'node'];
  const args = ['/opt/demo/load.mjs', 'http://127.0.0.1:18080/checkout', '40'];
  await stage.engine.start({ name: 'load', image: 'soak-agent-demo', options: load, args });
}

async function withOrders(): Promise<Postgres> {
  const postgres = await startPostgres();
  const client = new Client(postgres.url);
  await client.connect();
  await client.query('CREATE TABLE orders (number int NOT NULL, at timestamptz NOT NULL DEFAULT now())');
  await client.end();
  return postgres;
}

describe.runIf(haveContainers)('servers beside containers', () => {
  test.runIf(havePostgres())(
    'connections are those of the process in another container, and what it does not give back fails the run',
    async () => {
      await using postgres = await withOrders();
      await using stage = new Stage();
      await shop(stage, postgres.url);
      await stage.agent(['--target', 'shop=port:18080', '--postgres', `orders=${postgres.url}`, '--duration', '2m']);
      const page = await until(
        () => stage.page('/metrics'),
        (text) => /^soak_pool_connections\{/m.test(text),
        60,
      );
      expect(page).toMatch(/^soak_pool_join_ratio\{[^}]*\} (0\.[89]|1)/m);
      await stage.says(/serving the final state/, 'agent', 180);
      expect(stage.verdict()!.findings.map(({ kind }) => kind)).toContain('pool_leak');
      expect(stage.verdict()!.outcome).toBe('fail');
    },
  );

  test.runIf(havePostgres())('without a shared pid namespace: pages, servers and probes are judged', async () => {
    await using postgres = await withOrders();
    await using stage = new Stage();
    await shop(stage, postgres.url);
    writeFileSync(join(stage.runs, 'soak.yaml'), SIGNALS);
    await stage.agent(
      [
        '--config',
        '/runs/soak.yaml',
        '--postgres',
        `orders=${postgres.url}`,
        '--probe',
        'http://127.0.0.1:18080/health',
        '--duration',
        '75s',
      ],
      { more: [] },
    );
    await stage.says(/serving the final state/, 'agent', 120);
    const verdict = stage.verdict()!;
    for (const id of ['shop signal.memory', 'shop signal.fds']) expect(verdict.series.map((series) => series.id)).toContain(id);
    // Nothing of a process can be read, and nothing is pretended to be.
    expect(verdict.series.filter(({ metric }) => /^(process\.|soak\.process\.)/.test(metric))).toEqual([]);
    // Such a run may fail, and passes only for what --require names.
    expect(verdict.reasons.join('\n')).toMatch(/^no process was seen, so neither memory nor descriptors are judged/m);
    expect(verdict.outcome).not.toBe('pass');
    expect(verdict.findings.some(({ kind }) => kind === 'work')).toBe(false); // requests on the page are proof of work
  });
});
