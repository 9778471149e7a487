/** What a run of the published bundle does not load, and what it can do all the same. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../tools/steps.ts';
import { installed } from './agent-under-test.ts';

const BUNDLE = join(ROOT, 'dist/soak-agent.js');

/** Exporters by gRPC, which the bundle lacks, named by everything that an environment can name them with. */
const HOSTILE = {
  OTEL_TRACES_EXPORTER: 'otlp,zipkin',
  OTEL_LOGS_EXPORTER: 'otlp',
  OTEL_METRICS_EXPORTER: 'otlp,prometheus,console',
  OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  OTEL_PROPAGATORS: 'b3,jaeger',
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'soak-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Modules of Node that a run with a scrape has loaded when it ends. */
async function loadedByRun(): Promise<string[]> {
  const list = join(folder, 'modules.json');
  const hook = join(folder, 'hook.cjs');
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(process.moduleLoadList)));`,
  );
  const args = ['run', '--target', String(process.pid), '--duration', '4s', '--listen', '127.0.0.1:0', '--out', folder, '--no-live'];
  const env = { ...process.env, ...HOSTILE, NODE_OPTIONS: `--require ${hook}` };
  const agent = spawn(process.execPath, [BUNDLE, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ended = once(agent, 'exit');
  const page = await new Promise<string>((resolve) => {
    agent.stderr.setEncoding('utf8').on('data', (text: string) => {
      const place = /at (http:\S+)/.exec(text)?.[1];
      if (place !== undefined)
        get(
          `${place}/metrics`,
          (answer) =>
            void answer
              .setEncoding('utf8')
              .toArray()
              .then((all) => resolve(all.join(''))),
        );
    });
  });
  expect(page).toContain('\ntarget_info{');
  expect(await ended).toEqual([11, null]);
  return (JSON.parse(readFileSync(list, 'utf8')) as string[]).map((name) => name.replace(/^\w+ /, ''));
}

describe.runIf(process.env['SOAK_BUNDLE'] === '1')('the published bundle', () => {
  test('loads no second HTTP client and no TLS for a run that needs none, whatever exporters the environment names', async () => {
    const loaded = await loadedByRun();
    expect(loaded).toContain('http');
    expect(loaded.filter((name) => /undici|^tls$|^https$|^http2$/.test(name))).toEqual([]);
  });

  test.runIf(installed('openssl'))('asks and pushes by TLS where it is told to', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert];
    execFileSync('openssl', made, { stdio: 'ignore' });
    const asked = new Set<string>();
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      asked.add(`${request.method} ${request.url}`);
      request.resume().on('end', () => response.end(request.method === 'GET' ? 'up 1\n' : ''));
    }).listen(0);
    await once(server, 'listening');
    const place = `https://localhost:${(server.address() as AddressInfo).port}`;
    const told = ['--scrape', `t=${place}/page`, '--probe', `t=${place}/alive`, '--otlp', `${place}/v1/metrics`, '--listen', 'off'];
    const args = ['run', '--target', `t=${process.pid}`, ...told, '--duration', '4s', '--out', folder, '--no-live'];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: cert, OTEL_EXPORTER_OTLP_CERTIFICATE: cert };
    await once(spawn(process.execPath, [BUNDLE, ...args], { stdio: 'ignore', env }), 'exit');
    server.close();
    expect(asked).toEqual(new Set(['GET /page', 'GET /alive', 'POST /v1/metrics']));
  });

  test('has no gRPC and nothing that reads a configuration of OpenTelemetry in it', () => {
    const files = readdirSync(join(ROOT, 'dist')).filter((name) => name.endsWith('.js'));
    expect(files.filter((name) => /GRPC_VERBOSITY|OTEL_CONFIG_FILE/.test(readFileSync(join(ROOT, 'dist', name), 'utf8')))).toEqual([]);
  });
});
