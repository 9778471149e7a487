/** What an option is. */
import type { ValueType } from './optionvalue.ts';

export const GROUPS = ['Targets', 'Servers', 'Load and signals', 'Run', 'Judgement', 'Record', 'Export', 'System'] as const;

export interface OptionDef<T> {
  readonly group: (typeof GROUPS)[number];
  readonly value: ValueType<T>;
  /** As a user would write it; null for what is absent unless given. */
  readonly default: string | null;
  /** One phrase for --help. */
  readonly help: string;
  /** For a switch that is on by default: the phrase for its `--no-` form, which is the one that help shows. */
  readonly noHelp?: string;
  /** What the documentation and the sample file say beyond that. */
  readonly more?: string;
  /** For the sample file, where the default would not show how it is written. */
  readonly example?: string;
  /** Given several times, and a list in the file. */
  readonly list?: true;
  /** Belongs to the target before it on the command line, and to one entry of `targets` in the file. */
  readonly perTarget?: true;
  /** Never a flag, where the whole machine can read it; a twin (`--otlp-headers-file`) names a file that holds it. */
  readonly secret?: true;
  /** Key in the file, where it is not the flag's name with underscores. */
  readonly key?: string;
  /** Where it can not be given. */
  readonly not?: readonly ('flag' | 'env' | 'file')[];
}

export function option<T>(def: OptionDef<T>): OptionDef<T> {
  return def;
}
