/** A primary and its standby, both watched: what each tells, and what becomes of it when one goes away or is promoted. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Postgres, POSTGRES_MAJORS, startPostgres, startStandby } from '../servers/postgres.ts';
import type { Watch } from '../watch.ts';
import { blindOf, connect, ROLES, spec, sql, watch, watching } from './watching-postgres.ts';

const SOON = { timeout: 60_000, interval: 100 };

describe.each(POSTGRES_MAJORS)('a standby of Postgres %i', (major) => {
  let primary: Postgres;
  let standby: Postgres;

  beforeAll(async () => {
    primary = await startPostgres({ major, settings: { max_slot_wal_keep_size: '1MB' } });
    await sql(primary, ...ROLES, 'CREATE TABLE t (id int PRIMARY KEY)', "SELECT pg_create_physical_replication_slot('kept', true)");
    standby = await startStandby(primary, 'copy', { primary_slot_name: 'kept', max_standby_streaming_delay: 0 });
  });

  afterAll(async () => {
    await standby.stop();
    await primary.stop();
  });

  const both = (): Watch => watch([spec(primary.urlOf('soak')), spec(standby.urlOf('soak'), { name: 'copy' })]);
  /** The value at the next round. */
  const next = async (made: Watch, label: string): Promise<number | undefined> => (await made.tick(), made.value(label));
  const changes = (made: Watch): unknown[] => made.kinds('server_changed').map(({ target, data }) => [target, data['what']]);

  test('tells of the link, and of no rows that it does not count', async () => {
    await watching(both(), async (made) => {
      await expect.poll(() => next(made, 'copy postgresql.standby.linked'), SOON).toBe(1);
      await sql(primary, 'INSERT INTO t SELECT generate_series(1, 1000)');
      await expect.poll(() => next(made, 'copy postgresql.standby.replay_age'), SOON).toBeGreaterThan(0);
      made.skip(610);
      await made.tick();
      expect(made.values).toMatchObject({
        'db postgresql.replicas': 1,
        'db postgresql.slot.inactive': 0,
        'db postgresql.slot.lost': 0,
        'db postgres.replica_lag{replication_client="copy"}': expect.any(Number) as number,
        'db postgres.slot_wal{slot="kept"}': expect.any(Number) as number,
        'copy postgresql.replicas': 0,
        'copy postgresql.conflicts': 0,
        'copy postgresql.standby.pending_wal': expect.any(Number) as number,
        'copy postgresql.table.size{db.collection.name="public.t"}': expect.any(Number) as number,
      });
      const names = Object.keys(made.values);
      expect(names.filter((name) => /^copy .*rows/.test(name))).toEqual([]);
      expect(names.filter((name) => /^db .*(standby|conflicts)/.test(name))).toEqual([]);
      expect(blindOf(made).filter((message) => !message.includes('pg_stat_statements'))).toEqual([]);
    });
  });

  test('that replays late is told on both sides', async () => {
    await watching(both(), async (made) => {
      await sql(standby, 'SELECT pg_wal_replay_pause()');
      await sql(primary, 'INSERT INTO t SELECT generate_series(2001, 3000)');
      await expect.poll(() => next(made, 'copy postgresql.standby.pending_wal'), SOON).toBeGreaterThan(10_000);
      expect(made.value('db postgres.replica_lag{replication_client="copy"}')).toBeGreaterThan(10_000);
      await sql(standby, 'SELECT pg_wal_replay_resume()');
      await expect.poll(() => next(made, 'copy postgresql.standby.pending_wal'), SOON).toBe(0);
      await expect.poll(() => next(made, 'db postgres.replica_lag{replication_client="copy"}'), SOON).toBe(0);
      expect(changes(made)).toEqual([]);
    });
  });

  test('that cancels a query for its replay counts it', async () => {
    const reader = await connect(standby.url);
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t');
    await watching(both(), async (made) => {
      expect(await next(made, 'copy postgresql.conflicts')).toBe(0);
      await sql(primary, 'DELETE FROM t', 'VACUUM t');
      await expect.poll(() => next(made, 'copy postgresql.conflicts'), SOON).toBe(1);
      expect(made.kinds('server_down')).toEqual([]);
    });
    await reader.end().catch(() => {});
  });

  test('that has lost its primary is no outage of its own', async () => {
    await watching(both(), async (made) => {
      const written: number[] = [];
      const linked = async (): Promise<number | undefined> => {
        const is = await next(made, 'copy postgresql.standby.linked');
        written.push(made.value('copy postgresql.wal.bytes') ?? NaN);
        return is;
      };
      await expect.poll(linked, SOON).toBe(1);
      await primary.down();
      await expect.poll(linked, SOON).toBe(0);
      expect(made.value('copy soak.server.up')).toBe(1);
      await expect.poll(async () => (await made.tick(), made.kinds('server_down').map(({ target }) => target)), SOON).toEqual(['db']);
      await standby.restart();
      await linked();
      await primary.up();
      await expect.poll(linked, { ...SOON, interval: 5 }).toBe(1);
      expect(written).toEqual(written.toSorted((a, b) => a - b));
      const links = made.kinds('server_changed').filter(({ data }) => data['what'] === 'link');
      expect(links.map(({ target, data }) => [target, data['linked']])).toEqual([['copy', false], ['copy', true]]); // prettier-ignore
    });
  });

  test('that is gone leaves a slot that keeps the log until it is lost', async () => {
    await watching(both(), async (made) => {
      await expect.poll(() => next(made, 'db postgresql.replicas'), SOON).toBe(1);
      await standby.down();
      await expect.poll(() => next(made, 'db postgresql.replicas'), SOON).toBe(0);
      expect(made.value('db postgresql.slot.inactive')).toBe(1);
      expect(made.value('db postgresql.slot.lost')).toBe(0);
      await sql(primary, 'INSERT INTO t VALUES (-1)', 'SELECT pg_switch_wal()', 'INSERT INTO t VALUES (-2)', 'SELECT pg_switch_wal()');
      expect(await next(made, 'db postgres.slot_wal{slot="kept"}')).toBeGreaterThan(16_000_000);
      await sql(primary, 'CHECKPOINT');
      await expect.poll(() => next(made, 'db postgresql.slot.lost'), SOON).toBe(1);
      await standby.up();
    });
  });

  test('that is promoted is a primary from the next round on', async () => {
    await watching(both(), async (made) => {
      const before = (await next(made, 'copy postgresql.wal.bytes'))!;
      const xid = made.value('copy postgres.xid_age')!;
      await sql(standby, 'SELECT pg_promote()');
      await expect.poll(async () => (await made.tick(), changes(made)), SOON).toContainEqual(['copy', 'role']);
      made.skip(610);
      await made.tick();
      expect(made.kinds('server_down')).toEqual([]);
      expect(made.kinds('server_changed').find(({ data }) => data['what'] === 'role')?.message).toBe('copy is a primary now');
      expect(Object.keys(made.values).filter((name) => /^copy .*(standby|conflicts)/.test(name))).toEqual([]);
      expect(made.value('copy postgresql.rows{state="live"}')).toBeGreaterThanOrEqual(0);
      expect(made.value('copy postgres.xid_age')! - xid).toBeLessThan(5);
      const written = made.value('copy postgresql.wal.bytes')! - before;
      expect(written).toBeGreaterThanOrEqual(0);
      expect(written).toBeLessThan(20_000_000); // a promotion begins a segment
    });
  });
});
