/** Samples and events as NDJSON: an object a line, in order of time. */
import { rfc3339 } from '../clock.ts';
import { byId, type Recorded } from './recorded.ts';

export function* ndjsonLines(record: Recorded): Iterable<string> {
  const series = byId(record);
  const time = (t: number): string | null => rfc3339(record.start + t);
  for (const { samples, events } of record.ticks()) {
    let lines = '';
    for (const { t, kind, target, member, message, data } of events) {
      lines += `${JSON.stringify({ time: time(t), t, event: kind, target, member, message, data })}\n`;
    }
    for (let i = 0; i < samples.length; i++) {
      const one = series[samples.series[i]!] ?? null;
      if (one === null) continue;
      const { source, target, member, def, labels } = one;
      const t = samples.at[i]!;
      lines += `${JSON.stringify({ time: time(t), t, source, target, member, metric: def.name, labels, unit: def.unit, value: samples.values[i]! })}\n`;
    }
    yield lines;
  }
}
