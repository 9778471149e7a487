/** What a query names: just enough of PromQL to hold its metrics and labels against the catalog. Whether it is valid, Prometheus says. */

const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)/g;
const WORDS = new Set([
  'and',
  'or',
  'unless',
  'bool',
  'offset',
  'atan2',
  'inf',
  'nan',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
]);

export interface Named {
  /** Metrics with the labels that their selectors match on. */
  readonly metrics: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels that results are grouped or joined by. */
  readonly grouping: readonly string[];
  /** Labels that the query makes itself. */
  readonly made: readonly string[];
}

export function namesOf(query: string): Named {
  const made = [...query.matchAll(/label_(?:replace|join)\s*\([\s\S]*?,\s*"([a-z_]+)"/g)].map((match) => match[1]!);
  const bare = query.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\[[^\]]*\]/g, '');
  const grouping = [...bare.matchAll(GROUPING)].flatMap((match) => listed(match[1]!));
  const rest = bare.replaceAll(GROUPING, ' ').replaceAll(/\boffset\s+-?\S+/g, ' ');
  const metrics = [...rest.matchAll(/([a-zA-Z_:][\w:]*)\s*(?:\{([^{}]*)\})?(\s*\()?/g)]
    .filter(([, name, , call]) => call === undefined && !WORDS.has(name!.toLowerCase()))
    .map(([, name, labels = '']) => ({ name: name!, labels: listed(labels.replaceAll(/[=!~]+\s*(?:""|\S+?)(?=,|$)/g, '')) }));
  return { metrics, grouping, made };
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((label) => label.trim())
    .filter(Boolean);
}

/** What a query names that is not exported; empty when all is well. */
export function unknownNames(query: string, exported: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const { metrics, grouping, made } = namesOf(query);
  const problems = metrics.flatMap(({ name, labels }) => {
    const known = exported.get(name);
    if (known === undefined) return [`there is no metric ${name}`];
    return labels.filter((label) => !known.has(label)).map((label) => `${name} has no label ${label}`);
  });
  const possible = new Set([...made, ...metrics.flatMap(({ name }) => [...(exported.get(name) ?? [])])]);
  return [...problems, ...grouping.filter((label) => !possible.has(label)).map((label) => `nothing in the query has a label ${label}`)];
}
