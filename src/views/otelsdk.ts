/** What is used of two packages, by name: a bundle then leaves out the rest of them, which a dynamic import of the packages would keep. */
export { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
export { NodeSDK } from '@opentelemetry/sdk-node';
