/** What a file of results is, by its first line. */

export type Format =
  | { readonly kind: 'jmeter' | 'locust'; readonly delimiter: string; readonly header: readonly string[] }
  /** It cannot be read; what must be set. */
  | { readonly kind: 'refused'; readonly why: string };

const DELIMITERS = [',', ';', '\t', '|'];

const CSV = 'set jmeter.save.saveservice.output_format=csv (-J on the command line)';
const NAMES = 'set jmeter.save.saveservice.print_field_names=true (-J on the command line)';
const MILLIS = 'set jmeter.save.saveservice.timestamp_format=ms (-J on the command line)';

export const TIMES = `its times are no milliseconds since 1970; ${MILLIS}`;

/** @param line without its line end */
export function formatOf(line: string): Format {
  const first = line.replace(/^\uFEFF/, '').trim();
  if (first.startsWith('<')) return { kind: 'refused', why: `it is XML, which cannot be read while it is being written; ${CSV}` };
  for (const delimiter of DELIMITERS) {
    const header = first.split(delimiter).map((name) => name.trim().replaceAll('"', ''));
    const names = new Set(header.map((name) => name.toLowerCase()));
    if (names.has('timestamp') && names.has('elapsed')) return { kind: 'jmeter', delimiter, header };
    if (names.has('timestamp') && names.has('total request count')) return { kind: 'locust', delimiter, header };
  }
  if (/^\d{12,13}\D/.test(first)) return { kind: 'refused', why: `its columns have no names; ${NAMES}` };
  return {
    kind: 'refused',
    why: 'its first line is neither that of a JMeter JTL (timeStamp,elapsed,label,...) nor of a Locust history (Timestamp,User Count,...)',
  };
}
