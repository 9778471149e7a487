/** The OTLP push: http/protobuf, set up by the standard variables, bounded in what it holds, and cut off when the agent stops. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { MetricProducer, MetricReader, PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { Logger } from '../log.ts';
import { messageOf, Problem } from '../problem.ts';

export interface PushTarget {
  /** The complete URL, such as `http://localhost:4318/v1/metrics`. */
  readonly endpoint: string;
  /** Beyond those of `OTEL_EXPORTER_OTLP_HEADERS`; of two with the same name these win. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Pushes by how they ended; retries are part of one push. */
export interface Pushes {
  ok: number;
  failed: number;
}

export interface Push {
  readonly reader: MetricReader;
  /** Ends what is still in the air; nothing is sent afterwards. */
  cut(): void;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Standard defaults, in milliseconds. Sources: OpenTelemetry specification, "Environment variables" and "OTLP exporter". */
const INTERVAL_MS = 60_000;
const EXPORT_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** Pushes in the air: one that hangs and the one after it. At 2,000 series of 140 bytes they hold 0.6 MB. */
const PUSHES_MAX = 2;

/**
 * @param pushes is counted up
 * @throws {Problem} CONFIG when a certificate that the environment names cannot be read
 */
export async function startPush(target: PushTarget, producer: MetricProducer, pushes: Pushes, env: Env, log: Logger): Promise<Push> {
  const [{ OTLPMetricExporter }, { PeriodicExportingMetricReader }] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-proto'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const timeoutMillis = milliseconds(ofMetrics(env, 'TIMEOUT'), REQUEST_TIMEOUT_MS, log);
  const exportIntervalMillis = milliseconds(named(env, 'OTEL_METRIC_EXPORT_INTERVAL'), INTERVAL_MS, log);
  const exportTimeoutMillis = milliseconds(named(env, 'OTEL_METRIC_EXPORT_TIMEOUT'), EXPORT_TIMEOUT_MS, log);
  const line = new Line(timeoutMillis, certificates(env));
  const exporter = new OTLPMetricExporter({
    url: target.endpoint,
    headers: () => line.headers(target.headers ?? {}),
    timeoutMillis,
    concurrencyLimit: PUSHES_MAX,
    httpAgentOptions: (protocol) => line.agent(protocol),
  });
  count(exporter, pushes);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(exportTimeoutMillis, exportIntervalMillis),
    metricProducers: [producer],
  });
  return { reader, cut: () => line.cut() };
}

/** Between the exporter and whoever asks it. */
function count(exporter: PushMetricExporter, pushes: Pushes): void {
  const send = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      // The exporter gives a reason whenever it fails; the names of its codes are in a package that is used for nothing else.
      if (result.error === undefined) pushes.ok++;
      else pushes.failed++;
      done(result);
    });
}

/** The connection to the receiver. The exporter would keep its own open after its shutdown, so it is given one that can be cut. */
class Line {
  readonly #options: { keepAlive: true; maxSockets: number; timeout: number };
  readonly #certificates: Certificates;
  #agent: HttpAgent | HttpsAgent | null = null;
  #cut = false;

  constructor(timeout: number, certificates: Certificates) {
    // A time-out of the request counts from the connection; that of the agent counts from the first SYN, which may never be answered.
    this.#options = { keepAlive: true, maxSockets: PUSHES_MAX, timeout };
    this.#certificates = certificates;
  }

  agent(protocol: string): HttpAgent | HttpsAgent {
    this.#agent = protocol === 'https:' ? new HttpsAgent({ ...this.#options, ...this.#certificates }) : new HttpAgent(this.#options);
    return this.#agent;
  }

  /** Asked before every attempt, so this is also where the exporter's retries end. */
  headers(own: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    return this.#cut ? Promise.reject(new Error('the agent has stopped')) : Promise.resolve({ ...own });
  }

  cut(): void {
    this.#cut = true;
    this.#agent?.destroy();
  }
}

/** Every value that must not be seen in a log: of headers, and of a URL its user, password and query. */
export function secretsOf(target: PushTarget, env: Env): string[] {
  const url = URL.parse(target.endpoint);
  const headers = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_METRICS_HEADERS'].flatMap((name) =>
    (env[name] ?? '').split(',').map((pair) => pair.slice(pair.indexOf('=') + 1).trim()),
  );
  const inUrl = url ? [url.username, url.password, ...url.search.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))] : [];
  const written = [...headers, ...Object.values(target.headers ?? {}), ...inUrl].filter(Boolean);
  // `Bearer abc` is also seen as `abc`, and percent-encoded values decoded.
  return written.flatMap((value) => [value, decoded(value)]).flatMap((value) => [value, ...value.split(/\s+/)]);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

interface Setting {
  readonly name: string;
  readonly value: string | undefined;
}

function named(env: Env, name: string): Setting {
  return { name, value: env[name]?.trim() || undefined };
}

/** A variable for metrics alone goes before the one for all signals. */
function ofMetrics(env: Env, what: string): Setting {
  const own = named(env, `OTEL_EXPORTER_OTLP_METRICS_${what}`);
  return own.value === undefined ? named(env, `OTEL_EXPORTER_OTLP_${what}`) : own;
}

/** The specification wants values that make no sense to be reported and ignored, not refused. */
function milliseconds({ name, value }: Setting, otherwise: number, log: Logger): number {
  if (value === undefined) return otherwise;
  const given = Number(value);
  if (Number.isFinite(given) && given > 0) return given;
  log.warn(`${name} is not a number of milliseconds above 0: taking ${otherwise}`);
  return otherwise;
}

type Certificates = Partial<Record<'ca' | 'cert' | 'key', Buffer>>;

function certificates(env: Env): Certificates {
  const settings = { ca: 'CERTIFICATE', cert: 'CLIENT_CERTIFICATE', key: 'CLIENT_KEY' } as const;
  const read = Object.entries(settings).flatMap(([option, what]) => {
    const { name, value } = ofMetrics(env, what);
    return value === undefined ? [] : [[option, readCertificate(name, value)] as const];
  });
  return Object.fromEntries(read);
}

function readCertificate(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Problem('CONFIG', { place: name, message: `cannot be read: ${messageOf(error)}` }, { cause: error });
  }
}
