/** `soak-agent metrics`: every metric that the agent can have, as its sources declare them. */
import { type Catalog, growthInWords, type MetricDef, prometheusLabel, prometheusName } from '../catalog.ts';
import { EXIT, type ExitCode } from '../problem.ts';
import type { Io } from './io.ts';

export function metrics(catalog: Pick<Catalog, 'all'>, json: boolean, io: Pick<Io, 'stdout'>): ExitCode {
  const defs = catalog.all().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  io.stdout.write(json ? `${JSON.stringify(defs.map(asJson), null, 2)}\n` : `${defs.map(asText).join('\n')}\n${LEGEND}`);
  return EXIT.pass;
}

const LEGEND = `
In rules a metric is named by the alias in brackets or by its full name. Growth: leak fails the run by itself, capacity matters through
the time to the limit, drift is compared with the series' own earlier level, load explains the others, none is only shown.
`;

function asJson(def: MetricDef): MetricDef & { prometheus: string } {
  return { ...def, prometheus: prometheusName(def.name, def.unit, def.kind) };
}

function asText(def: MetricDef): string {
  const alias = def.alias === undefined ? '' : ` [${def.alias}]`;
  const judged = def.gate === undefined ? growthInWords(def) : `${growthInWords(def)}, ${def.gate}`;
  const facts = [
    `${def.kind} in ${def.unit}`,
    `growth: ${judged}`,
    ...(def.limit === undefined ? [] : [`limit: ${def.limit}`]),
    ...(def.labels === undefined ? [] : [`labels: ${Object.entries(def.labels).map(labelText).join(' ')}`]),
  ];
  return [`${def.name}${alias}`, `    ${def.help}`, `    ${facts.join(' · ')}`, `    ${prometheusName(def.name, def.unit, def.kind)}`].join(
    '\n',
  );
}

function labelText([name, values]: [string, readonly string[] | { readonly max: number }]): string {
  return `${prometheusLabel(name)}=${'max' in values ? `(at most ${values.max} values)` : values.join('|')}`;
}
