import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfCancelled } from './cancellation.ts';

/** Longest run of bytes that may pass at once after a pause, in milliseconds of the limit. */
const BURST_MS = 250;

/** Holds bytes back so that no more than a number per second pass, over all who share it. */
export class Throttle {
  readonly #bytesPerMs: number;
  /** When everything that has passed so far would have passed at the limit. */
  #paidUntil = 0;

  /** `bytesPerSecond` > 0. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Resolves when `bytes` more may pass; rejects when the signal fires. */
  async take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const now = performance.now();
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST_MS) + bytes / this.#bytesPerMs;
    const wait = this.#paidUntil - now;
    if (wait <= 0) return;
    await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      throwIfCancelled(signal);
      throw error;
    });
  }
}

/** The same chunks, held back. */
export async function* throttled(
  input: AsyncIterable<Uint8Array>,
  throttle: Throttle,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    await throttle.take(chunk.byteLength, signal);
    yield chunk;
  }
}
