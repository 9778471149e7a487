/** The option table as flags of a command, and what was given on the command line as a layer of settings. */
import { type Command, Option } from 'commander';
import type { Faults, Given } from '../config/faults.ts';
import { fileTwinOf, flagOf, type OptionName, optionOf } from '../config/options.ts';
import { emptyLayer, type Layer } from '../config/settings.ts';
import { readSecret } from '../config/smallfile.ts';

/** Commander parses with side effects on the command; a layer is collected from its events, which come in the order of the flags. */
export class Flags {
  readonly #command: Command;
  readonly #faults: Faults;
  readonly #defaults: string | null;
  readonly #layer = emptyLayer();

  /** `defaults`: what help says of all defaults, when they are not those of the table. */
  constructor(command: Command, names: readonly OptionName[], faults: Faults, defaults: string | null = null) {
    this.#command = command;
    this.#faults = faults;
    this.#defaults = defaults;
    for (const name of names) this.#declare(name);
  }

  /** What was given. */
  layer(): Layer {
    return this.#layer;
  }

  #declare(name: OptionName): void {
    const { value, group, help, noHelp, perTarget } = optionOf(name);
    const flag = flagOf(name);
    const twin = fileTwinOf(name)?.flag;
    if (twin !== undefined) this.#add(twin, '<path>', `file that holds ${help}`, group, (path) => this.#secret(name, twin, path));
    if (flag === null) return;
    if (perTarget) this.#add(flag, '', help, group, () => this.#ofTarget(name, flag));
    else if (value.arg === '') this.#switch(name, flag, noHelp ?? help, noHelp !== undefined);
    else this.#add(flag, value.arg, this.#help(name), group, (given) => this.#given(name, given, flag));
  }

  #help(name: OptionName): string {
    const { help, list, default: text } = optionOf(name);
    const standard = text === null ? '' : ` (default ${this.#defaults ?? text})`;
    return `${help}${list ? '; repeat for more' : standard}`;
  }

  /** Both forms, because a flag must be able to take back what the environment or the file says; help shows the one that changes the default. */
  #switch(name: OptionName, flag: string, help: string, isOnByDefault: boolean): void {
    const { group } = optionOf(name);
    const off = flag.replace('--', '--no-');
    this.#add(flag, '', help, group, () => this.#given(name, 'true', flag), isOnByDefault);
    this.#add(off, '', help, group, () => this.#given(name, 'false', off), !isOnByDefault);
  }

  #add(flag: string, arg: string, help: string, group: string, take: (text: string) => void, hide = false): void {
    const option = new Option(`${flag} ${arg}`.trim(), help).helpGroup(`${group}:`);
    this.#command.addOption(hide ? option.hideHelp() : option);
    this.#command.on(`option:${option.name()}`, take);
  }

  #given(name: OptionName, text: string, place: string): void {
    const given: Given = { text, place };
    if (name === 'target') this.#layer.targets.push({ ...given, many: false, children: false });
    else this.#layer.values.set(name, [...(this.#layer.values.get(name) ?? []), given]);
  }

  #ofTarget(name: OptionName, flag: string): void {
    const last = this.#layer.targets.pop();
    if (last) this.#layer.targets.push({ ...last, [name]: true });
    else this.#faults.add('USAGE', flag, 'should come after the --target that it belongs to');
  }

  #secret(name: OptionName, flag: string, path: string): void {
    const secret = readSecret(path, flag, this.#faults);
    if (secret !== null) this.#given(name, secret, flag);
  }
}
