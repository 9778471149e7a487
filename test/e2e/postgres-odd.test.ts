/** Servers that speak as Postgres does and are not what we know: of a version to come, of another kind, with absurd figures, and cut off. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Answer, type Cell, PID, type Rows, rowsOf, type ScriptedPostgres, scriptedPostgres } from '../servers/scripted-postgres.ts';
import type { Watch } from '../watch.ts';
import { blindOf, spec, watch, watching } from './watching-postgres.ts';

let server: ScriptedPostgres | null = null;

afterEach(async () => {
  await server?.stop();
  server = null;
});

const isFacts = (statement: string): boolean => statement.includes('version() AS product');
const isSessions = (statement: string): boolean => statement.includes('FROM pg_stat_activity WHERE');

function facts(change: Readonly<Record<string, Cell>> = {}): Answer {
  const known = {
    product: 'PostgreSQL 99.1 on x86_64',
    version: '99.1',
    user: 'soak',
    database: 'd',
    started: 1,
    pid: PID,
    standby: false,
  };
  return [{ ...known, reads_all: true, sessions: 97, xid_max: 2e8, mxid_max: 4e8, slot_max: null, block_size: 8192, own_memory: false, ...change }]; // prettier-ignore
}

const SESSION = { pid: 7, kind: 'client backend', started: 5, opened: 12, address: '127.0.0.1', port: 40_534, user: 'app', database: 'd' };
const ACTIVE = { application: 'api', state: 'idle', waits: null, changed: 2, transaction: null, asked: 2, clock: 1000, xmin: null, hash: 'a', listens: false }; // prettier-ignore
const SESSIONS = packed([{ ...SESSION, ...ACTIVE }]);

/** As the question about sessions has them answered. */
function packed(rows: Rows): Rows {
  return rows.map((row) => ({ packed: Object.values(row).map((cell) => (cell === null ? '\u0018' : String(cell))).join('\u001f') })); // prettier-ignore
}

async function watched(answer: (statement: string) => Answer, run: (made: Watch) => Promise<void>): Promise<void> {
  server = await scriptedPostgres(answer);
  await watching(watch([spec(server.url)]), run);
}

describe('a server that is not as we know them', () => {
  test('of a version to come tells what it still knows; what it knows no more is told once, and not asked again', async () => {
    const answer = (statement: string): Answer =>
      isFacts(statement)
        ? facts()
        : isSessions(statement)
          ? SESSIONS
          : /pg_attribute|pg_extension/.test(statement)
            ? []
            : { error: '42703' };
    await watched(answer, async (made) => {
      await made.tick();
      expect(made.ctx.servers.all()[0]).toMatchObject({ version: 'PostgreSQL 99.1', availability: { state: 'up' } });
      expect(made.value('db postgresql.connections{state="idle",application="api"}')).toBe(1);
      const told = blindOf(made);
      expect(told.filter((message) => message.includes('it is refused (SQLSTATE 42703)')).length).toBeGreaterThan(8);
      const asked = server!.received.length;
      await made.tick();
      expect(server!.received.slice(asked).filter((statement) => !isSessions(statement))).toEqual([]);
      expect(blindOf(made)).toEqual(told);
      expect(made.kinds('server_down')).toEqual([]);
    });
  });

  test('of another kind is told to be one', async () => {
    const answer = (statement: string): Answer => (isFacts(statement) ? facts({ product: 'CockroachDB CCL v26.1' }) : []);
    await watched(answer, async (made) => {
      await made.tick();
      expect(made.kinds('server_down').map(({ message, data }) => [message, data['class']])).toEqual([
        ['db (db) does not answer: what it answers is not understood: it speaks as Postgres does, but it is none', 'protocol'],
      ]);
    });
  });

  test.each<[string, Cell]>([
    ['below zero', -5e9],
    ['without end', Infinity],
    ['no number', NaN],
    ['words', 'many'],
    ['nothing', null],
    ['beyond all numbers', '9'.repeat(400)],
  ])('with figures that are %s invents none', async (_what, cell) => {
    const columns = (statement: string): string[] => [...statement.matchAll(/ AS "?(\w+)"?/g)].map(([, name]) => name!);
    const sessions = packed([Object.fromEntries(Object.keys({ ...SESSION, ...ACTIVE }).map((name) => [name, cell]))]);
    const absurd = (statement: string): Answer =>
      isSessions(statement) ? sessions : [Object.fromEntries(columns(statement).map((name) => [name, cell]))];
    const answer = (statement: string): Answer =>
      isFacts(statement) ? facts() : /pg_attribute|pg_extension/.test(statement) ? [] : absurd(statement);
    await watched(answer, async (made) => {
      for (let i = 0; i < 2; i++) {
        await made.tick();
        expect(made.ctx.servers.all()[0]!.availability.state).toBe('up');
        // Limits come from the facts of the server, which are sound here.
        for (const [name, value] of Object.entries(made.values))
          expect(Number.isFinite(value) && value >= 0 && value <= 4e8, name).toBe(true);
        made.skip(610);
      }
      expect(made.kinds('source_failed')).toEqual([]);
    });
  });

  test('that breaks off in the middle of an answer is an outage that ends', async () => {
    const half = (after: 'end' | 'silence'): Answer => ({ bytes: rowsOf(SESSIONS).subarray(0, 40), after });
    let how: 'end' | 'silence' | null = null;
    const answer = (statement: string): Answer => {
      if (isFacts(statement)) return facts();
      if (isSessions(statement)) return how === null ? SESSIONS : half(how);
      return [];
    };
    await watched(answer, async (made) => {
      await made.tick();
      expect(made.value('db soak.server.up')).toBe(1);
      for (const [after, why] of [
        ['end', 'reset'],
        ['silence', 'timeout'],
      ] as const) {
        // prettier-ignore
        how = after;
        await made.until(`it is down by ${why}`, () => made.value('db soak.server.up') === 0);
        expect(made.kinds('server_down').at(-1)!.data['class']).toBe(why);
        expect(made.value('db postgres.connections')).toBeUndefined();
        how = null;
        await made.until('it is up', () => made.value('db soak.server.up') === 1);
      }
      expect(made.kinds('server_up')).toHaveLength(2);
    });
  });
});
