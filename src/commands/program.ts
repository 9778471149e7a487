/** The command line: which commands there are, what they take, and how their problems are told. */
import { Command, CommanderError, Option } from 'commander';
import type { Config, JudgeOverrides } from '../config/config.ts';
import { Faults } from '../config/faults.ts';
import { buildConfig, buildOverrides, loadSettings } from '../config/load.ts';
import { OPTION_NAMES, type OptionName } from '../config/options.ts';
import { ANALYZE_FLAGS } from '../import/flags.ts';
import { EXIT, type ExitCode, Problem, PROBLEMS } from '../problem.ts';
import type { Settings } from '../config/settings.ts';
import { VERSION } from '../version.ts';
import type { ExportFormat } from './export.ts';
import { Flags } from './flags.ts';
import { type Io, processIo } from './io.ts';
import { REPORT_FORMATS, type ReportFormat } from './reportformats.ts';

export { endAnyway } from './io.ts';

const EXAMPLES = `
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

const RUN_NOTES = `
Selectors: 4242 (a pid), name:COMM, cmd:REGEX, port:NUMBER, pidfile:PATH, cgroup:PATH-OR-CONTAINER-ID, exec:COMMAND;
"api=port:8080" names the role "api".

Each option is also an environment variable (--gone-after is SOAK_GONE_AFTER) and a key of the configuration file (gone_after).
Flags go before variables, variables before the file. What follows -- is run while watching, and the run ends with it.`;

const ANALYZE_NOTES = `
Units and kinds come from the names: rss_kb, heap [MB], latency_ms, open_fds, process_cpu_seconds_total. What every column was taken for is
told below the table. A pass needs proof that the program worked: a load column, a CPU column, or your word (--assume-work).

Examples:
  soak-agent analyze october.csv.gz --load rps --limit rss_kb=2GB
  soak-agent analyze october.csv --explain rss_kb
  soak-agent analyze --prometheus http://localhost:9090 --from 30d --query 'process_resident_memory_bytes{job="api"}' \\
                     --load-query 'sum(rate(http_requests_total{job="api"}[5m]))'`;

const REPORT_NOTES = `
Without any of them the page is written to soak-report-ID.html. It is one file that needs no network.

Examples:
  soak-agent report soak-runs/2026-01-01T00-00-00Z-k3x9
  soak-agent report RUN --junit soak.xml --json soak.json --markdown - >> "$GITHUB_STEP_SUMMARY"
  soak-agent report RUN --config stricter.yaml

The exit code is that of the verdict.`;

const REPORT_HELP: Readonly<Record<ReportFormat, string>> = {
  html: 'write the page here',
  markdown: 'write Markdown for a job summary here',
  junit: 'write JUnit XML here',
  json: 'write the report as JSON here',
};

/** Where OTLP by HTTP is taken everywhere; a run with another address says so. */
const INBOUND_PORT = 4318;

/** Options of the judgement, which a stored run can be given anew. */
const JUDGEMENT: readonly OptionName[] = ['rule', 'preset', 'require', 'mustLive', 'warmup', 'config'];

/** Runs the program and returns its exit code. Throws only what is a defect. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<ExitCode> {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const command = end < 0 ? null : argv.slice(end + 1);
  try {
    return await new Program(io, command).run(own);
  } catch (error) {
    if (error instanceof CommanderError) return refuse(error, io);
    if (!(error instanceof Problem)) throw error;
    return report(error, io);
  }
}

class Program {
  readonly #io: Io;
  /** What follows `--`. */
  readonly #beside: readonly string[] | null;
  readonly #faults = new Faults();
  readonly #program: Command;
  #code: ExitCode = EXIT.pass;

  constructor(io: Io, beside: readonly string[] | null) {
    this.#io = io;
    this.#beside = beside;
    this.#program = new Command('soak-agent')
      .description('Watches programs during long soak runs, finds what leaks, and ends with a verdict that CI can gate on.')
      .version(VERSION, '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help')
      .helpCommand(false)
      .exitOverride()
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        writeErr: (text) => io.stderr.write(text),
        outputError: () => {}, // told by `refuse`, in the form of all problems
        getOutHelpWidth: () => HELP_WIDTH,
        getErrHelpWidth: () => HELP_WIDTH,
      })
      .usage('[command] --target [role=]selector [options] [-- program to run beside it]')
      .addHelpText('after', EXAMPLES);
    this.#addRun();
    this.#addDoctor();
    this.#addAnalyze();
    this.#addReplay();
    this.#addReport();
    this.#addExport();
    this.#addNotes();
    this.#addMetrics();
    this.#addConfig();
  }

  async run(argv: readonly string[]): Promise<ExitCode> {
    await this.#program.parseAsync([...argv], { from: 'user' });
    return this.#code;
  }

  #addRun(): void {
    const command = this.#program
      .command('run', { isDefault: true })
      .description('watch targets, record, and end with a verdict (the default)');
    const flags = new Flags(command, OPTION_NAMES, this.#faults);
    command.usage('--target [role=]selector [options] [-- command]').addHelpText('after', RUN_NOTES);
    command.action(async () => {
      const config = await this.#config(flags);
      const { run } = await import('./run.ts');
      this.#code = await run(config, this.#io);
    });
  }

  #addDoctor(): void {
    const command = this.#program
      .command('doctor')
      .description('say for each target what can be read here, what would mend the rest, and what could be certified');
    const flags = new Flags(command, OPTION_NAMES, this.#faults);
    command.usage('--target [role=]selector [options]').action(async () => {
      this.#noteCommand();
      const config = await this.#config(flags);
      const { doctor } = await import('./doctor.ts');
      this.#code = await doctor(config, this.#io);
    });
  }

  #addAnalyze(): void {
    const command = this.#program
      .command('analyze')
      .argument('[data]', 'CSV, NDJSON, a saved query_range answer (each also .gz), the folder of a run, or - for standard input')
      .description("judge data you already have: last month's, of any program")
      .usage('<data> [options]   or   analyze --prometheus URL --query QUERY [options]')
      .addHelpText('after', ANALYZE_NOTES);
    const given = new Map<string, string[]>();
    for (const { name, arg, group, help } of ANALYZE_FLAGS) {
      command.addOption(new Option(`--${name} ${arg}`.trim(), help).helpGroup(`${group}:`));
      command.on(`option:${name}`, (text: string | null) => given.set(name, [...(given.get(name) ?? []), text ?? 'true']));
    }
    command.action(async (data: string | undefined) => {
      this.#refuseCommand();
      const { analyze } = await import('./analyze.ts');
      this.#code = await analyze(data ?? null, given, this.#io);
    });
  }

  #addReplay(): void {
    const command = this.#program
      .command('replay')
      .argument('<run>', 'folder of a run')
      .description('judge a stored run again, with other rules if you like');
    const flags = new Flags(command, JUDGEMENT, this.#faults, 'as in the run');
    command.option('--json', 'print the verdict as JSON, as verdict.json has it');
    command.action(async (run: string, { json = false }: { json?: boolean }) => {
      const overrides = await this.#overrides(flags);
      const { replay } = await import('./replay.ts');
      this.#code = replay(run, { overrides, json }, this.#io);
    });
  }

  #addReport(): void {
    const command = this.#program
      .command('report')
      .argument('<run>', 'folder of a run, finished or not')
      .description('a stored run as a page, Markdown, JUnit XML or JSON; judged again, with other rules if you like')
      .addHelpText('after', REPORT_NOTES);
    const flags = new Flags(command, JUDGEMENT, this.#faults, 'as in the run');
    for (const format of REPORT_FORMATS) command.option(`--${format} <file>`, `${REPORT_HELP[format]}; - is standard output`);
    command.addOption(new Option('--inconclusive <as>', 'in JUnit XML').choices(['skip', 'fail']).default('skip'));
    command.action(async (run: string, given: Partial<Record<ReportFormat, string>> & { readonly inconclusive: 'skip' | 'fail' }) => {
      const overrides = await this.#overrides(flags);
      const outputs = new Map(REPORT_FORMATS.flatMap((format) => (given[format] === undefined ? [] : [[format, given[format]] as const])));
      const { report } = await import('./report.ts');
      this.#code = await report(run, { overrides, outputs, undecided: given.inconclusive }, this.#io);
    });
  }

  #addExport(): void {
    const command = this.#program
      .command('export')
      .argument('<run>', 'folder of a run, finished or not')
      .description('print the samples of a record, and its events where the format has a place for them')
      .addOption(new Option('--format <format>', 'how they are written').choices(['csv', 'ndjson', 'openmetrics']).default('csv'))
      .option('--series <text>', 'only series whose name or metric contains this; repeat for more', (text, all?: string[]) => [
        ...(all ?? []),
        text,
      ]);
    command.action(async (run: string, { format, series = [] }: { readonly format: ExportFormat; readonly series?: readonly string[] }) => {
      this.#refuseCommand();
      const { exportRecord } = await import('./export.ts');
      this.#code = await exportRecord(run, { format, series }, this.#io);
    });
  }

  #addNotes(): void {
    const phase = this.#program.command('phase').argument('<name>', 'its name: warmup, steady, fault, recovery, cooldown ...');
    this.#addNote(phase.description('begin a phase of the run that is under way'), (name) => ['phase', { phase: name }]);
    const mark = this.#program.command('mark').argument('<text>', 'what happened');
    this.#addNote(mark.description('write a note into the run that is under way'), (text) => ['mark', { text }]);
  }

  /** Through the inbound listener, so that the run and this command have the same two options. */
  #addNote(command: Command, what: (given: string) => ['phase' | 'mark', object]): void {
    const flags = new Flags(command, ['inbound', 'inboundToken', 'config'], this.#faults, 'none');
    command.action(async (given: string) => {
      const settings = await loadSettings({ flags: flags.layer(1, this.#names()), env: this.#io.env }, this.#faults);
      this.#refuseCommand();
      const at = settings.get('inbound') ?? { host: '127.0.0.1', port: INBOUND_PORT };
      const { note } = await import('./note.ts');
      const [path, body] = what(given);
      this.#code = await note(path, body, { ...at, token: settings.find('inboundToken') });
    });
  }

  #addMetrics(): void {
    const command = this.#program.command('metrics').description('print the catalog of metrics').option('--json', 'as JSON');
    command.action(async ({ json = false }: { json?: boolean }) => {
      const [{ metrics }, { CATALOG }] = [await import('./metrics.ts'), await import('../metrics.ts')];
      this.#refuseCommand();
      this.#code = metrics(CATALOG, json, this.#io);
    });
  }

  #addConfig(): void {
    const parent = this.#program.command('config').description('check a configuration, or print its JSON Schema').helpCommand(false);
    const check = parent
      .command('check')
      .description('check file, environment and flags, and print every setting with where it comes from');
    const flags = new Flags(check, OPTION_NAMES, this.#faults);
    check.usage('[options]').action(async () => {
      const { settings } = await this.#settings(flags);
      const { printSettings } = await import('./config.ts');
      this.#code = printSettings(settings, this.#io);
    });
    parent
      .command('schema')
      .description('print the JSON Schema of the configuration file, for editors')
      .action(async () => {
        this.#refuseCommand();
        const { printSchema } = await import('./config.ts');
        this.#code = printSchema(this.#io);
      });
  }

  async #config(flags: Flags): Promise<Config> {
    return (await this.#settings(flags)).config;
  }

  /** Everything that was given, or one Problem with all that is wrong. */
  async #settings(flags: Flags): Promise<{ settings: Settings; config: Config }> {
    const faults = this.#faults;
    const settings = await loadSettings({ flags: flags.layer(0, this.#names()), env: this.#io.env }, faults);
    const { CATALOG } = await import('../metrics.ts');
    const config = buildConfig(settings, { command: this.#beside, catalog: CATALOG }, faults);
    if (settings.targets.length === 0 && config.scrapes.length === 0 && !faults.any)
      faults.add('USAGE', '--target', 'is missing: say what to watch, such as --target 4242 or --target api=port:8080');
    faults.throwIfAny();
    return { settings, config };
  }

  async #overrides(flags: Flags): Promise<JudgeOverrides> {
    const settings = await loadSettings({ flags: flags.layer(1, this.#names()), env: this.#io.env }, this.#faults);
    const { CATALOG } = await import('../metrics.ts');
    const overrides = buildOverrides(settings, CATALOG, this.#faults);
    this.#refuseCommand();
    return overrides;
  }

  #noteCommand(): void {
    if (this.#beside !== null) this.#faults.add('USAGE', '--', 'only run takes a command after --');
  }

  #refuseCommand(): void {
    this.#noteCommand();
    this.#faults.throwIfAny();
  }

  #names(): string[] {
    return this.#program.commands.map((command) => command.name());
  }
}

/** Two columns of help on the usual terminal, the same wherever it is printed. */
const HELP_WIDTH = 120;

/** What commander has to say: help and version, which it has printed, or a usage error. */
function refuse(error: CommanderError, io: Io): ExitCode {
  if (error.exitCode === 0) return EXIT.pass;
  if (error.code === 'commander.help') return EXIT.usage; // has been printed
  const [place = ''] = /--[a-z-]+/.exec(error.code === 'commander.optionMissingArgument' ? error.message : '') ?? [];
  const message = place === '' ? error.message.replace(/^error: /, '').replaceAll('\n', ' ') : 'should be followed by a value';
  return report(new Problem('USAGE', { place, message }), io);
}

/** One line for each problem, beginning with its place as compilers do, so that editors and eyes find it; then the code. */
function report(problem: Problem, io: Io): ExitCode {
  const lines = problem.details.map(({ place, message }) => printable(place === '' ? message : `${place}: ${message}`));
  const count = lines.length === 1 ? '1 problem' : `${lines.length} problems`;
  const kind = PROBLEMS[problem.code] === 'usage' ? count : 'failed';
  io.stderr.write(`${lines.join('\n')}\nsoak-agent: ${kind} [${problem.code}]\n`);
  return problem.exitCode;
}

/** Names of processes and files may hold anything, also escape sequences that a terminal would obey. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it removes
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?');
}
