import type { IncomingMessage } from 'node:http';
import { cancelled, throwIfCancelled } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { StoredObject } from '#core/ports/storage-driver.ts';
import { kept } from './reading-agents.ts';

/** Bytes held for a slow consumer before the sender is slowed down. */
const HIGH_WATER_BYTES = 512 * 1024;

export interface BodyReaderOptions {
  /** Bytes of the whole object. */
  readonly size: number;
  /** Bytes that the answer promises. */
  readonly length: number;
  /** Milliseconds without a byte, while somebody waits for one, after which reading fails. */
  readonly idleMs: number;
  readonly signal: AbortSignal | undefined;
  /** Turns what broke the answer into what the consumer is told. */
  readonly broken: (error: Error) => OsproxyError;
}

/** The bytes of one answer over HTTP, as many as were promised or an error. A chunk is valid only until the next is asked for. */
export class BodyReader implements StoredObject, AsyncIterableIterator<Uint8Array> {
  readonly #body: IncomingMessage;
  readonly #options: BodyReaderOptions;
  #queue: Buffer[] = [];
  #queued = 0;
  #lent: Buffer | undefined;
  #arrived = 0;
  #delivered = 0;
  #failure: unknown;
  #state: 'open' | 'ended' | 'closed' = 'open';
  #wake: (() => void) | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(body: IncomingMessage, options: BodyReaderOptions) {
    this.#body = body;
    this.#options = options;
    body.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onEnd);
    const { signal } = options;
    if (signal?.aborted) body.destroy();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get size(): number {
    return this.#options.size;
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#release();
    if (this.#state === 'ended') return { done: true, value: undefined };
    try {
      for (;;) {
        throwIfCancelled(this.#options.signal, cancelled);
        if (this.#state === 'closed') throw new Error('The object was closed.');
        const chunk = this.#queue.shift();
        if (chunk !== undefined) return { done: false, value: this.#lend(chunk) };
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#delivered === this.#options.length && this.#body.readableEnded) break;
        await this.#arrival();
      }
      this.#end('ended');
      return { done: true, value: undefined };
    } catch (error) {
      const failure = this.#explain(error);
      this.#end('ended');
      throw failure;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#state !== 'closed') this.#end('ended');
    return { done: true, value: undefined };
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#end('closed');
  }

  /** All bytes, in memory that stays the caller's; for answers that are small. Rejects as next() does. */
  async whole(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let next = await this.next(); !next.done; next = await this.next()) {
      pieces.push(next.value);
      this.#lent = undefined;
    }
    const [only] = pieces;
    return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces);
  }

  #lend(chunk: Buffer): Buffer {
    this.#lent = chunk;
    this.#delivered += chunk.length;
    this.#queued -= chunk.length;
    if (this.#queued < HIGH_WATER_BYTES / 2 && this.#body.isPaused()) this.#body.resume();
    return chunk;
  }

  /** A chunk has memory of its own outside the heap; left to the collector, tens of megabytes of it would pile up. */
  #release(): void {
    const memory = this.#lent?.buffer;
    const own = memory instanceof ArrayBuffer && memory.byteLength === this.#lent?.length;
    this.#lent = undefined;
    if (own) memory.transfer(0);
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#idle === undefined) this.#idle = setTimeout(this.#onIdle, this.#options.idleMs);
      else this.#idle.refresh();
    });
  }

  readonly #onIdle = (): void => {
    if (this.#wake === undefined) return;
    this.#onError(
      Object.assign(new Error(`No byte came for ${this.#options.idleMs} ms.`), { name: 'TimeoutError' }),
    );
    this.#body.destroy();
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#arrived += chunk.length;
    if (this.#arrived > this.#options.length) {
      this.#onError(new OsproxyError('Internal', 'An answer has more bytes than it promised.'));
      this.#body.destroy();
      return;
    }
    this.#queue.push(kept(chunk));
    this.#queued += chunk.length;
    if (this.#queued >= HIGH_WATER_BYTES) this.#body.pause();
    this.#awaken();
  };

  /** Also when the connection closed: then what is missing does not come any more. */
  readonly #onEnd = (): void => {
    if (this.#arrived < this.#options.length) this.#failure ??= this.#short();
    this.#awaken();
  };

  readonly #onError = (error: unknown): void => {
    this.#failure ??= error;
    this.#awaken();
  };

  readonly #onAbort = (): void => {
    this.#body.destroy();
    this.#awaken();
  };

  #awaken(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #short(): Error {
    return new Error(`The object broke off after ${this.#arrived} of ${this.#options.length} bytes.`);
  }

  #explain(error: unknown): OsproxyError {
    const { signal, broken } = this.#options;
    if (signal?.aborted) return cancelled(signal);
    if (this.#state === 'closed') {
      return new OsproxyError('Cancelled', 'The object was closed while it was read.', { cause: error });
    }
    if (error instanceof OsproxyError) return error;
    return broken(error instanceof Error ? error : new Error(String(error)));
  }

  #end(state: 'ended' | 'closed'): void {
    this.#state = state;
    this.#queue = [];
    this.#queued = 0;
    clearTimeout(this.#idle);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    // A body that was read to its end gives its connection back; any other ends with it.
    if (!this.#body.readableEnded) this.#body.destroy();
    this.#awaken();
  }
}
