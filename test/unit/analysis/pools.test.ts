import { describe, expect, test } from 'vitest';
import type { Finding, Verdict } from '../../../src/analysis/verdict.ts';
import { PLAIN } from '../../../src/analysis/rules.ts';
import { METRICS } from '../../../src/sources/pool.ts';
import { METRICS as SOCKETS } from '../../../src/sources/sockets-metrics.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, type Scenario, Simulation, type Simulated } from '../../sim/run.ts';
import type { Signal } from '../../sim/series.ts';

const LABELS = { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'app', 'user.name': 'app' };
const NAME = 'api pool.stuck{soak.server="db",db.system.name="postgresql",db.namespace="app",user.name="app"}';

type Figures = Partial<
  Record<'stuck' | 'utilization' | 'standstill' | 'wait' | 'opened' | 'closed' | 'max' | 'joinRatio' | 'idleInTransaction', Signal>
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
    const events = [
      stuckEvent(1200, 'a'),
      stuckEvent(2400, 'b', { port: 4001, application: '', evidence: 'transaction' }),
      stuckEvent(3600, 'c'),
    ];
    const back = { ...stuckEvent(4000, 'c'), kind: 'connection_returned' } as const;
    const [one, ...others] = found(leak, { events: [...events, back] });
    expect(others).toEqual([]);
    expect(one).toMatchObject({ id: `pool_leak:${NAME}`, kind: 'pool_leak', outcome: 'fail', target: 'api', series: [NAME] });
    expect(one!.evidence['connections']).toBe(
      'backend 77, port 4000, application orders, last statement ab12, left alone since 00:18, others were opened since, which a pool with an idle one does not do; ' +
        'backend 77, port 4001, last statement ab12, left alone since 00:38, in a transaction',
    );
  });

  test('says how many, since when, and how fast', () => {
    const [{ why } = { why: '' }] = found({ ...leak, max: () => 60 }, { events: [stuckEvent(1200, 'a')] });
    expect(why).toMatch(
      /^stuck connections of api to db \(database app, user app\): the least within each 5m20s rose from 0 at 00:2\d to 5 at 01:4\d \(3\.\d+\/h\) and did not fall again: they are taken and not given back; it is exhausted in 1\dh\d+m; the latest: backend 77, /,
    );
  });

  test('is judged in however many pools: the cap is for what chance may let fail', () => {
    const labelled = (i: number) => ({ ...LABELS, 'soak.server': i < 18 ? 'db' : 'other', 'user.name': `u${i % 18}` });
    const pools = Array.from({ length: 35 }, (_, i) => seriesOf(leak).map((one) => ({ ...one, labels: labelled(i) })));
    const { series, reasons, findings } = verdictOf(pools.flat());
    expect(series.filter(({ gated, outcome }) => gated && outcome === 'fail')).toHaveLength(35);
    expect(findings.filter(({ kind }) => kind === 'pool_leak')).toHaveLength(35);
    expect(reasons.join()).not.toContain('more series would be gated');
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

  test('is one finding with the sockets and descriptors that it costs, and not one with those of others', () => {
    const grown = (perHour: number): Simulated[] =>
      [M.fds, SOCKETS.outbound].map((def) => ({ def, signal: (t) => 50 + Math.floor((t / HOUR) * perHour) }));
    const found = (perHour: number) =>
      verdictOf([...seriesOf({ stuck: (t) => Math.floor(t / 600), opened: (t) => t }), ...grown(perHour)], { hours: 4 }).findings.filter(
        ({ kind }) => kind.endsWith('leak'),
      );
    const [one, ...more] = found(6);
    expect(one).toMatchObject({ kind: 'pool_leak', series: [NAME, 'api fds', 'api sockets.outbound'] });
    expect(one!.why).toMatch(/; with it grow api fds, api sockets\.outbound$/);
    expect(more).toEqual([]);
    expect(found(60).map(({ series }) => series)).toEqual([['api sockets.outbound', 'api fds'], [NAME]]);
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

describe('clients that wait for a connection of the pooler', () => {
  const waiting = (wait: Signal): Finding[] => found({ stuck: () => 0, wait }).filter(({ kind }) => kind === 'pool_exhausted');

  test('in vain fail the run, whatever the pool of the program has left', () => {
    const [one, ...others] = waiting((t) => (t < HOUR ? 0 : (t - HOUR) % 120)); // each gives up after two minutes
    expect(others).toEqual([]);
    expect(one).toMatchObject({ outcome: 'fail', target: 'api', series: [NAME] });
    expect(one!.why).toMatch(
      /^the pool of api to db \(.*\) has none left to take: clients wait for a connection of the pooler, one for 1m5\ds$/,
    );
  });

  test('are no finding while each gets one in time, nor when that is over', () => {
    expect(waiting((t) => t % 20)).toEqual([]);
    expect(waiting((t) => (t < 1.5 * HOUR ? t % 120 : 0))).toEqual([]);
    expect(waiting((t) => (t > 2 * HOUR - 200 ? t % 120 : 0))).toEqual([]); // a while without a server
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
      ...PLAIN,
      text: 'pool.oldest_checkout < 1h',
      metric: 'soak.pool.oldest_checkout',
      op: '<',
      value: 3600,
    } as const;
    expect(found({ stuck: () => 0, idleInTransaction: (t) => t % 400 }, { options: { rules: [rule] } })).toEqual([]);
  });
});

describe('what the program says of its pools itself', () => {
  const size = (signal: Signal, more: Partial<Simulated> = {}, labels = LABELS): Simulated => ({
    source: 'pool',
    period: 5,
    def: METRICS.size,
    labels,
    signal,
    ...more,
  });
  const says = (signal: Signal): Simulated => ({ source: 'scrape', period: 15, def: METRICS.reported, signal });
  const REDIS = { ...LABELS, 'soak.server': 'cache', 'db.system.name': 'redis' };
  const told = (...series: readonly Simulated[]): Finding[] => verdictOf(series).findings.filter(({ kind }) => kind === 'pool_divergence');
  /** Between 2 and 9, as clients come and go. */
  const busy: Signal = (t) => 2 + (Math.floor(t / 7) % 8);

  test('is fewer than it has: what leaks is in no pool that it knows of', () => {
    const [one, ...others] = told(
      size((t) => 4 + Math.floor(t / 300)),
      says(() => 2),
    );
    expect(others).toEqual([]);
    expect(one).toMatchObject({ kind: 'pool_divergence', outcome: 'pass', target: 'api', series: ['api pool.reported'] });
    expect(one!.why).toMatch(
      /: 28 sockets with a session, 2 in its pools by its own metrics, at least 2\d apart for 15m, since 01:45 or before: /,
    );
    expect(one!.why).toContain('beside its pools, or by pools that its metrics do not know');
    expect(one!.evidence).toMatchObject({ reported: 2, sockets: 28 });
  });

  test('is more than it has', () => {
    const [one] = told(
      size(busy),
      says((t) => 10 + t / 8),
    );
    expect(one!.why).toContain('its metrics are wrong, or count pools to servers that are not watched');
    expect(one!.evidence['least']).toBeLessThan(-700);
  });

  test.each<[string, ReturnType<typeof size>[]]>([
    ['read at other moments', [size(busy), says((t) => busy(t + 4))]],
    ['one more or less', [size(() => 6), says(() => 5)]],
    ['of one server of several', [size(() => 5), size(() => 40, {}, { ...LABELS, 'soak.server': 'other' }), says(() => 5)]],
    ['beside a client that listens', [size(() => 5), size(() => 40, {}, REDIS), says(() => 5)]],
    ['with the client that listens', [size(() => 5), size(() => 40, {}, REDIS), says(() => 45)]],
  ])('is the same when it is %s', (_, series) => {
    expect(told(...series)).toEqual([]);
  });

  test('is of nobody knows which process where there are several, and is nothing to compare with where no socket is known', () => {
    const members = ['1', '2'].map((member) => size(() => 20, { member }));
    expect(
      told(
        size(() => 40),
        ...members,
        says(() => 20),
      ),
    ).toEqual([]);
    expect(
      told(
        size(() => 40),
        members[0]!,
        says(() => 20),
      ),
    ).toHaveLength(1);
    expect(told(says(() => 20))).toEqual([]);
    expect(
      told(
        size((t) => (t < 3600 ? 40 : NaN)),
        says(() => 20),
      ),
    ).toEqual([]);
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
    expect(findings.find(({ kind }) => kind === 'pool_unseen')!.why).toMatch(
      /only 50 % of its sockets .* rewrites ports; its own metrics \(--scrape\) or those of the pooler could tell$/,
    );
    const reported = { source: 'scrape', period: 15, def: METRICS.reported, signal: () => 4 };
    const told = verdictOf([...seriesOf({ stuck: () => 0, opened: (t) => t, joinRatio: () => 0.5 }), reported]).findings;
    expect(told.find(({ kind }) => kind === 'pool_unseen')!.why).toMatch(/what it says of its pools itself is judged instead$/);
    expect(series.find(({ metric }) => metric === 'soak.pool.stuck')!.outcome).toBe('inconclusive');
  });

  test('a word decides nothing: neither an outcome nor what passes', () => {
    const steady = [
      { def: M.memory, signal: () => 5e7 },
      { def: M.fds, signal: () => 50 },
      { def: M.cpu, signal: (t: number) => t * 0.2 },
    ];
    const all = [...seriesOf({ stuck: () => 0, opened: () => 10 }), ...steady.map((one) => ({ ...one, period: 60 }))];
    const { outcome, reasons, findings } = verdictOf(all, { hours: 24, interval: 60, options: { requiredLifetime: 3600 } });
    expect(findings.map(({ kind }) => kind)).toEqual(['pool_unseen']);
    expect(outcome).toBe('pass');
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain('gated series were judged');
  });
});

test('a run that is resumed remembers who is stuck, and what was not as expected', () => {
  const scenario: Scenario = {
    hours: 2,
    interval: 5,
    series: seriesOf({ stuck: (t) => Math.floor(t / 1200), opened: (t) => t, idleInTransaction: (t) => (t < HOUR / 2 ? t % 400 : 0) }),
    events: [stuckEvent(1200, 'a')],
  };
  const whole = new Simulation(scenario).run();
  const half = new Simulation(scenario).run(HOUR);
  const resumed = new Simulation(scenario).state;
  resumed.restore(half.state.snapshot());
  half.continuedBy(resumed).run();
  const { findings } = half.verdict();
  expect(findings.filter(({ kind }) => kind === 'level')).toHaveLength(2);
  expect(findings.find(({ kind }) => kind === 'pool_leak')!.evidence['connections']).toContain('backend 77');
  expect(JSON.stringify(half.verdict())).toBe(JSON.stringify(whole.verdict()));
});
