import { translateLookup } from './errors.ts';
import { readSome } from './system-calls.ts';

/** Reads that are under way at once share this many buffers; more get memory of their own. */
const MAX_KEPT = 32;

/**
 * Reads whole objects up to a size with one system call, without asking how large they are first. Should a file system give less than there
 * is, the size of the object is not the recorded one, which whoever opens it notices.
 */
export class SmallReads {
  readonly #maxBytes: number;
  readonly #kept: Buffer[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** All bytes of the open file in memory of their own; undefined where it has more than `maxBytes`. Rejects with the port's errors. */
  async read(fd: number): Promise<Buffer | undefined> {
    // One byte more than fits shows that the file is larger.
    const buffer = this.#kept.pop() ?? Buffer.allocUnsafeSlow(this.#maxBytes + 1);
    try {
      const size = await readSome(fd, buffer, 0, 0);
      if (size > this.#maxBytes) return undefined;
      const bytes = Buffer.allocUnsafeSlow(size);
      buffer.copy(bytes, 0, 0, size);
      return bytes;
    } catch (error) {
      throw translateLookup(error);
    } finally {
      if (this.#kept.length < MAX_KEPT) this.#kept.push(buffer);
    }
  }
}
