/**
 * Pages of metrics: the Prometheus text format 0.0.4 and OpenMetrics 1.0, as points. A line that cannot be read is counted and named, and
 * the rest of the page is good; exemplars are passed over, and what is not a number is no value.
 * Sources: prometheus.io/docs/instrumenting/exposition_formats, and the OpenMetrics 1.0 specification, "Text format".
 *
 * A page is read in pieces: all of its text and points at once would take four times its size of a heap that has 64 MB.
 */
import { Families } from './exposition-families.ts';
import { BadLine, LineReader } from './exposition-line.ts';
import { pieces } from './exposition-pieces.ts';
import type { Point } from './point.ts';

/** Bytes of a page. The largest real ones (kube-state-metrics, a broker with 1,000 partitions) have a few MB. */
export const PAGE_MAX = 16_000_000;

/** Lines of a page: at 3 us each they are parsed in 0.15 s, which every 10 s is 1.5 % of a core. */
export const LINES_MAX = 50_000;

/** Points that are handed over together. */
const BATCH = 1000;

/** Why a page as a whole is none. */
export type NoPage = 'html' | 'json' | 'binary' | 'empty' | 'too_large' | 'not_metrics';

export interface Page {
  /** Lines with a sample, whether or not it has a value. */
  readonly samples: number;
  readonly points: number;
  /** Lines that could not be read, and the first of them. */
  readonly bad: { readonly lines: number; readonly first: { readonly line: number; readonly why: string } | null };
}

export interface Refusal {
  readonly none: NoPage;
  readonly why: string;
}

/**
 * @param openMetrics what the sender says it is; null: the page shows it by its last line
 * @param each is given the points in turn. Nothing is given of a page that is none; names and labels are views into its text (`owned`)
 */
export function readPage(page: Buffer, openMetrics: boolean | null, each: (points: readonly Point[]) => void): Page | Refusal {
  const none = refusal(page);
  if (none !== null) return none;
  const families = new Families(openMetrics ?? /(?:^|\n)# EOF\s*$/.test(page.toString('latin1', Math.max(0, page.length - TAIL))));
  const bad = new BadLines();
  let points = 0;
  const give = (batch: readonly Point[]): void => {
    points += batch.length;
    if (batch.length > 0) each(batch);
  };
  for (const { text, line } of pieces(page)) {
    if (text === null) bad.add(line, 'it is longer than any line of metrics');
    else if (!takeLines(new LineReader(text, line), families, bad)) break;
    if (families.ready >= BATCH) give(families.take());
  }
  give(families.rest());
  const { samples } = families;
  if (samples === 0 && bad.first !== null)
    return { none: 'not_metrics', why: `it is no page of metrics: line ${bad.first.line}: ${bad.first.why}` };
  return { samples, points, bad: { lines: bad.lines, first: bad.first } };
}

/** False when the page ends here. */
function takeLines(reader: LineReader, families: Families, bad: BadLines): boolean {
  while (reader.next()) {
    try {
      if (!families.read(reader)) return false;
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      bad.add(reader.line, error.message);
    }
  }
  return true;
}

class BadLines {
  lines = 0;
  first: Page['bad']['first'] = null;

  add(line: number, why: string): void {
    this.lines++;
    this.first ??= { line, why };
  }
}

/** Where the end of OpenMetrics stands. */
const TAIL = 16;

const SHAPES: readonly (readonly [RegExp, NoPage, string])[] = [
  [/^\s*<(?:!doctype|html|head|body|\?xml|!--)/i, 'html', 'it is a page for people (HTML), perhaps that of a login or a proxy'],
  [/^\s*(?:\{\s*(?:\}|"(?:[^"\\\n]|\\.)*"\s*:)|\[)/, 'json', 'it is JSON, not text; perhaps metrics are at another path'],
];

/** Enough to recognise what something is. */
const START = 1000;

function refusal(page: Buffer): Refusal | null {
  if (page.length > PAGE_MAX) return { none: 'too_large', why: `it is larger than ${PAGE_MAX / 1e6} MB` };
  if (!page.some((byte) => byte > SPACE)) return { none: 'empty', why: 'it is empty' };
  const start = page.subarray(0, START);
  if (start.some((byte) => byte < TAB)) return { none: 'binary', why: 'it is binary; text/plain was asked for' };
  const text = start.toString('utf8');
  const shape = SHAPES.find(([pattern]) => pattern.test(text));
  if (shape !== undefined) return { none: shape[1], why: shape[2] };
  const more = `it has more than ${LINES_MAX} lines; many exporters give a part of theirs when asked (?name[]=...)`;
  return hasMoreLines(page) ? { none: 'too_large', why: more } : null;
}

/** No text has what comes before the tab in ASCII; protobuf begins with it. */
const TAB = 9;
const SPACE = 32;

function hasMoreLines(page: Buffer): boolean {
  let lines = 0;
  for (let at = page.indexOf(10); at !== -1; at = page.indexOf(10, at + 1)) if (++lines > LINES_MAX) return true;
  return false;
}
