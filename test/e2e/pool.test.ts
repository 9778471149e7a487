/** Applications that leak connections and their healthy twins, side by side on a real Postgres and a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type WatchedApp } from '../apps/launch.ts';
import { havePostgres, type Postgres, startPostgres } from '../servers/postgres.ts';
import { haveRedis, type RedisServer, startRedis } from '../servers/redis.ts';
import { listedPostgres, listedRedis, PoolWatch } from './poolwatch.ts';

const SECONDS = 110;
/** Of the times of the scenarios: a leak every 5 s (D), 4 s (H) or 7.5 s (E), from the 12th second on. */
const SCALE = 0.5;

const HEALTHY = ['A', 'B', 'C', 'I'];
const LEAKY = ['D', 'E', 'H'];
/** Where a scenario leaks. */
const SERVER_OF: Readonly<Record<string, string>> = { H: 'cache' };

describe.skipIf(!havePostgres() || !haveRedis())('pools seen from outside', () => {
  let postgres: Postgres;
  let redis: RedisServer;
  const apps: WatchedApp[] = [];
  let watch: PoolWatch;
  /** Readings of each application, and those that no count of its own at that time agrees with. */
  const readings = new Map<string, { total: number; wrong: { outside: number; inside: number[] }[] }>();

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    for (const scenario of [...HEALTHY, ...LEAKY]) apps.push(await startApp(scenario, { postgres, redis, scale: SCALE }));
    const watched = apps.map(({ scenario, pid }) => ({ role: `app-${scenario.toLowerCase()}`, pid }));
    watch = new PoolWatch(watched, [await listedPostgres('db', postgres.url), await listedRedis('cache', redis.url)], SECONDS);
    let last = 0;
    await watch.watch(SECONDS, () => {
      for (const app of apps) {
        const { total: outside, at } = watch.connections(`app-${app.scenario.toLowerCase()}`, 'db');
        if (!Number.isFinite(at) || at === last) continue;
        const inside = heldAround(app, at);
        const seen = readings.get(app.scenario) ?? { total: 0, wrong: [] };
        seen.total++;
        if (!inside.includes(outside)) seen.wrong.push({ outside, inside });
        readings.set(app.scenario, seen);
      }
      last = watch.connections('app-a', 'db').at;
    });
  }, 200_000);

  afterAll(async () => {
    await watch?.close();
    for (const app of apps) await app.stop();
    await Promise.all([postgres?.stop(), redis?.stop()]);
  });

  test('counts what the applications count themselves', () => {
    for (const [scenario, { total, wrong }] of readings) {
      expect(total, scenario).toBeGreaterThan(0.8 * SECONDS);
      expect(wrong.length, `${scenario}: ${JSON.stringify(wrong)}`).toBeLessThanOrEqual(0.01 * total);
    }
  });

  test.each(LEAKY)('%s fails, with who did not give back what', (scenario) => {
    const role = `app-${scenario.toLowerCase()}`;
    const findings = watch.verdict().findings.filter(({ target, kind }) => target === role && kind === 'pool_leak');
    expect(findings, JSON.stringify(watch.connections(role, 'db'))).toHaveLength(1);
    const [leak] = findings;
    expect(leak!.outcome).toBe('fail');
    expect(leak!.series[0]).toContain(`soak.server="${SERVER_OF[scenario] ?? 'db'}"`);
    expect(leak!.evidence['connections']).toMatch(scenario === 'H' ? /^session \d+, port \d+/ : /^backend \d+, port \d+, application app-/);
    expect(leak!.evidence['connections']).toContain(scenario === 'E' ? 'in a transaction' : 'others were opened since');
    const [first] = watch.events.filter(({ kind, target }) => kind === 'connection_stuck' && target === role);
    expect(Number(first!.data['age'])).toBeLessThan(15 + 3);
  });

  test.each(HEALTHY)('%s does not', (scenario) => {
    const role = `app-${scenario.toLowerCase()}`;
    const failing = watch
      .verdict()
      .findings.filter(({ target, kind, outcome }) => target === role && outcome === 'fail' && kind.startsWith('pool'));
    expect(failing).toEqual([]);
  });
});

/** What the application held between a tenth of a second before and after. */
function heldAround({ said }: WatchedApp, at: number): number[] {
  const before = said.findLast(({ t }) => t <= at - 100);
  const around = said.filter(({ t }) => t > at - 100 && t <= at + 100);
  return [...(before ? [before] : []), ...around].map(({ held }) => held);
}
