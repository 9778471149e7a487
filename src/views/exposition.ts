/**
 * The pages that Prometheus scrapes, written from what the SDK collected: text format 0.0.4 and OpenMetrics 1.0. The names are those
 * that the published OTLP translation gives, so that a scrape and a push have one spelling.
 * Sources: prometheus.io/docs/instrumenting/exposition_formats, and the OpenMetrics 1.0 specification, "Text format".
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { type DataPoint, DataPointType, type Histogram, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { type Kind, prometheusName } from '../catalog.ts';
import { escapeHelp, escapeValue, labelText, unitLine } from './spelling.ts';

export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

type Format = 'text' | 'openmetrics';

/** One family of samples: a name with its help, type and unit. */
interface Family {
  /** With `_total` in the text format and without it in OpenMetrics, where the suffix belongs to the sample. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly metrics: MetricData[];
}

/** A page in the text format 0.0.4. */
export function textPage(collected: ResourceMetrics): string {
  return page(collected, 'text');
}

/** A page in OpenMetrics 1.0. */
export function openMetricsPage(collected: ResourceMetrics): string {
  return `${page(collected, 'openmetrics')}# EOF\n`;
}

function page(collected: ResourceMetrics, format: Format): string {
  let text = targetInfo(collected.resource.attributes, format);
  for (const family of families(collected)) text += familyText(family, format);
  return text;
}

/** What the SDK knows of the agent itself (the resource) is the labels of one info metric, not of every line. */
function targetInfo(attributes: Attributes, format: Format): string {
  const head =
    format === 'text'
      ? '# HELP target_info The agent that exports these metrics\n# TYPE target_info gauge\n'
      : '# TYPE target info\n# HELP target The agent that exports these metrics\n';
  return `${head}target_info${labels(attributes)} 1\n`;
}

/** Families in the order of their first metric. Metrics of one name and two types cannot share a page: the first type wins. */
function families(collected: ResourceMetrics): Iterable<Family> {
  const found = new Map<string, Family>();
  for (const metric of collected.scopeMetrics.flatMap((scope) => scope.metrics)) {
    const kind = kindOf(metric);
    if (kind === null || metric.dataPoints.length === 0) continue;
    const name = nameOf(metric.descriptor, kind);
    const type = kind === 'updowncounter' ? 'gauge' : kind;
    const family = found.get(name) ?? { name, type, metrics: [] };
    if (family.type === type) family.metrics.push(metric);
    found.set(name, family);
  }
  return found.values();
}

/** Names by the descriptors they were made of: the producer keeps one of each metric. */
const NAMES = new WeakMap<MetricData['descriptor'], string>();

function nameOf(descriptor: MetricData['descriptor'], kind: Kind): string {
  let name = NAMES.get(descriptor);
  if (name === undefined) {
    name = prometheusName(descriptor.name, descriptor.unit, kind);
    NAMES.set(descriptor, name);
  }
  return name;
}

/** Null for exponential histograms, which neither format can say. */
function kindOf(metric: MetricData): Kind | null {
  if (metric.dataPointType === DataPointType.SUM) return metric.isMonotonic ? 'counter' : 'updowncounter';
  if (metric.dataPointType === DataPointType.HISTOGRAM) return 'histogram';
  return metric.dataPointType === DataPointType.GAUGE ? 'gauge' : null;
}

function familyText(family: Family, format: Format): string {
  const { description, unit } = family.metrics[0]!.descriptor;
  const name = format === 'text' ? family.name : family.name.replace(/_total$/, '');
  let text =
    format === 'text'
      ? `# HELP ${name} ${escapeHelp(description)}\n# TYPE ${name} ${family.type}\n`
      : `# TYPE ${name} ${family.type}\n${unitLine(name, unit)}# HELP ${name} ${escapeValue(description)}\n`;
  for (const metric of family.metrics) text += samples(family, name, metric, format);
  return text;
}

function samples(family: Family, name: string, metric: MetricData, format: Format): string {
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return '';
  let text = '';
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    for (const point of metric.dataPoints) text += histogramText(name, point) + created(name, point, family, format);
    return text;
  }
  for (const point of metric.dataPoints) {
    text += `${family.name}${labels(point.attributes)} ${number(point.value)}\n${created(name, point, family, format)}`;
  }
  return text;
}

/** OpenMetrics says when a counter was zero; a start of 0 is an unknown one. */
function created(name: string, point: DataPoint<unknown>, family: Family, format: Format): string {
  if (format === 'text' || family.type === 'gauge' || point.startTime[0] === 0) return '';
  return `${name}_created${labels(point.attributes)} ${seconds(point.startTime)}\n`;
}

function histogramText(name: string, point: DataPoint<Histogram>): string {
  const { buckets, count, sum } = point.value;
  let text = '';
  let below = 0;
  buckets.boundaries.forEach((boundary, i) => {
    below += buckets.counts[i] ?? 0;
    if (boundary !== Infinity) text += `${name}_bucket${labelsWith(point.attributes, 'le', number(boundary))} ${below}\n`;
  });
  text += `${name}_bucket${labelsWith(point.attributes, 'le', '+Inf')} ${count}\n`;
  if (sum !== undefined) text += `${name}_sum${labels(point.attributes)} ${number(sum)}\n`;
  return `${text}${name}_count${labels(point.attributes)} ${count}\n`;
}

/** Label texts by the attributes they were made of: the producer keeps one object per series, so most are written once in a run. */
const LABELS = new WeakMap<Attributes, string>();

function labels(attributes: Attributes): string {
  let text = LABELS.get(attributes);
  if (text === undefined) {
    text = labelText(attributes);
    LABELS.set(attributes, text);
  }
  return text;
}

function labelsWith(attributes: Attributes, name: string, value: string): string {
  const text = labels(attributes);
  const more = `${name}="${value}"`;
  return text === '' ? `{${more}}` : `${text.slice(0, -1)},${more}}`;
}

function number(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value); // NaN is spelled as Prometheus wants it
}

function seconds([whole, nanos]: HrTime): string {
  return String(Number((whole + nanos / 1e9).toFixed(3)));
}
