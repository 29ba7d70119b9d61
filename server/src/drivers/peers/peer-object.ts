import type { IncomingMessage } from 'node:http';
import { cancelled } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { StoredObject } from '#core/ports/storage-driver.ts';

export interface PeerObjectOptions {
  readonly body: IncomingMessage;
  /** Bytes of the whole object, and of those that come. */
  readonly size: number;
  readonly length: number;
  readonly idleMs: number;
  readonly signal: AbortSignal | undefined;
  /** Turns what broke the stream into what the reader is told. */
  readonly broken: (error: unknown) => OsproxyError;
}

/** The bytes of one answer of another node, as many as were promised or an error; no more is read ahead of the reader than a connection holds. */
export class PeerObject implements StoredObject {
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => this.#iterator };
  readonly #options: PeerObjectOptions;
  readonly #source: AsyncIterator<Uint8Array>;
  /** One for the whole object: made anew for each chunk it would cost more than the chunk. */
  readonly #timer: NodeJS.Timeout;
  #waiting = false;
  #received = 0;
  #state: 'open' | 'ended' | 'closed' = 'open';

  constructor(options: PeerObjectOptions) {
    this.size = options.size;
    this.#options = options;
    this.#source = options.body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const { body, idleMs } = options;
    this.#timer = setTimeout(() => {
      if (this.#waiting) body.destroy(new Error(`No byte came for ${idleMs} ms.`));
    }, idleMs);
    this.#timer.unref();
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#end('closed');
  }

  readonly #onAbort = (): void => {
    this.#options.body.destroy();
  };

  readonly #iterator: AsyncIterator<Uint8Array> = {
    next: () => this.#next(),
    return: async () => {
      if (this.#state === 'open') this.#end('ended');
      return { done: true, value: undefined };
    },
  };

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#state === 'ended') return { done: true, value: undefined };
    if (this.#state === 'closed')
      throw new OsproxyError('Cancelled', 'The object was closed while it was read.');
    const { length } = this.#options;
    this.#waiting = true;
    this.#timer.refresh();
    try {
      const result = await this.#source.next();
      if (result.done) {
        if (this.#received < length) throw new Error(`It ended after ${this.#received} of ${length} bytes.`);
        this.#end('ended');
        return { done: true, value: undefined };
      }
      this.#received += result.value.length;
      if (this.#received > length) throw new Error(`It has more than ${length} bytes.`);
      return { done: false, value: result.value };
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#waiting = false;
    }
  }

  #explain(error: unknown): OsproxyError {
    const { signal, broken } = this.#options;
    const closed = this.#state === 'closed';
    if (!closed) this.#end('ended');
    if (signal?.aborted) return cancelled(signal);
    if (closed)
      return new OsproxyError('Cancelled', 'The object was closed while it was read.', { cause: error });
    return broken(error);
  }

  #end(state: 'ended' | 'closed'): void {
    const { body, signal } = this.#options;
    this.#state = state;
    clearTimeout(this.#timer);
    signal?.removeEventListener('abort', this.#onAbort);
    // A body that was read to its end gives its connection back; any other ends with it.
    if (!body.readableEnded) body.destroy();
  }
}
