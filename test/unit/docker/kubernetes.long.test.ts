/** docker/k8s by the types of the Kubernetes API, and what no type knows: names that belong together, rights, options that we take. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { checkArguments, DOCKER, onPath } from './understood.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const K8S = join(DOCKER, 'k8s');

const FILES = readdirSync(K8S, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml') && !['kustomization.yaml', 'soak.yaml'].includes(basename(name)))
  .toSorted();

/** Type and module of each kind that there may be. */
const KINDS: Readonly<Record<string, readonly [string, string]>> = {
  Deployment: ['IDeployment', 'kubernetes-models/apps/v1/Deployment'],
  Job: ['IJob', 'kubernetes-models/batch/v1/Job'],
  PodMonitor: ['IPodMonitor', '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor'],
  PrometheusRule: ['IPrometheusRule', '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'],
};

interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name: string }[];
  readonly securityContext: { readonly runAsUser?: number };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

interface Probe {
  readonly httpGet: { readonly port: string };
}

/** docker/k8s/pages/soak.yaml. */
interface Pages {
  readonly network_of: string;
  readonly cgroup_of: string;
  readonly scrape: readonly { readonly target: string }[];
  readonly require: readonly string[];
  readonly signals: readonly { readonly name: string; readonly growth?: string; readonly as?: string }[];
}

interface PodMonitor {
  readonly spec: { readonly podMetricsEndpoints: readonly object[] };
}

interface PodSpec {
  readonly shareProcessNamespace?: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsUser?: number; readonly runAsNonRoot: boolean };
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly backoffLimit?: number;
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

function manifest(file: string): Manifest {
  return parse(readFileSync(join(K8S, file), 'utf8')) as Manifest;
}

/** What the compiler says of these objects as literals of their types: of a wrong type, missing, or unknown. */
function complaints(objects: readonly { readonly kind: string }[]): string {
  const folder = join(ROOT, '.cache', `manifests-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const used = [...new Set(objects.map(({ kind }) => KINDS[kind]!))];
    const imports = used.map(([type, from]) => `import type { ${type} } from '${from}';\n`);
    const literals = objects.map((one, i) => `export const m${i}: ${KINDS[one.kind]![0]} = ${JSON.stringify(one)};\n`);
    const file = join(folder, 'manifests.ts');
    writeFileSync(file, [...imports, ...literals].join(''));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--module', 'nodenext', '--types', ''];
    execFileSync('tsc', [...options, file], { encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('are what the Kubernetes API and the Prometheus operator take', () => {
  expect(complaints(FILES.map(manifest))).toBe('');
  const wrong = { ...manifest('job/job.yaml'), spec: { ...manifest('job/job.yaml').spec, backofLimit: 0 } };
  expect(complaints([wrong])).toContain('backofLimit'); // the types do say something
});

const PODS = FILES.map((file) => [file, manifest(file)] as const).filter(([, { kind }]) => kind === 'Deployment' || kind === 'Job');

describe.each(PODS)('%s', (file, { kind, spec }) => {
  const { metadata, spec: pod } = spec.template;
  const all = [...pod.initContainers, ...pod.containers];
  const agent = all.find(({ image }) => image === 'soak-agent')!;

  test('gives the agent options that it takes', async () => {
    const args = agent.args!.map((arg) => arg.replace('/etc/soak-agent', join(K8S, dirname(file))));
    expect(await checkArguments(args)).toEqual({ code: 0, err: '' });
  });

  test('takes images that were loaded into the nodes: without a tag a registry would be asked for each', () => {
    for (const { image, imagePullPolicy } of all) if (!/:[^/]+$|@/.test(image)) expect(imagePullPolicy, image).toBe('IfNotPresent');
  });

  test('has no container with a right that it does not need', () => {
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    for (const { securityContext } of all) {
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  test('names volumes and ports that there are, and is found by the PodMonitor', () => {
    for (const container of all) {
      for (const { name } of container.volumeMounts ?? []) expect(pod.volumes.map((volume) => volume.name)).toContain(name);
      const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe].filter((probe) => probe !== undefined);
      for (const { httpGet } of probes) expect(container.ports!.map(({ name }) => name)).toContain(httpGet.port);
    }
    expect(agent.ports).toEqual([{ name: 'soak-metrics', containerPort: 10_464 }]);
    expect(metadata.labels).toMatchObject({ 'soak-agent': 'true' });
    expect(agent.volumeMounts!.map(({ mountPath }) => mountPath)).toContain('/runs');
  });

  test('has one user for all that share their processes, and time for a verdict', () => {
    const users = new Set(all.map(({ securityContext }) => securityContext.runAsUser ?? pod.securityContext.runAsUser));
    if (pod.shareProcessNamespace) expect(users).toEqual(new Set([65_532]));
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(8); // of which a stop takes 8 s at most
  });

  test.runIf(kind === 'Job')('ends with the code of the agent, once', () => {
    expect(spec.backoffLimit).toBe(0);
    expect(pod.containers).toEqual([agent]);
    expect(agent.args).toContain('--no-hold');
    for (const { restartPolicy } of pod.initContainers) expect(restartPolicy).toBe('Always');
  });

  test.runIf(kind === 'Deployment')('has the agent as a native sidecar', () => {
    expect(agent.restartPolicy).toBe('Always');
  });
});

test('a run without processes in sight has work, and names what it can pass for', () => {
  const { scrape, require, signals, ...of } = parse(readFileSync(join(K8S, 'pages/soak.yaml'), 'utf8')) as Pages;
  const { containers, initContainers } = manifest('pages/deployment.yaml').spec.template.spec;
  expect(containers.map(({ name }) => name)).toContain('load');
  expect(scrape.map(({ target }) => target)).toEqual([containers[0]!.name]);
  expect([of.network_of, of.cgroup_of]).toEqual(Array(2).fill(containers[0]!.name));
  expect(initContainers).toHaveLength(1);
  const judged = signals.filter(({ growth }) => growth === 'leak').map(({ name }) => `signal.${name}`);
  expect(require).toEqual([...judged, 'sockets.outbound', 'sockets.close_wait']);
  expect(signals.some(({ as }) => as === 'requests')).toBe(true);
});

test('dashboards find the agent of a pod where a port is forwarded to', () => {
  const { podMetricsEndpoints: endpoints } = (parse(readFileSync(join(K8S, 'monitoring/podmonitor.yaml'), 'utf8')) as PodMonitor).spec;
  expect(endpoints).toMatchObject([{ relabelings: [{ targetLabel: 'instance', replacement: 'localhost:10464' }] }]);
});

test('the documented wait for the Job ends when it fails, too', () => {
  const text = readFileSync(join(ROOT, 'docs/containers.md'), 'utf8');
  expect(text).not.toMatch(/^kubectl wait/m);
  const wait = /^until kubectl .*$/m.exec(text)![0].replace('sleep 10', 'sleep 0.01');
  const folder = join(ROOT, '.cache', `kubectl-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    // Its conditions as they come; FailureTarget is not the end yet.
    for (const last of ['Failed', 'Complete']) {
      writeFileSync(join(folder, 'conditions'), `\nFailureTarget\nFailureTarget ${last}\n`);
      const kubectl = '#!/bin/sh\ncd "$(dirname "$0")" && head -n 1 conditions && sed -i 1d conditions\n';
      writeFileSync(join(folder, 'kubectl'), kubectl, { mode: 0o755 });
      execFileSync('sh', ['-c', wait], { env: { PATH: `${folder}:${process.env['PATH']}` }, timeout: 5000 });
      expect(readFileSync(join(folder, 'conditions'), 'utf8')).toBe('');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.runIf(onPath('kubectl'))(
  'where the control groups of the node are mounted, nobody may write to them, and memory by its limit is required as well',
  async () => {
    const built = execFileSync('kubectl', ['kustomize', join(K8S, 'groups')], { encoding: 'utf8' });
    const deployment = parseAllDocuments(built)
      .map((document) => document.toJS() as Manifest)
      .find(({ kind }) => kind === 'Deployment')!;
    expect(complaints([deployment])).toBe('');
    const { initContainers, volumes } = deployment.spec.template.spec;
    const [agent] = initContainers;
    expect(volumes).toContainEqual({ name: 'cgroup', hostPath: { path: '/sys/fs/cgroup', type: 'Directory' } });
    expect(agent!.volumeMounts).toContainEqual({ name: 'cgroup', mountPath: '/host/cgroup', readOnly: true });
    const { require } = parse(readFileSync(join(K8S, 'pages/soak.yaml'), 'utf8')) as Pages;
    expect(agent!.env!.map(({ name, value }) => [name, value.split('\n')])).toEqual([['SOAK_REQUIRE', ['memory.cgroup', ...require]]]);
    const args = agent!.args!.map((arg) => arg.replace('/etc/soak-agent', join(K8S, 'pages')));
    expect(await checkArguments(args, { SOAK_REQUIRE: agent!.env![0]!.value })).toEqual({ code: 0, err: '' });
  },
);

test.runIf(onPath('kubectl'))('every folder is a kustomization', () => {
  for (const name of readdirSync(K8S)) {
    const options = { encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 24 } as const;
    expect(execFileSync('kubectl', ['kustomize', join(K8S, name)], options)).toMatch(/^kind: /m);
  }
});
