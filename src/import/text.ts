/** A file as pieces of text: plain or gzip, UTF-8, told apart by its first bytes. Never more than a piece of it is in memory. */
import { createReadStream, statSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errno, messageOf, Problem } from '../problem.ts';

/** A line longer than this is no table: 10,000 columns of 20 characters are 200 kB. */
const LINE_MAX = 4_000_000;

export function dataProblem(place: string, message: string): Problem {
  return new Problem('DATA', { place, message });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'this is a folder',
};

/** The text of a file, piece by piece. Throws `DATA`. */
export async function* textOf(path: string): AsyncIterable<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let first = true;
  try {
    for await (const chunk of bytesOf(path)) {
      if (first) refuseBinary(path, chunk);
      first = false;
      yield decoder.decode(chunk, { stream: true }); // takes a byte order mark away
    }
    yield decoder.decode();
  } catch (error) {
    throw error instanceof Problem ? error : dataProblem(path, whyUnreadable(error));
  }
}

/** A file or a pipe, unpacked when it begins as gzip does (RFC 1952). */
async function* bytesOf(path: string): AsyncIterable<Buffer> {
  if (statSync(path).isDirectory()) throw dataProblem(path, 'this is a folder, and not one of a run');
  const file = createReadStream(path);
  try {
    const chunks = file.iterator() as AsyncIterator<Buffer>;
    const first = await chunks.next();
    if (first.done) return;
    const all = chained(first.value, chunks);
    if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) yield* all;
    else yield* unpacked(all);
  } finally {
    file.destroy();
  }
}

/** What is wrong with the data comes out of the iteration, so that the pipeline need not tell it as well. */
function unpacked(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const plain = createGunzip();
  pipeline(Readable.from(chunks), plain, () => {});
  return plain;
}

async function* chained(first: Buffer, rest: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function whyUnreadable(error: unknown): string {
  const code = errno(error) ?? '';
  if (code === 'Z_BUF_ERROR') return 'the gzip data ends too early: the file is cut off';
  if (code.startsWith('Z_')) return `the gzip data is damaged (${messageOf(error)})`;
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return REASONS[code] ?? `it cannot be read (${code || messageOf(error)})`;
}

function refuseBinary(path: string, chunk: Buffer): void {
  if ((chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff)) {
    throw dataProblem(path, 'it is UTF-16; save it as UTF-8');
  }
  if (chunk.subarray(0, 4096).includes(0)) throw dataProblem(path, 'it is not text: it holds binary data');
}

/** A line with its number, from 1; `whole` is false for a last one without its end. */
export interface Line {
  readonly text: string;
  readonly number: number;
  readonly whole: boolean;
}

/** Lines without their ends (`\n`, `\r\n`, or `\r` throughout), as many at a time as a piece of text holds. */
export async function* linesOf(path: string, pieces: AsyncIterable<string>): AsyncIterable<readonly Line[]> {
  let rest = '';
  let number = 0;
  let end: string | null = null;
  for await (const piece of pieces) {
    const text = rest + piece;
    end ??= endOf(text);
    const texts = text.split(end ?? '\n');
    rest = texts.pop() ?? '';
    yield texts.map((text) => ({ text: withoutReturn(text), number: ++number, whole: true }));
    if (rest.length > LINE_MAX) throw dataProblem(`${path}:${number + 1}`, 'this line is longer than 4 MB: it is no table');
  }
  if (rest !== '') yield [{ text: withoutReturn(rest), number: number + 1, whole: false }];
}

/** What ends the lines of a text, by its beginning; null where no line has ended yet. */
function endOf(begin: string): string | null {
  if (begin.includes('\n')) return '\n';
  return /\r[^]/.test(begin) ? '\r' : null;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
