/** A file that is read again and again: opened once, which takes twice as long as to read it, and needs a path and a free descriptor. */
import { closeSync, openSync } from 'node:fs';

/** Opened at the first read, and again after a failure. */
export abstract class Kept<T> {
  readonly path: string;
  #fd = -1;

  constructor(path: string) {
    this.path = path;
  }

  protected abstract readFrom(fd: number): T;

  /** Throws what the system says. */
  read(): T {
    try {
      if (this.#fd < 0) this.#fd = openSync(this.path, 'r');
      return this.readFrom(this.#fd);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
