import { describe, expect, test } from 'vitest';
import type { Finding, Verdict } from '../../../src/analysis/verdict.ts';
import { METRICS } from '../../../src/sources/pool.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, type Scenario, Simulation, type Simulated } from '../../sim/run.ts';
import type { Signal } from '../../sim/series.ts';

const LABELS = { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'app', 'user.name': 'app' };
const NAME = 'api pool.stuck{soak.server="db",db.system.name="postgresql",db.namespace="app",user.name="app"}';

type Figures = Partial<
  Record<'stuck' | 'utilization' | 'standstill' | 'opened' | 'closed' | 'max' | 'joinRatio' | 'idleInTransaction', Signal>
>;

function seriesOf({ max, joinRatio, idleInTransaction, ...plain }: Figures, member: string | null = null): Simulated[] {
  const pool = { source: 'pool', period: 5, labels: LABELS, member };
  const kinds = Object.entries(plain) as ['stuck', Signal][];
  return [
    ...kinds.map(([name, signal]) => ({ ...pool, def: METRICS[name], signal })),
    ...(max ? [{ ...pool, def: METRICS.max, labels: { ...LABELS, 'soak.pool.max.source': 'configured' }, signal: max }] : []),
    ...(joinRatio ? [{ ...pool, def: METRICS.joinRatio, member: null, labels: { 'soak.server': 'db' }, signal: joinRatio }] : []),
    ...(idleInTransaction
      ? [{ ...pool, def: METRICS.oldest, labels: { ...LABELS, 'soak.pool.state': 'idle_in_transaction' }, signal: idleInTransaction }]
      : []),
  ];
}

function verdictOf(series: readonly Simulated[], more: Partial<Scenario> = {}): Verdict {
  return new Simulation({ hours: 2, interval: 5, series, ...more }).run().verdict();
}

const found = (figures: Figures, more: Partial<Scenario> = {}): Finding[] =>
  verdictOf(seriesOf({ opened: (t) => Math.floor(t / 10), ...figures }), more).findings.filter(
    ({ kind }) => kind.startsWith('pool') || kind === 'level',
  );

const stuckEvent = (t: number, session: string, more: object = {}) =>
  ({
    t,
    kind: 'connection_stuck',
    target: 'api',
    data: {
      server: 'db',
      database: 'app',
      user: 'app',
      session,
      pid: 77,
      port: 4000,
      application: 'orders',
      query: 'ab12',
      age: 61,
      evidence: 'newer',
      ...more,
    },
  }) as const;

describe('a leak', () => {
  const leak: Figures = { stuck: (t) => Math.floor(t / 1200) };

  test('is one finding that names who did not give back what', () => {
    const events = [stuckEvent(1200, 'a'), stuckEvent(2400, 'b', { port: 4001, evidence: 'transaction' }), stuckEvent(3600, 'c')];
    const back = { ...stuckEvent(4000, 'c'), kind: 'connection_returned' } as const;
    const [one, ...others] = found(leak, { events: [...events, back] });
    expect(others).toEqual([]);
    expect(one).toMatchObject({ id: `pool_leak:${NAME}`, kind: 'pool_leak', outcome: 'fail', target: 'api', series: [NAME] });
    expect(one!.evidence['connections']).toBe(
      'backend 77, port 4000, application orders, last statement ab12, left alone since 00:18, others were opened since, which a pool with an idle one does not do; ' +
        'backend 77, port 4001, application orders, last statement ab12, left alone since 00:38, in a transaction',
    );
  });

  test('of one process is told once, by the role', () => {
    const opened: Signal = (t) => Math.floor(t / 10);
    const both = [...seriesOf({ ...leak, opened }), ...seriesOf({ ...leak, opened }, '1')];
    expect(
      verdictOf(both)
        .findings.filter(({ kind }) => kind === 'pool_leak')
        .map(({ id }) => id),
    ).toEqual([`pool_leak:${NAME}`]);
  });

  test('is not also found by its slope', () => {
    const { findings, outcome } = verdictOf(seriesOf({ ...leak, opened: (t) => t }));
    expect(findings.filter(({ kind }) => kind === 'leak')).toEqual([]);
    expect(outcome).toBe('fail');
  });
});

describe('a full pool', () => {
  const full: Figures = { utilization: () => 1, max: () => 10 };

  test('is worth a word, and does not fail: fifty users keep ten connections busy', () => {
    const all = found({ ...full, stuck: () => 0 });
    expect(all.map(({ kind, outcome }) => [kind, outcome])).toEqual([['level', 'pass']]);
    expect(all[0]!.why).toContain('pool.utilization < 80 % for 1m is expected');
  });

  test('fails when half of it is stuck, one after the other', () => {
    const kinds = (stuck: Signal, max = 4): string[] => found({ ...full, max: () => max, stuck }).map(({ kind }) => kind);
    expect(kinds((t) => Math.min(2, Math.floor(t / 1800)))).toContain('pool_exhausted');
    expect(kinds((t) => Math.min(1, Math.floor(t / 1800)))).not.toContain('pool_exhausted');
    expect(kinds((t) => (t > 1800 ? 9 : 0), 10)).not.toContain('pool_exhausted'); // all at once: refilled
  });
});

describe('a standstill', () => {
  const still: Figures = { stuck: () => 0, max: () => 10, standstill: (t) => Math.max(0, t - 1.5 * HOUR) };
  const requests = (signal: Signal): Simulated => ({ def: M.requests, source: 'traffic', signal });

  test('while requests go on fails the run', () => {
    const [one] = found(still);
    expect(one).toMatchObject({ kind: 'pool_exhausted', outcome: 'pass' });
    const asked = verdictOf([...seriesOf({ ...still, opened: (t) => t }), requests((t) => t * 5)]).findings;
    expect(asked.find(({ kind }) => kind === 'pool_exhausted')).toMatchObject({ outcome: 'fail' });
    const over = verdictOf([...seriesOf({ ...still, opened: (t) => t }), requests((t) => Math.min(t, 1.5 * HOUR) * 5)]).findings;
    expect(over.find(({ kind }) => kind === 'pool_exhausted')).toMatchObject({ outcome: 'pass' });
  });

  test('that is no longer than those before is a pause', () => {
    expect(found({ ...still, standstill: (t) => (t < HOUR ? t % 1800 : Math.max(0, t - 1.8 * HOUR)) })).toEqual([]);
  });
});

describe('idle in a transaction', () => {
  test('for a minute is worth a word, for five it fails', () => {
    const of = (longest: number) => found({ stuck: () => 0, idleInTransaction: (t) => t % longest }).map(({ outcome }) => outcome);
    expect(of(50)).toEqual([]);
    expect(of(100)).toEqual(['pass']);
    expect(of(400)).toEqual(['pass', 'fail']);
  });

  test('a rule of the user takes the place of both', () => {
    const rule = {
      text: 'pool.oldest_checkout < 1h',
      role: null,
      metric: 'soak.pool.oldest_checkout',
      labels: {},
      measure: { kind: 'level' },
      op: '<',
      value: 3600,
      for: 0,
    } as const;
    expect(found({ stuck: () => 0, idleInTransaction: (t) => t % 400 }, { options: { rules: [rule] } })).toEqual([]);
  });
});

describe('what could not be seen', () => {
  test('of a pool in which nothing is opened or closed', () => {
    const [one] = found({ stuck: () => 0, opened: () => 10, closed: () => 0 });
    expect(one).toMatchObject({ kind: 'pool_unseen', outcome: 'pass' });
    expect(one!.why).toContain('looks like an idle one until none is left');
  });

  test('not of Redis, whose leaks open one after the other', () => {
    const redis = seriesOf({ stuck: () => 0, opened: () => 3 }).map((one) => ({
      ...one,
      labels: { ...LABELS, 'db.system.name': 'redis' },
    }));
    expect(verdictOf(redis).findings.filter(({ kind }) => kind.startsWith('pool'))).toEqual([]);
  });

  test('when the sockets are not known to the server as they are', () => {
    const { findings, series } = verdictOf(seriesOf({ stuck: () => 0, opened: (t) => t, joinRatio: () => 0.5 }));
    expect(findings.find(({ kind }) => kind === 'pool_unseen')!.why).toContain('only 50 % of its sockets');
    expect(series.find(({ metric }) => metric === 'soak.pool.stuck')!.outcome).toBe('inconclusive');
  });

  test('a word decides nothing: neither an outcome nor what passes', () => {
    const { outcome, reasons, findings } = verdictOf([
      ...seriesOf({ stuck: () => 0, opened: () => 10 }),
      { def: M.memory, signal: () => 5e7 },
      { def: M.fds, signal: () => 50 },
      { def: M.cpu, signal: (t) => t * 0.2 },
    ]);
    expect(findings.map(({ kind }) => kind)).toContain('pool_unseen');
    expect(reasons.join()).not.toContain('looks like an idle one');
    expect(outcome).not.toBe('fail');
  });
});
