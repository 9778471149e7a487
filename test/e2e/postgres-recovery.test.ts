/** An outage of both servers under a real application: how long after it its connections and what is asked over them were back, and rules on that. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { havePostgres, startPostgres } from '../servers/postgres.ts';
import { haveRedis, startRedis } from '../servers/redis.ts';
import { Stage, until } from './agent-under-test.ts';
import { sql } from './watching-postgres.ts';

/** Two users of a pool and of Redis. Statements must touch a table: Postgres does not count the others until one does. */
const SERVICE = `
const { default: pg } = await import('${import.meta.resolve('pg')}');
const { Redis } = await import('${import.meta.resolve('ioredis')}');
const pool = new pg.Pool({ connectionString: process.argv[1], max: 4 });
const redis = new Redis(process.argv[2], { maxRetriesPerRequest: 1 });
for (const one of [pool, redis]) one.on('error', () => {});
const user = async () => {
  for (;;) {
    await pool.query('SELECT count(*) FROM work').catch(() => {});
    await redis.incr('served').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
user();
user();
console.log(JSON.stringify({ ready: true }));`;

describe.runIf(havePostgres() && haveRedis())('an outage of the servers', () => {
  test('is over for a target when its connections and what it asks are back', async () => {
    await using stage = new Stage();
    await using postgres = await startPostgres();
    await using redis = await startRedis();
    await sql(postgres, 'CREATE TABLE work (id int)');
    const app = await stage.program(process.execPath, '--input-type=module', '-e', SERVICE, postgres.url, redis.url);
    const config = join(stage.folder, 'soak.yaml');
    writeFileSync(config, `postgres: ["db=${postgres.url}"]\nredis: ["cache=${redis.url}"]\n`);
    const rules = ['--rule', 'recovery < 60s', '--rule', 'db: postgres.transactions recovery < 1s'];
    const agent = await stage.watching(['--target', `app=${app.pid}`, '--config', config, '--duration', '1h', ...rules]);
    const page = async (): Promise<string> => (await agent.page('/metrics')).text;
    await until(page, (text) => /^soak_server_up\{.*"db".*\} 1$/m.test(text));
    await sleep(65_000); // six readings
    const restarts = Promise.all([postgres.restart(5), redis.restart(5)]);
    await restarts;
    await sleep(40_000);
    await agent.end('SIGINT');
    const result = await agent.result();
    const outages = result.verdict.findings.filter(({ kind }) => kind === 'outage');
    expect(outages.map(({ evidence }) => evidence['server']).toSorted()).toEqual(['cache', 'db']);
    for (const { why, evidence } of outages) {
      expect(why).toMatch(/queries a second on what it uses were back [\d.]+s after the server/);
      expect(evidence['rate']).toBeGreaterThan(2);
      expect(evidence['recovery']).toBeGreaterThan(0);
      expect(evidence['recovery']).toBeLessThan(40);
    }
    const recoveries = result.verdict.findings.filter(({ kind }) => kind === 'recovery');
    const measured = recoveries.filter(({ evidence }) => !('rule' in evidence));
    expect(measured.map(({ why }) => why).join('\n')).toMatch(/db postgres\.transactions\{.*\} was back after/);
    expect(measured.map(({ why }) => why).join('\n')).toMatch(/cache redis\.commands was back after/);
    const broken = recoveries.filter(({ outcome }) => outcome === 'fail');
    expect(new Set(broken.map(({ evidence }) => evidence['rule']))).toEqual(new Set(['db: postgres.transactions recovery < 1s']));
  });
});
