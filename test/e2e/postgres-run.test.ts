/** Whole runs with a Postgres beside the target, and what doctor says of one. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePostgres, type Postgres, startPostgres } from '../servers/postgres.ts';
import { installed, Stage, until } from './agent-under-test.ts';
import { connect } from './watching-postgres.ts';

const PASSWORD = 'hunter2:hunter2';

describe.runIf(havePostgres() && installed('gcc')).concurrent('a run', () => {
  let server: Postgres;

  beforeAll(async () => {
    server = await startPostgres({ password: PASSWORD });
    const client = await connect(server.url);
    await client.query('CREATE TABLE outbox (id serial); INSERT INTO outbox SELECT FROM generate_series(1, 500)');
    await client.query(`CREATE ROLE bare LOGIN PASSWORD '${PASSWORD}'`);
    await client.end();
  });

  afterAll(() => server.stop());

  test('judges a gauge by its limit, follows an outage, and keeps the password to itself', async () => {
    await using stage = new Stage();
    const own = await startPostgres({ password: PASSWORD });
    try {
      const service = await stage.service();
      const file = join(stage.folder, 'soak.yaml');
      const gauges = `[{name: outbox, query: SELECT count(*) FROM outbox, growth: leak, limit: 400}]`;
      const url = (of: Postgres): string => of.url.replace(`:${encodeURIComponent(PASSWORD)}`, '');
      const orders = `{name: orders, url: "${url(server)}", password: "\${PW}", gauges: ${gauges}}`;
      writeFileSync(file, `postgres:\n  - ${orders}\n  - {name: other, url: "${url(own)}", password: "\${PW}"}\n`);
      const agent = await stage.watching(['--target', `app=${service.pid}`, '--config', file, '--duration', '1h', '--log-level', 'debug'], {
        env: { PW: PASSWORD },
      });
      const page = async (): Promise<string> => (await agent.page('/metrics')).text;
      await until(page, (text) => /soak_server_up\{.*soak_target="other"\} 1/.test(text));
      await own.down();
      await until(page, (text) => /soak_server_up\{.*soak_target="other"\} 0/.test(text));
      await own.up();
      const text = await until(page, (seen) => /soak_server_up\{.*soak_target="other"\} 1/.test(seen));
      expect(text).toMatch(/soak_gauge_outbox\{.*soak_target="orders"\} 500/);
      await agent.end('SIGINT');
      const result = await agent.result();
      expect([result.code, result.verdict.outcome]).toEqual([10, 'fail']);
      expect(result.reasons).toContain('orders: gauge.outbox < 400');
      expect(result.reasons).not.toMatch(/(orders|other)\b.*(must be seen|shows work)/); // a server is no program under test
      expect(result.events('server_down').map(({ target, data }) => [target, data['class']])).toEqual([['other', 'refused']]);
      expect(result.events('server_up')).toHaveLength(1);
      const left = readdirSync(result.folder).map((name) => readFileSync(join(result.folder, name), 'latin1'));
      for (const kept of [...left, agent.out, agent.err, text]) expect(kept).not.toMatch(/hunter2|postgres:\/\//);
      const again = await stage.command('replay', result.folder, '--rule', 'orders: gauge.outbox < 600');
      expect(again.out).not.toContain('gauge.outbox <');
    } finally {
      await own.stop();
    }
  });

  test('with a password in a flag does not begin', async () => {
    await using stage = new Stage();
    const { code, err } = await stage.command('run', '--target', '1', '--postgres', server.url);
    expect(code).toBe(64);
    expect(err).toMatch(/^--postgres: has a password in it/);
    expect(err).not.toContain('hunter2');
  });

  test('is prepared by doctor, which prints what is missing', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const file = join(stage.folder, 'soak.yaml');
    const url = server.urlOf('bare', { password: PASSWORD });
    writeFileSync(file, `postgres: ["orders=${url}", "gone=postgresql://u@127.0.0.1:1/d"]\n`);
    const { out } = await stage.command('doctor', '--target', `app=${service.pid}`, '--config', file, '--listen', 'off');
    expect(out).toContain(`orders = 127.0.0.1:${server.port}/postgres\n  PostgreSQL ${server.major}`);
    expect(out).toMatch(/^ {6}GRANT pg_monitor TO bare;$/m);
    expect(out).toMatch(/^ {6}CREATE EXTENSION pg_stat_statements;$/m);
    expect(out).toContain('gone = 127.0.0.1:1/d\n  gone (127.0.0.1:1/d) does not answer: it refuses connections');
    expect(out).not.toContain('hunter2');
  });
});
