import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { SeriesTable } from '../../src/series.ts';
import { withoutLiterals } from '../../src/sources/postgres-text.ts';
import { Packed } from '../../src/sources/postgres-packed.ts';
import { activityQuery, sessionsOf as sessionsAt, SESSIONS_MAX } from '../../src/sources/postgres-activity.ts';
import { ServerClock } from '../../src/sources/postgres-clock.ts';
import type { Facts } from '../../src/sources/postgres-facts.ts';
import { faultOf, Refused, Unreachable } from '../../src/sources/postgres-fault.ts';
import { Figures, Names, num } from '../../src/sources/postgres-figures.ts';
import { bounded, valuesOf } from '../../src/sources/postgres-gauges.ts';
import { BackendMemory } from '../../src/sources/postgres-memory.ts';
import { METRICS as OBJECTS } from '../../src/sources/postgres-object-metrics.ts';
import { METRICS as REPLICATION } from '../../src/sources/postgres-replication-metrics.ts';
import { findPassword } from '../../src/sources/postgres-password.ts';
import type { Row } from '../../src/sources/postgres-session.ts';
import { Drift, Statements } from '../../src/sources/postgres-statements.ts';
import { Readings } from '../readings.ts';

const FACTS = { readsAll: true, backendPid: 1 };

/** As a server of version 15 answered. */
const ROW: Row = {
  pid: 14205,
  kind: 'client backend',
  started: 1_795_261_233.110333,
  opened: 12.5,
  address: '127.0.0.1',
  port: 40534,
  user: 'app',
  database: 'orders',
  application: 'api',
  state: 'idle',
  waits: 'Client',
  changed: 2.5,
  transaction: null,
  asked: 2.6,
  xmin: null,
  hash: 'db80ae4b79b03608',
  listens: false,
};

const sessionsOf = (rows: readonly Row[], at: number, facts: Parameters<typeof sessionsAt>[2], clock = new ServerClock()) =>
  sessionsAt(rows, at, facts, clock);

const one = (change: Partial<Record<keyof typeof ROW, Row[string]>>) => sessionsOf([{ ...ROW, ...change } as Row], 100, FACTS).sessions[0];

describe('times of sessions', () => {
  test('stay where they are, however late the answer is', () => {
    const clock = new ServerClock();
    const told = (came: number, passed: number): number | null | undefined =>
      sessionsOf([{ ...ROW, clock: 5000 + passed, changed: 2.5 + passed } as Row], came, FACTS, clock).sessions[0]?.changedAt;
    expect(told(100, 0)).toBe(97.5);
    expect(told(105.9, 5)).toBe(97.5); // 0.9 s late
    expect(told(109.99, 10)).toBeCloseTo(97.49); // less late than the first
    expect(told(115.2, 15)).toBeCloseTo(97.49);
  });

  test('begin anew when a clock was set, and follow clocks that drift apart', () => {
    const clock = new ServerClock();
    expect(clock.takenAt(100, 5000)).toBe(100);
    expect(clock.takenAt(105, 8600)).toBe(105);
    expect(clock.takenAt(110, 8605)).toBe(110);
    for (let i = 1; i <= 24; i++) clock.takenAt(110 + 5.01 * i, 8605 + 5 * i);
    expect(clock.takenAt(500.25, 8995)).toBeCloseTo(500.02, 1);
    expect(clock.takenAt(600, null)).toBe(600);
  });
});

describe('a session', () => {
  test('is told in run time, by ages', () => {
    expect(one({})).toEqual({
      id: '14205.1795261233.110333',
      pid: 14205,
      peer: { address: '127.0.0.1', port: 40534 },
      user: 'app',
      database: 'orders',
      application: 'api',
      state: 'idle',
      openedAt: 87.5,
      changedAt: 97.5,
      transactionAt: null,
      queryHash: 'db80ae4b79b03608',
      listens: false,
      ours: false,
    });
  });

  test.each([
    ['active', 'Client', 'active'],
    ['active', null, 'active'],
    ['active', 'Lock', 'waiting_lock'],
    ['idle', 'Lock', 'idle'],
    ['idle in transaction', 'Client', 'idle_in_transaction'],
    ['idle in transaction (aborted)', 'Client', 'idle_in_transaction'],
    ['fastpath function call', null, 'active'],
    ['disabled', null, 'unknown'],
    [null, null, 'unknown'],
    ['starting', null, 'unknown'], // of a version to come
  ])('of state %s that waits for %s is %s', (state, waits, told) => {
    expect(one({ state, waits })?.state).toBe(told);
  });

  test('has a peer where one is told', () => {
    expect([one({ port: -1, address: null })?.peer, one({ port: null, address: null })?.peer]).toEqual(['unix', null]);
  });

  test('that is hidden makes the list incomplete; so do more than are taken, and a user who sees little', () => {
    const many = Array.from({ length: SESSIONS_MAX + 1 }, () => ROW);
    expect(sessionsOf([ROW], 0, FACTS).complete).toBe(true);
    expect(sessionsOf([ROW, { ...ROW, state: null }], 0, FACTS).complete).toBe(false);
    expect(sessionsOf(many, 0, FACTS)).toMatchObject({ complete: false, sessions: { length: SESSIONS_MAX } });
    expect(sessionsOf([ROW], 0, { ...FACTS, readsAll: false }).complete).toBe(false);
    expect(sessionsOf([{ ...ROW, kind: 'walsender' }], 0, FACTS).sessions).toEqual([]);
  });

  test('whatever a row holds: nothing is thrown, and no time is invented', () => {
    const value = fc.oneof(fc.constant(null), fc.double(), fc.string(), fc.boolean(), fc.constantFrom(NaN, -1, Infinity, 'idle', 'active'));
    const row = fc.dictionary(fc.constantFrom(...Object.keys(ROW), '__proto__'), value) as fc.Arbitrary<Row>;
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), fc.double({ min: 0, max: 1e6, noNaN: true }), (rows, at) => {
        for (const [i, session] of sessionsOf(rows, at, FACTS).sessions.entries()) {
          const given = rows.filter(({ kind }) => kind !== 'walsender')[i]!;
          if (num(given, 'opened') === null) expect(session.openedAt).toBeNull();
          else expect(session.openedAt).toBeLessThanOrEqual(at);
        }
      }),
    );
  });

  test('come packed: a text of any characters, numbers, truth, and what is NULL', () => {
    const packed = new Packed({
      a: { sql: 'a', kind: 'name' },
      b: { sql: 'b', kind: 'number' },
      c: { sql: 'c', kind: 'truth' },
      d: { sql: 'd', kind: 'text' },
    });
    // As array_to_string writes them.
    const told = (cells: readonly (string | null)[]): Row => ({ packed: cells.map((cell) => cell ?? '\u0018').join('\u001f') });
    fc.assert(
      fc.property(fc.string(), fc.option(fc.double({ noNaN: true })), fc.option(fc.boolean()), (a, b, c) => {
        const name = a.replaceAll('\u0018', '').replaceAll('\u001f', '');
        const cells = [name, b === null ? null : String(b), c === null ? null : String(c), null];
        expect(packed.rows([told(cells)])).toEqual([{ a: name, b: b === 0 ? 0 : b, c, d: null }]);
      }),
    );
    expect(packed.rows([{}, { packed: null }, { packed: 3 }, told(['a']), told(['a', '', 'x', '', ''])])).toEqual(
      Array.from({ length: 5 }, () => ({ a: null, b: null, c: null, d: null })),
    );
    expect(packed.rows([told(['', 'x', 'true', ''])])).toEqual([{ a: '', b: NaN, c: true, d: '' }]);
  });

  test('is asked for without the text of its statement, unless it is asked to be shown', () => {
    const asked = (texts: boolean): string => activityQuery(texts).sql.replaceAll(/md5\(nullif\(query, ''\)\)|query ~\* '[^']*'/g, '');
    expect(asked(false)).not.toMatch(/\bquery\b/);
    expect(asked(true)).toMatch(/\bquery\b/);
    expect(one({})).not.toHaveProperty('statement');
    expect(one({ statement: "SELECT 'secret'" })?.statement).toBe('SELECT ?');
    expect(one({ statement: '<insufficient privilege>', state: null })).not.toHaveProperty('statement');
  });
});

describe('a statement without its literals', () => {
  test.each([
    ['SELECT * FROM t WHERE id = 42 AND name = $1', 'SELECT * FROM t WHERE id = ? AND name = $1'],
    ["UPDATE users SET token = 'it''s a secret', t1 = -1.5e-3 WHERE x.y2 = .5", 'UPDATE users SET token = ?, t1 = -? WHERE x.y2 = ?'],
    [String.raw`SELECT E'it\'s secret' || 'x'`, 'SELECT ? || ?'],
    [String.raw`SELECT 'a\', 'secret'`, 'SELECT …'],
    ["SELECT $$it's secret$$, $tag$ 'secret' $$ $tag$, $2", 'SELECT ?, ?, $2'],
    ["SELECT 'cut secre", 'SELECT ?'],
    ['SELECT $a$ cut secret', 'SELECT ?'],
    ['SELECT "Column 1" -- for secret\nFROM t /* trace=secret */', 'SELECT "Column 1" FROM t'],
    ['SELECT 1 /* a /* b */ secret */', 'SELECT ? …'],
    ['COMMIT', 'COMMIT'],
    ['', ''],
    ["SELECT U&'d\\0061t' , x'1F', B'01', 0x1f, 1_000", 'SELECT U& …'],
    ['SELECT größe2 FROM t', 'SELECT größe2 FROM t'],
  ])('%j is %j', (statement, shown) => expect(withoutLiterals(statement)).toBe(shown));

  test('holds nothing of any literal, however it is cut, and is short', () => {
    const quoted = fc.string().map((text) => `'${text.replaceAll("'", "''")}SECRET'`);
    const escaped = fc.string().map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}SECRET'`);
    const dollars = fc.stringMatching(/^[a-z]{0,3}$/).map((tag) => `$${tag}$ ' SECRET " $${tag}$`);
    const parts = fc.array(fc.oneof(quoted, escaped, dollars, fc.constantFrom('SELECT', 'FROM', '"t"', ',', '(', ')', '$1')), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(parts, fc.nat(400), (all, cut) => {
        const shown = withoutLiterals(all.join(' ').slice(0, cut));
        expect(shown).not.toContain('SEC');
        expect(shown.length).toBeLessThan(210);
      }),
    );
  });
});

/** As pg throws what a server says, or what happens to the socket. */
const said = (code: string, message: string, severity = 'FATAL'): Error => Object.assign(new Error(message), { code, severity });
const system = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('a failure', () => {
  test.each<[Error, boolean, string, RegExp]>([
    [system('ECONNREFUSED'), false, 'refused', /^$/],
    [system('ENOENT'), false, 'refused', /no such socket/],
    [system('EACCES'), false, 'auth', /may not open its socket/],
    [system('ENOTFOUND'), false, 'unreachable', /no such host/],
    [system('EHOSTUNREACH'), false, 'unreachable', /^$/],
    [system('ETIMEDOUT'), true, 'timeout', /^$/],
    [new Error('timeout expired'), false, 'timeout', /^$/],
    [new Error('Query read timeout'), true, 'timeout', /^$/],
    [system('ECONNRESET'), true, 'reset', /^$/],
    [new Error('Connection terminated unexpectedly'), false, 'reset', /is it a Postgres server/],
    [new Error('received invalid response: 2d'), false, 'protocol', /is it a Postgres server/],
    [new Error('The server does not support SSL connections'), false, 'protocol', /sslmode=disable/],
    [system('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), false, 'protocol', /sslrootcert/],
    [new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'), false, 'auth', /PGPASSWORD or ~\/\.pgpass/],
    [said('28P01', 'password authentication failed for user "soak"'), false, 'auth', /password is wrong/],
    [said('28000', 'no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", no encryption'), false, 'auth', /sslmode=require/],
    [said('28000', 'no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", SSL encryption'), false, 'auth', /pg_hba\.conf/],
    [said('28000', 'role "x" does not exist'), false, 'auth', /no such user/],
    [said('3D000', 'database "x" does not exist'), false, 'auth', /no such database/],
    [said('53300', 'sorry, too many clients already'), false, 'too_many_connections', /taken/],
    [said('57P03', 'the database system is starting up'), false, 'starting_up', /^$/],
    [said('57P03', 'the database system is not accepting connections'), false, 'starting_up', /a standby that admits nobody/],
    [said('57P03', 'the database system is not yet accepting connections'), false, 'starting_up', /^$/],
    [said('57P03', 'the database system is shutting down'), false, 'shutting_down', /^$/],
    [said('57P01', 'terminating connection due to administrator command'), true, 'shutting_down', /ended the session/],
    [said('08P01', 'unsupported startup parameter: options'), false, 'protocol', /connection pooler/],
    [said('XX000', 'secret words'), false, 'protocol', /^it ends the session with SQLSTATE XX000$/],
  ])('%s is known', (error, greeted, why, detail) => {
    const fault = faultOf(error, greeted);
    expect(fault).toBeInstanceOf(Unreachable);
    expect([(fault as Unreachable).why, (fault as Unreachable).detail]).toEqual([why, expect.stringMatching(detail)]);
  });

  test('of a statement leaves the session', () => {
    expect(faultOf(said('42501', 'permission denied for table t', 'ERROR'), true)).toBeInstanceOf(Refused);
    expect(faultOf(said('57014', 'canceling statement due to statement timeout', 'ERROR'), true)).toBeInstanceOf(Refused);
    expect(faultOf(said('57P01', 'terminating', 'FATAL'), true)).toBeInstanceOf(Unreachable);
  });

  test('whatever is thrown, it has a class, and no word of a stranger', () => {
    const thrown = fc.oneof(
      fc.anything(),
      fc.record({
        code: fc.oneof(fc.string(), fc.constantFrom('28000', '08P01', 'ECONNRESET')),
        message: fc.constant('hunter2'),
        severity: fc.constantFrom('FATAL', 'ERROR', undefined),
      }),
    );
    fc.assert(
      fc.property(thrown, (error) => {
        const fault = faultOf(error, false);
        expect(fault).toBeInstanceOf(Unreachable);
        expect(fault.message).not.toContain('hunter2');
      }),
    );
  });
});

describe('a password file', () => {
  const login = { host: 'db', port: 5432, database: 'orders', user: 'soak' };

  test('is searched as libpq does', () => {
    expect(findPassword('# x\nother:5432:*:soak:no\n*:*:*:soak:first\ndb:5432:orders:soak:second\n', login)).toBe('first');
    expect(findPassword('db:5432:orders:soak:a\\:b\\\\c\r\n', login)).toBe('a:b\\c');
    expect(findPassword('db:5432:orders:soak', login)).toBeNull();
    expect(findPassword('localhost:5432:*:*:socket', { ...login, host: '/var/run/postgresql' })).toBe('socket');
    expect(findPassword('', login)).toBeNull();
  });

  test('whatever it holds, nothing is thrown', () => {
    fc.assert(fc.property(fc.string(), (text) => void findPassword(text, login)));
    fc.assert(
      fc.property(fc.stringMatching(/^[^\n\r\\:]{1,20}$/), (password) => findPassword(`db:*:*:soak:${password}`, login) === password),
    );
  });
});

describe('a gauge', () => {
  test('is a number, or labels and numbers', () => {
    expect(valuesOf({ columns: 1, rows: [['12']] })).toEqual({ values: new Map([['', 12]]), left: 0 });
    expect(valuesOf({ columns: 1, rows: [] })).toEqual({ values: new Map(), left: 0 });
    expect(valuesOf({ columns: 1, rows: [[null]] })).toEqual({ values: new Map(), left: 0 }); // no zero is invented
    expect(valuesOf({ columns: 2, rows: [['a', 1.5], [null, '-2.25'], [7, 3]] })).toEqual({ values: new Map([['a', 1.5], ['other', -2.25], ['7', 3]]), left: 0 }); // prettier-ignore
  });

  test.each([
    [{ columns: 3, rows: [[1, 2, 3]] }, '3 columns'],
    [{ columns: 1, rows: [[1], [2]] }, 'without labels'],
    [{ columns: 1, rows: [['many']] }, 'no number'],
    [{ columns: 1, rows: [[true]] }, 'no number'],
    [{ columns: 1, rows: [['NaN']] }, 'no number'],
    [{ columns: 2, rows: [['a', 1], ['a', 2]] }, 'same label twice'], // prettier-ignore
  ])('of %j is refused', (cells, why) => {
    expect(valuesOf(cells)).toEqual({ wrong: expect.stringContaining(why) as string });
  });

  test('is a part of a query of ours', () => {
    expect(bounded('SELECT 1 -- one\n ; ')).toBe('SELECT * FROM (\nSELECT 1 -- one\n) AS gauge LIMIT 21');
  });
});

describe('a statement', () => {
  test('drifts by its mean of five minutes against the first five, with enough calls in both', () => {
    const drift = new Drift();
    const ratios = [];
    for (let minute = 0; minute <= 20; minute++) {
      const slow = Math.max(0, minute - 10);
      ratios.push(drift.add({ at: minute * 60, calls: minute * 30, time: minute * 30 * 0.01 + slow * 30 * 0.01 }).ratio);
    }
    expect([ratios[5], ratios[10], ratios[15], ratios[20]]).toEqual([null, expect.closeTo(1), expect.closeTo(2), expect.closeTo(2)]);
    const few = new Drift();
    for (let minute = 0; minute <= 20; minute++) expect(few.add({ at: minute * 60, calls: minute, time: minute }).ratio).toBeNull();
  });

  test('has no mean over a reset, nor without calls', () => {
    const drift = new Drift();
    expect(drift.add({ at: 0, calls: 100, time: 1 }).mean).toBeNull();
    expect(drift.add({ at: 60, calls: 100, time: 1 }).mean).toBeNull();
    expect(drift.add({ at: 120, calls: 110, time: 2 }).mean).toBeCloseTo(0.1);
    expect(drift.add({ at: 180, calls: 5, time: 0.1 }).mean).toBeNull();
    expect(drift.add({ at: 240, calls: 10, time: 0.6 }).mean).toBeCloseTo(0.1);
  });
});

test('names beyond the first are one, also after the agent was started again', () => {
  const names = new Names(2, ['old']);
  expect(['a', 'b', 'old', 'other', 'a'].map((name) => names.of(name))).toEqual(['a', 'other', 'old', 'other', 'a']);
  const table = new SeriesTable();
  table.open({ source: 'postgres', target: 'db', member: null, period: 10 }, REPLICATION.slotRetained, { slot: 's' });
  expect(new Figures(table, 'db').known(REPLICATION.slotRetained, 'slot')).toEqual(['s']);
  expect(new Figures(table, 'other').known(REPLICATION.slotRetained, 'slot')).toEqual([]);
});

describe('memory of backends', () => {
  const proc = mkdtempSync(join(tmpdir(), 'soak-backends-'));
  afterAll(() => rmSync(proc, { recursive: true }));

  function backend(pid: number, kB: number, comm = 'postgres'): void {
    mkdirSync(join(proc, String(pid)), { recursive: true });
    writeFileSync(join(proc, String(pid), 'comm'), `${comm}\n`);
    writeFileSync(join(proc, String(pid), 'status'), `Name:\t${comm}\nRssAnon:\t${kB} kB\nVmSwap:\t1 kB\n`);
  }

  const session = (pid: number, opened: number) => ({ ...one({ pid, opened })!, openedAt: 10_000 - opened });

  test('is a member for each of the ten oldest, who keep their slots, and a sum of all', () => {
    const readings = new Readings({ proc, sys: '/' }, {}, new SimClock({ monotonic: 10_000 }));
    const memory = new BackendMemory(proc, new Figures(readings.series, 'db'), 60);
    const of = (member: string): number | undefined => readings.value(OBJECTS.backendMemory, {}, member);
    for (let pid = 1; pid <= 12; pid++) backend(1000 + pid, pid * 100);
    const all = Array.from({ length: 12 }, (_, i) => session(1001 + i, 5000 - i));
    memory.read(readings, [...all, session(1013, 10)]);
    expect([of('1'), of('10'), of('11')]).toEqual([101 * 1024, 1001 * 1024, undefined]);
    expect(readings.value(OBJECTS.backendsMemory)).toBe((7800 + 12) * 1024);
    expect(readings.events.map(({ kind, member }) => [kind, member]).slice(0, 2)).toEqual([['member_start', '1'], ['member_start', '2']]); // prettier-ignore
    readings.samples = [];
    readings.events = [];
    memory.read(readings, all.slice(1));
    expect([of('1'), of('2')]).toEqual([1101 * 1024, 201 * 1024]);
    expect(readings.events).toHaveLength(1);
  });

  test('is not told where the processes are not those of the server', () => {
    const readings = new Readings({ proc, sys: '/' });
    backend(99, 5, 'nginx');
    new BackendMemory(proc, new Figures(readings.series, 'db'), 60).read(readings, [session(99, 5000), session(4_000_000, 5000)]);
    expect([readings.samples, readings.events]).toEqual([[], []]);
  });
});

test('a statement that took its time long ago is not chosen because it has just come among the candidates', () => {
  const readings = new Readings({ proc: '/', sys: '/' });
  const statements = new Statements(new Figures(readings.series, 'db'), 60);
  const facts = { statements: 'public', readsAll: true, user: 'soak', hasStatementsInfo: false } as unknown as Facts;
  const told = (at: number, rows: readonly Row[]): void => statements.questions(facts, true)[0]!.take(rows, at, readings);
  const row = (id: number, time: number, calls: number): Row => ({ id: String(id), time, calls });
  // 50 of an hour each, of which ten go on; the 51st, of a little less, takes the place of one that is forgotten.
  const all = (spent: number, calls: number): Row[] =>
    Array.from({ length: 50 }, (_, i) => row(i, 3600 + (i < 10 ? spent : 0), calls + (i < 10 ? spent : 0)));
  told(0, all(0, 100));
  told(60, [...all(5, 100).slice(0, 49), row(99, 3599, 100)]);
  told(120, [...all(9, 100).slice(0, 49), row(99, 3600, 101)]);
  const followed = readings.series
    .all()
    .flatMap(({ def, labels }) => (def.name === OBJECTS.statementTime.name ? [labels['statement']] : []));
  expect(followed.toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
});
