import type { CallOptions, StorageDriver } from '#core/ports/storage-driver.ts';
import { SmallObjectCache, type SmallObjectCacheOptions } from './small-object-cache.ts';

/**
 * Keeps small objects in memory when they are opened whole. What is put, composed
 * or deleted through this driver is forgotten; what another node deletes may be readable here for longer, which immutable objects allow.
 */
export function withSmallObjectCache(driver: StorageDriver, options: SmallObjectCacheOptions): StorageDriver {
  const cache = new SmallObjectCache(options);
  const { compose, presign, sweep } = driver;
  const forgetting = async <T>(key: string, call: () => Promise<T>): Promise<T> => {
    cache.forget(key);
    try {
      return await call();
    } finally {
      cache.forget(key);
    }
  };
  return {
    nodeLocal: driver.nodeLocal,
    put: (key, source, callOptions) => forgetting(key, () => driver.put(key, source, callOptions)),
    open: (key, range, callOptions) => cache.open({ driver, key }, range, callOptions),
    stat: (key, callOptions) => driver.stat(key, callOptions),
    delete: (key, callOptions) => forgetting(key, () => driver.delete(key, callOptions)),
    list: (prefix, callOptions) => driver.list(prefix, callOptions),
    ...(compose && {
      compose: (key: string, sources: readonly string[], callOptions?: CallOptions) =>
        forgetting(key, () => compose.call(driver, key, sources, callOptions)),
    }),
    ...(presign && {
      presign: (...request: Parameters<typeof presign>) => presign.apply(driver, request),
    }),
    ...(sweep && {
      sweep: (olderThan: Date, callOptions?: CallOptions) => sweep.call(driver, olderThan, callOptions),
    }),
    close: () => {
      cache.clear();
      return driver.close();
    },
  };
}
