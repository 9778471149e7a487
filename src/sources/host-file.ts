/** A file of /proc that is read again and again. */
import { closeSync, openSync, readSync } from 'node:fs';

const READ_BYTES = 8192;

/** The largest that is read: `stat` of a machine with thousands of interrupts has some 100 kB. */
const FILE_MAX_BYTES = 4_194_304;

/** Kept open, so that a read needs neither a path nor a free descriptor. Opened again after a failure. */
export class KeptFile {
  readonly path: string;
  #fd = -1;
  #buffer = Buffer.allocUnsafe(READ_BYTES);

  constructor(path: string) {
    this.path = path;
  }

  /** Throws what the system says. */
  read(): string {
    try {
      if (this.#fd < 0) this.#fd = openSync(this.path, 'r');
      const length = this.#readAll();
      return this.#buffer.toString('latin1', 0, length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  /** One read gives a page of some files and all of others: only an empty one is the end. */
  #readAll(): number {
    for (let length = 0; ;) {
      if (length === this.#buffer.length) this.#grow();
      const read = readSync(this.#fd, this.#buffer, length, this.#buffer.length - length, length);
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
