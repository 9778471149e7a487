/** Records of a CSV that is still being written: fields may be quoted and hold line ends; what is not whole yet waits for the rest. */

/** Characters of one record: JMeter's longest are failure messages. What is longer is left out, so that nothing is kept without an end. */
const RECORD_MAX = 64 * 1024;

export class CsvRecords {
  /** Records that were longer than is read. */
  left = 0;
  readonly #delimiter: string;
  #rest = '';
  /** Within a record that is too long: what comes is left out up to a line end. */
  #skipping = false;

  constructor(delimiter = ',') {
    this.#delimiter = delimiter;
  }

  /** The records that are whole with this text. */
  *add(text: string): Generator<string[]> {
    let rest = this.#rest + text;
    let from = 0;
    if (this.#skipping) {
      const end = rest.indexOf('\n');
      this.#rest = '';
      if (end < 0) return;
      this.#skipping = false;
      from = end + 1;
    }
    for (;;) {
      const record = recordOf(rest, from, this.#delimiter);
      if (record === null) break;
      from = record.next;
      if (record.fields.length > 1 || record.fields[0] !== '') yield record.fields;
    }
    rest = rest.slice(from);
    if (rest.length > RECORD_MAX) {
      this.left++;
      this.#skipping = true;
      rest = '';
    }
    this.#rest = rest;
  }
}

/** The record that begins at `from`; null when it is not whole. A quote within a field that is not quoted is a character like others. */
function recordOf(text: string, from: number, delimiter: string): { readonly fields: string[]; readonly next: number } | null {
  const fields: string[] = [];
  let at = from;
  for (;;) {
    let field: string;
    if (text[at] === '"') {
      const end = closingQuote(text, at + 1);
      if (end < 0 || end + 1 >= text.length) return null;
      field = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
      // After its quote a field is over; what stands there all the same is of no use.
      while (at < text.length && text[at] !== delimiter && text[at] !== '\n') at++;
    } else {
      const start = at;
      while (at < text.length && text[at] !== delimiter && text[at] !== '\n') at++;
      field = text.slice(start, text[at] === '\n' && text[at - 1] === '\r' && at > start ? at - 1 : at);
    }
    if (at >= text.length) return null;
    fields.push(field);
    at++;
    if (text[at - 1] === '\n') return { fields, next: at };
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at;
  return -1;
}
