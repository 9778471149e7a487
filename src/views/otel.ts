/**
 * The OpenTelemetry SDK of the agent: NodeSDK with a Prometheus reader for scrapes and a periodic one for the push, both fed by the one
 * producer. Its packages, and what imports them, are loaded when it starts: a run without export does without their memory.
 */
import { hostname, uptime } from 'node:os';
import type { CollectionResult, MetricReader, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { type Clock, within } from '../clock.ts';
import type { Logger } from '../log.ts';
import { diagLogger, redactor } from './oteldiag.ts';
import { type Pushes, type PushTarget, secretsOf, startPush } from './otelpush.ts';
import type { ExportedRun } from './runmetrics.ts';

export interface OtelOptions {
  readonly run: ExportedRun;
  readonly readers: {
    /** Whether `collect` works. */
    readonly prometheus: boolean;
    /** Null: no push. */
    readonly otlp: PushTarget | null;
  };
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the standard `OTEL_*` variables are. The SDK itself reads some from `process.env` whatever is given here. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Otel {
  /** What a scrape gets. Rejects after `shutdown`, and without the Prometheus reader. */
  collect(): Promise<CollectionResult>;
  /** Pushes once, now. Never rejects, and gives up after 2 s. */
  flush(): Promise<void>;
  /**
   * The last push, unless a `flush` has just found nobody there; afterwards no socket or global is left, and timers of at most 5 s when a
   * retry was waiting. Never rejects; takes 2 s at most, and 2.5 s together with a `flush` before it.
   */
  shutdown(): Promise<void>;
}

/** A push that takes longer would eat the time of the other steps of a stop. */
const FLUSH_S = 2;

/** What the SDK gets to end in when there is nobody to push to. */
const CUT_S = 0.5;

/** @throws {Problem} CONFIG when a certificate that the environment names cannot be read */
export async function startOtel({ run, readers, clock, log, env = process.env }: OtelOptions): Promise<Otel> {
  const [api, { NodeSDK, PrometheusExporter }, { RunProducer }] = await Promise.all([
    import('@opentelemetry/api'),
    import('./otelsdk.ts'),
    import('./producer.ts'),
  ]);
  const redact = redactor(readers.otlp ? secretsOf(readers.otlp, env) : []);
  const logger = diagLogger(log, redact);
  const resource = await resourceOf(run);
  const disabled = env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
  if (disabled && readers.otlp) log.warn('nothing is pushed: OTEL_SDK_DISABLED is set');
  const pushes: Pushes | null = readers.otlp && !disabled ? { ok: 0, failed: 0 } : null;
  const producer = new RunProducer({ run, clock, log, boot: clock.wall() - uptime(), resource, pushes });
  const push = readers.otlp && pushes ? await startPush(readers.otlp, producer, pushes, env, log) : null;
  const scrape = readers.prometheus ? new PrometheusExporter({ preventServerStart: true, metricProducers: [producer] }) : null;
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false, // among the detectors is one that publishes the agent's command line
    spanProcessors: [], // left out, traces and logs would be pushed to localhost:4318
    logRecordProcessors: [],
    metricReaders: [push?.reader, scrape].filter((reader): reader is MetricReader => !!reader),
    instrumentations: [],
    textMapPropagator: null,
  });
  // After NodeSDK, which installs a logger to the console when OTEL_LOG_LEVEL is set.
  api.diag.setLogger(logger, { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true });
  sdk.start();
  let lost = false;
  return {
    // A disabled SDK binds no reader; the pages are ours and stay.
    collect: () => (disabled && scrape ? producer.collect() : collectFrom(scrape)),
    flush: async () => {
      lost = push !== null && !(await settles(push.reader.forceFlush(), FLUSH_S));
    },
    shutdown: async () => {
      if (lost) push?.cut();
      await settles(sdk.shutdown(), lost ? CUT_S : FLUSH_S);
      push?.cut();
      // A run shorter than the first retries would end without a word of it.
      if (pushes?.ok === 0)
        log.warn(redact(`nothing was pushed to ${readers.otlp!.endpoint}: no push succeeded since this agent was started`));
      for (const global of [api.metrics, api.trace, api.logs, api.context, api.propagation, api.diag]) global.disable();
    },
  };
}

function collectFrom(reader: MetricReader | null): Promise<CollectionResult> {
  return reader ? reader.collect() : Promise.reject(new Error('this run has no Prometheus reader'));
}

/** Whether it settled in time, one way or the other: what the SDK fails at it reports through its own logger. */
function settles(work: Promise<unknown>, seconds: number): Promise<boolean> {
  return within(
    work.catch(() => {}),
    seconds,
  );
}

/**
 * Who exports. `OTEL_RESOURCE_ATTRIBUTES` may add to it, but not change who it is: an agent that was started beside a service has that
 * service's environment, and would pass for it.
 */
async function resourceOf(run: ExportedRun): Promise<ResourceMetrics['resource']> {
  const { defaultResource, detectResources, resourceAttributesEnvDetector, resourceFromAttributes } =
    await import('@opentelemetry/resources');
  const own = {
    'service.name': 'soak-agent',
    'service.version': run.version,
    'service.instance.id': run.id,
    'host.name': hostname(),
  };
  return defaultResource()
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
    .merge(resourceFromAttributes(own));
}
