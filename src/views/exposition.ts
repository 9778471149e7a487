/**
 * The pages that Prometheus scrapes, written from what the SDK collected: text format 0.0.4 and OpenMetrics 1.0. The names are those
 * that the published OTLP translation gives, so that a scrape and a push have one spelling.
 * Sources: prometheus.io/docs/instrumenting/exposition_formats, and the OpenMetrics 1.0 specification, "Text format".
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { type DataPoint, DataPointType, type Histogram, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { type Kind, prometheusLabel, prometheusName, unitWords } from '../catalog.ts';

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
    const name = prometheusName(metric.descriptor.name, metric.descriptor.unit, kind);
    const type = kind === 'updowncounter' ? 'gauge' : kind;
    const family = found.get(name) ?? { name, type, metrics: [] };
    if (family.type === type) family.metrics.push(metric);
    found.set(name, family);
  }
  return found.values();
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

/** OpenMetrics takes a unit only where the name ends in it. */
function unitLine(name: string, unit: string): string {
  const words = unit === '1' ? 'ratio' : unitWords(unit).join('_');
  return words !== '' && name.endsWith(`_${words}`) ? `# UNIT ${name} ${words}\n` : '';
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

/** Labels by name. Attributes that become the same label are joined by `;` in the order of their names, as the translation says. */
function labelText(attributes: Attributes): string {
  const values = new Map<string, string>();
  for (const key of Object.keys(attributes).toSorted()) {
    const value = attributes[key];
    const text = escapeValue(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
    const name = prometheusLabel(key);
    const before = values.get(name);
    values.set(name, before === undefined ? text : `${before};${text}`);
  }
  return values.size === 0 ? '' : `{${[...values].map(([name, value]) => `${name}="${value}"`).join(',')}}`;
}

function escapeValue(text: string): string {
  return /[\\"\n]/.test(text) ? escapeHelp(text).replaceAll('"', String.raw`\"`) : text;
}

/** The text format leaves quotes in a help text alone; OpenMetrics escapes them there too. */
function escapeHelp(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

function number(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value); // NaN is spelled as Prometheus wants it
}

function seconds([whole, nanos]: HrTime): string {
  return String(Number((whole + nanos / 1e9).toFixed(3)));
}
