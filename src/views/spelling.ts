/** How the text formats of Prometheus and OpenMetrics spell labels, help and units. */
import { prometheusLabel, unitWords } from '../catalog.ts';

/** OpenMetrics takes a unit only where the name ends in it. */
export function unitLine(name: string, unit: string): string {
  const words = unit === '1' ? 'ratio' : unitWords(unit).join('_');
  return words !== '' && name.endsWith(`_${words}`) ? `# UNIT ${name} ${words}\n` : '';
}

/** Labels by name. Attributes that become the same label are joined by `;` in the order of their names, as the translation says. */
export function labelText(attributes: Readonly<Record<string, unknown>>): string {
  const values = new Map<string, string>();
  for (const key of Object.keys(attributes).toSorted()) {
    const value = attributes[key];
    const text = escapeValue(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
    const name = prometheusLabel(key);
    const before = values.get(name);
    values.set(name, before === undefined ? text : `${before};${text}`);
  }
  return values.size === 0 ? '' : `{${[...values].map(([name, value]) => `${name}="${value}"`).join(',')}}`;
}

export function escapeValue(text: string): string {
  return /[\\"\n]/.test(text) ? escapeHelp(text).replaceAll('"', String.raw`\"`) : text;
}

/** The text format leaves quotes in a help text alone; OpenMetrics escapes them there too. */
export function escapeHelp(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}
