import { setTimeout as sleep } from 'node:timers/promises';
import { isOsproxyError, type OsproxyError } from '#core/errors.ts';
import type { ListedObject, StorageDriver } from '#core/ports/storage-driver.ts';
import { cancelled } from '../abort.ts';
import { wrapDriver } from './wrap-driver.ts';

export interface RetryOptions {
  /** Attempts in all, ≥ 1. Default 4. */
  readonly attempts?: number;
  /** The first wait is random between 0 and this, in milliseconds; it doubles with each attempt. Default 100. */
  readonly baseDelayMs?: number;
  /** No random wait is longer, in milliseconds. Default 5000. */
  readonly maxDelayMs?: number;
  /** No attempt starts later than this after the first, in milliseconds. Default 20 000. */
  readonly maxTotalMs?: number;
}

/**
 * Repeats calls that failed with a retryable error: exponential backoff with full jitter, never sooner than the store asked for. A put
 * is repeated only from a replayable source. A stream is never resumed: open and list are repeated only before they gave anything.
 */
export function withRetry(driver: StorageDriver, options: RetryOptions = {}): StorageDriver {
  const run = <T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
    attempt(call, signal, options);
  const wrapped = wrapDriver(driver, (_operation, call, signal) => run(call, signal));
  return {
    ...wrapped,
    put: (key, source, callOptions) =>
      source.replayable ? wrapped.put(key, source, callOptions) : driver.put(key, source, callOptions),
    async *list(prefix, callOptions): AsyncGenerator<ListedObject> {
      const { iterator, first } = await run(async () => {
        const fresh = driver.list(prefix, callOptions)[Symbol.asyncIterator]();
        return { iterator: fresh, first: await fresh.next() };
      }, callOptions?.signal);
      try {
        for (let item = first; !item.done; item = await iterator.next()) yield item.value;
      } finally {
        await iterator.return?.();
      }
    },
  };
}

async function attempt<T>(
  call: () => Promise<T>,
  signal: AbortSignal | undefined,
  options: RetryOptions,
): Promise<T> {
  const { attempts = 4, maxTotalMs = 20_000 } = options;
  const startedAt = performance.now();
  for (let tried = 1; ; tried += 1) {
    try {
      return await call();
    } catch (error) {
      if (!isOsproxyError(error) || !error.retryable || tried >= attempts) throw error;
      const delay = delayAfter(tried, error, options);
      if (performance.now() - startedAt + delay > maxTotalMs) throw error;
      await pause(delay, signal);
    }
  }
}

function delayAfter(tried: number, error: OsproxyError, options: RetryOptions): number {
  const { baseDelayMs = 100, maxDelayMs = 5000 } = options;
  const jittered = Math.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (tried - 1));
  return Math.max(jittered, (error.retryAfterSeconds ?? 0) * 1000);
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted) throw cancelled(signal);
    throw error;
  }
}
