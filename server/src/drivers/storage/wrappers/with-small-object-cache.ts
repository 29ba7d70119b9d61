import { isOsproxyError } from '#core/errors.ts';
import type { ByteRange, CallOptions, StorageDriver, StoredObject } from '#core/ports/storage-driver.ts';
import { orCancelled, throwIfCancelled } from '../abort.ts';
import { resolveRange } from '../ranges.ts';
import { ByteLru } from './byte-lru.ts';

export interface SmallObjectCacheOptions {
  /** Bytes the cache may take, about. */
  readonly maxBytes: number;
  /** Larger objects are not kept, in bytes. */
  readonly maxObjectBytes: number;
}

/** The whole range of an opened object, where it is in memory already; not to be changed. */
export function smallBytes(object: StoredObject): Uint8Array | undefined {
  return object.bytes;
}

/**
 * Keeps small objects in memory when they are opened whole; concurrent opens of one that is missing share one read. What is put, composed
 * or deleted through this driver is forgotten; what another node deletes may be readable here for longer, which immutable objects allow.
 */
export function withSmallObjectCache(driver: StorageDriver, options: SmallObjectCacheOptions): StorageDriver {
  const cache = new SmallObjectCache(driver, options);
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
    open: (key, range, callOptions) => cache.open(key, range, callOptions),
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

/** Resolves to the bytes, or to undefined for an object too large to keep. */
type Flight = Promise<Uint8Array | undefined>;

class SmallObjectCache {
  readonly #driver: StorageDriver;
  readonly #options: SmallObjectCacheOptions;
  readonly #kept: ByteLru;
  readonly #flights = new Map<string, Flight>();

  constructor(driver: StorageDriver, options: SmallObjectCacheOptions) {
    this.#driver = driver;
    this.#options = options;
    this.#kept = new ByteLru(options.maxBytes);
  }

  async open(
    key: string,
    range: ByteRange | undefined,
    options: CallOptions | undefined,
  ): Promise<StoredObject> {
    const signal = options?.signal;
    for (;;) {
      throwIfCancelled(signal);
      const kept = this.#kept.get(key);
      if (kept !== undefined) return fromMemory(kept, range, signal);
      const flight = this.#flights.get(key);
      if (flight === undefined) break;
      const bytes = await this.#join(flight, signal);
      if (bytes === 'again') continue;
      if (bytes === undefined) return this.#driver.open(key, range, options);
      return fromMemory(bytes, range, signal);
    }
    if (range !== undefined) return this.#driver.open(key, range, options);
    return this.#lead(key, options);
  }

  /** What is being read of the key meanwhile must not be kept either. */
  forget(key: string): void {
    this.#kept.delete(key);
    this.#flights.delete(key);
  }

  clear(): void {
    this.#kept.clear();
    this.#flights.clear();
  }

  /** The one who reads giving up says nothing about the object: the others start over. */
  async #join(flight: Flight, signal: AbortSignal | undefined): Promise<Uint8Array | undefined | 'again'> {
    try {
      return await orCancelled(flight, signal);
    } catch (error) {
      if (isOsproxyError(error, 'Cancelled') && !signal?.aborted) return 'again';
      throw error;
    }
  }

  /** Opens and, where small, reads the object for everybody who asks meanwhile. */
  async #lead(key: string, options: CallOptions | undefined): Promise<StoredObject> {
    const landed = Promise.withResolvers<Uint8Array | undefined>();
    landed.promise.catch(() => undefined);
    this.#flights.set(key, landed.promise);
    try {
      const object = await this.#driver.open(key, undefined, options);
      if (object.size > this.#options.maxObjectBytes) {
        landed.resolve(undefined);
        return object;
      }
      const bytes = await readWhole(object);
      // Forgotten meanwhile: these bytes may be those from before.
      if (this.#flights.get(key) === landed.promise) this.#kept.set(key, bytes);
      landed.resolve(bytes);
      return fromMemory(bytes, undefined, options?.signal);
    } catch (error) {
      landed.reject(error);
      throw error;
    } finally {
      if (this.#flights.get(key) === landed.promise) this.#flights.delete(key);
    }
  }
}

async function readWhole(object: StoredObject): Promise<Uint8Array> {
  const ready = object.bytes;
  if (ready !== undefined) {
    await object.close();
    return ready.byteLength === ready.buffer.byteLength ? ready : Uint8Array.from(ready);
  }
  const whole = new Uint8Array(object.size);
  let position = 0;
  for await (const chunk of object.chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}

function fromMemory(
  whole: Uint8Array,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): StoredObject {
  const { offset, length } = resolveRange(range, whole.length);
  const bytes = whole.subarray(offset, offset + length);
  return { size: whole.length, bytes, chunks: oneChunk(bytes, signal), close: async () => {} };
}

async function* oneChunk(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal);
  if (bytes.length > 0) yield bytes;
}
