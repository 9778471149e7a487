/** The course of a signal in a few characters, for views that have no pictures. */
const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** @param width characters; stretches without a value are blank */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return '';
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, i) => {
    const part = values
      .slice(Math.floor((i * values.length) / columns), Math.floor(((i + 1) * values.length) / columns))
      .filter((value) => value !== null);
    if (part.length === 0) return ' ';
    const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
    return BARS[high === low ? 0 : Math.min(BARS.length - 1, Math.floor(((mean - low) / (high - low)) * BARS.length))]!;
  }).join('');
}
