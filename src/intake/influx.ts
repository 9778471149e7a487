/**
 * The InfluxDB line protocol as points: each field that is a number is a gauge `<measurement>.<field>`, the tags are its labels. A line
 * that cannot be read costs no other one.
 */
import { parseLine } from './influx-line.ts';
import type { GaugePoint } from './point.ts';
import { type Parsed, POINTS_MAX, Refusals } from './refusals.ts';

/** Seconds per unit of a timestamp. Source: docs.influxdata.com, "precision" of `/write` (1.x: u is a microsecond) and `/api/v2/write` (us). */
const UNITS: Readonly<Record<string, number>> = { n: 1e-9, ns: 1e-9, u: 1e-6, µ: 1e-6, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

export const PRECISIONS = Object.keys(UNITS);

/** Seconds per unit; undefined for a precision that there is not. Nanoseconds where the request names none. */
export function unitOf(precision: string | null): number | undefined {
  if (precision === null) return UNITS['ns'];
  return Object.hasOwn(UNITS, precision) ? UNITS[precision] : undefined;
}

/** Lines of one body: each has a point at least, comments aside. */
const LINES_MAX = 2 * POINTS_MAX;

/** Seconds from 2000 to 2100. */
const OURS = { from: 946_684_800, to: 4_102_444_800 } as const;

/** @param unit seconds per unit of timestamps */
export function parseInflux(body: string, unit: number): Parsed {
  const points: GaugePoint[] = [];
  const refused = new Refusals();
  let number = 0;
  for (const text of linesOf(body)) {
    if (++number > LINES_MAX) {
      refused.add('bound', `a body may have ${LINES_MAX} lines: send smaller ones`);
      break;
    }
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    const parsed = parseLine(line);
    if ('wrong' in parsed) {
      refused.add('malformed', `line ${number}: ${parsed.wrong}`);
      continue;
    }
    const { measurement, tags: labels, timestamp } = parsed;
    const wall = timestamp === null ? null : timestamp * unit;
    if (wall !== null && !(wall > OURS.from && wall < OURS.to)) {
      refused.add('malformed', `line ${number}: its timestamp is not of this century: its precision should be that of the request (ns without one)`);
      continue;
    }
    for (const [field, value] of parsed.fields) {
      if (points.length >= POINTS_MAX) refused.add('bound', `line ${number}: a body may have ${POINTS_MAX} points: send smaller ones`);
      else points.push({ kind: 'gauge', name: `${measurement}.${field}`, unit: '', labels, wall, since: null, value });
    }
  }
  return { points, refused };
}

/** One at a time: 4 MB of line ends would be four million texts at once. A text that goes over several lines costs these lines. */
function* linesOf(body: string): Generator<string> {
  for (let from = 0; from <= body.length; ) {
    const end = body.indexOf('\n', from);
    const to = end < 0 ? body.length : end;
    yield body.slice(from, to);
    from = to + 1;
  }
}
