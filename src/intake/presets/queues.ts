/**
 * What waits to be done. A group without a consumer is not on the page of a Kafka exporter: that is not a lag of zero, and there is no
 * sample then.
 * Sources: danielqsj/kafka_exporter (a partition without a committed offset has a lag of -1), seglo/kafka-lag-exporter, the RabbitMQ
 * Prometheus plugin, BullMQ's documentation of exportPrometheusMetrics, danihodovic/celery-exporter, discourse/prometheus_exporter.
 */
import { preset } from './preset.ts';

/** Below zero is how exporters say that they do not know. */
const KNOWN: readonly [number, number] = [0, Infinity];

export const KAFKA = preset(
  { name: 'kafka', of: 'Kafka consumer groups: kafka_exporter, kafka-lag-exporter', tells: 'others' },
  {
    kafka_lag: {
      match: ['kafka_consumergroup_lag_sum', 'kafka_consumergroup_lag'],
      by: ['consumergroup'],
      kind: 'backlog',
      unit: '{message}',
      within: KNOWN,
    },
    kafka_group_lag: { match: ['kafka_consumergroup_group_lag'], by: ['group'], kind: 'backlog', unit: '{message}', within: KNOWN },
    kafka_lag_time: {
      match: ['kafka_consumergroup_group_max_lag_seconds', 'kafka_consumergroup_group_lag_seconds'],
      by: ['group'],
      kind: 'backlog',
      aggregate: 'max',
      unit: 's',
      within: KNOWN,
    },
    kafka_members: { match: ['kafka_consumergroup_members'], by: ['consumergroup'], unit: '{member}', within: KNOWN },
  },
);

export const QUEUES = preset(
  { name: 'queues', of: 'queues: RabbitMQ, BullMQ, Celery, Sidekiq', tells: 'others' },
  {
    rabbitmq_messages: { match: ['rabbitmq_queue_messages'], by: ['queue'], kind: 'backlog', unit: '{message}', within: KNOWN },
    rabbitmq_unacked: { match: ['rabbitmq_queue_messages_unacked'], by: ['queue'], unit: '{message}', growth: 'leak', within: KNOWN },
    bullmq_waiting: {
      match: ['bullmq_job_count{state=~"waiting|prioritized|paused"}'],
      by: ['queue'],
      kind: 'backlog',
      unit: '{job}',
      within: KNOWN,
    },
    bullmq_delayed: { match: ['bullmq_job_count{state="delayed"}'], by: ['queue'], unit: '{job}', growth: 'leak', within: KNOWN },
    celery_queue: { match: ['celery_queue_length'], by: ['queue_name'], kind: 'backlog', unit: '{task}', within: KNOWN },
    sidekiq_queue: { match: ['sidekiq_queue_backlog'], by: ['queue'], kind: 'backlog', unit: '{job}', within: KNOWN },
    sidekiq_wait: { match: ['sidekiq_queue_latency_seconds'], by: ['queue'], kind: 'backlog', aggregate: 'max', unit: 's', within: KNOWN },
  },
);
