import { OsproxyError } from '#core/errors.ts';
import type { ByteRange, StoredObject } from '#core/ports/storage-driver.ts';
import type { ReadBuffers } from '../../read-buffers/read-buffers.ts';
import { orCancelled, throwIfCancelled } from '../abort.ts';
import { translate } from './errors.ts';
import { closeFile, readFully } from './system-calls.ts';

interface Block {
  readonly buffer: Buffer;
  readonly bytes: Uint8Array;
}

/**
 * Reads a range of an open file, one block ahead of the consumer. A buffer goes back to the pool only when the consumer has asked for
 * the next chunk; after an early return or close() the consumer may still be sending its last chunk, so that buffer is dropped.
 */
export class ObjectReader implements StoredObject, AsyncIterableIterator<Uint8Array> {
  readonly size: number;
  readonly #fd: number;
  readonly #buffers: ReadBuffers;
  readonly #signal: AbortSignal | undefined;
  readonly #leave: () => void;
  readonly #end: number;
  #position: number;
  #finished = false;
  #current: Buffer | undefined;
  #ahead: Promise<Block> | undefined;
  #freed: Promise<void> | undefined;

  constructor(
    fd: number,
    size: number,
    range: ByteRange,
    buffers: ReadBuffers,
    signal: AbortSignal | undefined,
  ) {
    this.size = size;
    this.#fd = fd;
    this.#buffers = buffers;
    this.#signal = signal;
    this.#leave = buffers.enter();
    this.#position = range.offset;
    this.#end = range.offset + range.length;
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#finished) return { done: true, value: undefined };
    try {
      throwIfCancelled(this.#signal);
      this.#throwIfFreed();
      this.#recycleCurrent();
      const coming = this.#ahead ?? this.#readNext();
      if (coming === undefined) {
        this.#finished = true;
        await this.close();
        return { done: true, value: undefined };
      }
      const block = await orCancelled(coming, this.#signal);
      // Closed meanwhile: the block's buffer is on its way back to the pool already.
      this.#throwIfFreed();
      this.#current = block.buffer;
      this.#ahead = undefined;
      this.#readNext();
      return { done: false, value: block.bytes };
    } catch (error) {
      this.#finished = true;
      // A read that hangs must not keep the consumer waiting: the handle is closed as soon as the read is over.
      const freed = this.close();
      if (!this.#signal?.aborted) await freed;
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#finished = true;
    await this.close();
    return { done: true, value: undefined };
  }

  close(): Promise<void> {
    this.#freed ??= this.#free();
    return this.#freed;
  }

  /** Ending without an error here would pass a part of the object off as the whole. */
  #throwIfFreed(): void {
    if (this.#freed === undefined) return;
    throw new OsproxyError('Cancelled', 'The object was closed before its end was read.');
  }

  #recycleCurrent(): void {
    if (this.#current === undefined) return;
    this.#buffers.give(this.#current);
    this.#current = undefined;
  }

  #readNext(): Promise<Block> | undefined {
    const left = this.#end - this.#position;
    if (left <= 0) return undefined;
    const buffer = this.#buffers.take(left);
    const wanted = Math.min(buffer.length, left);
    const position = this.#position;
    this.#position += wanted;
    const reading = this.#fill(buffer, wanted, position);
    // A failure counts when the consumer asks for the block; until then it must not be an unhandled rejection.
    reading.catch(() => undefined);
    this.#ahead = reading;
    return reading;
  }

  async #fill(buffer: Buffer, wanted: number, position: number): Promise<Block> {
    const bytes = wanted === buffer.length ? buffer : buffer.subarray(0, wanted);
    let got: number;
    try {
      got = await readFully(this.#fd, bytes, position);
    } catch (error) {
      throw translate(error);
    }
    if (got < wanted) throw cutShort(this.size, position + got);
    return { buffer, bytes };
  }

  async #free(): Promise<void> {
    this.#current = undefined;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const block = await ahead?.catch(() => undefined);
    if (block !== undefined) this.#buffers.give(block.buffer);
    this.#leave();
    await closeFile(this.#fd).catch(() => undefined);
  }
}

/** The stored bytes are fewer than the store itself says. */
export function cutShort(size: number, end: number): OsproxyError {
  return new OsproxyError(
    'Internal',
    `The stored object should have ${size} bytes but ends at byte ${end}; it was damaged from outside.`,
  );
}
