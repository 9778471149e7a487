/** A file of /proc whose length is not known, as text. */
import { readSync } from 'node:fs';
import { Kept } from '../kept.ts';

const READ_BYTES = 8192;

/** Of the smallest page of any machine with Linux. A line that does not fit into the rest of a page waits for the next read (fs/seq_file.c). */
const HALF_PAGE = 2048;

/** The largest that is read: `stat` of a machine with thousands of interrupts has some 100 kB. */
const FILE_MAX_BYTES = 4_194_304;

export class KeptFile extends Kept<string> {
  #buffer = Buffer.allocUnsafe(READ_BYTES);

  protected readFrom(fd: number): string {
    const length = this.#readAll(fd); // may replace the buffer
    return this.#buffer.toString('latin1', 0, length);
  }

  /** One read gives all of some files, and of others the lines that fit into a page: less than that is the end, since no line is that long. */
  #readAll(fd: number): number {
    for (let length = 0; ;) {
      if (length === this.#buffer.length) this.#grow();
      const room = this.#buffer.length - length;
      const read = readSync(fd, this.#buffer, length, room, length);
      length += read;
      if ((read < HALF_PAGE && read < room) || this.#buffer.length >= FILE_MAX_BYTES) return length;
    }
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
