/** An outage of both servers under a real application: how long after it its connections and what is asked over them were back, and rules on that. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Tick } from '../../src/tick.ts';
import { havePostgres, startPostgres } from '../servers/postgres.ts';
import { haveRedis, startRedis } from '../servers/redis.ts';
import { eventsOf, reading, Stage, until } from './agent-under-test.ts';
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
    // By the clock: a busy machine asks no less.
    await new Promise((resolve) => setTimeout(resolve, 100 - (Date.now() % 100)));
  }
};
user();
user();
console.log(JSON.stringify({ ready: true }));`;

/** What tells how much is asked of each server. */
const ASKED = ['postgresql.transactions', 'redis.commands.processed'];

/** How often that has been read since a run time: of the one that was read less often. */
function readings(folder: string, since: number): number {
  return reading(folder, (reader) => {
    const counts = ASKED.map((name) => {
      const ids = new Set(reader.series().flatMap(({ def, id }) => (def.name === name ? [id] : [])));
      const isRead = ({ samples: { length, series, at } }: Tick): boolean =>
        series.subarray(0, length).some((id, i) => ids.has(id) && at[i]! > since);
      return [...reader.ticks()].filter(isRead).length;
    });
    return Math.min(...counts);
  });
}

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
    const folder = await agent.recording();
    // Rates of five readings say what is normal.
    await until(
      () => readings(folder, 0),
      (count) => count > 6,
      120,
    );
    await Promise.all([postgres.restart(5), redis.restart(5)]);
    const up = (): number[] => eventsOf(folder).flatMap(({ kind, t }) => (kind === 'server_up' ? [t] : []));
    const since = Math.max(...(await until(up, ({ length }) => length === 2)));
    await until(
      () => readings(folder, since),
      (count) => count >= 4,
      120,
    );
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
