import type { CallOptions, StorageDriver } from '#core/ports/storage-driver.ts';

/** The port's operations that answer once. */
type Operation = 'put' | 'open' | 'stat' | 'delete' | 'compose' | 'presign' | 'sweep';

/** Runs one call of the wrapped driver; may delay, repeat, count or refuse it. */
export type Around = <T>(
  operation: Operation,
  call: () => Promise<T>,
  signal: AbortSignal | undefined,
) => Promise<T>;

/** The same driver with `around` about every call that answers once; an optional member is absent where it is absent. */
export function wrapDriver(driver: StorageDriver, around: Around): StorageDriver {
  const { compose, presign, sweep } = driver;
  return {
    nodeLocal: driver.nodeLocal,
    put: (key, source, options) => around('put', () => driver.put(key, source, options), options?.signal),
    open: (key, range, options) => around('open', () => driver.open(key, range, options), options?.signal),
    stat: (key, options) => around('stat', () => driver.stat(key, options), options?.signal),
    delete: (key, options) => around('delete', () => driver.delete(key, options), options?.signal),
    list: (prefix, options) => driver.list(prefix, options),
    ...(compose && {
      compose: (key: string, sources: readonly string[], options?: CallOptions) =>
        around('compose', () => compose.call(driver, key, sources, options), options?.signal),
    }),
    ...(presign && {
      presign: (...request: Parameters<typeof presign>) =>
        around('presign', () => presign.apply(driver, request), undefined),
    }),
    ...(sweep && {
      sweep: (olderThan: Date, options?: CallOptions) =>
        around('sweep', () => sweep.call(driver, olderThan, options), options?.signal),
    }),
    close: () => driver.close(),
  };
}
