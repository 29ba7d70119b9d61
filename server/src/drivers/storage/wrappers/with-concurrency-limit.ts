import type { ListedObject, StorageDriver } from '#core/ports/storage-driver.ts';
import { Slots } from './slots.ts';
import { watchObject } from './watch-object.ts';
import { wrapDriver } from './wrap-driver.ts';

export interface ConcurrencyLimitOptions {
  /** Puts and composes at one time, ≥ 1. */
  readonly maxWrites: number;
  /** Everything else at one time, ≥ 1; a read counts until its stream ends. */
  readonly maxReads: number;
  /** Calls of each kind that may wait for a place, ≥ 0; more are refused with Unavailable. */
  readonly maxQueued: number;
  /** Longest wait for a place in milliseconds; then Unavailable. Default 30 000. */
  readonly maxWaitMs?: number;
}

/**
 * Bounds what one store is asked to do at one time. Reads and writes have places of their own, because a put may read from the same
 * store: with common places a full house of such puts would wait for itself.
 */
export function withConcurrencyLimit(driver: StorageDriver, options: ConcurrencyLimitOptions): StorageDriver {
  const { maxQueued, maxWaitMs = 30_000 } = options;
  const writes = new Slots({ max: options.maxWrites, maxQueued, maxWaitMs });
  const reads = new Slots({ max: options.maxReads, maxQueued, maxWaitMs });
  const wrapped = wrapDriver(driver, async (operation, call, signal) => {
    const slots = operation === 'put' || operation === 'compose' ? writes : reads;
    const release = await slots.acquire(signal);
    try {
      return await call();
    } finally {
      release();
    }
  });
  return {
    ...wrapped,
    async open(key, range, callOptions) {
      const release = await reads.acquire(callOptions?.signal);
      try {
        const object = await driver.open(key, range, callOptions);
        if (object.bytes === undefined) return watchObject(object, release);
        release();
        return object;
      } catch (error) {
        release();
        throw error;
      }
    },
    async *list(prefix, callOptions): AsyncGenerator<ListedObject> {
      const release = await reads.acquire(callOptions?.signal);
      try {
        yield* driver.list(prefix, callOptions);
      } finally {
        release();
      }
    },
  };
}
