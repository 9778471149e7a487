/** A file of /proc whose length is not known, as text. */
import { readSync } from 'node:fs';
import { Kept } from '../kept.ts';

const READ_BYTES = 8192;

/** The largest that is read: `stat` of a machine with thousands of interrupts has some 100 kB. */
const FILE_MAX_BYTES = 4_194_304;

export class KeptFile extends Kept<string> {
  #buffer = Buffer.allocUnsafe(READ_BYTES);

  protected readFrom(fd: number): string {
    const length = this.#readAll(fd); // may replace the buffer
    return this.#buffer.toString('latin1', 0, length);
  }

  /** One read gives a page of some files and all of others: only an empty one is the end. */
  #readAll(fd: number): number {
    for (let length = 0; ;) {
      if (length === this.#buffer.length) this.#grow();
      const read = readSync(fd, this.#buffer, length, this.#buffer.length - length, length);
      if (read === 0 || this.#buffer.length >= FILE_MAX_BYTES) return length + read;
      length += read;
    }
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
