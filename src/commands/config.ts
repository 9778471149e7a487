/** `soak-agent config`: what the settings are and where each comes from, and the JSON Schema of the file. */
import { jsonSchema } from '../config/schema.ts';
import { envOf, flagOf, keyOf, OPTION_NAMES, optionOf } from '../config/options.ts';
import { EXIT, type ExitCode } from '../problem.ts';
import type { Settings } from '../config/settings.ts';
import type { Io } from './io.ts';

export function printSchema(io: Pick<Io, 'stdout'>): ExitCode {
  io.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return EXIT.pass;
}

export function printSettings(settings: Settings, io: Pick<Io, 'stdout'>): ExitCode {
  const rows = [...targetRows(settings), ...OPTION_NAMES.flatMap((name) => optionRows(name, settings))];
  const [first, second] = [0, 1].map((column) => Math.min(40, Math.max(...rows.map((row) => row[column]?.length ?? 0))));
  const lines = rows.map(([name, value, place]) => `${name.padEnd(first ?? 0)}  ${value.padEnd(second ?? 0)}  ${place}`);
  io.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.pass;
}

type Row = readonly [name: string, value: string, place: string];

function targetRows(settings: Settings): Row[] {
  return settings.targets.map(({ text, role, many, children, place }) => {
    const options = `${many ? ' (many)' : ''}${children ? ' (children)' : ''}`;
    return ['target', `${role ? `${role.text}=` : ''}${text}${options}`, place];
  });
}

function optionRows(name: (typeof OPTION_NAMES)[number], settings: Settings): Row[] {
  const { list, perTarget, value } = optionOf(name);
  if (name === 'target' || perTarget) return [];
  const word = keyOf(name) ?? flagOf(name)?.replace('--', '') ?? envOf(name) ?? name;
  if (list) return settings.list(name).map(({ text, place }) => [word, value.unquoted ? '(not shown)' : text, place]);
  const text = settings.textOf(name);
  return text === null ? [] : [[word, value.unquoted && text !== 'off' ? '(not shown)' : text, settings.placeOf(name)]];
}
