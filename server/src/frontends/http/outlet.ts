import type { ServerResponse } from 'node:http';
import { OsproxyError } from '#core/errors.ts';
import type { Exchange } from './exchange.ts';

/** Writes content to a response one chunk at a time, and counts it. */
export class Outlet {
  readonly #response: ServerResponse;
  readonly #exchange: Exchange;
  readonly #count: (direction: 'out', bytes: number) => void;
  #wake: ((open: boolean) => void) | undefined;
  #gone = false;

  constructor(exchange: Exchange, count: (direction: 'out', bytes: number) => void) {
    this.#response = exchange.reply.raw;
    this.#exchange = exchange;
    this.#count = count;
    exchange.bytesOut = 0;
    exchange.onGone(() => {
      this.#gone = true;
      this.#wake?.(false);
    });
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Resolves when the chunk has left this process and its memory may be used again; false when nobody takes it any more. */
  write(chunk: Uint8Array): Promise<boolean> {
    if (this.#gone) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#response.write(chunk, (error) => {
        if (error === null || error === undefined) {
          this.#exchange.bytesOut = (this.#exchange.bytesOut ?? 0) + chunk.length;
          this.#count('out', chunk.length);
        }
        resolve(!error);
      });
    });
  }

  /**
   * Sends exactly `length` bytes of the chunks; resolves false when the client went away. Throws Internal when the chunks hold more or
   * fewer, before a byte too many is sent. The iteration is always ended.
   */
  async pump(chunks: AsyncIterable<Uint8Array>, length: number): Promise<boolean> {
    let left = length;
    for await (const chunk of chunks) {
      if (chunk.length > left) throw wrongLength();
      left -= chunk.length;
      if (!(await this.write(chunk))) return false;
    }
    if (this.#gone) return false;
    if (left > 0) throw wrongLength();
    return true;
  }
}

function wrongLength(): OsproxyError {
  return new OsproxyError('Internal', 'The stored content does not have the length it should have.');
}
