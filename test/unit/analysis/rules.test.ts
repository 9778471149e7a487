import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { limitHistory, LimitIndex, limitsOf } from '../../../src/analysis/limits.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { PLAIN, type Rule, ruleApplies, violates } from '../../../src/analysis/rules.ts';
import { Thresholds } from '../../../src/analysis/thresholds.ts';
import { Catalog, defineMetrics, type MetricDef } from '../../../src/catalog.ts';
import { Problem } from '../../../src/problem.ts';
import { type Series, SeriesTable } from '../../../src/series.ts';
import { Bins, Store } from '../../../src/store.ts';
import { Batch } from '../../../src/tick.ts';
import { M } from '../../sim/metrics.ts';

const DISK = defineMetrics({
  used: {
    name: 'system.filesystem.usage',
    unit: 'By',
    kind: 'gauge',
    help: 'used',
    labels: { mountpoint: { max: 8 } },
    growth: 'capacity',
    alias: 'disk.used',
    limit: 'system.filesystem.limit',
  },
  limit: { name: 'system.filesystem.limit', unit: 'By', kind: 'gauge', help: 'size', labels: { mountpoint: { max: 8 } }, growth: 'none' },
  share: { name: 'soak.disk.share', unit: '1', kind: 'gauge', help: 'share', growth: 'none', alias: 'disk.share' },
});

const CATALOG = new Catalog([M, DISK]);
const find = (name: string): MetricDef | undefined => CATALOG.find(name);
const rule = (text: string): Rule => parseRule(text, find);

describe('a rule', () => {
  const whole = { ...PLAIN, op: '<' };

  test.each([
    ['memory.private < 2GB', { metric: M.memory.name, value: 2e9 }],
    ['memory.private<2 GiB', { metric: M.memory.name, value: 2 * 1024 ** 3 }],
    ['soak.process.memory.private <= 512MB', { metric: M.memory.name, value: 512e6, op: '<=' }],
    ['api: threads < 200', { metric: M.threads.name, value: 200, role: 'api' }],
    ['fds.utilization < 80% for 5m', { metric: M.fds.name, value: 0.8, measure: { kind: 'utilization' }, for: 300 }],
    ['fds.utilization < 0.8', { metric: M.fds.name, value: 0.8, measure: { kind: 'utilization' } }],
    ['latency < 800ms for 1h30m', { metric: M.latency.name, value: 0.8, for: 5400 }],
    ['latency < 2', { metric: M.latency.name, value: 2 }],
    ['disk.share > 12.5 %', { metric: DISK.share.name, value: 0.125, op: '>' }],
    ['disk.used < 90GB {mountpoint="/data"}', { metric: DISK.used.name, value: 9e10, labels: { mountpoint: '/data' } }],
    [
      'disk.used{mountpoint="/a", member="2"} >= 1kB for 10s',
      { metric: DISK.used.name, value: 1000, op: '>=', for: 10, labels: { mountpoint: '/a', member: '2' } },
    ],
    ['  web-1 :  fds  <  5  ', { metric: M.fds.name, value: 5, role: 'web-1' }],
  ])('%s', (text, expected) => expect(rule(text)).toEqual({ text: text.trim(), ...whole, ...expected }));

  test.each([
    ['memroy.private < 2GB', 1, /no metric memroy\.private/],
    ['api: nothing < 1', 6, /no metric nothing/],
    ['< 5', 1, /expected a metric/],
    ['threads 200', 9, /expected <, <=, > or >=/],
    ['threads = 200', 9, /expected <, <=, > or >=/],
    ['memory.private < 512m', 18, /a size such as 512MB/],
    ['memory.private < many', 18, /a size such as 512MB/],
    ['threads < 2GB', 11, /a plain number/],
    ['latency < 80%', 11, /a duration such as/],
    ['disk.share < 5GB', 14, /a share such as 80%/],
    ['fds < 5 for ever', 13, /a duration such as .* after "for"/],
    ['fds < 5 or so', 7, /a plain number/],
    ['fds < 5 !', 9, /end of the rule/],
    ['requests < 5', 10, /only ever counts up/],
    ['threads.utilization < 80%', 1, /has no limit/],
    ['disk.used < 5GB {path="/"}', 17, /no label path; it has mountpoint, member/],
    ['disk.used < 5GB {mountpoint=/}', 17, /a label filter such as/],
    ['', 1, /expected a metric/],
  ])('%s: wrong at column %d', (text, column, message) => {
    let problem: unknown;
    try {
      rule(text);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Problem);
    const { code, details } = problem as Problem;
    expect(code).toBe('RULE');
    expect(details[0]!.place).toBe(`"${text.trim()}" column ${column}`);
    expect(details[0]!.message).toMatch(message);
  });

  test('whatever is written: a rule or a Problem that names a column', () => {
    const words = fc.constantFrom(
      'fds',
      'memory.private',
      'api:',
      '<',
      '>=',
      '5',
      '2GB',
      '80%',
      'for',
      '5m',
      '{member="1"}',
      '{',
      '"',
      ' ',
      '.',
      'é',
      '\n',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 9 }).map((list) => list.join(' ')),
        ),
        (text) => {
          try {
            const parsed = rule(text);
            expect(Number.isFinite(parsed.value)).toBe(true);
            expect(parsed.for).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
            expect((error as Problem).details[0]!.place).toMatch(/column \d+$/);
          }
        },
      ),
      { numRuns: fc.tries(2000) },
    );
  });

  test('is about the series that fit its role and labels', () => {
    const series = (more: Partial<Series>): Series => ({
      id: 0,
      source: 'process',
      target: 'api',
      member: null,
      def: M.fds,
      labels: {},
      period: 1,
      ...more,
    });
    expect(ruleApplies(rule('fds < 5'), series({ member: '3' }))).toBe(true);
    expect(ruleApplies(rule('fds < 5 {member="3"}'), series({ member: '3' }))).toBe(true);
    expect(ruleApplies(rule('fds < 5 {member="3"}'), series({}))).toBe(false);
    expect(ruleApplies(rule('web: fds < 5'), series({}))).toBe(false);
    expect(ruleApplies(rule('host: fds < 5'), series({ target: null, source: 'host' }))).toBe(true);
    expect(ruleApplies(rule('threads < 5'), series({}))).toBe(false);
  });

  test.each([
    ['fds < 5', 5, true],
    ['fds <= 5', 5, false],
    ['fds > 5', 5, true],
    ['fds >= 5', 5, false],
    ['fds < 5', 4.9, false],
  ])('%s with %d', (text, value, violated) => expect(violates(rule(text), value)).toBe(violated));
});

/** A table of descriptors with their limit, and samples fed tick by tick. */
class Fed {
  readonly table = new SeriesTable();
  readonly store = new Store();
  readonly #batch = new Batch();
  #n = 0;
  readonly owner = { source: 'process', target: 'api', member: null, period: 1 };
  readonly fds = this.table.open(this.owner, M.fds);
  readonly limit = this.table.open(this.owner, M.fdLimit);

  feed(thresholds: Thresholds, t: number, fds: number, limit = 100): void {
    for (let id = this.store.size; id < this.table.size; id++) this.store.add(this.table.get(id));
    this.#batch.set(this.limit, limit, t);
    this.#batch.set(this.fds, fds, t);
    const tick = this.#batch.close(this.#n++, t, t);
    this.store.fold(tick.samples);
    thresholds.watch(tick.samples, this.table, this.store);
  }
}

describe('thresholds', () => {
  test('one sample breaks a rule, and it stays broken with its worst value', () => {
    const [fed, thresholds] = [new Fed(), new Thresholds([rule('fds < 50')])];
    [10, 49, 50, 70, 20].forEach((value, t) => fed.feed(thresholds, t, value));
    expect(thresholds.breaches()).toEqual([{ rule: 0, series: fed.fds, from: 2, at: 2, first: 50, worst: 70 }]);
  });

  test('"for" counts from the first violation and begins anew after every good sample', () => {
    const [fed, thresholds] = [new Fed(), new Thresholds([rule('fds.utilization < 80% for 5s')])];
    for (let t = 0; t < 5; t++) fed.feed(thresholds, t, 85);
    fed.feed(thresholds, 5, 79);
    for (let t = 6; t <= 10; t++) fed.feed(thresholds, t, 90);
    expect(thresholds.breaches()).toEqual([]);
    fed.feed(thresholds, 11, 95);
    expect(thresholds.breaches()).toEqual([{ rule: 0, series: fed.fds, from: 6, at: 11, first: 0.9, worst: 0.95 }]);
  });

  test('what was not seen did not last: a gap begins the count anew', () => {
    const [fed, thresholds] = [new Fed(), new Thresholds([rule('fds < 50 for 60s')])];
    fed.feed(thresholds, 0, 99);
    fed.feed(thresholds, 100, 99);
    expect(thresholds.breaches()).toEqual([]);
  });

  test('a lower bound keeps its lowest value', () => {
    const [fed, thresholds] = [new Fed(), new Thresholds([rule('fds > 10')])];
    [20, 9, 4, 8].forEach((value, t) => fed.feed(thresholds, t, value));
    expect(thresholds.breaches()[0]).toMatchObject({ first: 9, worst: 4 });
  });

  test('a rule without samples was never seen', () => {
    const [fed, thresholds] = [new Fed(), new Thresholds([rule('fds < 50'), rule('threads < 5')])];
    fed.feed(thresholds, 0, 1);
    expect([thresholds.seen(0), thresholds.seen(1)]).toEqual([true, false]);
  });

  test('a restored one goes on with the count, also through a second checkpoint before the next tick', () => {
    const rules = [rule('fds < 50 for 5s')];
    const [fed, live] = [new Fed(), new Thresholds(rules)];
    for (let t = 0; t < 4; t++) fed.feed(live, t, 60);
    const [between, resumed] = [new Thresholds(rules), new Thresholds(rules)];
    between.restore(live.snapshot());
    expect(between.seen(0)).toBe(true);
    resumed.restore(structuredClone(between.snapshot()));
    fed.feed(resumed, 4, 60);
    fed.feed(resumed, 5, 60);
    expect(resumed.breaches()).toEqual([{ rule: 0, series: fed.fds, from: 0, at: 5, first: 60, worst: 60 }]);
  });
});

describe('limits', () => {
  const store = new Store();
  const table = new SeriesTable();
  const open = (def: MetricDef, member: string | null, labels: Record<string, string>, value: number): Series => {
    const id = table.size;
    table.restore({ id, source: 'x', target: 'api', member, def, labels, period: 1 });
    store.add(table.get(id));
    const batch = new Batch();
    batch.set(id, value, 10);
    store.fold(batch.close(0, 10, 10).samples);
    return table.get(id);
  };
  const memory = open(M.memory, '1', {}, 1);
  open(M.memoryLimit, null, {}, 700);
  const fds = open(M.fds, '1', {}, 1);
  open(M.fdLimit, null, {}, 2000);
  open(M.fdLimit, '1', {}, 1000);
  const data = open(DISK.used, null, { mountpoint: '/data' }, 1);
  const other = open(DISK.used, null, { mountpoint: '/other' }, 1);
  open(DISK.limit, null, { mountpoint: '/data' }, 50);
  const threads = open(M.threads, null, {}, 1);
  const index = new LimitIndex(table.all());
  const values = (series: Series, rules: Rule[] = []): [number, string][] =>
    limitsOf(series, index, store, rules).map(({ value, from }) => [value, from]);

  test("the member's own before the role's, and the one with the same labels", () => {
    expect(values(memory)).toEqual([[700, M.memoryLimit.name]]);
    expect(values(fds)).toEqual([[1000, M.fdLimit.name]]);
    expect(values(data)).toEqual([[50, DISK.limit.name]]);
    expect(values(other)).toEqual([]);
    expect(values(threads)).toEqual([]);
  });

  test('a rule is a limit where it is lower; a lower bound is none', () => {
    expect(values(fds, [rule('fds < 800'), rule('fds < 900')]).at(-1)).toEqual([800, 'rule fds < 800']);
    expect(values(fds, [rule('fds.utilization < 80%')]).at(-1)).toEqual([800, 'rule fds.utilization < 80%']);
    expect(values(fds, [rule('fds < 5000')]).at(-1)).toEqual([1000, M.fdLimit.name]);
    expect(values(threads, [rule('threads < 9'), rule('threads > 2')])).toEqual([[9, 'rule threads < 9']]);
    expect(values(threads, [rule('threads > 2')])).toEqual([]);
  });

  test('as it changed', () => {
    const bins = new Bins(1);
    [100, 100, 100, 200, 200].forEach((value, t) => bins.add(t, value));
    expect(limitHistory(bins, 200, 4, 'x')).toEqual([
      { t: 0, value: 100, from: 'x' },
      { t: 3, value: 200, from: 'x' },
    ]);
    expect(limitHistory(new Bins(1), NaN, NaN, 'x')).toEqual([]);
  });
});
