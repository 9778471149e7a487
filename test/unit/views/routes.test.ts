import { describe, expect, test } from 'vitest';
import { SimClock } from '../../../src/clock.ts';
import { SILENT } from '../../../src/log.ts';
import type { Page, Routes } from '../../../src/views/http.ts';
import { MetricsPage } from '../../../src/views/metricspage.ts';
import { RunProducer } from '../../../src/views/producer.ts';
import { runRoutes } from '../../../src/views/routes.ts';
import { emptyResource } from '@opentelemetry/resources';
import { BOOT, type Fake, fakeRun, fullRun, START, target } from './run.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';

interface Served {
  readonly routes: Routes;
  readonly metrics: MetricsPage;
  readonly clock: SimClock;
  /** Collections so far. */
  readonly collections: () => number;
  /** The next collections fail. */
  fail: Error | null;
  get(path: string, accept?: string): Promise<Page & { text: string }>;
}

function serve(fake: Fake, more: Routes = {}): Served {
  const clock = new SimClock();
  const producer = new RunProducer({ run: fake.run, clock, log: SILENT, boot: BOOT, resource: emptyResource() });
  let collections = 0;
  const collect = async (): ReturnType<RunProducer['collect']> => {
    collections++;
    const collected = await producer.collect();
    if (served.fail) throw served.fail;
    return collected;
  };
  const metrics = new MetricsPage(collect, fake.run.state, clock);
  const routes = runRoutes({ run: fake.run, clock, metrics }, more);
  const served: Served = {
    routes,
    metrics,
    clock,
    fail: null,
    collections: () => collections,
    async get(path, accept = '') {
      const page = await routes[path]!.answer({ accept });
      return { ...page, text: Buffer.from(page.body).toString() };
    },
  };
  return served;
}

describe('/metrics', () => {
  test('is text or OpenMetrics as asked', async () => {
    const served = serve(fullRun());
    expect(await served.get('/metrics')).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    const page = await served.get('/metrics', OPENMETRICS);
    expect(page.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(page.text.endsWith('\n# EOF\n')).toBe(true);
  });

  test('scrapes within a second and a tick share one collection, whatever their format', async () => {
    const fake = fullRun();
    const served = serve(fake);
    await Promise.all(Array.from({ length: 100 }, (_, i) => served.get('/metrics', i % 2 ? OPENMETRICS : '')));
    expect(served.collections()).toBe(1);
    fake.tick(91);
    await served.get('/metrics');
    expect(served.collections()).toBe(2);
    served.clock.advance(1);
    await served.get('/metrics');
    expect(served.collections()).toBe(3);
  });

  test('a page is one object as long as it holds, so that it is compressed once', async () => {
    const { routes } = serve(fullRun());
    const answer = (): unknown => routes['/metrics']!.answer({ accept: '' });
    expect(await answer()).toBe(await answer());
  });

  test('what is forgotten between two ticks is collected anew', async () => {
    const served = serve(fullRun());
    await served.get('/metrics');
    served.metrics.forget();
    await served.get('/metrics');
    expect(served.collections()).toBe(2);
  });

  test('a failure is told to all who share it, and the next scrape tries again', async () => {
    const served = serve(fullRun());
    served.fail = new Error('no luck');
    const results = await Promise.allSettled([served.get('/metrics'), served.get('/metrics')]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(served.collections()).toBe(1);
    served.fail = null;
    expect((await served.get('/metrics')).status).toBe(200);
  });

  test('is not there without a reader', () => {
    const routes = runRoutes({ run: fullRun().run, clock: new SimClock(), metrics: null });
    expect(Object.keys(routes)).not.toContain('/metrics');
  });
});

describe('health', () => {
  test('ready with the first sample', async () => {
    const fake = fakeRun();
    const served = serve(fake);
    expect(await served.get('/readyz')).toMatchObject({ status: 503 });
    fake.tick(1);
    expect(await served.get('/readyz')).toMatchObject({ status: 200 });
  });

  test('healthy while ticks come, and after the end', async () => {
    const fake = fullRun();
    const served = serve(fake);
    expect((await served.get('/healthz')).status).toBe(200);
    served.clock.advance(150);
    fake.tick(240);
    expect((await served.get('/healthz')).status).toBe(200);
    served.clock.advance(181);
    expect(await served.get('/healthz')).toMatchObject({ status: 503, text: 'no sample for 3m1s\n' });
    fake.end = START + 240;
    expect((await served.get('/healthz')).status).toBe(200);
  });
});

describe('/api/verdict', () => {
  test('is the verdict, and before there is one says so', async () => {
    const fake = fullRun();
    const served = serve(fake);
    expect(JSON.parse((await served.get('/api/verdict')).text)).toEqual(fake.verdict);
    fake.verdict = null;
    expect(await served.get('/api/verdict')).toMatchObject({ status: 503, headers: { 'retry-after': '60' } });
  });
});

describe('/', () => {
  test('says what is watched, how it stands, and what else there is', async () => {
    const fake = fullRun();
    fake.targets.push(target('db', [], 12), target('cache', []));
    const more: Routes = { '/live': { about: 'a later page', answer: () => Promise.reject(new Error('unused')) } };
    const served = serve(fake, more);
    served.clock.advance(90);
    const { text } = await served.get('/');
    await expect(text).toMatchFileSnapshot('../../golden/metrics/status.txt');
    expect(text).not.toMatch(/4242|500[12]/);
  });

  test('with nothing known it says that', async () => {
    const { text } = await serve(fakeRun()).get('/');
    expect(text).toContain('Verdict:\n  none yet');
    expect(text).not.toContain('Targets:');
  });
});
