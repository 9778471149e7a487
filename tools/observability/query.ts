/** Queries name metrics as the catalog does; what is not declared cannot be asked for. */
import { CATALOG } from '../../src/metrics.ts';
import { prometheusLabel, prometheusName } from '../../src/catalog.ts';

/** The Prometheus spelling of a metric. @throws when the catalog has no such metric, or it has no such label */
export function metric(name: string): string {
  const { unit, kind } = CATALOG.get(name);
  return prometheusName(name, unit, kind);
}

/** A selector: `of('soak.process.memory.private', RUN, TARGET)`. */
export function of(name: string, ...matchers: readonly string[]): string {
  return `${metric(name)}${matchers.length === 0 ? '' : `{${matchers.join(',')}}`}`;
}

/** A figure of judged series in one kind of unit: `soak.series.level.bytes`. */
export function figure(name: string, family: string): string {
  return `${name}.${family === 'count' && !/^soak\.slope(?!\.per_request)/.test(name) ? 'counts' : family}`;
}

/** Labels that Prometheus adds to what it scrapes, and those that say whose series it is. */
export const IDENTITY_LABELS = ['job', 'instance', 'soak_run', 'soak_target', 'soak_member'] as const;

/** Labels of every series that is exported, by the name of the series. */
export function exportedSeries(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>([
    ['up', new Set(['job', 'instance'])],
    ['target_info', new Set([...IDENTITY_LABELS, 'service_version', 'host_name'])],
  ]);
  for (const def of CATALOG.all().filter(({ exportedAs }) => exportedAs === undefined)) {
    const labels = new Set<string>([...IDENTITY_LABELS, ...Object.keys(def.labels ?? {}).map(prometheusLabel), ...JUDGED_LABELS(def.name)]);
    const name = metric(def.name);
    if (def.kind !== 'histogram') found.set(name, labels);
    else for (const suffix of ['bucket', 'sum', 'count']) found.set(`${name}_${suffix}`, new Set([...labels, 'le']));
  }
  return found;
}

/** What is said of a judged series carries the labels of that series too. */
function JUDGED_LABELS(name: string): string[] {
  if (!/^soak\.(series|slope|exhaustion)\./.test(name)) return [];
  const judged = CATALOG.all().filter((def) => def.gate !== undefined || def.growth !== 'none');
  return judged.flatMap((def) => Object.keys(def.labels ?? {}).map(prometheusLabel));
}
