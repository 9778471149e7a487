/** docs/config.md, the annotated sample and the JSON Schema of the configuration file, from the option table. */
import { jsonSchema } from '../src/config/schema.ts';
import { envOf, fileTwinOf, flagOf, GROUPS, keyOf, OPTION_NAMES, type OptionName, optionOf } from '../src/config/options.ts';

const HEAD = `# Configuration

Generated from the option table (\`src/config/options.ts\`) by \`npm run generate\`.

An option has one name in three spellings: the flag \`--gone-after\`, the environment variable \`SOAK_GONE_AFTER\`, the key \`gone_after\` of a YAML
file given with \`--config\` or \`SOAK_CONFIG\`. **Flags go before variables, variables before the file, the file before the default.** A list
(targets, servers, rules, required metrics) comes as a whole from the first of these that gives it. An empty variable counts as not set.

Everything that is wrong is reported at once, each with its place (\`soak.yaml:12:5\`, \`--interval\`, \`SOAK_INTERVAL\`) and what would be right; nothing is
started, and the exit code is 64. [problems.md](problems.md) lists the codes.

- \`soak-agent config check [options]\` reports what is wrong, or prints every setting and where it comes from.
- \`soak-agent config schema\` prints the JSON Schema. For completion in an editor put this on top of the file:
  \`# yaml-language-server: $schema=./soak-agent.schema.json\` ([soak-agent.schema.json](../config/soak-agent.schema.json)).
- [soak-agent.yaml](../config/soak-agent.yaml) is a sample with every key.
`;

const VALUES = `## Values

- **Durations**: \`250ms\`, \`90s\`, \`5m\`, \`8h\`, \`14d\`, \`2w\`, \`1h30m\`; a plain number is seconds.
- **Sizes**: \`512MB\` (decimal), \`2GiB\` (binary), or \`512M\` and \`2Gi\` as Kubernetes writes them; a plain number is bytes. \`512m\` is refused, because it means
  something else to everybody.
- **Switches**: \`true\` or \`false\`, also \`yes\`, \`no\`, \`on\`, \`off\`, \`1\`, \`0\`. On the command line \`--hold\` and \`--no-hold\`.
- **Lists** have one entry a line in a variable, and are given as repeated flags on the command line.
- **Targets**: \`--many\` and \`--children\` belong to the \`--target\` before them:
  \`--target api=port:8080 --children --target db=name:postgres --many\`. In a file:

  \`\`\`yaml
  targets:
    - worker=name:worker
    - selector: port:8080
      role: api
      children: true
    - selector: name:k6
      role: k6
      load: true
  \`\`\`

  \`load: true\` (in a file only) says that the target makes the load, as the command after \`--\` does: it is watched and suspected, but no part of the
  outcome, and rules are about it only when they name it. Something else must be watched.

- **Servers**: \`--postgres orders=postgresql://soak@db:5432/orders --redis /run/redis/redis.sock\`. Names are those of series, rules and findings, and no target has
  the same; without one they are \`postgres\`, \`redis\`, \`postgres-2\`. A password is never part of a flag: it comes from \`SOAK_POSTGRES\`, from the file, from a file that
  \`password_file\` names (relative to the configuration file, read again at every connection), or from \`PGPASSWORD\` and \`~/.pgpass\`. In a file:

  \`\`\`yaml
  postgres:
    - name: orders
      url: postgresql://soak@db:5432/orders?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem
      password_file: db-password
      gauges: # each is the metric gauge.NAME; one read-only SELECT a minute, of 2 s at most
        - { name: outbox_depth, query: SELECT count(*) FROM outbox WHERE sent_at IS NULL, growth: leak, limit: 10000 }
        - { name: pending_jobs, query: "SELECT queue, count(*) FROM jobs GROUP BY 1", growth: capacity }
  redis:
    - { url: "redis://soak@cache:6379", password: "\${CACHE_PASSWORD}", keys: [queue:mail] }
  \`\`\`

## Environment and secrets in a file

\`\${NAME}\` in a value is replaced by the environment variable, \`\${NAME:-default}\` by the default when the variable is not set or empty. A variable that is
not set and has no default is a problem with its line and column. A plain \`\${\` is written \`$\${\`. Keys and comments are left alone.

A secret is never a flag, where everybody on the machine could read it. It is given in the file (best as \`\${NAME}\`), in its variable, or in a file of its
own that \`..._file\` names: \`otlp_headers_file: token.txt\` (relative to the configuration file), \`SOAK_OTLP_HEADERS_FILE\`, \`--otlp-headers-file\`. That file
holds what the option itself would, such as \`authorization=Bearer%20...\`; white space around it is dropped. Secrets reach neither messages nor logs, metrics,
reports or the record.

## What makes a run another run

An unfinished run is resumed only with the same targets, servers (whatever their passwords), interval, duration, gone-after, must-live, warm-up, rules, required metrics, source, roots and
command. Where to listen, log, push and store, what to keep, and how long to wait, hold and linger may change.
`;

export function generateConfigDocs(): { path: string; text: string }[] {
  return [
    { path: 'docs/config.md', text: `${HEAD}\n${GROUPS.map(sectionOf).join('\n')}\n${VALUES}` },
    { path: 'config/soak-agent.yaml', text: sample() },
    { path: 'config/soak-agent.schema.json', text: `${JSON.stringify(jsonSchema(), null, 2)}\n` },
  ];
}

function sectionOf(group: (typeof GROUPS)[number]): string {
  const rows = OPTION_NAMES.filter((name) => optionOf(name).group === group).map(rowOf);
  return [`## ${group}`, '', '| flag | variable | key | default | what it is |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

function rowOf(name: OptionName): string {
  const { value, default: text, perTarget, noHelp } = optionOf(name);
  const flag = noHelp === undefined ? flagOf(name) : `--no-${keyOf(name)}`;
  const twin = fileTwinOf(name);
  const key = keyOf(name);
  const cells = [
    [flag && `${flag} ${value.arg}`.trim(), twin && `${twin.flag} <path>`],
    [envOf(name), twin?.env],
    [key && (perTarget ? `targets[].${key}` : key), twin?.key],
    [text],
  ].map((spellings) => spellings.flatMap((one) => (one ? [`\`${one}\``] : [])).join(', '));
  return `| ${[...cells, docOf(name)].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function docOf(name: OptionName): string {
  const { help, more } = optionOf(name);
  return `${help.charAt(0).toUpperCase()}${help.slice(1)}.${more === undefined ? '' : ` ${more}`}`;
}

const SAMPLE_HEAD = `# yaml-language-server: $schema=./soak-agent.schema.json
##
## Sample configuration of soak-agent, with every key: soak-agent --config soak-agent.yaml
## Lines with two hashes explain; a line with one hash is a setting to uncomment. docs/config.md says more.
## \${NAME} and \${NAME:-default} in a value are taken from the environment.
`;

const SAMPLE_ENTRIES: Partial<Record<OptionName, string>> = {
  target: `targets:
  - api=port:8080
#  - selector: name:worker
#    role: workers
#    many: true
#    children: false
`,
  postgres: `#postgres:
#  - name: orders
#    url: postgresql://soak@localhost:5432/orders
#    password: \${SOAK_DB_PASSWORD:-none}
#    gauges:
#      - name: outbox_depth
#        query: SELECT count(*) FROM outbox WHERE sent_at IS NULL
#        growth: leak
#        limit: 10000
`,
  redis: `#redis:
#  - redis://localhost:6379
#  - name: sessions
#    url: rediss://soak@cache.example:6380/0
#    password: \${SOAK_CACHE_PASSWORD:-none}
#    keys: [queue:mail, queue:webhooks]
`,
  scrape: `#scrape:
#  - api=http://localhost:9464/metrics
#  - name: kafka
#    url: http://broker.example:9308/metrics
#    every: 15s
`,
  signals: `#signals:
#  - name: queue
#    from: api
#    match: app_queue_depth{queue!="dead"}
#    by: queue
#    kind: backlog
#    limit: 1000
#  - name: cache_hits
#    from: api
#    match: cache_requests_total{result="hit"}
#    over: cache_requests_total
#    kind: ratio
#    limit: ">= 92%"
`,
};

function sample(): string {
  const groups = GROUPS.map((group) => {
    const names = OPTION_NAMES.filter((name) => optionOf(name).group === group && keyOf(name) !== null && !optionOf(name).perTarget);
    return `\n## ---- ${group} ----\n\n${names.map(sampleOf).join('\n')}`;
  });
  return `${SAMPLE_HEAD}${groups.join('')}`;
}

function sampleOf(name: OptionName): string {
  const { list, example, default: text } = optionOf(name);
  const key = keyOf(name);
  const prose = wrap(`${docOf(name).replaceAll('`', '')}${text === null ? '' : ` Default: ${text}.`}`, 110);
  const value = example ?? text ?? '';
  const lines = list ? [`#${key}:`, `#  - ${value}`] : [`#${key}: ${value}`];
  return `${prose.map((line) => `## ${line}\n`).join('')}${SAMPLE_ENTRIES[name] ?? `${lines.join('\n')}\n`}`;
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
