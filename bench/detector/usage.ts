/** How these scripts are called: their options, `--help`, and a line of what does not fit. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { messageOf } from '../../src/problem.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Given<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>;

/** What was given; `--help` prints what stands on top of the script and ends it. */
export function given<T extends Options>(script: string, options: T, allowPositionals = false): Given<T> {
  if (process.argv.slice(2).includes('--help')) {
    console.log(usageOf(script));
    process.exit(0);
  }
  try {
    return parseArgs({ options, allowPositionals }) as Given<T>;
  } catch (error) {
    return refuse(`${messageOf(error).split(/\.\s/, 1)[0]}; --help says what there is`);
  }
}

/** The comment that a script begins with. */
function usageOf(script: string): string {
  const [, comment = ''] = /^\/\*\*\n([^]*?)\n \*\//.exec(readFileSync(fileURLToPath(script), 'utf8')) ?? [];
  return comment.replaceAll(/^ \* ?/gm, '');
}

export function refuse(message: string): never {
  console.error(message);
  process.exit(64);
}

/** What is read of a file that the user named. */
export function readOr<T>(file: string, read: (file: string) => T): T {
  try {
    return read(file);
  } catch (error) {
    return refuse(`${file} cannot be read: ${messageOf(error)}`);
  }
}
