/** The source of Postgres against real servers. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GaugeSpec } from '../../src/servers.ts';
import { havePostgres, type Postgres, POSTGRES_MAJORS, startPostgres } from '../servers/postgres.ts';
import { blindOf, connect, ROLES, spec, sql, watch, watching } from './watching-postgres.ts';

describe.each(POSTGRES_MAJORS)('Postgres %i', (major) => {
  let server: Postgres;
  const clients: pg.Client[] = [];

  beforeAll(async () => {
    const settings = {
      shared_preload_libraries: 'pg_stat_statements',
      max_prepared_transactions: 5,
      wal_level: 'logical',
      log_statement: 'all',
    };
    server = await startPostgres({ major, settings });
    const table = 'CREATE TABLE t (id serial PRIMARY KEY, queue text)';
    const rows = "INSERT INTO t (queue) SELECT 'q' || g % 3 FROM generate_series(1, 300) g";
    await sql(server, ...ROLES, 'CREATE EXTENSION pg_stat_statements', table, rows, 'GRANT SELECT ON t TO soak');
  });

  afterAll(async () => {
    for (const client of clients) await client.end();
    await server.stop();
  });

  test('gives sessions as they are', async () => {
    const [idle, busy, open, listener] = await Promise.all(['idle', 'busy', 'open', 'listener'].map((name) => connect(server.url, name)));
    clients.push(idle!, busy!, open!, listener!);
    await idle!.query('SELECT 1');
    await open!.query('BEGIN');
    await open!.query('LOCK TABLE t');
    await listener!.query('LISTEN x');
    const waits = busy!.query('SELECT count(*) FROM t');
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      const [watched] = made.ctx.servers.all();
      const list = await watched!.sessions(new AbortController().signal);
      expect(list?.complete).toBe(true);
      const by = new Map(list!.sessions.map((session) => [session.application, session]));
      const port = (client: pg.Client): number =>
        (client as unknown as { connection: { stream: { localPort: number } } }).connection.stream.localPort;
      expect(by.get('idle')).toMatchObject({
        state: 'idle',
        peer: { address: '127.0.0.1', port: port(idle!) },
        user: 'postgres',
        database: 'postgres',
      });
      expect(by.get('idle')).toMatchObject({
        listens: false,
        ours: false,
        transactionAt: null,
        queryHash: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      });
      expect(by.get('open')).toMatchObject({ state: 'idle_in_transaction', transactionAt: expect.any(Number) as number });
      expect(by.get('busy')?.state).toBe('waiting_lock');
      expect(by.get('listener')).toMatchObject({ listens: true, state: 'idle' });
      expect(by.get('soak-agent')).toMatchObject({ ours: true });
      for (const { openedAt, changedAt } of list!.sessions) expect(openedAt! <= changedAt! && changedAt! <= list!.at + 1).toBe(true);
      expect(made.value('db postgresql.connections{state="waiting_lock",application="busy"}')).toBe(1);
      expect(made.value('db postgres.connections')).toBe(5);
      expect([made.value('db postgres.lock_waiters'), made.value('db postgresql.connection.max')]).toEqual([1, 97]);
      expect(made.value('db postgres.idle_in_transaction')).toBeGreaterThan(0);
      expect(watched).toMatchObject({ system: 'postgresql', sessionLimit: 97, endpoints: [{ address: '127.0.0.1', port: server.port }] });
      expect(watched?.availability.state).toBe('up');
    });
    await open!.query('ROLLBACK');
    await waits;
  });

  test('tells what it is asked, each round, each minute and every ten', async () => {
    const client = await connect(server.url);
    await client.query("BEGIN; INSERT INTO t (queue) VALUES ('p'); PREPARE TRANSACTION 'x'");
    await client.query("SELECT pg_create_physical_replication_slot('kept', true)");
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      const round = async (): Promise<number> => {
        made.skip(610);
        for (let i = 0; i < 30; i++) await client.query('SELECT count(*) FROM t WHERE id > $1', [i]);
        await client.query('UPDATE t SET queue = queue');
        await made.tick();
        return made.value('db postgresql.table.dead_rows{db.collection.name="public.t"}') ?? 0;
      };
      // A backend tells the statistics what it did when it pleases, some second later.
      await expect.poll(round, { interval: 500 }).toBeGreaterThan(0);
      await expect.poll(async () => (await round(), made.value('db postgresql.commits')), { interval: 500 }).toBeGreaterThan(0);
      const { values } = made;
      const names = [
        'soak.server.up',
        'postgresql.commits',
        'postgresql.wal.bytes',
        'postgres.xid_age',
        'postgresql.wraparound.xid_age.max',
      ];
      const slow = ['postgresql.backends.memory.private', 'postgres.size{db.namespace="postgres"}', 'postgresql.rows{state="dead"}'];
      const tables = [
        'postgresql.table.dead_rows{db.collection.name="public.t"}',
        'postgresql.table.size{db.collection.name="other"}',
        'postgresql.table.total_size{db.collection.name="public.t"}',
        'postgres.transactions{db.namespace="postgres"}',
      ];
      for (const name of [...names, ...slow, ...tables]) expect(values[`db ${name}`], name).toBeGreaterThan(0);
      expect(values['db postgresql.prepared_transactions']).toBe(1);
      expect(values['db postgresql.slot.inactive']).toBe(1);
      expect(values['db postgres.slot_wal{slot="kept"}']).toBeGreaterThanOrEqual(0);
      expect('db postgresql.slot.retained_wal.max' in values).toBe(false); // slots may keep any amount
      expect(values['db postgresql.vacuum.running']).toBe(0);
      expect('db postgresql.sessions' in values).toBe(major >= 14);
      expect('db postgresql.evictions' in values).toBe(major >= 16);
      expect((values['db postgresql.io{backend="client",direction="write"}'] ?? 0) > 0).toBe(major >= 16);
      expect('db postgresql.agent_backend.memory' in values).toBe(major >= 15);
      const statements = Object.keys(values).filter((name) => name.startsWith('db postgres.statement_time'));
      expect(statements.length).toBeGreaterThan(0);
      expect(blindOf(made)).toEqual([expect.stringContaining('GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO soak')]);
    });
    await client.query("ROLLBACK PREPARED 'x'");
    await client.query("SELECT pg_drop_replication_slot('kept')");
    await client.end();
  });

  test('sees a vacuum at work, and when the last one was', async () => {
    await sql(server, "CREATE TABLE v AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 600)", 'ANALYZE v');
    const vacuum = await connect(server.url);
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      await vacuum.query('SET vacuum_cost_delay = 20; SET vacuum_cost_limit = 1');
      const done = vacuum.query('VACUUM v');
      const later = async (seconds: number, label: string): Promise<number | undefined> => {
        made.skip(seconds);
        await made.tick();
        return made.value(`db ${label}`);
      };
      await expect.poll(() => later(61, 'postgresql.vacuum.running'), { interval: 50 }).toBe(1);
      expect(made.value('db postgresql.vacuum.max_age')).toBeGreaterThan(0);
      expect(made.value('db postgresql.vacuum.index_passes')).toBe(0);
      await done;
      expect(await later(61, 'postgresql.vacuum.running')).toBe(0);
      const age = (): Promise<number | undefined> => later(610, 'postgresql.table.vacuum_age{db.collection.name="public.v"}');
      await expect.poll(age, { interval: 200 }).toBeLessThan(60);
    });
    await vacuum.end();
    await sql(server, 'DROP TABLE v');
  });

  test('says which right is missing, and certifies nothing without it', async () => {
    const other = await connect(server.url, 'hidden');
    await watching(watch([spec(server.urlOf('bare'))]), async (made) => {
      await made.tick();
      const list = await made.ctx.servers.all()[0]!.sessions(new AbortController().signal);
      expect(list?.complete).toBe(false);
      expect(list?.sessions.find(({ ours }) => !ours)).toMatchObject({ state: 'unknown', peer: null, queryHash: null, openedAt: null });
      expect(blindOf(made)).toContain(
        'postgresql.connections of db cannot be read: the user bare sees the states of its own sessions only; GRANT pg_monitor TO bare',
      );
      expect(blindOf(made).join('\n')).toContain('GRANT pg_monitor TO bare');
      expect(made.value('db postgres.transaction_age')).toBeUndefined();
      expect(made.value('db postgresql.commits')).toBeDefined();
    });
    await other.end();
  });

  test('asks gauges, and explains those that it cannot', async () => {
    const gauge = (name: string, query: string): GaugeSpec => ({ name, query, growth: 'none', limit: null });
    const gauges = [
      gauge('one', 'SELECT count(*) FROM t -- all of them'),
      gauge('rows', 'SELECT queue, count(*) FROM t GROUP BY 1;'),
      gauge('nothing', 'SELECT max(id) FROM t WHERE false'),
      gauge('slow', 'SELECT count(*) FROM pg_sleep(5)'),
      gauge('words', "SELECT 'many'"),
      gauge('writes', 'WITH d AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM d'),
      gauge('calls', "SELECT nextval('t_id_seq')"),
      gauge('two', 'SELECT 1) AS x; DELETE FROM t; SELECT (1'),
      gauge('gone', 'SELECT * FROM nowhere'),
      gauge('many', 'SELECT g, g FROM generate_series(1, 1000000) g'),
      gauge('secret', 'SELECT count(*) FROM pg_authid'),
    ];
    await watching(watch([spec(server.url, { gauges })]), async (made) => {
      const values: Record<string, number> = {};
      for (let round = 0; round < 4; round++) {
        await made.tick();
        Object.assign(values, made.values);
      }
      expect(values).toMatchObject({
        'db gauge.one': 301 - 1,
        'db gauge.rows{key="q0"}': 100,
        'db gauge.rows{key="q2"}': 100,
        'db gauge.many{key="20"}': 20,
      });
      expect('db gauge.many{key="21"}' in values || 'db gauge.nothing' in values).toBe(false);
      const why = Object.fromEntries(made.kinds('blind').map(({ data }) => [String(data['metric']), String(data['reason'])]));
      expect(why['soak.gauge.slow']).toContain('it takes longer than 2 s');
      expect(why['soak.gauge.words']).toContain('no number');
      expect(why['soak.gauge.writes']).toContain('it writes, and the agent only reads');
      expect(why['soak.gauge.calls']).toContain('it writes, and the agent only reads');
      expect(why['soak.gauge.two']).toContain('cannot insert multiple commands');
      expect(why['soak.gauge.gone']).toContain('relation "nowhere" does not exist');
      expect(made.kinds('cap').map(({ message }) => message)).toEqual([expect.stringContaining('gauge many of db than 20')]);
      expect(made.value('db soak.server.up')).toBe(1);
    });
    await watching(watch([spec(server.urlOf('bare'), { gauges: [gauge('one', 'SELECT count(*) FROM t')] })]), async (made) => {
      await made.tick();
      expect(blindOf(made).join('\n')).toContain('permission denied for table t: GRANT SELECT ON t TO bare');
    });
    await sql(server, "DO $$ BEGIN ASSERT (SELECT count(*) FROM t) = 300, 'rows are gone'; END $$");
  });

  test('leaves one session and one line of the log a round, and is read-only', async () => {
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      const from = server.log.length;
      for (let round = 0; round < 3; round++) await made.tick();
      const lines = server.log
        .slice(from)
        .split('\n')
        .filter((line) => line.includes('LOG:  statement'));
      expect(lines.length).toBe(3);
      expect(made.ctx.servers.all()[0]?.sessionLimit).toBe(97);
    });
  });

  test('tells that a setting has changed, and which', async () => {
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      await sql(server, "ALTER SYSTEM SET work_mem = '7MB'", 'SELECT pg_reload_conf()');
      await expect
        .poll(async () => {
          made.skip(610);
          await made.tick();
          return made.kinds('server_changed').map(({ message }) => message);
        })
        .toEqual(['the setting work_mem of db changed']);
      await sql(server, 'ALTER SYSTEM RESET work_mem');
    });
  });
});

describe.runIf(havePostgres())('an outage', () => {
  let server: Postgres;

  beforeAll(async () => {
    server = await startPostgres();
    await sql(server, ...ROLES);
  });

  afterAll(() => server.stop());

  test('of a stop has a start, an end and a class, and a restart is told', async () => {
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      await server.down();
      await made.until('it is down', () => made.value('db soak.server.up') === 0);
      const [watched] = made.ctx.servers.all();
      expect(watched?.availability).toMatchObject({ state: 'down', why: 'refused' });
      expect(await watched!.sessions(new AbortController().signal)).toBeNull();
      await server.up();
      await made.until('it is up', () => made.value('db soak.server.up') === 1);
      expect(made.kinds('server_down')[0]).toMatchObject({ target: 'db', data: { server: 'db', class: 'refused' } });
      expect(made.kinds('server_up')).toHaveLength(1);
      expect(made.kinds('server_changed').map(({ data }) => data['what'])).toEqual(['restart']);
    });
  });

  test('of a frozen server ends in time, and leaves no session behind', async () => {
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      server.freeze();
      await made.tick();
      expect(made.ctx.servers.all()[0]?.availability).toMatchObject({ state: 'down', why: 'timeout' });
      server.thaw();
      await made.until('it is up', () => made.value('db soak.server.up') === 1);
      const counting = await connect(server.url);
      const count = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'soak-agent'";
      await expect.poll(async () => (await counting.query<{ n: number }>(count)).rows[0]?.n).toBe(1);
      await counting.end();
    });
  });

  test('is not that somebody ends our session', async () => {
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await made.tick();
      await sql(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soak-agent'");
      await made.until('there is another one', () => made.value('db soak.server.up') === 1);
      expect(made.kinds('server_down')).toEqual([]);
    });
  });

  test('is that no session is left', async () => {
    const small = await startPostgres({ settings: { max_connections: 5, superuser_reserved_connections: 3, max_wal_senders: 0 } });
    try {
      await sql(small, ...ROLES, 'ALTER ROLE soak CONNECTION LIMIT -1');
      const taken = [await connect(small.urlOf('bare')), await connect(small.urlOf('bare'))];
      await watching(watch([spec(small.urlOf('soak'))]), async (made) => {
        await made.tick();
        expect(made.kinds('server_down')[0]).toMatchObject({ data: { class: 'too_many_connections' } });
        for (const client of taken) await client.end();
        await made.until('it is up', () => made.value('db soak.server.up') === 1);
        expect(made.value('db postgresql.connection.max')).toBe(2);
      });
    } finally {
      await small.stop();
    }
  });
});
