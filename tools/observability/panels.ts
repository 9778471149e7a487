/** Panels that are made from the declarations of metrics: one per title and unit, with the limits of its metrics as dashed lines. */
import { type MetricDef, prometheusLabel } from '../../src/catalog.ts';
import { CATALOG } from '../../src/metrics.ts';
import type { Panel, Query, Row, Step, Unit } from './grafana.ts';
import { metric } from './query.ts';

/** Which dashboard shows the metrics of a panel title; a title that is missing here stops the generation. */
const SHOWN: Readonly<Record<string, 'target' | 'machine' | 'servers' | 'fleet'>> = {
  CPU: 'target',
  Memory: 'target',
  Descriptors: 'target',
  Threads: 'target',
  'Disk I/O': 'target',
  Container: 'target',
  Runtime: 'target',
  Sockets: 'target',
  Traffic: 'target',
  Probes: 'target',
  'Host CPU': 'machine',
  'Host pressure': 'machine',
  'Host memory': 'machine',
  'Host memory in use': 'machine',
  'Host disk': 'machine',
  'Host network': 'machine',
  'File systems': 'machine',
  'Sockets of the machine': 'machine',
  Servers: 'servers',
  'Connection pools': 'servers',
  Postgres: 'servers',
  'Postgres replication': 'servers',
  'Postgres work': 'servers',
  'Postgres data': 'servers',
  'Postgres statements': 'servers',
  'Postgres memory': 'servers',
  PgBouncer: 'servers',
  'Redis traffic': 'servers',
  'Redis clients': 'servers',
  'Redis replication': 'servers',
  'Redis memory': 'servers',
  'Redis persistence': 'servers',
  'Redis commands': 'servers',
  'Redis keys': 'servers',
  Agent: 'fleet',
  Scrapes: 'fleet',
  Inbound: 'fleet',
};

/** Grafana's names of our units, as they are and per second. */
const UNITS: Readonly<Record<string, readonly [Unit, Unit]>> = {
  By: ['bytes', 'binBps'],
  s: ['s', 'percentunit'],
  '1': ['percentunit', 'percentunit'],
};

const WITHOUT: Readonly<Record<string, string>> = {
  Container: 'the target has no control group of its own',
  Runtime: 'the runtime of the target shows nothing of itself',
  Traffic: 'no load is told of',
  Probes: 'there is no `--probe`',
  Servers: 'there is no `--postgres` and no `--redis`',
  'Connection pools': 'no target has connections to a server that is watched',
  PgBouncer: 'no pooler is watched',
  Scrapes: 'there is no `--scrape`',
  Inbound: 'there is no `--inbound`',
};

/** A collapsed row per title, in the order of `SHOWN`. */
export function rowsOf(where: 'target' | 'machine' | 'servers' | 'fleet', selector: string): Row[] {
  const shown = CATALOG.all().filter((def) => def.panel !== undefined && def.exportedAs === undefined);
  for (const { panel, name } of shown)
    if (SHOWN[panel ?? ''] === undefined) throw new Error(`no dashboard shows the panel ${panel} of ${name}`);
  const titles = Object.keys(SHOWN).filter((title) => SHOWN[title] === where);
  return titles.map((title) => {
    const groups = Map.groupBy(
      shown.filter(({ panel }) => panel === title),
      (def) => unitOf(def),
    );
    return { title, collapsed: true, panels: [...groups.values()].map((defs) => panelOf(title, defs, selector)) };
  });
}

function unitOf({ unit, kind }: MetricDef): string {
  return `${UNITS[unit] ? unit : 'count'} ${kind === 'counter' ? 'rate' : ''}`;
}

const WORDS: Readonly<Record<string, string>> = { By: 'bytes', s: 'seconds', '1': 'shares' };

function panelOf(title: string, defs: readonly MetricDef[], selector: string): Panel {
  const { unit, kind } = defs[0]!;
  const perSecond = kind === 'counter';
  const limits = defs.flatMap((def) => limitQuery(def, selector));
  const missing =
    WITHOUT[title] ??
    (title.startsWith('Postgres') ? 'there is no `--postgres`' : title.startsWith('Redis') ? 'there is no `--redis`' : undefined);
  const limit = thresholdOf(defs);
  return {
    title: `${title}: ${WORDS[unit] ?? 'counts'}${perSecond ? ' per second' : ''}`,
    about: defs.map((def) => `**${metric(def.name)}**: ${def.help}`).join('\n\n'),
    type: 'timeseries',
    unit: UNITS[unit]?.[perSecond ? 1 : 0] ?? (perSecond ? 'ops' : 'short'),
    queries: [...defs.map((def) => query(def, selector)), ...limits],
    emptyWhen: missing ?? 'the machine or the target does not tell',
    ...(limits.length > 0 ? { dashed: '/^limit of /' } : {}),
    ...(limit ? { thresholds: limit } : {}),
  };
}

/** What a metric is expected to be is a line, where the panel has one such metric only. */
function thresholdOf(defs: readonly MetricDef[]): Step[] | null {
  const [def, ...more] = defs;
  if (def?.expect === undefined || more.length > 0) return null;
  const steps = def.expect.filter(({ op, labels }) => op === '<' && labels === undefined);
  const color = { warn: 'yellow', fail: 'red' } as const;
  return steps.length === 0
    ? null
    : [{ color: 'green', from: null }, ...steps.map(({ value, otherwise }) => ({ color: color[otherwise], from: value }))];
}

function query(def: MetricDef, selector: string): Query {
  const series = `${metric(def.name)}{${selector}}`;
  const labels = ['soak_target', 'soak_member', ...Object.keys(def.labels ?? {}).map(prometheusLabel)];
  const legend = `${def.alias ?? def.name} ${labels.map((label) => `{{${label}}}`).join(' ')}`;
  return { expr: def.kind === 'counter' ? `rate(${series}[$__rate_interval])` : series, legend };
}

/** A limit that is drawn anyway is not drawn twice. */
function limitQuery({ limit, panel, alias, name }: MetricDef, selector: string): Query[] {
  if (limit === undefined || CATALOG.get(limit).panel === panel) return [];
  return [{ expr: `${metric(limit)}{${selector}}`, legend: `limit of ${alias ?? name} {{soak_target}} {{soak_member}}` }];
}
