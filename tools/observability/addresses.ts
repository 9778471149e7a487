/**
 * Where the links of alerts lead. What is shipped knows neither where you serve docs/alerts.md nor where your Grafana is, so that they are
 * paths; `RUNBOOK_BASE` and `GRAFANA_URL` in the environment of the generation put addresses in their place, in all rule files at once.
 */
const BASES = { RUNBOOK_BASE: 'docs/alerts.md', GRAFANA_URL: '' } as const;

export interface Addresses {
  readonly runbook: string;
  readonly grafana: string;
}

/** @throws when one is given that cannot be followed, or that leaves no room for what comes behind it */
export function addresses(env: Readonly<Record<string, string | undefined>>): Addresses {
  return { runbook: base(env, 'RUNBOOK_BASE'), grafana: base(env, 'GRAFANA_URL').replace(/\/$/, '') };
}

function base(env: Readonly<Record<string, string | undefined>>, name: keyof typeof BASES): string {
  const given = env[name] ?? '';
  if (given === '') return BASES[name];
  if (!/^https?:\/\/[^/#\s{}$]+[^#\s{}$]*$/.test(given)) throw new Error(`${name} should be an http(s) address without #, and is ${given}`);
  return given;
}
