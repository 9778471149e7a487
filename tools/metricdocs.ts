/** docs/metrics.md, from the declarations. */
import { growthInWords, type LabelValues, type MetricDef, prometheusLabel, prometheusName } from '../src/catalog.ts';
import { inWords } from '../src/analysis/sentence.ts';
import { CATALOG } from '../src/metrics.ts';
import { formatDuration } from '../src/quantity.ts';

const HEAD = `# Metrics

Generated from the declarations in \`src/sources/\` by \`npm run generate\`; \`soak-agent metrics\` prints the same table.

Every series carries \`soak_run\`; those of a target also \`soak_target\`, and those of one of several processes \`soak_member\` (a slot
\`1\` to \`32\`, or \`other\`). Pids appear only in \`soak_target_info\`. One spelling by scrape and by OTLP: the Prometheus names below are what
the published OTLP translation makes of the OpenTelemetry names. What cannot be read is absent, never 0.

*Growth* says how growth is judged: **leak** fails the run by itself, **capacity** matters through the time to its limit, **drift** is compared
with its own earlier level, **floor** fails the run when the least within each window rises, **load** explains the others and is never judged,
**none** is shown only. A level that is *expected* is watched like a rule, and a rule of yours about the metric replaces it. *Gate*: **required** must be conclusive for a pass, **gated** can fail the run.
`;

export function generateMetricDocs(): { path: string; text: string }[] {
  const groups = new Map<string, MetricDef[]>();
  for (const def of CATALOG.all()) {
    const group = def.name
      .split('.')
      .slice(0, def.name.startsWith('soak.') ? 2 : 1)
      .join('.');
    groups.set(group, [...(groups.get(group) ?? []), def]);
  }
  const sections = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([group, defs]) => `## ${group}\n\n${tableOf(defs)}`);
  return [{ path: 'docs/metrics.md', text: `${HEAD}\n${sections.join('\n\n')}\n` }];
}

function tableOf(defs: readonly MetricDef[]): string {
  const rows = defs.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((def) => `| ${cells(def).join(' | ')} |`);
  return [
    '| OpenTelemetry name | in rules | Prometheus name | unit | kind | labels | growth | gate | what it is |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function cells(def: MetricDef): string[] {
  const labels = Object.entries(def.labels ?? {}).map(([name, values]) => `\`${prometheusLabel(name)}\` (${valuesOf(values)})`);
  return [
    `\`${def.name}\``,
    def.alias === undefined ? '' : `\`${def.alias}\``,
    `\`${prometheusName(def.name, def.unit, def.kind)}\``,
    `\`${def.unit}\``,
    def.kind,
    labels.join('; '),
    growthInWords(def),
    def.gate ?? '',
    def.help.replaceAll('|', '\\|') + (def.limit === undefined ? '' : ` Limit: \`${def.limit}\`.`) + expected(def) + whole(def),
  ];
}

/** What is recorded and not exported by itself. */
function whole({ exportedAs }: MetricDef): string {
  return exportedAs === undefined ? '' : ` Recorded; exported only as part of \`${exportedAs}\`.`;
}

function expected({ expect = [], unit }: MetricDef): string {
  const levels = expect.map(({ op, value, for: seconds, otherwise }) => {
    const lasts = seconds > 0 ? ` when that lasts ${formatDuration(seconds)}` : '';
    return `\`${op} ${inWords(value, unit)}\`, else ${otherwise === 'fail' ? 'the run fails' : 'a note'}${lasts}`;
  });
  return levels.length === 0 ? '' : ` Expected: ${levels.join('; ')}.`;
}

function valuesOf(values: LabelValues): string {
  return 'max' in values ? `at most ${values.max}` : values.join(', ');
}
