/** Samples as CSV (RFC 4180): one a row, in order of time. */
import { rfc3339 } from '../clock.ts';
import type { Series } from '../series.ts';
import { byId, type Recorded } from './recorded.ts';

const TITLES = ['time', 't', 'source', 'target', 'member', 'metric', 'labels', 'unit', 'value'];

export function* csvRows(record: Recorded): Iterable<string> {
  const series = byId(record);
  const identity = new Map<Series, string>();
  yield `${TITLES.join(',')}\r\n`;
  for (const { samples } of record.ticks()) {
    let rows = '';
    for (let i = 0; i < samples.length; i++) {
      const one = series[samples.series[i]!] ?? null;
      if (one === null) continue;
      const text = identity.get(one) ?? identityOf(one);
      identity.set(one, text);
      rows += `${rfc3339(record.start + samples.at[i]!) ?? ''},${samples.at[i]!},${text},${samples.values[i]!}\r\n`;
    }
    yield rows;
  }
}

function identityOf({ source, target, member, def, labels }: Series): string {
  const text = Object.keys(labels).length === 0 ? '' : JSON.stringify(labels);
  return [source, target ?? '', member ?? '', def.name, text, def.unit].map(cell).join(',');
}

/** No cell of ours begins with a sign that a spreadsheet takes for a formula: labels are JSON, and names are words. */
function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
