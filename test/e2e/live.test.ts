/** The live pages over HTTP: what is pushed, to how many, and how they end. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { LivePage } from '../../src/live.ts';
import { SILENT } from '../../src/log.ts';
import type { Report } from '../../src/report/value.ts';
import type { RunEvent } from '../../src/tick.ts';
import type { EventStream } from '../../src/views/feed.ts';
import { listen, type Listener, textOf } from '../../src/views/http.ts';
import { runRoutes } from '../../src/views/routes.ts';
import { HEADER } from '../fixtures/report/night.ts';
import { M } from '../sim/metrics.ts';
import { Simulation } from '../sim/run.ts';
import { fakeRun } from '../unit/views/run.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Served {
  readonly listener: Listener;
  readonly live: LivePage;
  until(t: number): void;
  ask(path: string, accept?: string): Promise<{ status: number; type: string; policy: string; text: string }>;
}

type Happening = Pick<RunEvent, 't' | 'kind'> & Partial<RunEvent>;

async function serve(inbound: string | null = null, host = '127.0.0.1', happening: readonly Happening[] = []): Promise<Served> {
  const simulation = new Simulation({
    hours: 1,
    interval: 1,
    events: happening.map((event) => ({ target: null, data: {}, ...event })),
    series: [
      { def: M.memory, signal: (t) => 1e8 + t },
      { def: M.requests, source: 'traffic', signal: (t) => 10 * t },
    ],
  });
  const live = new LivePage({
    state: simulation.state,
    header: () => HEADER,
    end: () => null,
    verdict: () => simulation.verdict(false),
    notes: () => (inbound === null ? null : { url: inbound, token: true }),
  });
  const routes = runRoutes({ run: fakeRun().run, clock: new SimClock(), metrics: null, page: live.page }, live.routes());
  const listener = await listen({ host, port: 0 }, routes, SILENT);
  cleanups.push(() => listener.close());
  return {
    listener,
    live,
    until: (t) => void simulation.run(t, () => live.tick()),
    ask: async (path, accept = '*/*') => {
      const response = await fetch(`${listener.url}${path}`, { headers: { accept, connection: 'close' } });
      const policy = response.headers.get('content-security-policy') ?? '';
      return { status: response.status, type: response.headers.get('content-type') ?? '', policy, text: await response.text() };
    },
  };
}

/** The headers of an answer to who calls the listener by this name. */
async function asked(listener: Listener, path: string, host: string): Promise<IncomingMessage> {
  const request = get(`http://127.0.0.1:${listener.port}${path}`, { agent: false, headers: { accept: 'text/html', host } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  response.destroy();
  return response;
}

/** A client that listens; `text` grows. */
async function listening({ listener }: Pick<Served, 'listener'>): Promise<{ response: IncomingMessage; text: () => string }> {
  const request = get(`${listener.url}/api/events`, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('error', () => {});
  return { response, text: () => text };
}

describe('a live run', () => {
  test('is a page to browsers, text to everybody else, and a report to programs', async () => {
    const served = await serve('http://0.0.0.0:4318');
    expect(await served.ask('/api/report')).toMatchObject({ status: 503, text: 'not a sample yet\n' });
    served.until(90);
    expect(await served.ask('/')).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' });
    const page = await served.ask('/', 'text/html,application/xhtml+xml,*/*;q=0.8');
    expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
    // The name is the one that the browser has for this machine.
    expect(page.policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-[^ ]+'; img-src data:; connect-src 'self' http:\/\/127\.0\.0\.1:4318; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(page.text).toContain('data-inbound="http://127.0.0.1:4318" data-token="yes"');
    const report = JSON.parse((await served.ask('/api/report')).text) as Report;
    expect([report.run.state, report.run.t, report.signals.length]).toEqual(['running', 90, 2]);
  });

  test('a name in Host goes nowhere', async () => {
    const served = await serve('http://127.0.0.1:4318', '0.0.0.0');
    const response = await asked(served.listener, '/', `x"; script-src *`);
    expect(response.headers['content-security-policy']).toContain("connect-src 'self' http://127.0.0.1:4318; base-uri");
  });

  test('on loopback it is not there for a web page whose name was pointed at it', async () => {
    const served = await serve();
    const { port } = served.listener;
    const statuses = async (host: string): Promise<unknown[]> =>
      [await asked(served.listener, '/healthz', host), await asked(served.listener, '/api/events', host)].map(
        ({ statusCode }) => statusCode,
      );
    expect(await statuses(`evil.example:${port}`)).toEqual([403, 403]);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) expect(await statuses(host)).toEqual([200, 200]);
  });

  test('one report is made between two looks, however many ask', async () => {
    const served = await serve();
    served.until(90);
    const answer = served.live.routes()['/api/report']!.answer;
    expect(answer({ accept: '' })).toBe(answer({ accept: '' }));
    const before = answer({ accept: '' });
    served.until(130);
    expect(answer({ accept: '' })).not.toBe(before);
  });

  test('tells values of what is shown, each look, and its end', async () => {
    const served = await serve();
    served.until(90);
    await served.ask('/api/report');
    const client = await listening(served);
    served.until(125);
    served.live.end();
    await expect.poll(client.text).toContain('event: end\ndata: end\n\n');
    const events = client
      .text()
      .split('\n\n')
      .filter((event) => event.startsWith('event: '));
    expect(events.filter((event) => event.startsWith('event: report')).length).toBe(1);
    const values = events
      .filter((event) => event.startsWith('event: values'))
      .map((event) => JSON.parse(event.slice(event.indexOf('{'))) as object);
    expect(values.length).toBe(18);
    expect(values[0]).toEqual({ t: 91, series: [1, 0], values: [910, 100_000_091] });
  });

  test('tells what happened at once, and of many events once in five seconds; whoever comes is shown it', async () => {
    const storm = Array.from({ length: 30 }, (_, i) => ({ t: 70 + i, kind: 'mark' as const, message: `mark ${i}` }));
    const served = await serve(null, '127.0.0.1', [{ t: 65, kind: 'phase', data: { phase: 'fault', judged: false } }, ...storm]);
    served.until(64);
    const client = await listening(served);
    const reports = (): number => client.text().split('event: report').length - 1;
    const marks = async (): Promise<number> => (JSON.parse((await served.ask('/api/report')).text) as Report).timeline.marks.length;
    expect(await marks()).toBe(0);
    served.until(65);
    await expect.poll(reports).toBe(1);
    const { timeline } = JSON.parse((await served.ask('/api/report')).text) as Report;
    expect(timeline.phases.at(-1)).toMatchObject({ name: 'fault', from: 65 });
    served.until(70);
    expect(await marks()).toBe(1);
    served.until(110);
    await expect.poll(reports).toBe(1 + 7);
    expect(await marks()).toBe(30);
  });

  test('tells its end to who comes back after it', async () => {
    const served = await serve();
    served.until(90);
    served.live.end();
    const late = await listening(served);
    await expect.poll(late.text).toContain('event: end\ndata: end\n\n');
  });

  test('is watched by 16 at most, and again by others when they are gone', async () => {
    const served = await serve();
    const clients = await Promise.all(Array.from({ length: 16 }, () => listening(served)));
    expect(clients.map(({ response }) => response.statusCode)).toEqual(clients.map(() => 200));
    expect(await served.ask('/api/events')).toMatchObject({ status: 503, text: 'too many pages watch this run\n' });
    clients[0]!.response.destroy();
    await expect.poll(async () => (await listening(served)).response.statusCode).toBe(200);
  });

  test('one who does not read is dropped; the others go on', async () => {
    const clients: EventStream[] = [];
    const events = (client: EventStream): boolean => {
      client.send(':\n\n');
      return clients.push(client) > 0;
    };
    const listener = await listen(
      { host: '127.0.0.1', port: 0 },
      { '/api/events': { about: 'x', answer: () => textOf(503, 'x'), events } },
      SILENT,
    );
    cleanups.push(() => listener.close());
    const [deaf, other] = [await listening({ listener }), await listening({ listener })];
    deaf.response.pause();
    const closed = new Promise((resolve) => deaf.response.once('close', resolve));
    const text = 'x'.repeat(200_000);
    // What the kernel takes for who does not read is some megabytes.
    for (let i = 1; i <= 60; i++) {
      for (const client of clients) client.send(text);
      await expect.poll(() => other.text().length, { interval: 2, timeout: 20_000 }).toBeGreaterThan(i * text.length);
    }
    deaf.response.resume();
    await closed;
    expect([deaf.response.complete, other.response.destroyed]).toEqual([false, false]);
  });

  test('the listener closes though pages watch', async () => {
    const served = await serve();
    const client = await listening(served);
    const ended = once(client.response, 'end');
    await served.listener.close();
    cleanups.pop();
    await ended;
    expect(client.response.complete).toBe(true);
  });
});
