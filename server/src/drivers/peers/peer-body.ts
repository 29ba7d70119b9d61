import { cancelled, throwIfCancelled } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Piece } from './thread/protocol.ts';

export interface PeerBodyOptions {
  /** Bytes that the answer promises. */
  readonly length: number;
  readonly signal: AbortSignal | undefined;
  /** The memory of a piece that was used, for the next one. */
  readonly give: (memory: ArrayBuffer) => void;
  /** Called when nobody wants the rest. */
  readonly leave: () => void;
  /** Turns what broke the answer into what the consumer is told. */
  readonly broken: (error: Error) => OsproxyError;
}

/** The bytes of a large answer, as many as were promised or an error. A chunk is valid only until the next is asked for. */
export class PeerBody implements AsyncIterableIterator<Uint8Array> {
  readonly #options: PeerBodyOptions;
  #queue: Piece[] = [];
  #lent: ArrayBuffer | undefined;
  #left: number;
  #coming: number;
  #failure: Error | undefined;
  #state: 'open' | 'ended' | 'closed' = 'open';
  #wake: (() => void) | undefined;

  constructor(options: PeerBodyOptions) {
    this.#options = options;
    this.#left = options.length;
    this.#coming = options.length;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** True when every byte is here; nothing more is heard of the thread. */
  get isWhole(): boolean {
    return this.#coming === 0;
  }

  arrive(piece: Piece): void {
    this.#coming -= piece.to - piece.from;
    this.#queue.push(piece);
    this.#awaken();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#awaken();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#giveBack();
    if (this.#state === 'ended') return { done: true, value: undefined };
    try {
      for (;;) {
        throwIfCancelled(this.#options.signal, cancelled);
        if (this.#state === 'closed') throw new Error('The object was closed.');
        const piece = this.#queue.shift();
        if (piece !== undefined) return { done: false, value: this.#lend(piece) };
        if (this.#left === 0) break;
        if (this.#failure !== undefined) throw this.#failure;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
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

  #lend({ memory, from, to }: Piece): Uint8Array {
    this.#lent = memory;
    this.#left -= to - from;
    return new Uint8Array(memory, from, to - from);
  }

  #giveBack(): void {
    const memory = this.#lent;
    this.#lent = undefined;
    if (memory !== undefined) this.#options.give(memory);
  }

  readonly #onAbort = (): void => {
    this.#options.leave();
    this.#awaken();
  };

  #awaken(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #explain(error: unknown): OsproxyError {
    const { signal, broken } = this.#options;
    if (signal?.aborted) return cancelled(signal);
    if (this.#state === 'closed')
      return new OsproxyError('Cancelled', 'The object was closed while it was read.', { cause: error });
    return broken(error instanceof Error ? error : new Error(String(error)));
  }

  /** The consumer may still be sending its last chunk, so that memory is not used again. */
  #end(state: 'ended' | 'closed'): void {
    const { signal, give, leave } = this.#options;
    if (this.#state === 'open') {
      signal?.removeEventListener('abort', this.#onAbort);
      if (!this.isWhole) leave();
      for (const { memory } of this.#queue.splice(0)) give(memory);
    }
    this.#state = state;
    this.#lent = undefined;
    this.#awaken();
  }
}
