/** What a client takes: `Accept` and `Accept-Encoding`. Source: RFC 9110, 12.4 and 12.5. Never throws, whatever the header says. */

interface Choice {
  /** Lower case, without parameters. */
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Choices looked at; a browser sends eight. Node bounds the header itself at 8 kB. */
const CHOICES_MAX = 64;

function choices(header: string): Choice[] {
  return header
    .toLowerCase()
    .split(',', CHOICES_MAX)
    .map((choice) => {
      const [value = '', ...rest] = choice.split(';').map((part) => part.trim());
      const parameters = new Map(rest.map((pair) => pair.split('=', 2).map((part) => part.trim().replaceAll('"', '')) as [string, string]));
      const quality = Number(parameters.get('q') ?? 1);
      return { value, parameters, quality: quality >= 0 && quality <= 1 ? quality : 0 };
    });
}

/** Whether the encoding is acceptable. Nothing said about it means no: what is not compressed is always understood. */
export function accepts(header: string, encoding: string): boolean {
  const given = choices(header);
  const choice = given.find(({ value }) => value === encoding) ?? given.find(({ value }) => value === '*');
  return choice !== undefined && choice.quality > 0;
}

/** Whether OpenMetrics 1.0 is wanted rather than plain text. A client that names neither, such as a browser, gets text. */
export function prefersOpenMetrics(accept: string): boolean {
  const given = choices(accept);
  const best = (fits: (choice: Choice) => boolean): number => Math.max(0, ...given.filter(fits).map(({ quality }) => quality));
  const openMetrics = best(
    ({ value, parameters }) => value === 'application/openmetrics-text' && (parameters.get('version') ?? '1.0.0') === '1.0.0',
  );
  const text = best(({ value, parameters }) => value === 'text/plain' && (parameters.get('version') ?? '0.0.4') === '0.0.4');
  return openMetrics > 0 && openMetrics >= text;
}

/** Whether HTML is named, as browsers do and nobody else: a client that takes anything gets text. */
export function prefersHtml(accept: string): boolean {
  return choices(accept).some(({ value, quality }) => value === 'text/html' && quality > 0);
}
