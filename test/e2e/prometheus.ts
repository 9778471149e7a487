/** A real Prometheus and a real Alertmanager on loopback, for one test file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { until } from './agent-under-test.ts';

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** Neither program says which port it was given, so it is given one that was free a moment ago. */
async function start(program: string, args: (address: string) => readonly string[]): Promise<Server> {
  const probe = createTcp().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = `127.0.0.1:${(probe.address() as AddressInfo).port}`;
  probe.close();
  await once(probe, 'close');
  const child = spawn(program, args(address), { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const url = `http://${address}`;
  const isReady = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    return (await fetch(`${url}/-/ready`).catch(() => null))?.status === 200;
  };
  await until(isReady, Boolean, 60);
  return { url, stop: () => stopped(child) };
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

export function startAlertmanager(folder: string, config: string): Promise<Server> {
  return start('prometheus-alertmanager', (address) => [
    `--config.file=${config}`,
    `--storage.path=${folder}/alertmanager`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ]);
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

export class Prometheus {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param data may hold blocks of any age */
  static async start(data: string, config: string): Promise<Prometheus> {
    const args = (address: string): string[] => [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=10y',
      `--web.listen-address=${address}`,
    ];
    return new Prometheus(await start('prometheus', args));
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Data of the answer. @throws with the words of Prometheus when it refuses */
  async ask(path: string, parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
    const body = new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]));
    const url = `${this.#server.url}/api/v1/${path}`;
    // Long queries do not fit into an address; the others are not to be had by POST.
    const response = await (path.startsWith('query') ? fetch(url, { method: 'POST', body }) : fetch(`${url}?${body.toString()}`));
    const answer = (await response.json()) as { status: string; error?: string; data?: unknown };
    if (answer.status !== 'success') throw new Error(answer.error);
    return answer.data;
  }

  async range(query: string, from: number, to: number, step: number): Promise<readonly Series[]> {
    return ((await this.ask('query_range', { query, start: from, end: to, step })) as { result: readonly Series[] }).result;
  }

  /** As Grafana shows a result of `query_result`: one text per series. */
  async instant(query: string, time: number): Promise<readonly string[]> {
    const { resultType, result } = (await this.ask('query', { query, time })) as { resultType: string; result: unknown };
    if (resultType === 'scalar') return [(result as [number, string])[1]];
    return (result as { metric: Record<string, string>; value: [number, string] }[]).map(
      ({ metric: { __name__ = '', ...labels }, value }) => {
        const text = Object.entries(labels).map(([name, label]) => `${name}="${label}"`);
        return `${__name__}{${text.join(',')}} ${value[1]} ${value[0] * 1000}`;
      },
    );
  }
}

export interface Notice {
  readonly path: string;
  readonly status: string;
  readonly alerts: readonly {
    readonly status: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** What Alertmanager sends to. */
export async function webhook(): Promise<{ url: string; notices: Notice[]; close(): void }> {
  const notices: Notice[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      notices.push({ ...(JSON.parse(body) as Omit<Notice, 'path'>), path: request.url ?? '' });
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    notices,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
