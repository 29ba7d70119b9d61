import { OsproxyError, toOsproxyError } from '#core/errors.ts';
import type { ByteSource } from '#core/ports/storage-driver.ts';
import { cancelled, orCancelled, throwIfCancelled } from './abort.ts';

/**
 * Takes the chunks of a put's source one by one and checks them against the declared size, so that every driver refuses the same
 * sources with the same errors.
 */
export class SourceReader {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #waiting = false;
  #received = 0;

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  /** Bytes the source says it has, where it says so. */
  get declared(): number | undefined {
    return this.#source.size;
  }

  /** Bytes handed out so far. */
  get received(): number {
    return this.#received;
  }

  /**
   * The next chunk that has bytes, undefined at the end. Rejects with the source's own error, InvalidArgument when the declared size
   * is missed, Cancelled as soon as the signal fires even while the source is silent.
   */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const result = await this.#pull();
      if (result.done) {
        this.#iterator = undefined;
        const declared = this.#source.size;
        if (declared !== undefined && this.#received < declared)
          throw this.#mismatch(declared, 'ended short');
        return undefined;
      }
      this.#received += result.value.length;
      const declared = this.#source.size;
      if (declared !== undefined && this.#received > declared) throw this.#mismatch(declared, 'ran over');
      if (result.value.length > 0) return result.value;
    }
  }

  /** Tells an unfinished source that nobody wants the rest; does not wait for a source that is stuck. */
  async close(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    const returning = (async () => iterator?.return?.())().catch(() => undefined);
    if (!this.#waiting) await orCancelled(returning, this.#signal).catch(() => undefined);
  }

  async #pull(): Promise<IteratorResult<Uint8Array>> {
    throwIfCancelled(this.#signal);
    this.#waiting = true;
    try {
      this.#iterator ??= this.#source.open()[Symbol.asyncIterator]();
      const result = await orCancelled(this.#iterator.next(), this.#signal);
      this.#waiting = false;
      return result;
    } catch (error) {
      if (this.#signal?.aborted) throw cancelled(this.#signal);
      this.#waiting = false;
      this.#iterator = undefined;
      throw toOsproxyError(error);
    }
  }

  #mismatch(declared: number, how: string): OsproxyError {
    return new OsproxyError(
      'InvalidArgument',
      `The content ${how}: ${declared} bytes were declared, ${this.#received} arrived.`,
      { details: { declared, received: this.#received } },
    );
  }
}
