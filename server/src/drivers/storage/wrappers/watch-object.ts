import type { StoredObject } from '#core/ports/storage-driver.ts';

/** How the reading of an object ended: all read, left early by the consumer, or the error. */
export type ReadEnd =
  | { readonly kind: 'read' }
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The same object; `onEnd` is called exactly once, when its bytes are read, given up or closed unread. */
export function watchObject(object: StoredObject, onEnd: (end: ReadEnd) => void): StoredObject {
  let ended = false;
  const end = (how: ReadEnd): void => {
    if (ended) return;
    ended = true;
    onEnd(how);
  };
  return {
    ...copyFacts(object),
    chunks: { [Symbol.asyncIterator]: () => new WatchedChunks(object.chunks[Symbol.asyncIterator](), end) },
    async close() {
      try {
        await object.close();
      } finally {
        end({ kind: 'left' });
      }
    },
  };
}

function copyFacts(object: StoredObject): Pick<StoredObject, 'size' | 'bytes'> {
  return object.bytes === undefined ? { size: object.size } : { size: object.size, bytes: object.bytes };
}

class WatchedChunks implements AsyncIterator<Uint8Array> {
  readonly #inner: AsyncIterator<Uint8Array>;
  readonly #end: (how: ReadEnd) => void;

  constructor(inner: AsyncIterator<Uint8Array>, end: (how: ReadEnd) => void) {
    this.#inner = inner;
    this.#end = end;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      const result = await this.#inner.next();
      if (result.done) this.#end({ kind: 'read' });
      return result;
    } catch (error) {
      this.#end({ kind: 'failed', error });
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    try {
      await this.#inner.return?.();
    } finally {
      this.#end({ kind: 'left' });
    }
    return { done: true, value: undefined };
  }
}
