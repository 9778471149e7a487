/** Options of what others tell: load tools, files of results, probes, pages of metrics and what is pushed. Part of the option table. */
import { option } from './optiondef.ts';
import { address, orNone, secretText, server, text } from './optionvalue.ts';
import { PROBE_HINT } from './probeurl.ts';
import { SCRAPE_HINT } from './scrapes.ts';

export const LOAD_OPTIONS = {
  inbound: option({
    group: 'Load and signals',
    value: orNone(address(), 'off'),
    default: 'off',
    help: 'address on which load tools and programs push metrics: OTLP/HTTP and Influx lines',
    more:
      '`/v1/metrics`, `/write`, `/api/phase` and `/api/mark`; docs/inbound.md has the settings of each tool. Another address than one of loopback needs `inbound_token`. ' +
      'Port 0 takes any free port and prints it.',
    example: '127.0.0.1:4318',
  }),
  inboundToken: option({
    group: 'Load and signals',
    value: secretText(),
    default: null,
    secret: true,
    help: 'token that whatever is pushed must come with',
    more: 'As `Authorization: Bearer`, as `Token` or as the password of an Influx client. Never on the command line, where everybody on the machine can read it.',
    example: '"${PUSH_TOKEN}"',
  }),
  jtl: option({
    group: 'Load and signals',
    value: text('<[role=]file>', 'the path of a file of results, with ROLE= before it if you like'),
    default: null,
    list: true,
    help: 'a file of results that a load tool writes: a JMeter JTL in CSV, or the history of Locust',
    more:
      'It may be there later than the run. The role is the one that is asked; with one target it need not be said. JMeter writes in blocks: ' +
      '`-Jjmeter.save.saveservice.autoflush=true` makes it write at once.',
    example: 'api=results.jtl',
  }),
  probe: option({
    group: 'Load and signals',
    value: server(PROBE_HINT, '<[role=]url>'),
    default: null,
    list: true,
    key: 'probes',
    help: 'ask this address every 5 s whether it answers, and how fast',
    more:
      '`http://`, `https://`, `ws://`, `wss://` or `tcp://host:port`, with the role that it belongs to before it if you like. For targets without a load tool, and for times of ' +
      'recovery. In a file an entry is a URL or a map of `url`, `name`, `target`, `every`, `deadline` (at most `every`), `status` (otherwise any from 200 to 399) and `send` ' +
      '(a message to a WebSocket, of which the next message is the answer).',
    example: 'api=http://localhost:8080/health',
  }),
  scrape: option({
    group: 'Load and signals',
    value: server(SCRAPE_HINT),
    default: null,
    list: true,
    help: 'a page of metrics (Prometheus or OpenMetrics text) to read every 10 s',
    more:
      'Of an application, a runtime, or an exporter (Kafka, RabbitMQ ...). A name before it that is the role of a target says that it is the page of that target; ' +
      'of a single target that need not be said. What is known of Node, Go, the JVM, Python, Kafka and queues is recognised; `signals` declares everything else. ' +
      'In a file an entry is a URL or a map of `name`, `url`, `target`, `preset`, `every`, `timeout`, `bearer_file`, `headers` and `ca_file`. A flag never holds a password.',
    example: 'api=http://localhost:9464/metrics',
  }),
  signals: option({
    group: 'Load and signals',
    value: { ...text('<signal>', 'a map with name and match; docs/signals.md explains them'), yaml: ['map'] },
    default: null,
    list: true,
    not: ['flag', 'env'],
    help: 'which series of those pages mean what',
    more:
      'Each entry is a map: `name`, `match` (a selector as in PromQL), and as you like `kind` (level, backlog, counter, ratio, latency), `over` (of a ratio), `aggregate`, `by`, ' +
      '`unit`, `scale`, `growth`, `limit`, `from`, `target` and `as`. The metric is `signal.NAME`.',
    example: '{ name: queue, match: \'app_queue_depth{queue!="dead"}\', kind: backlog, limit: 1000 }',
  }),
} as const;
