/**
 * The messages of OTLP metrics as descriptors for protobufjs. Names, types and numbers are those of opentelemetry-proto 1.11
 * (collector/metrics/v1/metrics_service.proto, metrics/v1/metrics.proto, common/v1/common.proto, resource/v1/resource.proto), and
 * google/rpc/status.proto for errors. Fields that we have no use for (exemplars, descriptions, schema addresses) are left out: the decoder
 * skips what it does not know.
 */

/** `7 KeyValue*` is field 7, repeated. */
type Fields = Readonly<Record<string, `${number} ${string}`>>;

const TIMES = { startTimeUnixNano: '2 fixed64', timeUnixNano: '3 fixed64' } as const;

const MESSAGES: Readonly<Record<string, Fields>> = {
  Request: { resourceMetrics: '1 ResourceMetrics*' },
  ResourceMetrics: { resource: '1 Resource', scopeMetrics: '2 ScopeMetrics*' },
  Resource: { attributes: '1 KeyValue*' },
  ScopeMetrics: { metrics: '2 Metric*' },
  Metric: {
    name: '1 string',
    unit: '3 string',
    gauge: '5 Gauge',
    sum: '7 Sum',
    histogram: '9 Histogram',
    exponentialHistogram: '10 ExponentialHistogram',
    summary: '11 Summary',
  },
  Gauge: { dataPoints: '1 NumberDataPoint*' },
  Sum: { dataPoints: '1 NumberDataPoint*', aggregationTemporality: '2 int32', isMonotonic: '3 bool' },
  Histogram: { dataPoints: '1 HistogramDataPoint*', aggregationTemporality: '2 int32' },
  ExponentialHistogram: { dataPoints: '1 ExponentialHistogramDataPoint*', aggregationTemporality: '2 int32' },
  Summary: { dataPoints: '1 SummaryDataPoint*' },
  NumberDataPoint: { ...TIMES, asDouble: '4 double', asInt: '6 sfixed64', attributes: '7 KeyValue*', flags: '8 uint32' },
  HistogramDataPoint: {
    ...TIMES,
    count: '4 fixed64',
    sum: '5 double',
    bucketCounts: '6 fixed64*',
    explicitBounds: '7 double*',
    attributes: '9 KeyValue*',
    flags: '10 uint32',
  },
  ExponentialHistogramDataPoint: {
    attributes: '1 KeyValue*',
    ...TIMES,
    count: '4 fixed64',
    sum: '5 double',
    scale: '6 sint32',
    zeroCount: '7 fixed64',
    positive: '8 Buckets',
    negative: '9 Buckets',
    flags: '10 uint32',
    zeroThreshold: '14 double',
  },
  Buckets: { offset: '1 sint32', bucketCounts: '2 uint64*' },
  SummaryDataPoint: {
    ...TIMES,
    count: '4 fixed64',
    sum: '5 double',
    quantileValues: '6 ValueAtQuantile*',
    attributes: '7 KeyValue*',
    flags: '8 uint32',
  },
  ValueAtQuantile: { quantile: '1 double', value: '2 double' },
  KeyValue: { key: '1 string', value: '2 AnyValue' },
  AnyValue: {
    stringValue: '1 string',
    boolValue: '2 bool',
    intValue: '3 int64',
    doubleValue: '4 double',
    arrayValue: '5 ArrayValue',
    kvlistValue: '6 KeyValueList',
    bytesValue: '7 bytes',
  },
  ArrayValue: { values: '1 AnyValue*' },
  KeyValueList: { values: '1 KeyValue*' },
  Response: { partialSuccess: '1 PartialSuccess' },
  PartialSuccess: { rejectedDataPoints: '1 int64', errorMessage: '2 string' },
  Status: { code: '1 int32', message: '2 string' },
};

function described(fields: Fields) {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, text]) => {
        const [id = '', type = ''] = text.split(' ');
        const single = { id: Number(id), type: type.replace('*', '') };
        return [name, type.endsWith('*') ? { ...single, rule: 'repeated' } : single];
      }),
    ),
  };
}

export const DEFINITIONS = { nested: Object.fromEntries(Object.entries(MESSAGES).map(([name, fields]) => [name, described(fields)])) };
