/** What help says beside the lists of options. */
import type { ReportFormat } from './reportformats.ts';

export const EXAMPLES = `
Examples:
  soak-agent --target 4242                      watch a process until it ends or Ctrl-C, then give a verdict
  soak-agent --target api=port:8080 --children --duration 8h --rule 'memory.private < 2GB'
  soak-agent --target api=port:8080 -- k6 run soak.js
                                                watch while the load runs; the run ends with it
  soak-agent --config soak.yaml                 the same options from a file
  soak-agent doctor --target api=port:8080      what can be read and certified here, and what would mend the rest
  soak-agent analyze october.csv                judge data you already have

"soak-agent --target ..." is short for "soak-agent run --target ..."; "soak-agent run --help" lists the options.

Exit codes: 0 pass, 10 fail, 11 inconclusive, 64 usage or configuration, 70 soak-agent failed.`;

export const RUN_NOTES = `
Selectors: 4242 (a pid), name:COMM, cmd:REGEX, port:NUMBER, pidfile:PATH, cgroup:PATH-OR-CONTAINER-ID, exec:COMMAND;
"api=port:8080" names the role "api".

Each option is also an environment variable (--gone-after is SOAK_GONE_AFTER) and a key of the configuration file (gone_after).
Flags go before variables, variables before the file. What follows -- is run while watching, and the run ends with it.`;

export const ANALYZE_NOTES = `
Units and kinds come from the names: rss_kb, heap [MB], latency_ms, open_fds, process_cpu_seconds_total. What every column was taken for is
told below the table. A pass needs proof that the program worked: a load column, a CPU column, or your word (--assume-work).

Examples:
  soak-agent analyze october.csv.gz --load rps --limit rss_kb=2GB
  soak-agent analyze october.csv --explain rss_kb
  soak-agent analyze --prometheus http://localhost:9090 --from 30d --query 'process_resident_memory_bytes{job="api"}' \\
                     --load-query 'sum(rate(http_requests_total{job="api"}[5m]))'`;

export const REPORT_NOTES = `
Without any of them the page is written to soak-report-ID.html. It is one file that needs no network.

Examples:
  soak-agent report                            the newest run of ./soak-runs, as a page
  soak-agent report RUN --junit soak.xml --json soak.json --markdown - >> "$GITHUB_STEP_SUMMARY"
  soak-agent report RUN --config stricter.yaml

The exit code is that of the verdict.`;

export const REPORT_HELP: Readonly<Record<ReportFormat, string>> = {
  html: 'write the page here',
  markdown: 'write Markdown for a job summary here',
  junit: 'write JUnit XML here',
  json: 'write the report as JSON here',
};
