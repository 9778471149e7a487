/** The command line: which commands there are, what they take, and how their problems are told. */
import { Command, CommanderError, Option } from 'commander';
import type { Config, JudgeOverrides } from '../config/config.ts';
import { Faults } from '../config/faults.ts';
import { buildConfig, buildOverrides, idleKeys, loadSettings } from '../config/load.ts';
import { OPTION_NAMES, type OptionName } from '../config/options.ts';
import { ANALYZE_FLAGS } from '../import/flags.ts';
import { PHASE_HINT, PHASE_NAME } from '../phases.ts';
import { EXIT, type ExitCode, Problem, PROBLEMS } from '../problem.ts';
import type { Settings } from '../config/settings.ts';
import { VERSION } from '../version.ts';
import type { ExportFormat } from './export.ts';
import { Flags } from './flags.ts';
import { Given, NON_BLOCKING_FLAG, type RunFlag } from './given.ts';
import { ANALYZE_NOTES, EXAMPLES, REPORT_HELP, REPORT_NOTES, RUN_NOTES } from './helptexts.ts';
import type { Io } from './io.ts';
import { REPORT_FORMATS, type ReportFormat } from './reportformats.ts';
import { MERGE_FLAGS, RUN_COMMANDS, type RunCommand, WHICH } from './runcommands.ts';
import { allowStrays, noteStrays } from './strays.ts';

export { endAnyway, processIo } from './io.ts';

const DETACH = '--detach';

/** Where OTLP by HTTP is taken everywhere; a run with another address says so. */
const INBOUND_PORT = 4318;

/** Options of the judgement, which a stored run can be given anew. */
const JUDGEMENT: readonly OptionName[] = ['rule', 'preset', 'require', 'mustLive', 'warmup', 'config'];

/** Of a file that was written for a run. */
const IDLE = 'these keys of the configuration do not count for a run that is recorded, which keeps its own';

/** Runs the program and returns its exit code. Throws only what is a defect. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const command = end < 0 ? null : argv.slice(end + 1);
  try {
    return await attempt(io, own, command);
  } catch (error) {
    if (error instanceof CommanderError) return refuse(error, io);
    if (!(error instanceof Problem)) throw error;
    return report(error, io);
  }
}

/** A flag without its value is the last word: it is noted, and what else is wrong is found without it. */
async function attempt(io: Io, own: readonly string[], command: readonly string[] | null, faults = new Faults()): Promise<ExitCode> {
  try {
    return await new Program(io, own, command, faults).run();
  } catch (error) {
    const flag = own.at(-1);
    if (flag === undefined || !(error instanceof CommanderError) || error.code !== 'commander.optionMissingArgument') throw error;
    const noted = new Faults();
    noted.add('USAGE', flag, 'should be followed by a value');
    return attempt(io, own.slice(0, -1), command, noted);
  }
}

class Program {
  readonly #io: Io;
  readonly #argv: readonly string[];
  /** What follows `--`. */
  readonly #beside: readonly string[] | null;
  readonly #faults: Faults;
  readonly #program: Command;
  #code: ExitCode = EXIT.pass;

  /** What `faults` holds already is told with the rest. */
  constructor(io: Io, argv: readonly string[], beside: readonly string[] | null, faults: Faults) {
    this.#io = io;
    this.#faults = faults;
    this.#argv = argv;
    this.#beside = beside;
    this.#program = new Command('soak-agent')
      .description('Watches programs during long soak runs, finds what leaks, and ends with a verdict that CI can gate on.')
      .version(VERSION, '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help')
      .helpCommand(false)
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
    this.#addStart();
    for (const command of RUN_COMMANDS) this.#addRunCommand(command);
    this.#addDoctor();
    this.#addAnalyze();
    this.#addReplay();
    this.#addReport();
    this.#addExport();
    this.#addMerge();
    this.#addNotes();
    this.#addMetrics();
    this.#addConfig();
    allowStrays(this.#program, (error, command) => {
      if (error.code === 'commander.missingArgument') {
        this.#noteStrays(command);
        this.#faults.throwIfAny();
      }
      throw error;
    });
    this.#program.hook('preAction', (_, command) => this.#noteStrays(command));
  }

  async run(): Promise<ExitCode> {
    await this.#program.parseAsync([...this.#argv], { from: 'user' });
    return this.#code;
  }

  #noteStrays(command: Command): void {
    const names = this.#program.commands.map((one) => one.name());
    noteStrays(command, names, this.#faults, this.#argv);
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

  #addStart(): void {
    const command = this.#program.command('start').description('begin a run, as run does, or leave it in the background with --detach');
    const flags = new Flags(command, OPTION_NAMES, this.#faults);
    command.option(DETACH, 'return when the run has begun, and print its folder; status, wait, stop and verdict find it again');
    command.usage('[--detach] --target [role=]selector [options] [-- command]').action(async ({ detach = false }: { detach?: boolean }) => {
      const config = await this.#config(flags);
      const own = this.#argv.slice(this.#argv.indexOf('start') + 1).filter((arg) => arg !== DETACH);
      const args = this.#beside === null ? own : [...own, '--', ...this.#beside];
      if (detach) this.#code = await (await import('./start.ts')).startDetached(config, args, this.#io);
      else this.#code = await (await import('./run.ts')).run(config, this.#io);
    });
  }

  #addRunCommand({ name, operands, what, description, flags, notes, run }: RunCommand): void {
    const command = this.#program.command(name).description(description);
    if (operands !== '') command.argument(operands, what);
    const given = this.#withFlags(command, flags);
    if (notes !== undefined) command.addHelpText('after', notes);
    command.action(async (first: unknown) => {
      const runs = operands === '' ? undefined : (first as string | readonly string[] | undefined);
      this.#refuseCommand();
      this.#code = await run(new Given(runs === undefined ? [] : [runs].flat(), given, this.#io.env), this.#io);
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
      .argument('[run]', WHICH)
      .description('judge a stored run again, with other rules if you like');
    const flags = new Flags(command, JUDGEMENT, this.#faults, 'as in the run');
    command.option('--json', 'print the verdict as JSON, as verdict.json has it');
    command.action(async (run: string | undefined, { json = false }: { json?: boolean }) => {
      const overrides = await this.#overrides(flags);
      const { replay } = await import('./replay.ts');
      this.#code = replay(await this.#folder(run), { overrides, json }, this.#io);
    });
  }

  #addReport(): void {
    const command = this.#program
      .command('report')
      .argument('[run]', WHICH)
      .description('a stored run as a page, Markdown, JUnit XML or JSON; judged again, with other rules if you like')
      .addHelpText('after', REPORT_NOTES);
    const flags = new Flags(command, JUDGEMENT, this.#faults, 'as in the run');
    const plain = this.#withFlags(command, [NON_BLOCKING_FLAG]);
    for (const format of REPORT_FORMATS) command.option(`--${format} <file>`, `${REPORT_HELP[format]}; - is standard output`);
    command.addOption(new Option('--inconclusive <as>', 'in JUnit XML').choices(['skip', 'fail']).default('skip'));
    command.action(
      async (run: string | undefined, given: Partial<Record<ReportFormat, string>> & { readonly inconclusive: 'skip' | 'fail' }) => {
        const overrides = await this.#overrides(flags);
        const outputs = new Map(
          REPORT_FORMATS.flatMap((format) => (given[format] === undefined ? [] : [[format, given[format]] as const])),
        );
        const { report } = await import('./report.ts');
        const [undecided, nonBlocking] = [given.inconclusive, plain.has(NON_BLOCKING_FLAG.name)];
        this.#code = await report(await this.#folder(run), { overrides, outputs, undecided, nonBlocking }, this.#io);
      },
    );
  }

  #addExport(): void {
    const command = this.#program
      .command('export')
      .argument('[run]', WHICH)
      .description('print the samples of a record, and its events where the format has a place for them')
      .addOption(new Option('--format <format>', 'how they are written').choices(['csv', 'ndjson', 'openmetrics']).default('csv'))
      .option('--series <text>', 'only series whose name or metric contains this; repeat for more', (text, all?: string[]) => [
        ...(all ?? []),
        text,
      ]);
    command.action(
      async (run: string | undefined, { format, series = [] }: { readonly format: ExportFormat; readonly series?: readonly string[] }) => {
        this.#refuseCommand();
        const { exportRecord } = await import('./export.ts');
        this.#code = await exportRecord(await this.#folder(run), { format, series }, this.#io);
      },
    );
  }

  #addMerge(): void {
    const runs = 'folders of runs, or folders that hold runs, one for each pod or host';
    const command = this.#program.command('merge').argument('<run...>', runs);
    command.description('merge the records of several agents: one run, one verdict, one exit code');
    const given = this.#withFlags(command, MERGE_FLAGS);
    const flags = new Flags(command, JUDGEMENT, this.#faults, 'as in the runs');
    command.action(async (list: readonly string[]) => {
      const overrides = await this.#overrides(flags);
      const { merge } = await import('./merge.ts');
      this.#code = merge(new Given(list, given, this.#io.env), overrides, this.#io);
    });
  }

  /** What is given of plain flags, in order. */
  #withFlags(command: Command, flags: readonly RunFlag[]): Map<string, string[]> {
    const given = new Map<string, string[]>();
    for (const { name, arg, help } of flags) {
      command.option(`--${name} ${arg}`.trim(), help);
      command.on(`option:${name}`, (text: string | null) => given.set(name, [...(given.get(name) ?? []), text ?? 'true']));
    }
    return given;
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
      if (command.name() === 'phase' && !given.startsWith('-') && !PHASE_NAME.test(given))
        this.#faults.add('USAGE', '<name>', `should be ${PHASE_HINT}`);
      const settings = await loadSettings({ flags: flags.layer(), env: this.#io.env }, this.#faults);
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
    parent.action(() => {
      this.#refuseCommand();
      parent.help({ error: true });
    });
  }

  async #config(flags: Flags): Promise<Config> {
    return (await this.#settings(flags)).config;
  }

  /** Everything that was given, or one Problem with all that is wrong. */
  async #settings(flags: Flags): Promise<{ settings: Settings; config: Config }> {
    const faults = this.#faults;
    const settings = await loadSettings({ flags: flags.layer(), env: this.#io.env }, faults);
    const { CATALOG } = await import('../metrics.ts');
    const config = buildConfig(settings, { command: this.#beside, catalog: CATALOG }, faults);
    if (settings.targets.length === 0 && config.scrapes.length === 0 && !faults.any)
      faults.add('USAGE', '--target', 'is missing: say what to watch, such as --target 4242 or --target api=port:8080');
    faults.throwIfAny();
    return { settings, config };
  }

  async #overrides(flags: Flags): Promise<JudgeOverrides> {
    const settings = await loadSettings({ flags: flags.layer(), env: this.#io.env }, this.#faults);
    const { CATALOG } = await import('../metrics.ts');
    const overrides = buildOverrides(settings, CATALOG, this.#faults);
    this.#refuseCommand();
    const idle = idleKeys(settings, JUDGEMENT);
    if (idle.length > 0) this.#io.stderr.write(`${IDLE}: ${idle.join(', ')}\n`);
    return overrides;
  }

  async #folder(run: string | undefined): Promise<string> {
    const { findRun } = await import('../record/find.ts');
    return findRun(run ?? null, new Given([], new Map(), this.#io.env).out());
  }

  #noteCommand(): void {
    if (this.#beside !== null) this.#faults.add('USAGE', '--', 'only run takes a command after --');
  }

  #refuseCommand(): void {
    this.#noteCommand();
    this.#faults.throwIfAny();
  }
}

/** Two columns of help on the usual terminal, the same wherever it is printed. */
const HELP_WIDTH = 120;

/** What commander has to say: help and version, which it has printed, or a usage error. */
function refuse(error: CommanderError, io: Io): ExitCode {
  if (error.exitCode === 0) return EXIT.pass;
  if (error.code === 'commander.help') return EXIT.usage; // has been printed
  return report(new Problem('USAGE', { place: '', message: error.message.replace(/^error: /, '').replaceAll('\n', ' ') }), io);
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
