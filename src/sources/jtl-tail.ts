/** The end of a file that grows, is truncated, replaced by another one, or is not there yet; never more than a few megabytes at a time. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { errno } from '../problem.ts';

const CHUNK = 256 * 1024;

export interface Piece {
  readonly text: string;
  /** The first of another file, or of the same one begun anew. */
  readonly isStart: boolean;
}

export class Tail {
  readonly #path: string;
  #handle: FileHandle | null = null;
  #identity = '';
  #offset = 0;
  #decoder = new StringDecoder('utf8');
  #isStart = true;

  constructor(path: string) {
    this.#path = path;
  }

  get isOpen(): boolean {
    return this.#handle !== null;
  }

  /**
   * What is there already is older than the run: only its first line is read, which names the columns, and what comes after its end.
   * @returns the first line, or null when there is none yet
   * @throws the system's error, but not when the file is not there
   */
  async skip(): Promise<string | null> {
    await this.#look();
    if (this.#handle === null) return null;
    const { size } = await this.#handle.stat();
    const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(CHUNK), 0, CHUNK, 0);
    const text = buffer.toString('utf8', 0, bytesRead);
    const end = text.indexOf('\n');
    if (end < 0) return null;
    this.#offset = await this.#lastLineEnd(this.#handle, size);
    this.#isStart = false;
    return text.slice(0, end + 1);
  }

  /** Where the last line that is whole ends: a row in the making belongs to what is to come. */
  async #lastLineEnd(handle: FileHandle, size: number): Promise<number> {
    const from = Math.max(0, size - CHUNK);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, Math.min(CHUNK, size - from), from);
    return from + buffer.subarray(0, bytesRead).lastIndexOf('\n') + 1;
  }

  /** Calls back with what has been added, piece by piece, at most `max` bytes. */
  async read(max: number, take: (piece: Piece) => void): Promise<void> {
    await this.#look();
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, max));
    for (let left = max; left > 0 && this.#handle !== null;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, left), this.#offset);
      if (bytesRead === 0) {
        if (!(await this.#isReplaced())) return;
        await this.close();
        await this.#look();
        continue;
      }
      left -= bytesRead;
      this.#offset += bytesRead;
      take({ text: this.#decoder.write(buffer.subarray(0, bytesRead)), isStart: this.#isStart });
      this.#isStart = false;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  /** Opens the file when it is there, and begins anew when it is shorter than what was read of it. */
  async #look(): Promise<void> {
    if (this.#handle === null) {
      try {
        this.#handle = await open(this.#path, 'r');
      } catch (error) {
        if (errno(error) === 'ENOENT') return;
        throw error;
      }
      this.#identity = identityOf(await this.#handle.stat({ bigint: true }));
      this.#restart();
    } else if ((await this.#handle.stat()).size < this.#offset) this.#restart();
  }

  #restart(): void {
    this.#offset = 0;
    this.#decoder = new StringDecoder('utf8');
    this.#isStart = true;
  }

  /** Another file has the name. */
  async #isReplaced(): Promise<boolean> {
    try {
      return identityOf(await stat(this.#path, { bigint: true })) !== this.#identity;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false; // it may have been moved away, and another one is to come
      throw error;
    }
  }
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}
