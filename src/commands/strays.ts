/** Flags that a command does not have, and words where it takes none: told with everything else that is wrong, not alone. */
import type { Command, CommanderError } from 'commander';
import type { Faults } from '../config/faults.ts';
import { didYouMean } from '../config/nearest.ts';
import { Problem } from '../problem.ts';

/** Commands that take another command after `--`. */
const TAKING_COMMANDS: ReadonlySet<string> = new Set(['run', 'start']);

/** A note such as `- deployed` is none. */
const FLAG = /^-[^\s=]+(=|$)/;

/** Lets commander pass what it does not know, so that `noteStrays` can tell it; what it still refuses itself is told as we tell it. */
export function allowStrays(command: Command): void {
  command.allowUnknownOption().allowExcessArguments();
  command.exitOverride((error) => {
    throw explained(error, command);
  });
  for (const child of command.commands) allowStrays(child);
}

/** Of what commander left over of the command line; `commands` are all there are. */
export function noteStrays(command: Command, commands: readonly string[], faults: Faults): void {
  const { args } = command;
  const flags = args.filter((arg) => FLAG.test(arg)).map((arg) => arg.replace(/=.*/s, ''));
  for (const flag of flags) faults.add('USAGE', flag, unknownFlag(flag, command));
  // What follows an unknown flag is most likely its value.
  const isValue = (i: number): boolean => FLAG.test(args[i - 1] ?? '') && !args[i - 1]!.includes('=');
  const words = args.filter((arg, i) => !FLAG.test(arg) && !isValue(i));
  const takes = command.registeredArguments.some(({ variadic }) => variadic) ? Infinity : command.registeredArguments.length;
  for (const word of words.slice(takes)) faults.add('USAGE', word, unexpected(word, command, commands));
}

function unknownFlag(flag: string, command: Command): string {
  const known = command.options.map((option) => option.long).filter((long) => typeof long === 'string');
  if (known.includes(flag)) return 'takes no value';
  return `unknown flag${didYouMean(flag, known) || `; ${calledAs(command)} --help lists them`}`;
}

function unexpected(word: string, command: Command, commands: readonly string[]): string {
  const own = command.commands.map((child) => child.name());
  if (own.length > 0) return `unknown command${didYouMean(word, own) || `; after ${calledAs(command)} comes ${own.join(' or ')}`}`;
  if (commands.includes(word)) return `unexpected argument; a command comes first: soak-agent ${word} ...`;
  const hasTargets = command.options.some(({ long }) => long === '--target');
  if (hasTargets && /^\d+$|^[a-z]+:|=/.test(word)) return `unexpected argument; a target is given as --target ${word}`;
  if (!TAKING_COMMANDS.has(command.name())) return `unexpected argument; ${calledAs(command)} --help says what it takes`;
  return `unexpected argument${didYouMean(word, commands) || '; what to run while watching comes after --'}`;
}

function explained(error: CommanderError, command: Command): Error {
  const [argument] = command.registeredArguments;
  if (error.code !== 'commander.missingArgument' || argument === undefined) return error;
  const place = `<${argument.name()}${argument.variadic ? '...' : ''}>`;
  return new Problem('USAGE', { place, message: `is missing; ${calledAs(command)} takes ${argument.description}` });
}

/** `soak-agent config check`. */
function calledAs(command: Command): string {
  return command.parent === null ? command.name() : `${calledAs(command.parent)} ${command.name()}`;
}
