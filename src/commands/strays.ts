/** What does not fit a command (flags, words, choices, what is missing): told with everything else that is wrong, not alone. */
import type { Command, CommanderError } from 'commander';
import type { Faults } from '../config/faults.ts';
import { didYouMean, nearest } from '../config/nearest.ts';

/** Commands that take another command after `--`. */
const TAKING_COMMANDS: ReadonlySet<string> = new Set(['run', 'start']);

/** A note such as `- deployed` is none. */
const FLAG = /^-[^\s=]+(=|$)/;

/** Of every command, and of none of its own options. */
const ALWAYS = ['--help', '-h', '--version', '-V'];

/** Lets commander pass what it does not know, so that `noteStrays` can tell it; what commander refuses all the same goes to `refuse`. */
export function allowStrays(command: Command, refuse: (error: CommanderError, command: Command) => never): void {
  command.allowUnknownOption().allowExcessArguments();
  command.exitOverride((error) => refuse(error, command));
  for (const option of command.options) if (option.argChoices !== undefined) option.argParser((text: string) => text);
  for (const child of command.commands) allowStrays(child, refuse);
}

/** Of what commander left over of the command line; `commands` are all there are. */
export function noteStrays(command: Command, commands: readonly string[], faults: Faults, argv: readonly string[] = []): void {
  noteChoices(command, faults);
  noteSwallowed(command, argv, faults);
  const { args } = command;
  const flags = args.filter((arg) => FLAG.test(arg)).map((arg) => arg.replace(/=.*/s, ''));
  for (const flag of flags) faults.add('USAGE', flag, unknownFlag(flag, command));
  // What follows an unknown flag is most likely its value.
  const isValue = (i: number): boolean => FLAG.test(args[i - 1] ?? '') && !args[i - 1]!.includes('=');
  const words = args.filter((arg, i) => !FLAG.test(arg) && !isValue(i));
  const takes = command.registeredArguments.some(({ variadic }) => variadic) ? Infinity : command.registeredArguments.length;
  const [argument] = command.registeredArguments;
  if (argument?.required === true && args.every((arg) => FLAG.test(arg))) {
    const place = `<${argument.name()}${argument.variadic ? '...' : ''}>`;
    faults.add('USAGE', place, `is missing; ${calledAs(command)} takes ${argument.description}`);
  }
  for (const word of words.slice(takes)) faults.add('USAGE', word, unexpected(word, command, commands));
}

/** A flag that took another one for its value. */
function noteSwallowed({ options }: Command, argv: readonly string[], faults: Faults): void {
  const find = (arg: string | undefined) => options.find(({ long, short }) => arg !== undefined && (arg === long || arg === short));
  for (let i = 0; i < argv.length; i++) {
    if (find(argv[i])?.required !== true) continue;
    const [flag, value] = [argv[i]!, argv[++i]];
    if (find(value) !== undefined) faults.add('USAGE', flag, `should be followed by a value, not by the flag ${value}`);
  }
}

function noteChoices(command: Command, faults: Faults): void {
  for (const option of command.options) {
    const given: unknown = command.getOptionValue(option.attributeName());
    if (option.argChoices === undefined || typeof given !== 'string' || option.argChoices.includes(given)) continue;
    faults.add('USAGE', option.long ?? option.flags, wrongWord(given, option.argChoices));
  }
}

/** `"xls" should be csv, ndjson or openmetrics`. */
export function wrongWord(given: string, words: readonly string[]): string {
  const [last, ...others] = words.toReversed();
  const choice = others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`;
  return `${JSON.stringify(given.slice(0, 64))} should be ${choice}${didYouMean(given, words)}`;
}

function unknownFlag(flag: string, command: Command): string {
  const known = [...command.options.map((option) => option.long).filter((long) => typeof long === 'string'), ...ALWAYS];
  if (known.includes(flag)) return 'takes no value';
  return `unknown flag${didYouMean(flag, known) || `; ${calledAs(command)} --help lists them`}`;
}

function unexpected(word: string, command: Command, commands: readonly string[]): string {
  if (word === 'help') return 'unknown command; soak-agent --help lists them, and soak-agent COMMAND --help says what one takes';
  const own = command.commands.map((child) => child.name());
  if (own.length > 0) return `unknown command${didYouMean(word, own) || `; after ${calledAs(command)} comes ${own.join(' or ')}`}`;
  if (commands.includes(word)) return `unexpected argument; a command comes first: soak-agent ${word} ...`;
  const hasTargets = command.options.some(({ long }) => long === '--target');
  if (hasTargets && /^\d+$|^[a-z]+:|=/.test(word)) return `unexpected argument; a target is given as --target ${word}`;
  if (!TAKING_COMMANDS.has(command.name())) return `unexpected argument; ${calledAs(command)} --help says what it takes`;
  const meant = nearest(word, commands);
  if (meant !== null) return `unknown command; did you mean ${meant}?`;
  return command.parent?.args[0] === word
    ? 'unknown command; soak-agent --help lists them, and what to run while watching comes after --'
    : 'unexpected argument; what to run while watching comes after --';
}

/** `soak-agent config check`. */
function calledAs(command: Command): string {
  return command.parent === null ? command.name() : `${calledAs(command.parent)} ${command.name()}`;
}
