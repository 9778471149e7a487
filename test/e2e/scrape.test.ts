/** Pages of metrics that the whole agent reads: of a real client library, and of servers that do what servers should not. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer as createRaw } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { installed, PROGRAMS, reading, type Result, Stage, until } from './agent-under-test.ts';
import { Page } from './page.ts';

/** All samples of a series, by its label in the verdict. */
function samples(result: Result, name: string, labels: Record<string, string> = {}): number[] {
  return reading(result.folder, (reader) => {
    const series = new Set(
      reader
        .series()
        .filter(({ def, labels: own }) => def.name === name && Object.entries(labels).every(([label, value]) => own[label] === value))
        .map(({ id }) => id),
    );
    return [...reader.ticks()].flatMap(({ samples: all }) =>
      Array.from(all.series.subarray(0, all.length), (id, i) => (series.has(id) ? [all.values[i]!] : [])).flat(),
    );
  });
}

const scraped = (url: string, name: string, every: number, more = ''): string =>
  `  - {name: ${name}, url: "${url}", every: ${every}s, timeout: ${every}s${more}}`;
const seconds = (url: string, name: string): string => scraped(url, name, 1);

/** Of a page of which it counts what it answers, and not how often: also a busy machine answers within so many seconds. */
const PATIENT_S = 4;

function config(stage: Stage, ...lines: readonly string[]): string[] {
  const file = join(stage.folder, 'soak.yaml');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return ['--config', file];
}

/** The names of kafka_exporter, as its documentation has them. */
function lagPage(groups: Readonly<Record<string, number>>): string {
  const lines = Object.entries(groups).flatMap(([group, lag]) => [
    `kafka_consumergroup_lag{consumergroup="${group}",partition="0",topic="orders"} ${lag}`,
    `kafka_consumergroup_lag{consumergroup="${group}",partition="1",topic="orders"} -1`,
    `kafka_consumergroup_lag_sum{consumergroup="${group}",topic="orders"} ${lag}`,
  ]);
  return `# TYPE kafka_consumergroup_lag gauge\n# TYPE kafka_consumergroup_lag_sum gauge\n# TYPE kafka_brokers gauge\nkafka_brokers 3\n${lines.join('\n')}\n`;
}

describe.concurrent('pages', () => {
  describe.concurrent('an application with prom-client', () => {
    test('whose queue grows fails by it, and its twin does not', async () => {
      await using stage = new Stage();
      const [leaky, steady] = await Promise.all(
        [20, 0].map((left) => stage.program(process.execPath, join(PROGRAMS, 'queue.mjs'), String(left))),
      );
      const url = (out: string): string => `http://127.0.0.1:${/ready (\d+)/.exec(out)![1]}/metrics`;
      const signals = (from: string): string[] => [
        `  - {name: queue_${from}, from: ${from}, match: 'app_queue_depth{queue!="dead"}', by: queue, kind: backlog, limit: 50000}`,
        `  - {name: jobs_${from}, from: ${from}, match: app_jobs_total, kind: counter}`,
        `  - {name: hits_${from}, from: ${from}, match: 'app_cache_total{result="hit"}', over: app_cache_total, kind: ratio, limit: ">= 80%"}`,
        `  - {name: wait_${from}, from: ${from}, match: app_wait_seconds, kind: latency}`,
      ];
      const file = config(
        stage,
        'scrape:',
        scraped(url(leaky!.out), 'leaky', 2),
        scraped(url(steady!.out), 'steady', 2),
        'signals:',
        ...signals('leaky'),
        ...signals('steady'),
      );
      const targets = ['--target', `leaky=${leaky!.pid}`, '--target', `steady=${steady!.pid}`];
      const result = await (
        await stage.watching([...targets, ...file, '--interval', '0.5', '--duration', '115s', '--must-live', '1h'])
      ).result();
      const outcomes = result.verdict.series.filter(({ id }) => id.includes('signal.queue'));
      expect(outcomes.map(({ id, outcome }) => [id, outcome]).toSorted()).toEqual([
        ['leaky signal.queue_leaky{queue="mail"}', 'fail'],
        ['steady signal.queue_steady{queue="mail"}', expect.not.stringMatching('fail')],
      ]);
      const grown = result.series('leaky signal.queue_leaky{queue="mail"}');
      expect(Math.abs(grown!.slope!.perHour / (20 * 3600) - 1)).toBeLessThan(0.2);
      expect(result.code).toBe(10);
      expect(result.reasons).toContain('queue_leaky');
      const jobs = samples(result, 'soak.signal.jobs_leaky');
      expect(jobs[0]).toBe(0);
      expect(jobs.at(-1)! / 115 / 100).toBeGreaterThan(0.5);
      expect(samples(result, 'soak.signal.hits_leaky').every((value) => Math.abs(value - 0.9) < 1e-9)).toBe(true);
      for (const value of samples(result, 'soak.signal.wait_leaky.quantile')) expect(value > 0.012 && value < 0.015).toBe(true);
      expect(samples(result, 'soak.signal.node_heap_old').length).toBeGreaterThan(50);
      expect(samples(result, 'soak.scrape.up').every((value) => value === 1)).toBe(true);
    });

    test('that is restarted goes on being counted', async () => {
      await using stage = new Stage();
      const first = await stage.program(process.execPath, join(PROGRAMS, 'queue.mjs'), '0');
      const port = /ready (\d+)/.exec(first.out)![1]!;
      const file = config(
        stage,
        'scrape:',
        scraped(`http://127.0.0.1:${port}/metrics`, 'app', PATIENT_S),
        'signals:',
        '  - {name: jobs, match: app_jobs_total, kind: counter}',
      );
      const agent = await stage.watching(file);
      const shows = (name: string, isSo: (value: number) => boolean): Promise<unknown> =>
        until(
          () => agent.page('/metrics'),
          ({ text }) => isSo(Number(new RegExp(`^soak_${name}\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1])),
        );
      await shows('signal_jobs_total', (jobs) => jobs > 200);
      await first.end('SIGKILL');
      await shows('scrape_up', (up) => up === 0);
      await stage.program(process.execPath, join(PROGRAMS, 'queue.mjs'), '0', port);
      await shows('signal_jobs_total', (jobs) => jobs > 600);
      await agent.end();
      const result = await agent.result();
      const jobs = samples(result, 'soak.signal.jobs');
      expect(jobs).toEqual(jobs.toSorted((a, b) => a - b));
      expect(jobs.at(-1)).toBeGreaterThan(400);
      expect(result.events('source_failed')).toMatchObject([{ data: { source: 'scrape app', class: 'refused' } }]);
      expect(result.events('source_recovered')).toHaveLength(1);
      expect(result.verdict.blind.filter(({ metric }) => metric.startsWith('soak.scrape'))).toEqual([]);
    });
  });

  describe.concurrent('lag of consumer groups', () => {
    test('that grows is a finding; a group that goes away has no lag, not one of zero', async () => {
      await using stage = new Stage();
      let asked = 0;
      await using page = await Page.text(() => {
        asked++;
        const gone = asked > 20 ? {} : { gone: 40 };
        return lagPage({ behind: 100 + 7 * asked + (asked % 3), level: 50 + (asked % 7), ...gone });
      });
      const agent = await stage.watching([
        ...config(stage, 'scrape:', seconds(page.url, 'kafka')),
        '--duration',
        '75s',
        '--must-live',
        '1h',
        '--rule',
        'signal.kafka_lag < 20000',
      ]);
      const result = await agent.result();
      const lags = result.verdict.series.filter(({ id }) => id.includes('kafka_lag'));
      expect(Object.fromEntries(lags.map(({ labels, outcome, gated }) => [labels['consumergroup'], [gated, outcome]]))).toEqual({
        behind: [true, 'fail'],
        level: [true, expect.not.stringMatching('fail')],
        gone: [true, expect.not.stringMatching('fail')],
      });
      const gone = samples(result, 'soak.signal.kafka_lag', { consumergroup: 'gone' });
      expect(new Set(gone)).toEqual(new Set([40]));
      expect(gone.length).toBeLessThanOrEqual(20);
      expect(samples(result, 'soak.signal.kafka_lag')).not.toContain(0);
      expect(result.verdict.findings.find(({ outcome }) => outcome === 'fail')?.series.join()).toContain('behind');
    });
  });

  describe.runIf(installed('javac', 'java')).concurrent('a JVM whose counters are off', () => {
    test('is seen through its page', async () => {
      await using stage = new Stage();
      execFileSync('javac', ['-d', stage.folder, join(PROGRAMS, 'java/HeapService.java')]);
      const jvm = ['-XX:+UseSerialGC', '-Xms64m', '-Xmx64m', '-XX:+AlwaysPreTouch', '-XX:-UsePerfData', '-cp', stage.folder];
      const service = await stage.program('java', ...jvm, 'HeapService', 'churn=4096', 'collect=1000', 'seconds=150');
      // What Micrometer would tell of it.
      await using page = await Page.text(
        () => '# TYPE jvm_gc_live_data_size_bytes gauge\njvm_gc_live_data_size_bytes 2.1e7\njvm_gc_max_data_size_bytes 6.4e7\n',
      );
      const file = config(stage, 'scrape:', seconds(page.url, 'jvm'));
      const result = await (
        await stage.watching(['--target', `jvm=${service.pid}`, ...file, '--interval', '0.5', '--duration', '35s', '--must-live', '1h'])
      ).result();
      expect(result.series('jvm heap')).toMatchObject({ gated: true, level: 2.1e7, limit: { value: 6.4e7 } });
      expect(result.verdict.findings.map(({ kind }) => kind)).not.toContain('heap');
      expect(result.reasons).not.toContain('heap is not visible');
    });
  });
});

describe('a page that is none', () => {
  test('is a state with a class, holds up nobody, and is never a zero', async () => {
    await using stage = new Stage();
    await using hanging = await Page.serve(() => {});
    await using slow = await Page.serve((_request, response) => {
      response.write('a 1\n');
      const timer = setInterval(() => response.write('# more\n'), 100);
      response.on('close', () => clearInterval(timer));
    });
    await using html = await Page.serve((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html><p>Sign in'),
    );
    await using json = await Page.text(() => '{"status": "ok"}');
    await using denied = await Page.serve((_request, response) => response.writeHead(401).end());
    await using missing = await Page.serve((_request, response) => response.writeHead(404).end('a 1\n'));
    await using loop = await Page.serve((_request, response) => response.writeHead(302, { location: '/metrics' }).end());
    await using broken = await Page.serve((_request, response) => response.setHeader('content-encoding', 'gzip').end('not gzip'));
    await using bad = await Page.text(() => 'good 7\nbad line here\n');
    const raw = createRaw((socket) => socket.on('error', () => {}).end('SSH-2.0-nothing\r\n')).listen(0, '127.0.0.1');
    await once(raw, 'listening');
    const rawUrl = `http://127.0.0.1:${(raw.address() as AddressInfo).port}/`;
    const pages = { html, json, denied, missing, loop, broken, bad };
    const list = [
      ...Object.entries({ hanging, slow }).map(([name, { url }]) => seconds(url, name)),
      ...Object.entries(pages).map(([name, { url }]) => scraped(url, name, PATIENT_S)),
      scraped(rawUrl, 'raw', PATIENT_S),
      scraped('http://127.0.0.1:9/metrics', 'nobody', PATIENT_S),
      '  - {name: rare, url: "http://127.0.0.1:9/metrics", every: 5s}',
    ];
    const file = config(stage, 'scrape:', ...list, 'signals:', '  - {name: good, from: bad, match: good}');
    const result = await (await stage.watching([...file, '--duration', '22s'])).result();
    raw.close();
    const classes = result.events('source_failed').map(({ data }) => [String(data['source']).replace('scrape ', ''), data['class']]);
    const first = new Map(classes.toReversed() as [string, string][]);
    expect(Object.fromEntries(first)).toEqual({
      hanging: 'timeout',
      slow: 'timeout',
      html: 'html',
      json: 'json',
      denied: 'denied',
      missing: 'not_found',
      loop: 'redirect',
      broken: 'protocol',
      raw: 'protocol',
      nobody: 'refused',
      rare: 'refused',
    });
    for (const name of first.keys()) {
      const up = samples(result, 'soak.scrape.up', { 'soak.scrape': name });
      expect(up.length).toBeGreaterThan(name === 'rare' ? 0 : 3);
      expect(new Set(up)).toEqual(new Set([0]));
      expect(samples(result, 'soak.scrape.samples', { 'soak.scrape': name })).toEqual([]);
    }
    const unread = result.verdict.blind.filter(({ metric }) => metric.startsWith('soak.scrape.samples'));
    expect(unread.map(({ metric }) => /"(.*)"/.exec(metric)?.[1]).toSorted()).toEqual([...first.keys()].toSorted());
    expect(unread.find(({ metric }) => metric.includes('nobody'))?.reason).toBe(
      'the page of metrics has not been readable: nothing listens there (ECONNREFUSED)',
    );
    expect(new Set(samples(result, 'soak.signal.good'))).toEqual(new Set([7]));
    expect(new Set(samples(result, 'soak.scrape.lines.bad'))).toEqual(new Set([1]));
    const told = result.events('blind').find(({ message }) => message.startsWith('scrape bad'));
    expect(told?.message).toMatch(/the first is line 2/);
  });

  test('and has no end is given up, packed or not', async () => {
    await using stage = new Stage();
    const flood = Buffer.alloc(1 << 20, '# comment\n');
    const pour: RequestListener = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(flood));
      };
      response.on('drain', more).on('error', () => {});
      more();
    };
    await using endless = await Page.serve(pour);
    const packed = gzipSync(Buffer.alloc(64 << 20, '# comment\n'), { level: 1 }); // once: it takes as long as the page may
    await using bomb = await Page.serve((_request, response) => response.setHeader('content-encoding', 'gzip').end(packed));
    const file = config(stage, 'scrape:', ...Object.entries({ endless, bomb }).map(([name, { url }]) => scraped(url, name, PATIENT_S)));
    const result = await (await stage.watching([...file, '--duration', '14s'])).result();
    const classes = result.events('source_failed').map(({ data }) => `${String(data['source'])} ${String(data['class'])}`);
    expect(classes).toContain('scrape bomb too_large');
    expect(classes.join()).toMatch(/scrape endless (too_large|timeout)/);
    expect(Math.max(...samples(result, 'soak.agent.memory.private'))).toBeLessThan(400e6);
  });

  test('credentials go where they belong, and nowhere else', async () => {
    await using stage = new Stage();
    const seen: (string | undefined)[] = [];
    await using other = await Page.serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('a 1\n');
    });
    await using home = await Page.serve((request, response) => {
      if (request.url === '/away') response.writeHead(302, { location: other.url }).end();
      else if (request.url === '/metrics') response.writeHead(307, { location: '/real?token=hunter2token' }).end();
      else if (request.headers.authorization !== 'Bearer hunter2secret' || request.headers['x-scope'] !== 'hunter2scope')
        response.writeHead(403).end();
      else response.setHeader('content-encoding', 'gzip').end(gzipSync('# TYPE app gauge\napp 3\n'));
    });
    const token = join(stage.folder, 'token');
    writeFileSync(token, 'hunter2secret\n');
    const secret = ', bearer_file: token, headers: {X-Scope: hunter2scope}';
    const file = config(
      stage,
      'scrape:',
      scraped(home.url, 'home', PATIENT_S, secret),
      scraped(home.url.replace('/metrics', '/away'), 'away', PATIENT_S, secret),
      'signals:',
      '  - {name: app, from: home, match: app}',
    );
    const agent = await stage.watching([...file, '--log-level', 'debug']);
    const shows = (line: RegExp): Promise<unknown> =>
      until(
        () => agent.page('/metrics'),
        ({ text }) => line.test(text),
      );
    await shows(/^soak_signal_app\{.*\} 3$/m);
    await shows(/^soak_scrape_up\{.*"away".*\} 0$/m);
    rmSync(token);
    await shows(/^soak_scrape_up\{.*"home".*\} 0$/m);
    await agent.end();
    const result = await agent.result();
    expect(samples(result, 'soak.signal.app')).toContain(3);
    expect(seen).toEqual([]);
    expect(result.events('source_failed').map(({ data }) => [data['source'], data['class']])).toEqual(
      expect.arrayContaining([
        ['scrape away', 'redirect'],
        ['scrape home', 'credentials'],
      ]),
    );
    expect(
      agent.out + agent.err + JSON.stringify([result.verdict, ...result.events('source_failed'), ...result.events('blind')]),
    ).not.toContain('hunter2');
    expect(reading(result.folder, (reader) => JSON.stringify(reader.header))).not.toContain('hunter2');
  });

  test.runIf(installed('openssl'))('of who shows a certificate of its own is read by whom it is named to, and by nobody else', async () => {
    await using stage = new Stage();
    const [key, certificate] = [join(stage.folder, 'key'), join(stage.folder, 'ca.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate, ...subject];
    execFileSync('openssl', made, { stdio: 'ignore' });
    await using page = await Page.serveTls({ key: readFileSync(key), cert: readFileSync(certificate) }, (_request, response) =>
      response.end('app 3\n'),
    );
    const list = [scraped(page.url, 'trusting', PATIENT_S, ', ca_file: ca.pem'), scraped(page.url, 'strange', PATIENT_S)];
    const file = config(stage, 'scrape:', ...list, 'signals:', '  - {name: app, from: trusting, match: app}');
    const result = await (await stage.watching([...file, '--duration', '10s'])).result();
    expect(new Set(samples(result, 'soak.signal.app'))).toEqual(new Set([3]));
    expect(new Set(samples(result, 'soak.scrape.up', { 'soak.scrape': 'strange' }))).toEqual(new Set([0]));
    expect(result.events('source_failed').map(({ data }) => [data['source'], data['class']])).toEqual([['scrape strange', 'tls']]);
    expect(result.events('source_failed')[0]!.message).toContain('ca_file names certificates of your own');
  });
});
