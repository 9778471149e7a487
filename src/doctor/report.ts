/** The report of `soak-agent doctor` as lines of plain text. */
import { formatDuration } from '../quantity.ts';
import { wrapped } from '../terminal/clean.ts';
import { showRate, showValue, UNKNOWN } from '../views/quantities.ts';
import { table } from '../views/table.ts';
import type { Database } from './databases.ts';
import type { Fact, Machine } from './machine.ts';
import { type Process, PROCESSES_SHOWN } from './processes.ts';
import type { Best, Prospect } from './prospects.ts';
import { type Remedy, userText } from './remedies.ts';
import type { ScrapeReport } from './scrapes.ts';
import type { ServerReport } from './servers.ts';
import type { SignalRow } from './signals.ts';

export interface TargetReport {
  readonly role: string;
  /** As the user wrote it, without secrets. */
  readonly selector: string;
  readonly processes: readonly Process[];
  readonly signals: readonly SignalRow[];
  readonly remedies: readonly Remedy[];
  /** What it is connected to that could be watched as well. */
  readonly databases: readonly Database[];
  readonly prospects: readonly Prospect[];
  readonly best: Best;
  /** Of an `exec:` target, which doctor does not start. */
  readonly unstarted: boolean;
}

export interface Report {
  readonly machine: Machine;
  /** Signals of the machine and the agent itself that cannot be read. */
  readonly blind: readonly Fact[];
  readonly host: readonly Prospect[];
  readonly targets: readonly TargetReport[];
  readonly servers: readonly ServerReport[];
  /** Pages of metrics. */
  readonly scrapes: readonly ScrapeReport[];
  /** What holds for the whole run. */
  readonly best: Best;
  readonly users: ReadonlyMap<number, string>;
  readonly options: { readonly mustLive: number; readonly duration: number | null };
}

/** Soaks that run until told are taken to last a night. */
const NIGHT_S = 8 * 3600;

const INDENT = '  ';

export function reportLines(report: Report, columns: number): string[] {
  const { machine, blind, targets, servers, scrapes, host, options } = report;
  const seconds = options.duration ?? NIGHT_S;
  return [
    'This machine',
    ...definitions([...machine.facts, ...blind.map(({ label, text }) => ({ label: 'not read', text: `${label}: ${text}` }))], columns),
    ...prospectLines(host, seconds, columns),
    ...targets.flatMap((target) => ['', ...targetLines(target, report, seconds, columns)]),
    ...servers.flatMap((server) => ['', ...serverLines(server, columns)]),
    ...scrapes.flatMap(({ name, display, facts }) => ['', ...wrapped(`${name} = ${display}`, columns), ...definitions(facts, columns)]),
    '',
    ...wrapped(closing(report), columns),
  ];
}

function targetLines(target: TargetReport, { users }: Report, seconds: number, columns: number): string[] {
  const head = `${target.role} = ${target.selector}`;
  if (target.unstarted) return [head, ...wrapped(UNSTARTED, columns, INDENT)];
  return [
    ...wrapped(head, columns),
    ...processLines(target.processes, users, columns),
    '',
    ...signalLines(target.signals, columns),
    ...remedyLines(target.remedies, columns),
    ...databaseLines(target.databases, columns),
    ...prospectLines(target.prospects, seconds, columns),
    '',
    ...bestLines(target.best, columns),
  ];
}

function serverLines({ name, display, state, signals, mends }: ServerReport, columns: number): string[] {
  const rows = signalLines(signals, columns);
  return [
    ...wrapped(`${name} = ${display}`, columns),
    ...wrapped(state, columns, INDENT),
    ...(rows.length === 0 ? [] : ['', ...rows]),
    ...(mends.length === 0 ? [] : ['', `${INDENT}For what its administrator may give`, ...mends.map((mend) => `${INDENT}    ${mend}`)]),
  ];
}

const UNSTARTED =
  'is started by a run as the user of soak-agent, so that everything of it can be read unless it changes its user. Doctor starts nothing; ' +
  'to see it all, start the program yourself and give its pid.';

function processLines(processes: readonly Process[], users: ReadonlyMap<number, string>, columns: number): string[] {
  const rows = processes
    .slice(0, PROCESSES_SHOWN)
    .map(({ proc, identity, container }) => [
      `${INDENT}${proc.pid}`,
      proc.comm,
      identity === null ? 'unknown user' : `${userText(identity.uids[1]!, users)}, gid ${identity.gids[1]!}`,
      container === null ? '' : /^[0-9a-f]{12}$/.test(container) ? `container ${container}` : container,
    ]);
  const more = processes.length - rows.length;
  return [...table(rows, columns), ...(more > 0 ? [`${INDENT}and ${more} more`] : [])];
}

function signalLines(signals: readonly SignalRow[], columns: number): string[] {
  const width = Math.max(...signals.map(({ group }) => group.length), 0);
  return signals.flatMap(({ group, readable, figures, missing }) => {
    const head = `${INDENT}${group.padEnd(width)}  ${readable.padEnd(4)}  `;
    const texts = [
      ...(figures.length > 0 ? [figures.join(', ')] : []),
      ...missing.map(({ metrics, reason }) => (metrics.length === 0 ? reason : `not ${metrics.join(', ')}: ${reason}`)),
    ];
    const lines = texts.flatMap((text) => wrapped(text, columns - head.length));
    return (lines.length === 0 ? [''] : lines).map((line, i) => (i === 0 ? head : ' '.repeat(head.length)).concat(line).trimEnd());
  });
}

function remedyLines(remedies: readonly Remedy[], columns: number): string[] {
  if (remedies.length === 0) return [];
  const lines = remedies.flatMap(({ what, how }, i) => [
    ...wrapped(`- ${i > 0 ? 'or ' : ''}${what}`, columns, INDENT, `${INDENT}  `),
    `${INDENT}    ${how}`, // to be copied: never broken into lines
  ]);
  return ['', `${INDENT}For what only its user may read`, ...lines];
}

function databaseLines(databases: readonly Database[], columns: number): string[] {
  if (databases.length === 0) return [];
  const lines = databases.flatMap(({ what, option }) => [
    ...wrapped(`- ${what}`, columns, INDENT, `${INDENT}  `),
    `${INDENT}    ${option}`,
  ]);
  return ['', ...wrapped('Its databases, whose sessions would show which connections are not given back', columns, INDENT), ...lines];
}

function prospectLines(prospects: readonly Prospect[], seconds: number, columns: number): string[] {
  if (prospects.length === 0) return [];
  const rows = prospects.map(({ series: { def, labels, member }, gate, level, limit, floor, others }) => [
    INDENT +
      [def.alias ?? def.name, ...Object.values(labels), ...(member === null || others === 0 ? [] : [`(member ${member})`])].join(' '),
    gate,
    level === null ? 'awaited' : showValue(level, def.unit),
    limit === null ? UNKNOWN : showValue(limit.value, def.unit),
    showRate(floor, def.unit),
    showValue(floor === null ? null : (floor * seconds) / 3600, def.unit),
  ]);
  const titles = [`${INDENT}to be judged`, '', 'now', 'limit', 'must rule out', `in ${formatDuration(seconds)}`];
  return ['', ...table([titles, ...rows], columns, new Set([2, 3, 4, 5]))];
}

function bestLines({ outcome, why }: Best, columns: number): string[] {
  if (outcome === 'pass') return [`${INDENT}Best outcome here: pass, if it does not grow and steady work is seen`];
  const head = outcome === 'fail' ? 'A run would fail:' : 'At best inconclusive:';
  return [`${INDENT}${head}`, ...why.flatMap((text) => wrapped(`- ${text}`, columns, INDENT, `${INDENT}  `))];
}

function closing({ best, options }: Report): string {
  const whole = best.outcome === 'pass' ? '' : `For the whole run: ${best.why.join('; ')}. `;
  return (
    `${whole}A run passes only when growth of the figure under "must rule out" is ruled out: half of what would reach the limit within ` +
    `${formatDuration(options.mustLive)} (--must-live), or a fixed floor where no limit is known. How little it can rule out depends on the noise ` +
    'under load, which seconds do not show; the live view tells it after some minutes. An idle target cannot pass.'
  );
}

/** A column of labels and wrapped texts beside it. */
function definitions(facts: readonly Fact[], columns: number): string[] {
  const width = Math.max(...facts.map(({ label }) => label.length), 0);
  return facts.flatMap(({ label, text }, i) => {
    const shown = facts[i - 1]?.label === label ? '' : label;
    const head = `${INDENT}${shown.padEnd(width)}  `;
    return wrapped(text, columns, head, ' '.repeat(head.length));
  });
}
