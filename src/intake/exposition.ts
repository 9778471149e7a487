/**
 * Pages of metrics: the Prometheus text format 0.0.4 and OpenMetrics 1.0, as points. A line that cannot be read is counted and named, and
 * the rest of the page is good; exemplars are passed over, and what is not a number is no value.
 * Sources: prometheus.io/docs/instrumenting/exposition_formats, and the OpenMetrics 1.0 specification, "Text format".
 */
import { Families } from './exposition-families.ts';
import { BadLine, LineReader } from './exposition-line.ts';
import type { Point } from './point.ts';

/** Characters of a page. The largest real ones (kube-state-metrics, a broker with 1,000 partitions) have a few MB. */
export const PAGE_MAX = 16_000_000;

/** Lines of a page: at 3 us each they are parsed in 0.15 s, which every 10 s is 1.5 % of a core. */
export const LINES_MAX = 50_000;

/** Why a page as a whole is none. */
export type NoPage = 'html' | 'json' | 'binary' | 'empty' | 'too_large' | 'not_metrics';

export interface Page {
  readonly points: readonly Point[];
  /** Lines with a sample, whether or not it has a value. */
  readonly samples: number;
  /** Lines that could not be read, and the first of them. */
  readonly bad: { readonly lines: number; readonly first: { readonly line: number; readonly why: string } | null };
}

/** @param openMetrics what the sender says it is; null: the page shows it by its last line */
export function parsePage(text: string, openMetrics: boolean | null = null): Page | { readonly none: NoPage; readonly why: string } {
  const none = refusal(text);
  if (none !== null) return none;
  const reader = new LineReader(text);
  const families = new Families(openMetrics ?? /(?:^|\n)# EOF\s*$/.test(text.slice(-16)));
  let bad = 0;
  let first: Page['bad']['first'] = null;
  while (reader.next()) {
    if (reader.line > LINES_MAX)
      return {
        none: 'too_large',
        why: `it has more than ${LINES_MAX} lines; many exporters give a part of theirs when asked (?name[]=...)`,
      };
    try {
      if (!families.take(reader)) break;
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      bad++;
      first ??= { line: reader.line, why: error.message };
    }
  }
  const { samples } = families;
  if (samples === 0 && first !== null) return { none: 'not_metrics', why: `it is no page of metrics: line ${first.line}: ${first.why}` };
  return { points: families.points(), samples, bad: { lines: bad, first } };
}

const SHAPES: readonly (readonly [RegExp, NoPage, string])[] = [
  [/^\s*$/, 'empty', 'it is empty'],
  [/^\s*<(?:!doctype|html|head|body|\?xml|!--)/i, 'html', 'it is a page for people (HTML), perhaps that of a login or a proxy'],
  [/^\s*(?:\{\s*(?:\}|"(?:[^"\\\n]|\\.)*"\s*:)|\[)/, 'json', 'it is JSON, not text; perhaps metrics are at another path'],
];

/** Enough to recognise what something is. */
const START = 1000;

function refusal(text: string): { readonly none: NoPage; readonly why: string } | null {
  if (text.length > PAGE_MAX) return { none: 'too_large', why: `it is larger than ${PAGE_MAX / 1e6} MB` };
  // Only blanks to the end make a page empty; of a long one the start shows that it is not.
  const start = text.slice(0, START);
  if (isBinary(start)) return { none: 'binary', why: 'it is binary; text/plain was asked for' };
  const shape = SHAPES.find(([pattern]) => pattern.test(start));
  return shape === undefined || (shape[1] === 'empty' && text.trim() !== '') ? null : { none: shape[1], why: shape[2] };
}

const TAB = 9;

/** No text has what comes before the tab in ASCII; protobuf begins with it. */
function isBinary(start: string): boolean {
  for (let i = 0; i < start.length; i++) if (start.charCodeAt(i) < TAB) return true;
  return false;
}
